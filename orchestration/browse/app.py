"""The routes of the frame browser: pages of frames, pictures, marks, one frame.

Belongs here: which route asks what, and by which right. Does not: what is read, how requests are read and answered
(`requests`, `answers`), who may come in, what is written.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, TypeAlias

import pyarrow as pa
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assets.annotation.labels import Overtaken
from assets.browsing.browser import Browser
from assets.browsing.depth import DepthLayer, open_depth
from assets.browsing.frame_facts import tell_frame
from assets.browsing.frame_index import FrameMissing
from assets.browsing.frame_map import find_inside, list_ids, tell_map
from assets.browsing.marks import read_marks
from assets.browsing.masks import tell_masks
from assets.browsing.overview import tell_home
from assets.browsing.pictures import draw_whole, tag_picture
from assets.browsing.timeline import tell_timeline
from orchestration.browse.answers import (
    Handler,
    Refused,
    answer,
    answer_post,
    fail,
    find_same,
    refuse_path,
    send_archive,
    send_file,
    send_jpeg,
    send_original,
    send_png,
    write,
)
from orchestration.browse.archive import Archive
from orchestration.browse.asking import Asking
from orchestration.browse.comparing import Comparing
from orchestration.browse.deciding import Deciding
from orchestration.browse.exporting import Exporting
from orchestration.browse.governance import tell_governance
from orchestration.browse.governing import Governing
from orchestration.browse.requests import (
    MOST_JSON_BYTES,
    MOST_UPLOAD_BYTES,
    read_body,
    read_corners,
    read_json,
    read_number,
    read_question,
    split,
)
from orchestration.browse.thumbnail_lane import ThumbnailLane
from orchestration.browse.writing import Writer, WriteRefused
from orchestration.roles.keys import find_person
from orchestration.roles.rights import Person, Right, RightMissing

Deed: TypeAlias = Callable[[Person, bytes], Any]
_FOLLOW_S = 0.5  # that an answer waits for tables that have moved
MOST_SESSIONS = 200  # of a timeline
MOST_IDS = 50_000
_CORRECT_AGAIN = "nothing was written: change that and save again; a frame that is gone shows no more after a reload"


@dataclass(frozen=True)
class Parts:
    """What the routes ask."""

    browser: Browser
    writer: Writer
    comparing: Comparing
    asking: Asking
    governing: Governing
    deciding: Deciding
    exporting: Exporting


def make_app(parts: Parts) -> Starlette:
    """The application; who may come in is for who runs it (`orchestration.gate.Gate`), which says who asks."""
    front = _Front(parts)
    read = {
        "/": front.page,
        "/page/{name}": front.page_file,
        "/api/home": front.home,
        "/api/frames": front.frames,
        "/api/frame/{frame_id}": front.frame,
        "/api/marks": front.marks,
        "/api/masks/{frame_id}": front.masks,
        "/api/depth/{frame_id}": front.depth,
        "/api/timeline": front.timeline,
        "/api/map": front.map,
        "/api/map/frames": front.map_frames,
        "/api/compare/models": front.compare_models,
        "/api/compare/releases": front.compare_releases,
        "/api/asking": front.tell_asking,
        "/api/governance": front.tell_governance,
        "/thumbs/{frame_id}.jpg": front.thumb,
        "/pictures/{frame_id}.jpg": front.picture,
        "/depth/{frame_id}.png": front.depth_picture,
    }
    asked = {
        "/api/lasso": (front.lasso, Right.LOOK),
        "/api/similar": (front.similar, Right.LOOK),
        "/api/labels": (front.correct, Right.ANNOTATE),
        "/api/queue": (front.decide, Right.ANNOTATE),
        "/api/ask": (front.ask, Right.LOOK),
        "/api/query": (front.query, Right.LOOK),
        "/api/masked": (front.read_masked, Right.READ_PRIVATE),
        "/api/original": (front.unseal, Right.UNSEAL),
        "/api/export/labels": (front.export_labels, Right.EXPORT),
        "/api/export/release": (front.export_release, Right.EXPORT),
        # the right to decide is that of the verb which is proposed
        "/api/decide": (front.decide_proposal, Right.LOOK),
        "/api/approve": (front.approve, Right.APPROVE),
        "/api/erase": (front.erase, Right.ERASE),
    }
    return Starlette(
        routes=[
            *(
                Route(path, partial(answer, front.guard(Right.LOOK, one)))
                for path, one in read.items()
            ),
            *(
                Route(
                    path,
                    partial(answer_post, front.guard(right, one)),
                    methods=["POST"],
                )
                for path, (one, right) in asked.items()
            ),
        ],
        exception_handlers={HTTPException: refuse_path, Exception: fail},
    )


class _Front:
    """The handlers. What takes time runs in a thread: others are answered meanwhile."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._browser = parts.browser
        self._writer = parts.writer
        self._comparing = parts.comparing
        self._thumbs = ThumbnailLane(parts.browser)
        self._writing = Lock()
        self._following: asyncio.Task[bool] | None = None

    def guard(self, right: Right, handler: Handler) -> Handler:
        """The handler, for who has the right."""

        async def guarded(request: Request) -> Response:
            self._find_person(request).require(right)
            return await handler(request)

        return guarded

    def _find_person(self, request: Request) -> Person:
        return find_person(request, self._writer.author)

    async def page(self, request: Request) -> Response:
        return send_file("index.html", request)

    async def page_file(self, request: Request) -> Response:
        return send_file(request.path_params["name"], request)

    async def home(self, request: Request) -> Response:
        self._browser.expect_change()  # who loads the page wants what is there now
        await self._follow()
        person = self._find_person(request)
        return write(await asyncio.to_thread(self._tell_home, person))

    async def _follow(self) -> None:
        """Look whether tables have moved; all who ask meanwhile wait for one look. Where it takes long to read them,
        what stood before is answered, and who asks next gets what is new."""
        if self._following is None or self._following.done():
            looking = asyncio.to_thread(self._browser.follow)
            self._following = asyncio.create_task(looking)
        looked, _ = await asyncio.wait({self._following}, timeout=_FOLLOW_S)
        for task in looked:
            task.result()

    def _tell_home(self, person: Person) -> dict[str, Any]:
        """`author` is who may correct labels, None where who asks may not."""
        found = tell_home(self._browser.catalog, self._browser.index)
        may_write = Right.ANNOTATE in person.rights
        return {
            **found,
            "author": person.name if may_write else None,
            "person": {
                "name": person.name,
                "roles": person.roles,
                "may": [
                    right.name.lower() for right in Right if right in person.rights
                ],
            },
            "home": self._writer.home,
        }

    async def frames(self, request: Request) -> Response:
        asked = request.query_params
        question = read_question(asked)
        offset = read_number(asked, "offset", 0)
        limit = read_number(asked, "limit", 100)
        if not offset:  # pages that follow the first are of the same frames
            await self._follow()
        page = await asyncio.to_thread(
            self._browser.list_frames, question, offset, limit, asked.get("find", "")
        )
        return write(vars(page))

    async def frame(self, request: Request) -> Response:
        frame_id = request.path_params["frame_id"]
        browser = self._browser
        return write(
            await asyncio.to_thread(
                tell_frame, browser.catalog, browser.index, frame_id
            )
        )

    async def marks(self, request: Request) -> Response:
        asked = request.query_params
        frame_ids = split(asked.get("frames", ""))
        layers = split(asked.get("layers", "labels"))
        browser = self._browser
        return write(
            await asyncio.to_thread(
                read_marks, browser.catalog, browser.index, frame_ids, layers
            )
        )

    async def masks(self, request: Request) -> Response:
        frame_id = request.path_params["frame_id"]
        task = request.query_params.get("task", "")
        browser = self._browser
        return write(
            await asyncio.to_thread(
                tell_masks, browser.catalog, browser.index, frame_id, task
            )
        )

    async def depth(self, request: Request) -> Response:
        return write(_tell_depth(await self._open_depth(request)))

    async def depth_picture(self, request: Request) -> Response:
        layer = await self._open_depth(request)
        png = await asyncio.to_thread(layer.paint)
        return send_png(png)

    async def _open_depth(self, request: Request) -> DepthLayer:
        frame_id = request.path_params["frame_id"]
        browser = self._browser
        found = await asyncio.to_thread(
            open_depth, browser.catalog, browser.index, frame_id
        )
        if found is None:
            remedy = "`daguerre depth SESSION` makes one of two cameras side by side"
            raise Refused(404, f"the frame {frame_id[:80]} has no depth", remedy)
        return found

    async def thumb(self, request: Request) -> Response:
        return await self._send_picture(request, self._thumbs.make)

    async def picture(self, request: Request) -> Response:
        return await self._send_picture(request, self._draw_whole)

    async def _send_picture(
        self, request: Request, draw: Callable[[str], Awaitable[bytes]]
    ) -> Response:
        """Nothing is drawn for a browser that has it. A frame that was taken out since is missing."""
        await self._follow()
        frame_id = request.path_params["frame_id"]
        etag = f'"{tag_picture(self._browser.index, frame_id)}"'
        same = find_same(request, etag)
        return same or send_jpeg(await draw(frame_id), etag)

    async def _draw_whole(self, frame_id: str) -> bytes:
        browser = self._browser
        return await asyncio.to_thread(
            draw_whole, browser.catalog, browser.index, frame_id
        )

    async def timeline(self, request: Request) -> Response:
        await self._follow()
        return write(await asyncio.to_thread(self._tell_timeline, request.query_params))

    def _tell_timeline(self, asked: QueryParams) -> dict[str, Any]:
        index = self._browser.index
        known = sorted(index.rows["session"].unique().to_pylist())
        offset = read_number(asked, "offset", 0)
        limit = read_number(asked, "limit", MOST_SESSIONS)
        named = asked.getlist("session")
        wanted = [name for name in known if not named or name in named]
        some = wanted[offset : offset + min(limit, MOST_SESSIONS)]
        found = tell_timeline(self._browser.catalog, index, some)
        return {"total": len(wanted), "offset": offset, "sessions": found}

    async def map(self, request: Request) -> Response:
        await self._follow()
        return write(await asyncio.to_thread(self._tell_map))

    def _tell_map(self) -> dict[str, Any]:
        index = self._browser.index
        return tell_map(index, self._browser.likeness.open(index))

    async def map_frames(self, request: Request) -> Response:
        asked = request.query_params
        offset = read_number(asked, "offset", 0)
        limit = min(read_number(asked, "limit", MOST_IDS), MOST_IDS)
        found = await asyncio.to_thread(self._list_map_ids, offset, limit)
        return write({"offset": offset, "frame_ids": found})

    def _list_map_ids(self, offset: int, limit: int) -> list[str]:
        index = self._browser.index
        return list_ids(index, self._browser.likeness.open(index), offset, limit)

    async def lasso(self, request: Request) -> Response:
        asked = await read_json(request)
        corners = asked.get("polygon") if isinstance(asked, dict) else None
        return write(await asyncio.to_thread(self._select, corners))

    def _select(self, corners: Any) -> dict[str, Any]:
        index = self._browser.index
        found = find_inside(self._browser.likeness.open(index), read_corners(corners))
        ids = index.rows["frame_id"].take(pa.array(found)).combine_chunks()
        return {"selection": self._browser.selections.keep(ids), "num": len(found)}

    async def similar(self, request: Request) -> Response:
        payload = await read_body(request, MOST_UPLOAD_BYTES)
        browser = self._browser
        name = await asyncio.to_thread(browser.likeness.upload, browser.index, payload)
        return write({"upload_id": name})

    async def correct(self, request: Request) -> Response:
        return await self._act(request, partial(self._write, self._writer.correct))

    async def decide(self, request: Request) -> Response:
        return await self._act(request, partial(self._write, self._writer.decide))

    def _write(self, change: Deed, person: Person, body: bytes) -> Any:
        with self._writing:
            try:
                done = change(person, body)
            except (Overtaken, WriteRefused):
                raise
            except ValueError as error:  # what does not fit the frame
                raise Refused(422, str(error)[:300], _CORRECT_AGAIN) from error
        self._browser.expect_change()
        return done

    async def tell_asking(self, request: Request) -> Response:
        person = self._find_person(request)
        return write(await asyncio.to_thread(self._parts.asking.tell, person))

    async def tell_governance(self, request: Request) -> Response:
        settings, person = self._writer.settings, self._find_person(request)
        return write(await asyncio.to_thread(tell_governance, settings, person))

    async def ask(self, request: Request) -> Response:
        return await self._act(request, self._parts.asking.ask)

    async def query(self, request: Request) -> Response:
        return await self._act(request, self._parts.governing.query)

    async def read_masked(self, request: Request) -> Response:
        return await self._act(request, self._parts.governing.read_masked)

    async def unseal(self, request: Request) -> Response:
        body = await read_body(request, MOST_JSON_BYTES)
        person = self._find_person(request)
        found = await asyncio.to_thread(self._parts.governing.unseal, person, body)
        return send_original(found)

    async def export_labels(self, request: Request) -> Response:
        return await self._export(request, self._parts.exporting.labels)

    async def export_release(self, request: Request) -> Response:
        return await self._export(request, self._parts.exporting.release)

    async def _export(self, request: Request, export: Deed) -> Response:
        """The archive, or how much it would be."""
        body = await read_body(request, MOST_JSON_BYTES)
        made = await self._run(export, self._find_person(request), body)
        return send_archive(made) if isinstance(made, Archive) else write(made)

    async def decide_proposal(self, request: Request) -> Response:
        return await self._act(request, self._parts.deciding.decide)

    async def approve(self, request: Request) -> Response:
        return await self._act(request, self._parts.deciding.approve)

    async def erase(self, request: Request) -> Response:
        return await self._act(request, self._parts.deciding.erase)

    async def _act(self, request: Request, act: Deed) -> Response:
        """What a person asks for by a body, in their name."""
        body = await read_body(request, MOST_JSON_BYTES)
        return write(await self._run(act, self._find_person(request), body))

    async def _run(self, act: Deed, person: Person, body: bytes) -> Any:
        try:
            return await asyncio.to_thread(act, person, body)
        except (Refused, Overtaken, WriteRefused, RightMissing, FrameMissing):
            raise
        except ValueError as error:
            raise Refused(400, str(error)[:300], "ask otherwise") from error

    async def compare_models(self, request: Request) -> Response:
        return write(await self._compare(self._comparing.models, request))

    async def compare_releases(self, request: Request) -> Response:
        return write(await self._compare(self._comparing.releases, request))

    async def _compare(
        self, compare: Callable[[str, str], Any], request: Request
    ) -> Any:
        names = [request.query_params.get(name, "") for name in ("a", "b")]
        if not all(names):
            raise Refused(400, "two are compared", "name them: ?a=ID&b=ID")
        try:
            return await asyncio.to_thread(compare, *names)
        except ValueError as error:
            raise Refused(
                400, str(error), "name others; /api/home lists them"
            ) from error


def _tell_depth(layer: DepthLayer) -> dict[str, Any]:
    return {
        "near_m": layer.near_m,
        "far_m": layer.far_m,
        "coverage": layer.coverage,
        "scale": layer.list_scale(),
    }
