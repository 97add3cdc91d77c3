"""Take the fields of a ROS message one after the other, as ROS 1 and ROS 2 (CDR) write them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

NS = 1_000_000_000


class MessageFields:
    """Takes the values of a message one after the other. Raises ValueError where it ends before."""

    def __init__(self, data: bytes | memoryview, is_cdr: bool) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._is_cdr = is_cdr
        self._order: Literal["little", "big"] = "little"
        if is_cdr:
            head = bytes(self._take(4))
            if head[0] != 0 or head[1] not in (0, 1):
                raise ValueError(f"a CDR message that begins with {head!r}")
            self._order = "little" if head[1] else "big"

    def _take(self, size: int) -> memoryview:
        if self._at + size > len(self._data):
            raise ValueError(f"the message ends inside a field of {size} bytes")
        self._at += size
        return self._data[self._at - size : self._at]

    def _align(self, size: int) -> None:
        """CDR places a value at a multiple of its size, counted behind its head."""
        if self._is_cdr:
            self._take(-(self._at - 4) % size)

    def number(self, size: int = 4, is_signed: bool = False) -> int:
        """The next integer, of `size` bytes."""
        self._align(size)
        return int.from_bytes(self._take(size), self._order, signed=is_signed)

    def reals(self, count: int, size: int) -> NDArray[np.floating]:
        """The next `count` numbers of `size` bytes, (count,), float32 or float64."""
        if count:
            self._align(size)
        kind = np.dtype(f"{'<' if self._order == 'little' else '>'}f{size}")
        return np.frombuffer(self._take(count * size), kind)

    def real(self, size: int) -> float:
        """The next number of `size` bytes."""
        return float(self.reals(1, size)[0])

    def text(self) -> str:
        """The next text; CDR ends it with a zero byte."""
        return bytes(self._take(self.number())).rstrip(b"\0").decode("utf-8", "replace")

    def bytes(self) -> memoryview:
        """The next list of bytes."""
        return self._take(self.number())

    def stamp_ns(self) -> int:
        """The next time: seconds, which ROS 2 signs, and nanoseconds."""
        return self.number(is_signed=self._is_cdr) * NS + self.number()

    def header(self) -> tuple[int, str | None]:
        """The next std_msgs/Header: its stamp in nanoseconds, and the name of its frame where it has one."""
        if not self._is_cdr:
            self.number()  # seq
        return self.stamp_ns(), self.text().strip("/") or None
