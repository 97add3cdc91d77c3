"""A child process of a server that answers messages: started with a pair of sockets, asked, ended."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from assets.serving.protocol import Message, pack, receive_soon

_ROOT = Path(__file__).resolve().parents[2]
_END_S = 3.0
_READ_BYTES = 1 << 20
# each child is one thread of work: libraries start none of their own
_THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
# for glibc, which would give the memory of a batch back to the system after each, to fetch and clear it for the next
_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class ChildLost(Exception):
    """The process has ended, or was ended, before it answered."""


class Child:
    """One process, from `start` on."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_gone(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def num_unsent(self) -> int:
        """Bytes that it has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    async def ask(self, message: Message, pieces: Sequence[bytes] = ()) -> Message:
        """Its answer; who asks meanwhile waits for his turn. Raises ChildLost."""
        async with self._turn:
            try:
                self._writer.writelines(pack(message, pieces))
                await self._writer.drain()
                return (await receive_soon(self._reader))[0]
            except (OSError, asyncio.IncompleteReadError) as error:
                raise ChildLost(f"process {self.pid} ended") from error
            except asyncio.CancelledError:
                # a late answer must not be taken for the next one's
                self._process.kill()
                raise

    def tell(self, message: Message, pieces: Sequence[bytes] = ()) -> None:
        """Send what has no answer, and wait for nothing."""
        self._writer.writelines(pack(message, pieces))

    async def end(self) -> None:
        """Hang up, and leave nothing of it."""
        self._writer.close()
        waiting = asyncio.to_thread(self._process.wait, _END_S)
        try:
            await waiting
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


async def start_child(module: str, log: Path | None = None) -> Child:
    """Run a module of ours, which finds its end of the sockets by its argument."""
    ours, theirs = socket.socketpair()
    paths = filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", "")))
    env = {**os.environ, **_THREADS, **_MEMORY, "PYTHONPATH": os.pathsep.join(paths)}
    with theirs:
        descriptor = theirs.fileno()
        stream = subprocess.DEVNULL if log is None else log.open("ab")
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=env,
                pass_fds=(descriptor,),
                process_group=0,  # Ctrl-C is for who started it
            )
        finally:
            if not isinstance(stream, int):
                stream.close()
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours, limit=_READ_BYTES)
    return Child(process, reader, writer)
