"""How the frame browser answers: JSON, JPEG, PNG and files of its page, and a reason with a remedy in their place.

Belongs here: headers of every answer, and which error is which refusal. Does not: what is asked, and who may come in.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from assets.annotation.labels import Overtaken
from assets.browsing.conditions import ConditionError
from assets.browsing.frame_index import FrameMissing
from assets.browsing.marks import LayerError
from assets.browsing.questions import QuestionError
from assets.browsing.shown import to_plain
from assets.privacy.unsealing import Original
from assets.search.uploads import PictureRefused
from orchestration.browse.archive import Archive
from orchestration.browse.writing import WriteRefused
from orchestration.roles.rights import RightMissing

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
_ANEW = {"Cache-Control": "no-store"}
_PIECE_BYTES = 65_536
# kept, and asked whether it is the same
_ASKED_AGAIN = {"Cache-Control": "private, no-cache"}
_ASK_FRAMES = "GET /api/frames lists ids"
_CHOOSE_AGAIN = "choose another picture, or open a frame and ask for those like it"
_log = logging.getLogger("daguerre.browse")

Handler = Callable[[Request], Awaitable[Response]]


class Refused(ValueError):
    """What is answered in place of what was asked for: a status, a reason, a remedy."""

    def __init__(self, status: int, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.status = status
        self.remedy = remedy


async def answer_post(handler: Handler, request: Request) -> Response:
    """The same of what may change something: no page of another origin can send this header."""
    if request.headers.get("x-daguerre") != "1":
        return _refuse(
            403, "no page of ours sent this", "send the header X-Daguerre: 1"
        )
    return await answer(handler, request)


async def answer(handler: Handler, request: Request) -> Response:
    """What a handler gives, or why it cannot."""
    try:
        return await handler(request)
    except Refused as refused:
        return _refuse(refused.status, str(refused), refused.remedy)
    except RightMissing as error:
        return _refuse(403, str(error), "ask whoever runs this home for the role")
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


def send_file(name: str, request: Request) -> Response:
    """A file of the page, or that it is the one which the browser has."""
    if name not in _PAGE:
        raise Refused(404, f"there is no page {name[:80]!r}", "open / in a browser")
    path = _PAGE[name]
    headers = {**_HEADERS, **_ASKED_AGAIN}
    found = FileResponse(
        path, headers=headers, media_type=_KINDS[path.suffix], stat_result=path.stat()
    )
    return find_same(request, found.headers["etag"]) or found


def find_same(request: Request, etag: str) -> Response | None:
    """That the browser has it already, where it says so."""
    if request.headers.get("if-none-match") != etag:
        return None
    return Response(status_code=304, headers={**_HEADERS, **_ASKED_AGAIN, "ETag": etag})


def send_png(png: bytes) -> Response:
    """What changes with its tables."""
    return Response(png, 200, {**_HEADERS, **_ANEW}, "image/png")


def send_jpeg(jpeg: bytes, etag: str) -> Response:
    """What may be gone, or another one, when it is shown again: a browser keeps it, and asks."""
    headers = {**_HEADERS, **_ASKED_AGAIN, "ETag": etag}
    return Response(jpeg, 200, headers, "image/jpeg")


def send_original(original: Original) -> Response:
    """Bytes as they came, to be saved, in pieces: no page shows them, and nothing keeps them."""
    kind = re.sub("[^a-z0-9]", "", original.encoding.lower()) or "bin"
    named = {"Content-Disposition": f'attachment; filename="original.{kind}"'}
    headers = {**_HEADERS, **_ANEW, **named}
    pieces = iter(lambda: original.stream.read(_PIECE_BYTES), b"")
    return StreamingResponse(pieces, 200, headers, "application/octet-stream")


def send_archive(archive: Archive) -> Response:
    """A ZIP file, to be saved, in pieces."""
    headers = {
        **_HEADERS,
        **_ANEW,
        "Content-Disposition": f'attachment; filename="{archive.name}"',
        "Content-Length": str(archive.size_bytes),
    }
    pieces = archive.read_pieces(_PIECE_BYTES)
    return StreamingResponse(pieces, 200, headers, "application/zip")


def write(facts: Any, status: int = 200) -> Response:
    """As JSON."""
    try:
        body = _to_json(facts)
    except ValueError:  # a figure that is none, as some nets give
        body = _to_json(to_plain(facts))
    return Response(body, status, {**_HEADERS, **_ANEW}, "application/json")


def _to_json(facts: Any) -> str:
    return json.dumps(facts, allow_nan=False, separators=(",", ":"), default=str)


def _refuse(status: int, reason: str, remedy: str) -> Response:
    return write({"error": reason, "remedy": remedy}, status)


async def refuse_path(request: Request, error: Exception) -> Response:
    """Of an address or a method that there is not."""
    assert isinstance(error, HTTPException)
    path = request.url.path[:80]
    if error.status_code == 404:
        return _refuse(404, f"there is nothing at {path!r}", "open / in a browser")
    return _refuse(
        error.status_code,
        f"{request.method} is not answered at {path!r}",
        "GET reads, POST asks and writes",
    )


async def fail(request: Request, error: Exception) -> Response:
    """A fault of ours; the log has where."""
    return _refuse(500, "the server made a mistake", "its log says which")
