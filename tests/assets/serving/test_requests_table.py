"""The table of sampled requests: rows go when their time is over, and what stays is judged and told."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.serving.defs import requests
from assets.serving.retention import drop_expired
from assets.tables.catalog import Catalog
from assets.tables.rows import RequestRow
from assets.tables.schemas import TABLES, to_table
from checks.gates import gate_session


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


def store(catalog: Catalog, *rows: RequestRow) -> None:
    catalog.merge("requests", to_table(TABLES["requests"], rows))


def test_rows_whose_time_is_over_go_and_others_stay(catalog, request_row):
    store(
        catalog,
        request_row("old", keep_until_ns=4_999),
        request_row("last", keep_until_ns=5_000),
    )
    assert drop_expired(catalog, now_ns=5_000) == 1
    (left,) = catalog.read_latest("requests", ["keep_until_ns"]).to_pylist()
    assert left == {"keep_until_ns": 5_000}


def test_nobody_has_asked_and_nothing_goes(catalog):
    assert drop_expired(catalog) == 0
    assert not catalog.exists("requests")


def test_the_gate_takes_sampled_rows_and_a_home_without_any(catalog, request_row):
    assert all(v.passed for v in gate_session(catalog, "requests", None))
    store(catalog, request_row("one"), request_row("two", confidence=None, scores=[]))
    assert all(v.passed for v in gate_session(catalog, "requests", None))


def test_the_gate_refuses_a_confidence_above_one(catalog, request_row):
    store(catalog, request_row("one", confidence=1.5))
    assert not all(v.passed for v in gate_session(catalog, "requests", None))


def test_the_asset_tells_latencies_by_model_and_role(catalog, request_row):
    far = 2**62
    store(
        catalog,
        request_row("one", keep_until_ns=far, latency_ms=10.0),
        request_row("two", keep_until_ns=far, latency_ms=30.0),
        request_row("new", keep_until_ns=far, model_version=2, role="shadow"),
        request_row("old", keep_until_ns=1),
    )
    made = requests(catalog=catalog)
    assert isinstance(made, dg.MaterializeResult)
    # of 10 and 30 the median is 20
    assert made.metadata["daguerre-recognition v1, champion"].startswith(
        "2 rows, latency 20 ms (median)"
    )
    assert made.metadata["daguerre-recognition v2, shadow"].startswith("1 rows")
    assert made.metadata["rows whose time was over"] == 1
    assert made.metadata["dagster/row_count"] == 3
