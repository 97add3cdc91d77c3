"""One JSON value on stdout: rows of a table are written one at a time, as a list of them would be."""

from __future__ import annotations

import json
from itertools import islice

import pyarrow as pa
import pytest

from assets.tables.row_sequence import RowSequence
from orchestration.cli.output import draw_tree, write_json

ROWS = [{"frame_id": f"f{n}", "name": 'a "b"\n', "t_ns": n or None} for n in range(20)]


def list_rows(count: int = len(ROWS)) -> RowSequence:
    return RowSequence(pa.Table.from_pylist(ROWS).slice(0, count))


@pytest.mark.parametrize(
    "facts",
    [
        {"up": {"frames": ROWS, "none": []}, "count": 2},
        {"frames": ROWS, "nested": {"a": [1, {"b": []}]}, "empty": {}},
        ROWS,
        [],
        {1: "a key that is no text", None: 2.5},
        "text",
        None,
    ],
)
def test_rows_are_written_as_json_writes_lists(facts):
    def hold(value):
        if value is ROWS:
            return list_rows()
        return (
            {k: hold(v) for k, v in value.items()} if isinstance(value, dict) else value
        )

    assert "".join(write_json(hold(facts))) == json.dumps(facts, indent=2)


def test_no_rows_are_an_empty_list():
    assert "".join(write_json({"frames": list_rows(0)})) == '{\n  "frames": []\n}'


def test_a_row_is_written_before_the_next_is_made():
    class Watched(RowSequence):
        num_made = 0

        def __iter__(self):
            for row in super().__iter__():
                self.num_made += 1
                yield row

    rows = Watched(list_rows().table)
    begun = "".join(islice(write_json(rows), 4))
    assert begun.count("frame_id") == 2 and rows.num_made == 2


def test_of_many_rows_the_first_are_drawn_and_the_others_counted():
    assert draw_tree({"frames": list_rows()}) == draw_tree({"frames": ROWS})
    assert draw_tree({"frames": list_rows()}).endswith("8 more: --json prints all")
