"""A child process of a server that answers messages: started with a pair of sockets, asked, ended."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from assets.sandbox.child_process import make_environment
from assets.serving.protocol import PLACES, Message, NoMessage, pack, receive_soon
from assets.serving.shared import SharedMemory

_END_S = 3.0
_READ_BYTES = 1 << 20


class ChildLost(Exception):
    """The process has ended, or was ended, before it answered."""


class _Reader(asyncio.StreamReader):
    """One that knows when the other end has gone, also while nobody reads."""

    def __init__(self) -> None:
        super().__init__(limit=_READ_BYTES)
        self.is_over = False
        self.tell: Callable[[], None] | None = None

    def feed_eof(self) -> None:
        super().feed_eof()
        self._end()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._end()

    def _end(self) -> None:
        self.is_over = True
        if self.tell is not None:
            self.tell()


class Child:
    """One process, from `start` on."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: _Reader,
        writer: asyncio.StreamWriter,
        memory: SharedMemory | None = None,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._memory = memory
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, or hung up."""
        return self._reader.is_over

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Call this once it has."""
        self._reader.tell = tell
        if self.is_gone:
            tell()

    @property
    def num_unsent(self) -> int:
        """Bytes that it has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    async def ask(self, message: Message, pieces: Sequence[bytes] = ()) -> Message:
        """Its answer; who asks meanwhile waits for his turn. Raises ChildLost."""
        async with self._turn:
            try:
                self._writer.write(b"".join(self._pack(message, pieces)))
                await self._writer.drain()
                return await receive_soon(self._reader)
            except (OSError, asyncio.IncompleteReadError) as error:
                raise ChildLost(f"process {self.pid} ended") from error
            except NoMessage as error:
                raise self.give_up(str(error)) from error
            except asyncio.CancelledError:
                # a late answer must not be taken for the next one's
                self._process.kill()
                raise

    def give_up(self, why: str) -> ChildLost:
        """End a process that says what nobody can use."""
        self._process.kill()
        return ChildLost(f"process {self.pid} said {why}")

    def _pack(self, message: Message, pieces: Sequence[bytes]) -> list[bytes]:
        places = self._memory.put(pieces) if self._memory and pieces else None
        if places is None:
            return pack(message, pieces)
        return pack({**message, PLACES: places})

    def tell(self, message: Message, pieces: Sequence[bytes] = ()) -> None:
        """Send what has no answer, and wait for nothing."""
        self._writer.writelines(pack(message, pieces))

    async def end(self) -> None:
        """Hang up, and leave nothing of it, also where nobody waits for that."""
        self._writer.close()
        try:
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, _END_S)
        finally:
            _end_now(self._process)
            if self._memory is not None:
                self._memory.close()


async def start_child(
    module: str,
    log: Path | None = None,
    is_trusted: bool = False,
    memory: SharedMemory | None = None,
) -> Child:
    """Run a module of ours on one thread a library; it finds its end of the sockets by its argument.

    Behind it stands the descriptor of the `memory`, where there is one. Of the environment, which holds secrets, who
    `is_trusted` has all, others what they take to start.
    """
    ours, theirs = socket.socketpair()
    env = make_environment()
    if is_trusted:
        env = {**os.environ, **env}
    with theirs:
        descriptors = [theirs.fileno()]
        if memory is not None:
            descriptors.append(memory.descriptor)
        stream = subprocess.DEVNULL if log is None else log.open("ab")
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=env,
                pass_fds=descriptors,
                process_group=0,  # Ctrl-C is for who started it
            )
        finally:
            if not isinstance(stream, int):
                stream.close()
    ours.setblocking(False)
    reader = _Reader()
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
    except BaseException:
        ours.close()
        _end_now(process)
        raise
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    return Child(process, reader, writer, memory)


def _end_now(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
