"""Keep what was read of a table, and read only what is new in its next version.

A fragment's rows change only with its files, whose names nothing else has, now or later. So rows are kept by fragment,
and of a version that is asked for next those fragments are read that were not there, or lost rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import lance

_ADDRESS = "_rowaddr"  # the number of the fragment in its upper half
_Files = tuple[int, tuple[str, ...], str | None]


class FollowedRows:
    """Some columns of the rows that `where` holds for, as they were read last."""

    def __init__(self, columns: Sequence[str], where: str) -> None:
        self._columns = list(columns)
        self._where = where
        self._parts: dict[_Files, pa.Table] = {}

    def read(self, dataset: lance.LanceDataset) -> pa.Table:
        """The rows of this version, in the order of the table."""
        fragments = {_name_files(one): one for one in dataset.get_fragments()}
        parts = {files: self._parts.get(files) for files in fragments}
        came = {
            files: fragments[files] for files, rows in parts.items() if rows is None
        }
        if came:
            parts |= self._read_parts(dataset, came)
        self._parts = {files: rows for files, rows in parts.items() if rows is not None}
        schema = pa.schema([dataset.schema.field(name) for name in self._columns])
        return pa.concat_tables([schema.empty_table(), *self._parts.values()])

    def _read_parts(
        self, dataset: lance.LanceDataset, came: dict[_Files, lance.LanceFragment]
    ) -> dict[_Files, pa.Table]:
        """The rows of each of these fragments, read in one scan."""
        found = dataset.scanner(
            columns=self._columns,
            filter=self._where,
            fragments=list(came.values()),
            with_row_address=True,
        ).to_table()
        fragment = found[_ADDRESS].to_numpy() >> np.uint64(32)
        rows = found.select(self._columns)
        return {
            files: rows.filter(pc.equal(pa.array(fragment), files[0])).combine_chunks()
            for files in came
        }


def _name_files(fragment: lance.LanceFragment) -> _Files:
    data = tuple(file.path for file in fragment.metadata.files)
    return fragment.fragment_id, data, fragment.deletion_file()
