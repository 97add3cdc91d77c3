"""Requests at a fixed rate, whatever becomes of those before: the load that a server meets from many who do not wait.

Requests are written as they are due on connections that stay open, the longest free one first; latency counts from when
a request was due. Needs the standard library alone, and takes little of the processor that it shares with the server.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came back. `latencies_s` are of answers with status 200."""

    num_sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers with status 200, until the last."""
        return len(self.latencies_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Of the latencies; infinite without any."""
        ordered = sorted(self.latencies_s)
        if not ordered:
            return float("inf")
        return 1e3 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, free: deque[_Connection]) -> None:
        self._free = free
        self._received = b""
        self._done: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """The status of the answer."""
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(body) >= size:
            self._received = b""
            self._free.append(self)
            self._done.set_result(int(head[9:12]))

    def connection_lost(self, error) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(0)


async def offer(
    port: int, requests: Sequence[bytes], rate: float, seconds: float
) -> Load:
    """Offer `rate` requests a second for so long, and wait for all that was asked."""
    load = Load()
    free: deque[_Connection] = deque()
    loop = asyncio.get_running_loop()

    async def one(request: bytes, due_s: float) -> None:
        if not free:
            _, made = await loop.create_connection(
                lambda: _Connection(free), "127.0.0.1", port
            )
        else:
            made = free.popleft()
        status = await made.ask(request)
        load.statuses[status] = load.statuses.get(status, 0) + 1
        if status == 200:
            load.latencies_s.append(time.perf_counter() - due_s)

    began_s = time.perf_counter()
    asked = []
    for number in range(int(rate * seconds)):
        due_s = began_s + number / rate
        pause_s = due_s - time.perf_counter()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        asked.append(asyncio.create_task(one(requests[number % len(requests)], due_s)))
    load.num_sent = len(asked)
    await asyncio.gather(*asked)
    load.seconds = time.perf_counter() - began_s
    while free:
        free.popleft().transport.close()
    return load
