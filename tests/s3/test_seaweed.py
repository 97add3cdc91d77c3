"""A server that keeps its data: what it acknowledged is there after kill -9, and the home goes on."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from assets.retrieval.verify import Stores, verify
from assets.storage import BlobStore
from bench.prove.seaweed import Weed, WeedMissing
from orchestration.health.stores import try_store
from orchestration.resources import build_intake, build_landing_zone


@pytest.fixture
def weed(credentials, tmp_path_factory) -> Iterator[Weed]:
    try:
        server = Weed(tmp_path_factory.mktemp("weed"))
    except WeedMissing as missing:
        pytest.skip(str(missing))
    with server.running():
        yield server


def test_what_was_acknowledged_survives_kill_9_and_the_home_goes_on(
    weed, make_settings, make_png, recording
):
    settings = make_settings(weed.endpoint)
    blobs = BlobStore(settings.blobs_uri, settings.file_options)
    names = [blobs.put(io.BytesIO(f"blob {n}".encode() * 1000)) for n in range(40)]
    intake = build_intake(settings)
    zone = build_landing_zone(settings)
    zone.folder.fs.pipe_file(f"{settings.landing_uri}/monday/drive.mcap", recording)
    zone.folder.fs.pipe_file(f"{settings.landing_uri}/monday/images/a.png", make_png(1))
    first = intake.ingest(zone.locate("monday"), "monday")
    weed.kill()
    weed.start()
    assert set(names) <= set(blobs.names())
    assert all(blobs.matches(name) for name in names)
    zone.folder.fs.pipe_file(f"{settings.landing_uri}/monday/images/b.png", make_png(2))
    intake = build_intake(settings)
    again = intake.ingest(zone.locate("monday"), "monday")
    assert (first.new, again.new, again.already_ingested, again.frames) == (
        2,
        1,
        2,
        first.frames + 1,
    )
    assert (
        verify(Stores(intake.catalog, intake.ledger, intake.blobs, settings.home)) == []
    )


def test_a_server_of_another_maker_is_found_fit_for_writers_that_race(
    weed, make_settings, monkeypatch
):
    settings = make_settings(weed.endpoint)
    for name, uri in (("tables", settings.tables_uri), ("blobs", settings.blobs_uri)):
        found = try_store(name, uri, settings, races=True)
        assert found.is_good, found.line
        assert found.may[-1] == "write once among racers"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "harmless-marker-5309")
    wrong = try_store("blobs", settings.blobs_uri, settings, races=True)
    assert not wrong.is_good and "AWS_SECRET_ACCESS_KEY" in wrong.remedy
    assert "marker" not in wrong.line
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    unknown = try_store("blobs", settings.blobs_uri, settings, races=True)
    assert not unknown.is_good and "AWS_ACCESS_KEY_ID" in unknown.remedy
