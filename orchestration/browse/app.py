"""The routes of the frame browser: pages of frames, pictures, marks, one frame; answers are JSON or JPEG.

Belongs here: what a request may hold, and how it is answered. Does not: what is read, who may come in, what is written.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from assets.browsing.browser import Browser
from assets.browsing.conditions import ConditionError
from assets.browsing.frame_facts import tell_frame
from assets.browsing.marks import LayerError, read_marks
from assets.browsing.overview import tell_home
from assets.browsing.pictures import draw_whole
from assets.browsing.questions import Question, QuestionError
from orchestration.browse.thumbnail_lane import ThumbnailLane

PAGE = Path(__file__).parent / "page"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
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
_ASK_FRAMES = "GET /api/frames lists ids"
_log = logging.getLogger("daguerre.browse")

Handler = Callable[[Request], Awaitable[Response]]


class Refused(ValueError):
    """What is answered in place of what was asked for: a status, a reason, a remedy."""

    def __init__(self, status: int, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.status = status
        self.remedy = remedy


def make_app(browser: Browser) -> Starlette:
    """The application; who may come in is for who runs it (`orchestration.gate.Gate`)."""
    front = _Front(browser)
    routes = {
        "/": front.page,
        "/page/{name}": front.page_file,
        "/api/home": front.home,
        "/api/frames": front.frames,
        "/api/frame/{frame_id}": front.frame,
        "/api/marks": front.marks,
        "/thumbs/{frame_id}.jpg": front.thumb,
        "/pictures/{frame_id}.jpg": front.picture,
    }
    return Starlette(
        routes=[
            Route(path, partial(_answer, handler)) for path, handler in routes.items()
        ],
        exception_handlers={HTTPException: _refuse_path},
    )


class _Front:
    """The handlers. What takes time runs in a thread: others are answered meanwhile."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._thumbs = ThumbnailLane(browser)

    async def page(self, request: Request) -> Response:
        return _send_file("index.html")

    async def page_file(self, request: Request) -> Response:
        return _send_file(request.path_params["name"])

    async def home(self, request: Request) -> Response:
        return _write(await asyncio.to_thread(self._tell_home))

    def _tell_home(self) -> dict[str, Any]:
        self._browser.follow()
        return tell_home(self._browser.catalog, self._browser.index)

    async def frames(self, request: Request) -> Response:
        asked = request.query_params
        question = Question(
            session=asked.get("session", ""),
            sensor=asked.get("sensor", ""),
            class_name=asked.get("class", ""),
            split=asked.get("split", ""),
            where=asked.get("where", ""),
            selection=asked.get("selection", ""),
            sort=asked.get("sort", ""),
        )
        offset, limit = (
            _read_number(asked, "offset", 0),
            _read_number(asked, "limit", 100),
        )
        list_frames = self._browser.list_frames
        page = await asyncio.to_thread(list_frames, question, offset, limit)
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


async def _answer(handler: Handler, request: Request) -> Response:
    """What a handler gives, or why it cannot."""
    try:
        return await handler(request)
    except Refused as refused:
        return _refuse(refused.status, str(refused), refused.remedy)
    except (QuestionError, ConditionError, LayerError) as error:
        return _refuse(400, str(error), "change what is asked for")
    except KeyError as error:
        return _refuse(
            404, f"there is no frame {str(error.args[0])[:80]!r}", _ASK_FRAMES
        )
    except (ValueError, OSError) as error:
        _log.warning(f"{request.url.path}: {error}")
        return _refuse(422, str(error)[:300], "`daguerre verify` finds what is damaged")


def _read_number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Refused(400, f"{name}={text[:40]!r} is no number", "give one from 0 on")
    return int(text)


def _split(text: str) -> list[str]:
    return [part for part in dict.fromkeys(text.split(",")) if part]


def _send_file(name: str) -> Response:
    path = PAGE / name
    kind = _KINDS.get(path.suffix)
    if kind is None or path.parent != PAGE or not path.is_file():
        raise Refused(404, f"there is no page {name[:80]!r}", "open / in a browser")
    return FileResponse(path, headers={**_HEADERS, **_ANEW}, media_type=kind)


def _send_jpeg(jpeg: bytes) -> Response:
    return Response(jpeg, 200, {**_HEADERS, **_FOR_LONG}, "image/jpeg")


def _write(facts: Any, status: int = 200) -> Response:
    body = json.dumps(facts, allow_nan=False, separators=(",", ":"), default=str)
    return Response(body, status, {**_HEADERS, **_ANEW}, "application/json")


def _refuse(status: int, reason: str, remedy: str) -> Response:
    return _write({"error": reason, "remedy": remedy}, status)


async def _refuse_path(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:80]
    if error.status_code == 404:
        return _refuse(404, f"there is nothing at {path!r}", "open / in a browser")
    return _refuse(
        error.status_code, f"{request.method} is not answered at {path!r}", "send a GET"
    )
