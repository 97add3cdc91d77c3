"""Where in a condition or a statement DuckDB finds a mistake: counted from 1, and never guessed."""

from __future__ import annotations

import pytest

from assets.ledger import Ledger
from assets.retrieval.query import QueryError, run_query
from assets.tables.sql import find_frames


@pytest.mark.parametrize(
    ("condition", "at"),
    [
        ("sensr = 1", 1),
        ("t_ns > 3 and sensr = 1", 14),
        ("sensor = 'left' andd t_ns > 3", 22),
        ("select 1", 1),
        ("sensor = 'left' and foo(t_ns) > 2", 21),
        ("'x", 1),
        ("t_ns > 'abc'", 8),
    ],
)
def test_a_condition_that_is_none_is_told_with_its_place_and_the_columns(
    catalog, frame_rows, condition: str, at: int
):
    catalog.merge("frames", frame_rows(1))
    with pytest.raises(ValueError, match="the columns are frame_id, ") as caught:
        find_frames(catalog, condition)
    told = str(caught.value)
    assert f"is no condition on frames: at character {at}: " in told
    assert "\n" not in told and "LINE" not in told


def test_of_a_name_that_there_is_not_the_first_place_is_told(catalog):
    with pytest.raises(ValueError, match="at character 1: ") as caught:
        find_frames(catalog, "sensr = 1 or sensr = 2")
    assert "sensr" in str(caught.value)


def test_a_statement_has_its_place_too(catalog, tmp_path):
    ledger = Ledger("sqlite://")
    for sql, at in (("select sensr from frames", 8), ("selec 1", 1)):
        with pytest.raises(QueryError, match=rf"^at character {at}: "):
            run_query(catalog, ledger, sql)
    with pytest.raises(QueryError, match='Did you mean "frames"') as caught:
        run_query(catalog, ledger, "select * from framess")
    assert "\n" not in str(caught.value)
