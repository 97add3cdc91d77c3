"""The routes of the frame browser: pages of frames, pictures, marks, one frame; answers are JSON or JPEG.

Belongs here: what a request may hold, and how it is answered. Does not: what is read, who may come in, what is written.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from assets.annotation.labels import Overtaken
from assets.browsing.browser import Browser
from assets.browsing.conditions import ConditionError
from assets.browsing.depth import DepthLayer, open_depth
from assets.browsing.frame_facts import tell_frame
from assets.browsing.frame_index import FrameMissing
from assets.browsing.frame_map import find_inside, list_ids, tell_map
from assets.browsing.marks import LayerError, read_marks
from assets.browsing.masks import tell_masks
from assets.browsing.overview import tell_home
from assets.browsing.pictures import draw_whole
from assets.browsing.questions import Question, QuestionError
from assets.browsing.shown import to_plain
from assets.browsing.timeline import tell_timeline
from assets.search.uploads import PictureRefused
from orchestration.browse.asking import Asking
from orchestration.browse.comparing import Comparing
from orchestration.browse.thumbnail_lane import ThumbnailLane
from orchestration.browse.writing import Writer, WriteRefused

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = {
    path.name: path
    for path in (Path(__file__).parent / "page").iterdir()
    if path.suffix in _KINDS
}
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# pictures of a frame never change: its id is that of its bytes
_FOR_LONG = {"Cache-Control": "private, max-age=86400, immutable"}
_ANEW = {"Cache-Control": "no-store"}
_ASKED_AGAIN = {
    "Cache-Control": "private, no-cache"
}  # kept, and asked whether it is the same
_FOLLOW_S = 0.5  # that an answer waits for tables that have moved
MOST_UPLOAD_BYTES = 32 << 20
MOST_JSON_BYTES = 4 << 20
MOST_SESSIONS = 200  # of a timeline
MOST_IDS = 50_000
_ASK_FRAMES = "GET /api/frames lists ids"
_CORRECT_AGAIN = "nothing was written: change that and save again; a frame that is gone shows no more after a reload"
_CHOOSE_AGAIN = "choose another picture, or open a frame and ask for those like it"
_log = logging.getLogger("daguerre.browse")

Handler = Callable[[Request], Awaitable[Response]]


class Refused(ValueError):
    """What is answered in place of what was asked for: a status, a reason, a remedy."""

    def __init__(self, status: int, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.status = status
        self.remedy = remedy


def make_app(
    browser: Browser, writer: Writer, comparing: Comparing, asking: Asking
) -> Starlette:
    """The application; who may come in is for who runs it (`orchestration.gate.Gate`)."""
    front = _Front(browser, writer, comparing, asking)
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
        "/thumbs/{frame_id}.jpg": front.thumb,
        "/pictures/{frame_id}.jpg": front.picture,
        "/depth/{frame_id}.png": front.depth_picture,
    }
    asked = {
        "/api/lasso": front.lasso,
        "/api/similar": front.similar,
        "/api/labels": front.correct,
        "/api/queue": front.decide,
        "/api/ask": front.ask,
    }
    return Starlette(
        routes=[
            *(Route(path, partial(_answer, one)) for path, one in read.items()),
            *(
                Route(path, partial(_answer_post, one), methods=["POST"])
                for path, one in asked.items()
            ),
        ],
        exception_handlers={HTTPException: _refuse_path, Exception: _fail},
    )


class _Front:
    """The handlers. What takes time runs in a thread: others are answered meanwhile."""

    def __init__(
        self, browser: Browser, writer: Writer, comparing: Comparing, asking: Asking
    ) -> None:
        self._browser = browser
        self._writer = writer
        self._comparing = comparing
        self._asking = asking
        self._thumbs = ThumbnailLane(browser)
        self._writing = Lock()
        self._following: set[asyncio.Task[bool]] = set()

    async def page(self, request: Request) -> Response:
        return _send_file("index.html", request)

    async def page_file(self, request: Request) -> Response:
        return _send_file(request.path_params["name"], request)

    async def home(self, request: Request) -> Response:
        await self._follow()
        return _write(await asyncio.to_thread(self._tell_home))

    async def _follow(self) -> None:
        """Look whether tables have moved. Where it takes long to read them, what stood before is answered, and who asks
        next gets what is new."""
        task = asyncio.create_task(asyncio.to_thread(self._browser.follow))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        await asyncio.wait({task}, timeout=_FOLLOW_S)
        if task.done():
            task.result()

    def _tell_home(self) -> dict[str, Any]:
        browser = self._browser
        found = tell_home(browser.catalog, browser.index)
        return {**found, "author": self._writer.author, "home": self._writer.home}

    async def frames(self, request: Request) -> Response:
        asked = request.query_params
        question = _read_question(asked)
        offset = _read_number(asked, "offset", 0)
        limit = _read_number(asked, "limit", 100)
        if not offset:  # pages that follow the first are of the same frames
            await self._follow()
        page = await asyncio.to_thread(
            self._browser.list_frames, question, offset, limit, asked.get("find", "")
        )
        return _write(vars(page))

    async def frame(self, request: Request) -> Response:
        frame_id = request.path_params["frame_id"]
        browser = self._browser
        return _write(
            await asyncio.to_thread(
                tell_frame, browser.catalog, browser.index, frame_id
            )
        )

    async def marks(self, request: Request) -> Response:
        asked = request.query_params
        frame_ids = _split(asked.get("frames", ""))
        layers = _split(asked.get("layers", "labels"))
        browser = self._browser
        return _write(
            await asyncio.to_thread(
                read_marks, browser.catalog, browser.index, frame_ids, layers
            )
        )

    async def masks(self, request: Request) -> Response:
        frame_id = request.path_params["frame_id"]
        task = request.query_params.get("task", "")
        browser = self._browser
        return _write(
            await asyncio.to_thread(
                tell_masks, browser.catalog, browser.index, frame_id, task
            )
        )

    async def depth(self, request: Request) -> Response:
        return _write(_tell_depth(await self._open_depth(request)))

    async def depth_picture(self, request: Request) -> Response:
        layer = await self._open_depth(request)
        png = await asyncio.to_thread(layer.paint)
        return Response(png, 200, {**_HEADERS, **_ANEW}, "image/png")

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
        frame_id = request.path_params["frame_id"]
        return _send_jpeg(await self._thumbs.make(frame_id))

    async def picture(self, request: Request) -> Response:
        frame_id = request.path_params["frame_id"]
        browser = self._browser
        return _send_jpeg(
            await asyncio.to_thread(
                draw_whole, browser.catalog, browser.index, frame_id
            )
        )

    async def timeline(self, request: Request) -> Response:
        return _write(
            await asyncio.to_thread(self._tell_timeline, request.query_params)
        )

    def _tell_timeline(self, asked: QueryParams) -> dict[str, Any]:
        index = self._browser.index
        known = sorted(index.rows["session"].unique().to_pylist())
        offset = _read_number(asked, "offset", 0)
        limit = _read_number(asked, "limit", MOST_SESSIONS)
        named = asked.getlist("session")
        wanted = [name for name in known if not named or name in named]
        some = wanted[offset : offset + min(limit, MOST_SESSIONS)]
        found = tell_timeline(self._browser.catalog, index, some)
        return {"total": len(wanted), "offset": offset, "sessions": found}

    async def map(self, request: Request) -> Response:
        return _write(await asyncio.to_thread(self._tell_map))

    def _tell_map(self) -> dict[str, Any]:
        index = self._browser.index
        return tell_map(index, self._browser.likeness.open(index))

    async def map_frames(self, request: Request) -> Response:
        asked = request.query_params
        offset = _read_number(asked, "offset", 0)
        limit = min(_read_number(asked, "limit", MOST_IDS), MOST_IDS)
        found = await asyncio.to_thread(self._list_map_ids, offset, limit)
        return _write({"offset": offset, "frame_ids": found})

    def _list_map_ids(self, offset: int, limit: int) -> list[str]:
        index = self._browser.index
        return list_ids(index, self._browser.likeness.open(index), offset, limit)

    async def lasso(self, request: Request) -> Response:
        asked = await _read_json(request)
        corners = asked.get("polygon") if isinstance(asked, dict) else None
        return _write(await asyncio.to_thread(self._select, corners))

    def _select(self, corners: Any) -> dict[str, Any]:
        index = self._browser.index
        found = find_inside(self._browser.likeness.open(index), _read_corners(corners))
        ids = index.rows["frame_id"].take(pa.array(found)).combine_chunks()
        return {"selection": self._browser.selections.keep(ids), "num": len(found)}

    async def similar(self, request: Request) -> Response:
        payload = await _read_body(request, MOST_UPLOAD_BYTES)
        browser = self._browser
        name = await asyncio.to_thread(browser.likeness.upload, browser.index, payload)
        return _write({"upload_id": name})

    async def correct(self, request: Request) -> Response:
        body = await _read_body(request, MOST_JSON_BYTES)
        return _write(await asyncio.to_thread(self._write, self._writer.correct, body))

    async def decide(self, request: Request) -> Response:
        body = await _read_body(request, MOST_JSON_BYTES)
        return _write(await asyncio.to_thread(self._write, self._writer.decide, body))

    def _write(self, write: Callable[[bytes], Any], body: bytes) -> Any:
        with self._writing:
            try:
                done = write(body)
            except (Overtaken, WriteRefused):
                raise
            except ValueError as error:  # what does not fit the frame
                raise Refused(422, str(error)[:300], _CORRECT_AGAIN) from error
        self._browser.expect_change()
        return done

    async def tell_asking(self, request: Request) -> Response:
        return _write(await asyncio.to_thread(self._asking.tell))

    async def ask(self, request: Request) -> Response:
        body = await _read_body(request, MOST_JSON_BYTES)
        try:
            return _write(await asyncio.to_thread(self._asking.ask, body))
        except WriteRefused:
            raise
        except ValueError as error:
            raise Refused(400, str(error)[:300], "ask otherwise") from error

    async def compare_models(self, request: Request) -> Response:
        return _write(await self._compare(self._comparing.models, request))

    async def compare_releases(self, request: Request) -> Response:
        return _write(await self._compare(self._comparing.releases, request))

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


async def _answer_post(handler: Handler, request: Request) -> Response:
    """The same of what may change something: no page of another origin can send this header."""
    if request.headers.get("x-daguerre") != "1":
        return _refuse(
            403, "no page of ours sent this", "send the header X-Daguerre: 1"
        )
    return await _answer(handler, request)


async def _answer(handler: Handler, request: Request) -> Response:
    """What a handler gives, or why it cannot."""
    try:
        return await handler(request)
    except Refused as refused:
        return _refuse(refused.status, str(refused), refused.remedy)
    except Overtaken as error:
        return _refuse(409, str(error), "look at what stands now, and correct that")
    except (QuestionError, ConditionError, LayerError, WriteRefused) as error:
        return _refuse(400, str(error), "change what is asked for")
    except FrameMissing as error:
        return _refuse(
            404, f"there is no frame {str(error.args[0])[:80]!r}", _ASK_FRAMES
        )
    except PictureRefused as error:
        return _refuse(422, str(error), _CHOOSE_AGAIN)
    except ClientDisconnect:
        return Response(status_code=499)
    except (ValueError, OSError) as error:
        _log.warning(f"{request.url.path[:80]!r}: {error}")
        remedy = (
            "other frames are not affected; `daguerre verify` lists what is damaged"
        )
        return _refuse(422, str(error)[:300], remedy)


def _tell_depth(layer: DepthLayer) -> dict[str, Any]:
    return {
        "near_m": layer.near_m,
        "far_m": layer.far_m,
        "coverage": layer.coverage,
        "scale": layer.list_scale(),
    }


def _read_question(asked: QueryParams) -> Question:
    return Question(
        sessions=tuple(asked.getlist("session")),
        sensors=tuple(asked.getlist("sensor")),
        classes=tuple(asked.getlist("class")),
        splits=tuple(asked.getlist("split")),
        model_id=asked.get("model", ""),
        score_from=_read_score(asked.get("score_from", "")),
        where=asked.get("where", ""),
        selection=asked.get("selection", ""),
        sort=asked.get("sort", ""),
    )


def _read_score(text: str) -> float | None:
    if not text:
        return None
    with suppress(ValueError):
        score = float(text)
        if 0 <= score <= 1:
            return score
    raise Refused(400, f"score_from={text[:40]!r} is no score", "give one of 0 to 1")


def _read_number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Refused(400, f"{name}={text[:40]!r} is no number", "give one from 0 on")
    return int(text)


def _read_corners(given: Any) -> list[tuple[float, float]]:
    with suppress(TypeError, ValueError):
        return [(float(x), float(y)) for x, y in given]
    raise Refused(400, "that is no outline", 'send {"polygon": [[x, y], ...]}')


async def _read_json(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _read_body(request, MOST_JSON_BYTES)
    if kind != "application/json":
        raise Refused(415, f"content type {kind[:80]!r} is not read", "send JSON")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON", "send JSON") from None


async def _read_body(request: Request, most_bytes: int) -> bytes:
    """Raises Refused for a body that is too large, as soon as that is known."""
    pieces: list[bytes] = []
    num_bytes = 0
    async for piece in request.stream():
        num_bytes += len(piece)
        if num_bytes > most_bytes:
            raise Refused(413, f"more than {most_bytes:,} bytes", "send fewer")
        pieces.append(piece)
    return b"".join(pieces)


def _split(text: str) -> list[str]:
    return [part for part in dict.fromkeys(text.split(",")) if part]


def _send_file(name: str, request: Request) -> Response:
    """A file of the page, or that it is the one which the browser has."""
    if name not in _PAGE:
        raise Refused(404, f"there is no page {name[:80]!r}", "open / in a browser")
    path = _PAGE[name]
    headers = {**_HEADERS, **_ASKED_AGAIN}
    answer = FileResponse(
        path, headers=headers, media_type=_KINDS[path.suffix], stat_result=path.stat()
    )
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        return Response(
            status_code=304, headers=headers | {"ETag": answer.headers["etag"]}
        )
    return answer


def _send_jpeg(jpeg: bytes) -> Response:
    return Response(jpeg, 200, {**_HEADERS, **_FOR_LONG}, "image/jpeg")


def _write(facts: Any, status: int = 200) -> Response:
    try:
        body = _to_json(facts)
    except ValueError:  # a figure that is none, as some nets give
        body = _to_json(to_plain(facts))
    return Response(body, status, {**_HEADERS, **_ANEW}, "application/json")


def _to_json(facts: Any) -> str:
    return json.dumps(facts, allow_nan=False, separators=(",", ":"), default=str)


def _refuse(status: int, reason: str, remedy: str) -> Response:
    return _write({"error": reason, "remedy": remedy}, status)


async def _refuse_path(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:80]
    if error.status_code == 404:
        return _refuse(404, f"there is nothing at {path!r}", "open / in a browser")
    return _refuse(
        error.status_code,
        f"{request.method} is not answered at {path!r}",
        "GET reads, POST asks and writes",
    )


async def _fail(request: Request, error: Exception) -> Response:
    """A fault of ours; the log has where."""
    return _refuse(500, "the server made a mistake", "its log says which")
