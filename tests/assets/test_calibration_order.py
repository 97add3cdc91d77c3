"""Which calibration counts, by when its board was recorded."""

from __future__ import annotations

from assets.calibration_order import order_calibrations
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row

DAY_NS = 86_400 * 10**9
TODAY_NS = 20_000 * DAY_NS


def list_order(catalog: Catalog, **made_day: int) -> list[str]:
    """Names of calibrations that were computed on these days, from that which counts least."""
    rows = [
        {"session": name, "made_ns": TODAY_NS + day * DAY_NS}
        for name, day in made_day.items()
    ]
    return [row["session"] for row in order_calibrations(catalog, rows)]


def test_by_the_recording_and_where_no_clock_tells_it_by_the_computing(tmp_path):
    catalog = Catalog(str(tmp_path))
    assert list_order(catalog, old=1, new=0) == ["new", "old"], "nothing is recorded"
    # of "undated" the clock counts from when it was switched on
    ends = {"old": TODAY_NS - 9 * DAY_NS, "new": TODAY_NS - DAY_NS, "undated": DAY_NS}
    rows = [
        plain_row(
            "clock_reports",
            {"report_id": content_id(name), "session": name, "end_ns": end_ns},
        )
        for name, end_ns in ends.items()
    ]
    catalog.merge("clock_reports", to_table(TABLES["clock_reports"], rows))
    assert list_order(catalog, old=1, new=0) == ["old", "new"]
    assert list_order(catalog, old=1, undated=0, new=0) == ["old", "new", "undated"]
    assert list_order(catalog, undated=-2, new=3) == ["undated", "new"]
    assert list_order(catalog, a=0, b=0) == ["a", "b"], (
        "by name where all else is equal"
    )
