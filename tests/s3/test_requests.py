"""What is asked of a bucket: a version that was opened here is not fetched again, and sessions do not add up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assets.storage import Folder
from assets.tables.schemas import TABLES, to_table
from checks.gates import INTAKE_TABLES, gate_session
from orchestration.resources import build_catalog, build_intake


@pytest.fixture
def requests(monkeypatch) -> Callable[[], Iterator[list[str]]]:
    """`with requests() as seen`: what the server was asked meanwhile, "GET /bucket/key?..." each."""
    server = logging.getLogger("werkzeug")
    monkeypatch.setattr(server, "propagate", False)

    @contextmanager
    def record() -> Iterator[list[str]]:
        seen: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda line: seen.append(line.getMessage().split('"')[1])  # type: ignore[method-assign]
        before = server.level
        server.setLevel(logging.INFO)
        server.addHandler(handler)
        try:
            yield seen
        finally:
            server.removeHandler(handler)
            server.setLevel(before)

    return record


def point_at(settings, target: str) -> None:
    rows = [{"pointer": "release/detection", "target": target}]
    build_catalog(settings).upsert("pointers", to_table(TABLES["pointers"], rows))


def test_a_version_that_was_opened_is_asked_for_by_its_number_alone(settings, requests):
    point_at(settings, "one")
    with requests() as first:
        assert build_catalog(settings).pointed("release/detection") == "one"
    with requests() as second:
        assert build_catalog(settings).pointed("release/detection") == "one"
    assert first and second
    assert not [r for r in second if "/_versions/" in r.split("?")[0]], "a manifest"
    assert len(second) < len(first) or len(second) <= 2


def test_a_table_that_was_made_anew_under_the_same_numbers_reads_as_it_is(
    settings, requests
):
    from s3fs import S3FileSystem

    point_at(settings, "one")
    catalog = build_catalog(settings)
    assert catalog.pointed("release/detection") == "one"
    number = catalog.latest_version("pointers")
    S3FileSystem(**settings.file_options).rm(
        f"{settings.tables_uri}/pointers.lance", recursive=True
    )
    point_at(settings, "other")
    assert catalog.latest_version("pointers") == number
    assert catalog.pointed("release/detection") == "other"


def test_the_fourth_session_costs_no_more_requests_than_the_second(
    settings, requests, make_png, tmp_path
):
    intake = build_intake(settings)
    costs = [
        take_in(intake, tmp_path / f"day-{number}", make_png, requests)
        for number in range(4)
    ]
    assert costs[3] <= 1.05 * costs[1]
    assert costs[3] < 400


def take_in(intake, folder: Path, make_png, requests) -> int:
    """The number of requests for a session of two pictures and its gates."""
    folder.mkdir()
    for seed, name in enumerate("ab"):
        (folder / f"{name}.png").write_bytes(make_png(10 * int(folder.name[-1]) + seed))
    with requests() as seen:
        report = intake.ingest(Folder(str(folder)), folder.name)
        for table in INTAKE_TABLES:
            gate_session(intake.catalog, table, folder.name)
    assert report.frames == 2
    return len(seen)
