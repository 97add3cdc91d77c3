"""Fetch the next files of a bucket while the present one is read: one request at a time would wait most of the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from types import TracebackType
from typing import BinaryIO, Self

from assets.storage import Folder, SessionFile

NUM_THREADS = 16
# fetched and not yet asked for
MAX_FILES = 64
MAX_BYTES = 64 << 20
MAX_FILE_BYTES = 4 << 20  # larger ones are opened when they are asked for


class ReadAhead:
    """Opens the files of a folder, those of `files` best in this order. A local folder is simply opened."""

    def __init__(self, folder: Folder, files: Sequence[SessionFile]) -> None:
        self._folder = folder
        self._next = deque(
            ()
            if folder.is_local
            else (f for f in files if f.size_bytes <= MAX_FILE_BYTES)
        )
        self._fetched: dict[str, Future[bytes]] = {}
        self._num_bytes = 0
        self._pool = ThreadPoolExecutor(NUM_THREADS) if self._next else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def open(self, file: SessionFile) -> BinaryIO:
        """The file's bytes, seekable. Raises what opening or reading it raises."""
        self._fetch_more()
        future = self._fetched.pop(file.path, None)
        if future is None:
            return self._folder.open(file)
        self._num_bytes -= file.size_bytes
        return BytesIO(future.result())

    def _fetch_more(self) -> None:
        while (
            self._pool
            and self._next
            and len(self._fetched) < MAX_FILES
            and self._num_bytes < MAX_BYTES
        ):
            file = self._next.popleft()
            self._num_bytes += file.size_bytes
            self._fetched[file.path] = self._pool.submit(self._read, file)

    def _read(self, file: SessionFile) -> bytes:
        with self._folder.open(file) as stream:
            # one more shows that the file has grown
            return stream.read(file.size_bytes + 1)
