"""Rows of a table as a sequence: what a list of them would say, and each row made when it is looked at."""

from __future__ import annotations

import pyarrow as pa
import pytest

from assets.tables.row_sequence import RowSequence

ROWS = [{"frame_id": f"f{n}", "t_ns": n or None} for n in range(5)]


@pytest.fixture
def rows() -> RowSequence:
    table = pa.Table.from_pylist(ROWS)
    return RowSequence(pa.concat_tables([table.slice(0, 2), table.slice(2)]))


@pytest.mark.parametrize("place", [0, 4, -1, slice(1, 4), slice(None, None, 2)])
def test_it_reads_like_a_list(rows, place):
    assert rows[place] == ROWS[place]


def test_it_equals_the_list_of_its_rows_and_no_other(rows):
    assert rows == ROWS and list(rows) == ROWS and len(rows) == 5
    assert rows != ROWS[:4] and rows != [*ROWS[:4], {"frame_id": "f4", "t_ns": 0}]
    assert RowSequence(rows.table.slice(0, 0)) == []


def test_there_is_no_row_behind_the_last(rows):
    with pytest.raises(IndexError):
        rows[5]
