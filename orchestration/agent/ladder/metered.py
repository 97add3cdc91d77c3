"""Requests to a model within bounds: nothing is sent that a question's tokens do not cover, nothing read without end.

Belongs here: counting, and the ways to an address and to a model in this process, in the words of the client's library.
Does not: what is asked. Tokens are those that the model reports, or one for each three bytes, whichever is more.
"""

import asyncio
import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from orchestration.agent.ladder.source import ModelSource

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER_BYTES = 1 << 20
_BYTES_A_TOKEN = 3
_CONTEXT = 16_384  # tokens of a GGUF's conversation


class OverBudget(Exception):
    """What a question may cost is used up; the message says which bound."""


@dataclass
class Meter:
    """The tokens of one question."""

    most: int
    spent: int = 0
    over: str = ""

    def begin(self, num_bytes: int) -> None:
        """Before something is sent. Raises OverBudget where it is too much."""
        if self.spent + num_bytes // _BYTES_A_TOKEN > self.most:
            self.over = f"{self.most} tokens"
            raise OverBudget(self.over)

    def end(self, num_sent: int, answer: bytes) -> None:
        """When it is answered."""
        estimate = (num_sent + len(answer)) // _BYTES_A_TOKEN
        self.spent += max(estimate, _read_usage(answer))


def make_transport(source: ModelSource, meter: Meter) -> "httpx2.AsyncBaseTransport":
    """The way to the model. Raises ValueError where a GGUF cannot be read here."""
    import httpx2

    inner: Any = _open_gguf(source) if source.gguf else None
    if inner is None:
        # on this machine there are neither proxies nor certificates, which take time to read
        is_away = not source.is_local
        inner = httpx2.AsyncHTTPTransport(verify=is_away, trust_env=is_away)

    class Metered(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> httpx2.Response:
            sent = await request.aread()
            meter.begin(len(sent))
            answer = await inner.handle_async_request(request)
            told = await _read_bounded(answer)
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


async def _read_bounded(answer: Any) -> bytes:
    parts: list[bytes] = []
    try:
        async for part in answer.aiter_bytes():
            parts.append(part)
            if sum(map(len, parts)) > MAX_ANSWER_BYTES:
                raise OverBudget(f"an answer of {MAX_ANSWER_BYTES} bytes")
    finally:
        await answer.aclose()
    return b"".join(parts)


def _read_usage(answer: bytes) -> int:
    try:
        usage = json.loads(answer).get("usage") or {}
        return max(0, int(usage.get("total_tokens") or 0))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return 0  # the estimate counts


def _open_gguf(source: ModelSource) -> Any:
    """A transport that asks llama.cpp in this process; it takes one request at a time."""
    if find_spec("llama_cpp") is None:
        raise ValueError(
            f"DAGUERRE_ASK_GGUF={str(source.gguf)!r} needs llama-cpp-python: pip install llama-cpp-python, which "
            "builds llama.cpp; or let llama-server read the file, and give its address as DAGUERRE_ASK_ADDRESS"
        )
    import httpx2
    from llama_cpp import Llama

    llama = Llama(
        str(source.gguf),
        n_ctx=_CONTEXT,
        chat_format="chatml-function-calling",
        verbose=False,
    )

    class InProcess(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> httpx2.Response:
            asked = json.loads(await request.aread())
            names = ("messages", "tools", "tool_choice")
            wanted = {name: asked[name] for name in names if name in asked}
            most = asked.get("max_completion_tokens") or asked.get("max_tokens")
            told = await asyncio.to_thread(
                llama.create_chat_completion, **wanted, max_tokens=most
            )
            return httpx2.Response(200, json=told)

    return InProcess()
