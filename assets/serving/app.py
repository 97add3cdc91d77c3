"""The service over HTTP: a path a task, health, readiness, the versions that answer; OpenAPI from the types.

Belongs here: what a request may hold, and how answers and refusals are written. Does not: who may ask, and where.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from assets.serving.refusals import Refused, busy, too_large, too_late
from assets.serving.schemas import (
    REPLIES,
    ImageSource,
    Problem,
    Question,
    name_model,
    read_columns,
)
from assets.serving.service import Given, ImageRefused, Reply, Service, name_request
from models.task_names import TASK_NAMES

if TYPE_CHECKING:
    from assets.serving.sources import Sources

REQUEST_ID = "x-request-id"
_JSON = "application/json"
_PLAIN_ID = re.compile(r"[0-9a-f]{32}")
_IMAGES = ("image/jpeg", "image/png", "application/octet-stream")
_MOST_JSON_IMAGES = 4  # whole images that the body of a JSON request may take as base64
_MOST_HELD = 256 << 20  # bytes of requests that are being read, all together
_log = logging.getLogger("daguerre.serving")
_ANSWERS = {
    400: "The request is no question.",
    404: "No such task, frame or address.",
    409: "The task has no champion.",
    413: "More bytes than are read.",
    415: "Neither JPEG, PNG nor JSON.",
    422: "An image that does not decode within the limits.",
    500: "The model failed, or a store.",
    503: "More is asked than can be answered in time: Retry-After says when to ask again.",
    504: "The time of the request is over.",
}


Handler = Callable[[Request], Awaitable[Response]]


def make_app(
    service: Service,
    open_sources: Callable[[], Sources],
    pages: Mapping[str, Handler] | None = None,
) -> ASGIApp:
    """The application, with further `pages` by path; the service is started and ended by who runs it.

    The sources are opened with the first request that names a stored image: the stores' libraries are large.
    """
    app = FastAPI(
        title="Daguerre",
        summary="Champions answer about images.",
        docs_url=None,  # pages that load scripts from elsewhere
        redoc_url=None,
    )
    front = _Front(service, open_sources)
    handlers = {f"/v1/{task}": front.answer_to(task) for task in TASK_NAMES}
    for task in TASK_NAMES:
        app.add_api_route(
            f"/v1/{task}",
            handlers[f"/v1/{task}"],
            methods=["POST"],
            name=task,
            summary=f"What the {task} model says of images",
            response_model=REPLIES[task],
            responses={
                status: {"model": Problem, "description": text}
                for status, text in _ANSWERS.items()
            },
            openapi_extra={"requestBody": _describe_body(app)},
        )
    app.add_api_route("/v1/models", front.tell_models, methods=["GET"])
    app.add_api_route("/healthz", front.tell_health, methods=["GET"])
    app.add_api_route("/readyz", front.tell_ready, methods=["GET"])
    app.router.routes.append(
        Route("/v1/{task}", front.refuse_task, methods=["GET", "POST"])
    )
    app.add_exception_handler(HTTPException, front.refuse_path)
    for path, page in (pages or {}).items():
        app.router.routes.append(Route(path, page))
    return _Direct(app, handlers)


def refuse_entry(status: int, reason: str, remedy: str) -> Response:
    """What is answered to who may not ask."""
    return _refuse(name_request(), Refused(status, reason, remedy))


class _Direct:
    """Questions go to their handler at once; to find it in FastAPI's way takes as long as all else that is done here.

    What FastAPI knows of these handlers is what OpenAPI says of them.
    """

    def __init__(self, app: ASGIApp, handlers: Mapping[str, Handler]) -> None:
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        handler = self._handlers.get(scope.get("path", ""))
        if handler is None or scope.get("method") != "POST":
            await self._app(scope, receive, send)
            return
        answer = await handler(Request(scope, receive))
        await answer(scope, receive, send)


class _Front:
    """The handlers."""

    def __init__(self, service: Service, open_sources: Callable[[], Sources]) -> None:
        self._service = service
        self._open_sources = cache(open_sources)
        self._num_held = 0

    def answer_to(self, task: str) -> Any:
        """The handler of one task."""

        async def answer(request: Request) -> Response:
            return await self._answer(task, request)

        return answer

    async def _answer(self, task: str, request: Request) -> Response:
        given = request.headers.get(REQUEST_ID, "")
        request_id = given if _PLAIN_ID.fullmatch(given) else name_request()
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(self._service.rules.budget_s):
                images = await self._read(request)
                reply = await self._service.ask(task, images, request_id)
            answer = _write(task, reply)
        except TimeoutError:
            answer = _refuse(request_id, too_late(self._service.rules.budget_s))
        except Refused as refused:
            answer = _refuse(request_id, refused)
        except ClientDisconnect:
            answer = Response(status_code=499)
        except Exception:  # a store that is away, whatever its library makes of it
            _log.exception(f"request {request_id} failed")
            failed = Refused(500, "the server failed", "look into what it has logged")
            answer = _refuse(request_id, failed)
        seconds = time.perf_counter() - began_s
        self._service.figures.add(task, answer.status_code, seconds)
        return answer

    async def _read(self, request: Request) -> list[Given]:
        """The images of a request. Raises Refused."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        most = self._service.rules.most_bytes
        if kind in _IMAGES:
            return [Given(await self._read_body(request, most))]
        if kind == _JSON:
            body = await self._read_body(request, most * _MOST_JSON_IMAGES)
            return await self._find(_parse(body))
        raise Refused(
            415,
            f"content type {kind[:80]!r} is not read",
            f"send {', '.join(_IMAGES)}, or {_JSON}",
        )

    async def _read_body(self, request: Request, most_bytes: int) -> bytes:
        """Raises Refused for a body that is too large, as soon as that is known, and where too many are read."""
        stated = request.headers.get("content-length", "0")
        if not stated.isdigit() or int(stated) > most_bytes:
            raise too_large(most_bytes)
        pieces: list[bytes] = []
        num_bytes = 0
        try:
            async for piece in request.stream():
                num_bytes += len(piece)
                self._num_held += len(piece)
                if num_bytes > most_bytes:
                    raise too_large(most_bytes)
                if self._num_held > _MOST_HELD:
                    raise busy("too many large requests are read", 1.0)
                pieces.append(piece)
        finally:
            self._num_held -= num_bytes
        return b"".join(pieces)

    async def _find(self, question: Question) -> list[Given]:
        """The bytes of all images that a question names. Raises ImageRefused."""
        found = []
        for place, image in enumerate(question.images):
            try:
                if image.base64 is not None:
                    payload = _decode(image.base64)
                else:
                    payload = await asyncio.to_thread(self._read_stored, image)
            except Refused as refused:
                raise ImageRefused(refused, place) from refused
            found.append(Given(payload, image.frame_id))
        return found

    def _read_stored(self, image: ImageSource) -> bytes:
        sources = self._open_sources()
        if image.frame_id is not None:
            return sources.read_frame(image.frame_id)
        return sources.read_url(image.url or "")

    async def refuse_task(self, request: Request) -> Response:
        """A path of no task, or one that is not asked by POST."""
        task = request.path_params["task"][:80]
        if task in TASK_NAMES:
            return _refuse(
                name_request(),
                Refused(405, f"{request.method} is not answered here", "send a POST"),
            )
        refused = Refused(
            404, f"there is no task {task!r}", f"ask one of {', '.join(TASK_NAMES)}"
        )
        return _refuse(name_request(), refused)

    async def refuse_path(self, request: Request, error: Exception) -> Response:
        """A path that there is not, or one that is not asked in this way."""
        assert isinstance(error, HTTPException)
        path = request.url.path[:80]
        told = (
            f"there is no path {path!r}"
            if error.status_code == 404
            else f"{request.method} is not answered at {path!r}"
        )
        refused = Refused(error.status_code, told, "/openapi.json lists what is asked")
        return _refuse(name_request(), refused)

    async def tell_health(self) -> dict[str, bool]:
        """Whether this process answers at all."""
        return {"is_alive": True}

    async def tell_ready(self) -> JSONResponse:
        """Whether a task can be answered now: 200, else 503, with what keeps any from it."""
        service = self._service
        is_ready = bool(service.lineups) and service.replicas.num_ready > 0
        facts = {
            "is_ready": is_ready,
            "tasks": sorted(service.lineups),
            "replicas": service.replicas.num_ready,
            "faults": service.faults,
        }
        return JSONResponse(facts, 200 if is_ready else 503)

    async def tell_models(self) -> dict[str, Any]:
        """Which versions answer, and which were returned."""
        return {
            task: {
                "champion": name_model(lineup.champion).model_dump(),
                "canary": None
                if lineup.canary is None
                else name_model(lineup.canary.version).model_dump()
                | {"share": lineup.rules.share},
                "shadow": None
                if lineup.shadow is None
                else name_model(lineup.shadow).model_dump()
                | {"share": lineup.shadow_share},
                "returned": lineup.returned,
                "fault": self._service.faults.get(task),
            }
            for task, lineup in sorted(self._service.lineups.items())
        }


def _describe_body(app: FastAPI) -> dict[str, Any]:
    """What OpenAPI says of a body: an image as it is, or a question."""
    whole = {"schema": {"type": "string", "format": "binary"}}
    schema = Question.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = schema.pop("$defs")
    schema["properties"]["images"]["items"] = parts["ImageSource"]
    return {
        "required": True,
        "content": {**dict.fromkeys(_IMAGES, whole), _JSON: {"schema": schema}},
    }


def _parse(body: bytes) -> Question:
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Refused(
            400, f"{where}: {first['msg']}"[:300], "/openapi.json says what is read"
        ) from None


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(
            400, "base64 that does not decode", "encode the file's bytes"
        ) from None


def _write(task: str, reply: Reply) -> Response:
    answers = [read_columns(task, one.columns, one.facts) for one in reply.answers]
    made: BaseModel = REPLIES[task](
        request_id=reply.request_id,
        task=task,
        model=name_model(reply.version),
        answers=answers,  # type: ignore[arg-type]
    )
    headers = {REQUEST_ID: reply.request_id}
    return Response(made.model_dump_json(), 200, headers, _JSON)


def _refuse(request_id: str, refused: Refused) -> Response:
    place = refused.place if isinstance(refused, ImageRefused) else None
    problem = Problem(
        request_id=request_id,
        reason=refused.reason,
        remedy=refused.remedy,
        image=place,
    )
    headers = {REQUEST_ID: request_id}
    if refused.retry_s is not None:
        headers["Retry-After"] = str(refused.retry_s)
    return Response(problem.model_dump_json(), refused.status, headers, _JSON)
