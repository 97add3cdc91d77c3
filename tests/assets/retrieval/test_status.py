"""The state of a home at a glance, without changing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assets.choice import Choice
from assets.landing import LandingZone
from assets.monitoring.reach import OUTSIDE
from assets.retrieval.quarantine import drop, find_files
from assets.retrieval.status import Home, read_status
from assets.storage import Folder
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from bench.synthetic_home import plain_row


@pytest.fixture
def home_of(world, tmp_path):
    """The world's home with an empty landing zone, and its session registered from where it was landed."""
    (tmp_path / "landing").mkdir()
    zone = LandingZone(Folder(str(tmp_path / "landing")), world.stores.ledger)
    zone.register("monday", Folder(str(world.landed)))
    return Home(world.catalog, zone, world.stores.home)


def test_a_session_that_was_taken_in_has_its_counts(home_of, world):
    (session,) = read_status(home_of)["sessions"]
    frames = home_of.catalog.dataset("frames").count_rows()
    size_bytes = sum(
        p.stat().st_size
        for p in Path(home_of.zone.locate("monday").uri).rglob("*")
        if p.is_file()
    )
    assert session == {
        "session": "monday",
        "place": str(world.landed),
        "state": "ingested",
        "files": 7,
        "size_bytes": size_bytes,
        "waiting": 0,
        "ingested": 7,
        "quarantined": 0,
        "dropped": 0,
        "frames": frames,
        "copy_of": [],
        "held": [],
        "alike": "",
        "fault": "",
    }


def test_a_session_of_a_camera_that_stands_still_is_told_with_the_number_and_what_helps(
    home_of,
):
    ids = [content_id(n) for n in range(30)]
    rows = [
        plain_row(
            "unique_frames",
            {"frame_id": i, "session": "monday", "duplicate_of": ids[0] if n else None},
        )
        for n, i in enumerate(ids)
    ]
    home_of.catalog.merge("unique_frames", to_table(TABLES["unique_frames"], rows))
    (session,) = read_status(home_of)["sessions"]
    assert session["alike"].startswith("29 of 30 frames are near-duplicates of others")


def test_files_that_came_or_changed_since_wait(home_of, world, make_png):
    (world.landed / "late.png").write_bytes(make_png(9))
    # rewritten: another version of the same path
    os.utime(world.landed / "README.md", ns=(1, 1))
    (session,) = read_status(home_of)["sessions"]
    assert (
        session["state"],
        session["files"],
        session["waiting"],
        session["ingested"],
    ) == ("waiting", 8, 2, 6)


def test_a_landed_folder_is_waiting_and_an_unusable_name_is_told(home_of, tmp_path):
    (tmp_path / "landing" / "Tuesday 7").mkdir()
    (tmp_path / "landing" / "Tuesday 7" / "a.txt").write_text("a")
    (tmp_path / "landing" / "...").mkdir()
    facts = read_status(home_of)
    assert [(s["session"], s["state"]) for s in facts["sessions"]] == [
        ("monday", "ingested"),
        ("tuesday-7", "waiting"),
    ]
    assert facts["unusable_folders"] == ["..."]


def test_a_source_that_is_gone_is_told_and_hides_no_neighbour(home_of, tmp_path):
    home_of.zone.ledger.register_source("gone", str(tmp_path / "unplugged"))
    home_of.zone.ledger.put_off("listing", "gone", 2, "no such folder")
    facts = read_status(home_of)
    assert [(s["session"], s["state"]) for s in facts["sessions"]] == [
        ("gone", "unreachable"),
        ("monday", "ingested"),
    ]
    assert "daguerre forget" in facts["sessions"][0]["fault"]
    (pause,) = facts["pauses"]
    assert (pause["session"], pause["num_failures"]) == ("gone", 2)
    assert 0 < pause["left_s"] <= 120


def test_a_landing_zone_that_is_away_is_told(home_of, tmp_path, permissions_bind):
    (tmp_path / "landing").chmod(0)
    facts = read_status(home_of)
    (tmp_path / "landing").chmod(0o755)
    assert "Permission denied" in facts["landing_fault"]
    assert [s["session"] for s in facts["sessions"]] == ["monday"]


def test_a_held_session_says_which_table_and_why(home_of):
    home_of.catalog.hold("frames", "monday", 99, "sharpness is missing")
    (session,) = read_status(home_of)["sessions"]
    assert session["state"] == "held"
    assert session["held"] == [{"table": "frames", "reason": "sharpness is missing"}]


def test_a_dropped_file_is_no_longer_a_reason_to_look(home_of, world):
    (world.landed / "odd.xyz").write_text("?")
    world.intake.ingest(Folder(str(world.landed)), "monday")
    assert read_status(home_of)["sessions"][0]["state"] == "partial"
    drop(
        home_of.zone,
        find_files(home_of.zone, "monday", ["odd.xyz"], ("quarantined",)),
        "ada",
        "2026-11-21T12:00:00Z",
    )
    (session,) = read_status(home_of)["sessions"]
    assert (session["state"], session["quarantined"], session["dropped"]) == (
        "ingested",
        0,
        1,
    )


def test_a_session_whose_folder_is_gone_keeps_its_rows(home_of, world):
    world.landed.rename(world.landed.with_name("elsewhere"))
    (session,) = read_status(home_of)["sessions"]
    assert (session["state"], session["files"]) == ("gone", 0) and session["frames"] > 0


def test_tables_have_rows_versions_and_sizes(home_of):
    tables = {t["table"]: t for t in read_status(home_of)["tables"]}
    assert tables["splits"]["rows"] == 4 and tables["models"]["rows"] == 1
    assert (
        tables["frames"]["published"] == tables["frames"]["version"]
        and tables["models"]["published"] is None
    )
    # four pictures of noise do not compress
    assert tables["frames"]["size_bytes"] > 4 * 16 * 12 * 3


def test_requests_are_open_until_a_later_champion(home_of):
    request = {
        "request_id": content_id("request"),
        "task": "detection",
        "session": "monday",
        "reason": "darker",
        "model_version": 1,
        "requested_ns": 1,
    }
    home_of.catalog.merge(
        "retraining_requests", to_table(TABLES["retraining_requests"], [request])
    )
    champion = {
        "task": "detection",
        "model_name": "daguerre-detection",
        "model_version": 1,
        "model_sha256": "0" * 64,
        "release_id": content_id("release"),
    }
    home_of.catalog.upsert("champions", to_table(TABLES["champions"], [champion]))
    facts = read_status(home_of)
    assert [c["model_version"] for c in facts["champions"]] == [1]
    (open_request,) = facts["retraining_requests"]
    assert open_request["reason"] == "darker"
    assert "`daguerre ui` starts one" in open_request["answer"]
    release = {
        "release_id": content_id("release"),
        "task": "detection",
        "content_sha256": "0" * 64,
        "class_names": ["ball"],
        "sessions": ["bccd"],
        "num_frames": 1,
        "num_labels": 1,
        "frames_version": 1,
        "code_version": "2",
        "choice": Choice(sessions=("bccd",)).text,
    }
    rows = to_table(TABLES["releases"], [release])
    home_of.catalog.merge("releases", rows)
    (out_of_reach,) = read_status(home_of)["retraining_requests"]
    assert out_of_reach["answer"] == OUTSIDE
    home_of.catalog.upsert(
        "champions", to_table(TABLES["champions"], [champion | {"model_version": 2}])
    )
    assert read_status(home_of)["retraining_requests"] == []


def test_a_capture_that_is_worked_on_is_a_lease(home_of):
    claim = home_of.zone.ledger.claim(content_id("some capture"), "other-machine:1:2:3")
    (lease,) = read_status(home_of)["leases"]
    assert lease["capture_id"] == claim.capture_id and lease["owner"].startswith(
        "other-machine:1:2:3"
    )
    assert 0 < lease["left_s"] <= home_of.zone.ledger.lease_s
    home_of.zone.ledger.release(claim)
    assert read_status(home_of)["leases"] == []


def test_disk_use_adds_up(home_of):
    disk = read_status(home_of)["disk"]
    parts = {
        name: size
        for name, size in disk.items()
        if name not in ("home_bytes", "free_bytes")
    }
    assert disk["home_bytes"] == sum(parts.values()) and {
        "tables",
        "blobs",
        "ledger.db",
        "models",
    } <= set(parts)


def test_decoded_images_count_as_what_they_take_of_the_disk(home_of):
    before = read_status(home_of)
    assert before["pixel_cache_bytes"] == 0
    folder = Workspace(home_of.folder).pixels.folder
    folder.mkdir(parents=True)
    with (folder / "a.pixels").open("wb") as file:
        file.truncate(2**24)
        file.write(b"1" * 2**16)
        os.fsync(file.fileno())
    after = read_status(home_of)
    assert 2**16 <= after["pixel_cache_bytes"] < 2**17
    assert after["disk"]["cache"] == after["pixel_cache_bytes"]


def test_looking_changes_nothing(home_of, world):
    before = {
        p: p.stat().st_mtime_ns
        for p in world.stores.home.rglob("*")
        if p.is_file() and "ledger" not in p.name
    }
    versions = {n: world.catalog.latest_version(n) for n in world.catalog.names()}
    read_status(home_of)
    after = {
        p: p.stat().st_mtime_ns
        for p in world.stores.home.rglob("*")
        if p.is_file() and "ledger" not in p.name
    }
    assert (
        after == before
        and {n: world.catalog.latest_version(n) for n in world.catalog.names()}
        == versions
    )
