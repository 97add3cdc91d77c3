"""Requests to a model within bounds: nothing is sent that a question's tokens do not cover, nothing read without end.

Belongs here: counting, and the ways to an address and to a model in this process, in the words of the client's library.
Does not: what is asked. Tokens are those that the model reports, or one for each three bytes, whichever is more.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchestration.agent.ladder.gguf import Patience, open_gguf
from orchestration.agent.ladder.gguf_words import NoAnswer
from orchestration.agent.ladder.source import ModelSource

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER_BYTES = 1 << 20
_BYTES_A_TOKEN = 3


class OverBudget(Exception):
    """What a question may cost is used up; the message says which bound."""


@dataclass
class Meter:
    """The tokens of one question. `over`: which bound ended it; `failed`: why the model in a file did not answer.

    Both are told here, as the client's library tells of any failure on the way as "Connection error".
    """

    most: int
    spent: int = 0
    over: str = ""
    failed: str = ""

    def begin(self, num_bytes: int) -> None:
        """Before something is sent. Raises OverBudget where it is too much."""
        if self.spent + num_bytes // _BYTES_A_TOKEN > self.most:
            self.stop(f"{self.most} tokens")

    def stop(self, bound: str) -> NoReturn:
        """Raises OverBudget."""
        self.over = bound
        raise OverBudget(bound)

    def end(self, num_sent: int, answer: bytes) -> None:
        """When it is answered, or is not."""
        estimate = (num_sent + len(answer)) // _BYTES_A_TOKEN
        self.spent += max(estimate, _read_usage(answer))


def make_transport(source: ModelSource, meter: Meter) -> "httpx2.AsyncBaseTransport":
    """The way to the model. Raises ValueError where a GGUF cannot be read here."""
    import httpx2

    inner: Any = _ask_file(source, source.gguf, meter) if source.gguf else None
    if inner is None:
        # on this machine there are neither proxies nor certificates, which take time to read
        is_away = not source.is_local
        inner = httpx2.AsyncHTTPTransport(verify=is_away, trust_env=is_away)

    class Metered(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> httpx2.Response:
            sent = await request.aread()
            meter.begin(len(sent))
            told = b""
            try:
                answer = await inner.handle_async_request(request)
                told = await _read_bounded(answer, meter)
            finally:
                meter.end(len(sent), told)
            headers = {
                name: answer.headers[name]
                for name in ("content-type",)
                if name in answer.headers
            }
            return httpx2.Response(answer.status_code, headers=headers, content=told)

        async def aclose(self) -> None:
            await inner.aclose()

    return Metered()


async def _read_bounded(answer: Any, meter: Meter) -> bytes:
    parts: list[bytes] = []
    try:
        async for part in answer.aiter_bytes():
            parts.append(part)
            if sum(map(len, parts)) > MAX_ANSWER_BYTES:
                meter.stop(f"an answer of {MAX_ANSWER_BYTES} bytes")
    finally:
        await answer.aclose()
    return b"".join(parts)


def _read_usage(answer: bytes) -> int:
    try:
        usage = json.loads(answer).get("usage") or {}
        return max(0, int(usage.get("total_tokens") or 0))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return 0  # the estimate counts


def _ask_file(source: ModelSource, path: Path, meter: Meter) -> Any:
    """A transport to the model in a file."""
    import httpx2

    model = open_gguf(path)

    class ToFile(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> httpx2.Response:
            asked = json.loads(await request.aread())
            patience = Patience.of(source.limits.seconds)
            try:
                told = await asyncio.to_thread(model.ask, asked, patience)
            except NoAnswer as error:
                meter.failed = str(error)
                raise
            finally:
                patience.given_up.set()  # where this was cancelled the thread still waits
            return httpx2.Response(200, json=told)

    return ToFile()
