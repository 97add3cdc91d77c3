"""The rows of a table as a sequence of dictionaries, each made when it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import pyarrow as pa

Row = dict[str, Any]
_AT_ONCE = 4_096  # rows


class RowSequence(Sequence[Row]):
    """Reads like a list of rows, and equals one; only the columns are held."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        places = range(len(self))[place]
        if isinstance(places, int):
            return dict(self.table.slice(places, 1).to_pylist()[0])
        return list(self.table.take(pa.array(places, pa.int64())).to_pylist())

    def __iter__(self) -> Iterator[Row]:
        for batch in self.table.to_batches(_AT_ONCE):
            yield from batch.to_pylist()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"RowSequence({list(self)!r})"
