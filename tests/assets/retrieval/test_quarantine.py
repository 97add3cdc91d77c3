"""List what could not be read, take it again, acknowledge it; no byte and no word of a reason is lost."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.retrieval.quarantine import drop, find_files, list_quarantine, reopen
from assets.storage import Folder

AT = "2026-11-21T12:00:00Z"


@pytest.fixture
def landed(tmp_path, make_png, recording):
    """monday: a good picture, a cut one, a file of no known format, and a recording in which one frame is corrupt."""
    folder = tmp_path / "landing" / "monday"
    folder.mkdir(parents=True)
    (folder / "good.png").write_bytes(make_png(1))
    (folder / "cut.png").write_bytes(make_png(2)[:60])
    (folder / "odd.xyz").write_text("?")
    (folder / "drive.mcap").write_bytes(recording)
    return folder


@pytest.fixture
def zone(landed, intake):
    intake.ingest(Folder(str(landed)), "monday")
    return LandingZone(Folder(str(landed.parent)), intake.ledger)


def states(zone: LandingZone) -> dict[str, str]:
    return {path: o.outcome for (path, _), o in zone.ledger.outcomes("monday").items()}


def test_files_and_records_are_listed_with_reason_and_remedy(zone, catalog):
    entries = list_quarantine(catalog, zone)
    assert all(
        e["reason"] and e["remedy"] and e["session"] == "monday" for e in entries
    )
    assert {(e["path"], e["what"]) for e in entries} >= {
        ("cut.png", "file"),
        ("odd.xyz", "file"),
        ("drive.mcap", "record"),
    }
    assert len([e for e in entries if e["what"] == "file"]) == 2
    assert all(e["offset"] is not None for e in entries if e["what"] == "record")


def test_another_session_has_none_of_it(zone, catalog):
    assert list_quarantine(catalog, zone, "tuesday") == []


def test_a_file_that_was_replaced_is_listed_no_more(
    zone, catalog, intake, landed, make_png
):
    (landed / "cut.png").write_bytes(make_png(2))
    assert "cut.png" not in {e["path"] for e in list_quarantine(catalog, zone)}
    intake.ingest(Folder(str(landed)), "monday")
    assert {
        e["path"] for e in list_quarantine(catalog, zone) if e["what"] == "file"
    } == {"odd.xyz"}


def test_a_good_file_overwritten_by_garbage_is_listed(zone, catalog, intake, landed):
    (landed / "good.png").write_bytes(b"\x89PNG\r\n\x1a\n garbage")
    intake.ingest(Folder(str(landed)), "monday")
    assert "good.png" in {e["path"] for e in list_quarantine(catalog, zone)}


def test_retry_forgets_quarantined_files_alone_and_intake_judges_them_again(
    zone, intake, landed
):
    reopened, gone = reopen(zone, find_files(zone, "monday", [], ("quarantined",)))
    assert {o.path for o in reopened} == {"cut.png", "odd.xyz"} and not gone
    assert set(states(zone)) == {"good.png", "drive.mcap"}
    report = intake.ingest(Folder(str(landed)), "monday")
    assert (report.files, report.quarantined) == (4, 2)
    assert states(zone)["cut.png"] == states(zone)["odd.xyz"] == "quarantined"


def test_a_whole_container_that_is_taken_again_is_read_again(
    catalog, intake, tmp_path, recording
):
    """Its capture was complete, with nothing in it: that word is taken back too."""
    folder = tmp_path / "landing" / "monday"
    folder.mkdir(parents=True)
    (folder / "blank.mcap").write_bytes(
        recording[:8] + bytes(len(recording) - 208) + recording[-200:]
    )
    intake.ingest(Folder(str(folder)), "monday")
    zone = LandingZone(Folder(str(folder.parent)), intake.ledger)
    assert states(zone) == {"blank.mcap": "quarantined"}
    assert len(intake.ledger.committed()) == 1
    reopen(zone, find_files(zone, "monday", [], ("quarantined",)))
    assert intake.ledger.committed() == []
    intake.ingest(Folder(str(folder)), "monday")
    assert (
        states(zone) == {"blank.mcap": "quarantined"}
        and len(intake.ledger.committed()) == 1
    )


def test_retry_adds_no_row_twice(zone, catalog, intake, landed, read_tables):
    before = read_tables(catalog)
    reopen(zone, find_files(zone, "monday", [], ("quarantined",)))
    intake.ingest(Folder(str(landed)), "monday")
    assert read_tables(catalog) == before


def test_a_file_that_is_gone_keeps_its_outcome(zone, landed):
    (landed / "odd.xyz").unlink()
    reopened, gone = reopen(zone, find_files(zone, "monday", [], ("quarantined",)))
    assert [o.path for o in gone] == ["odd.xyz"] and [o.path for o in reopened] == [
        "cut.png"
    ]
    assert states(zone)["odd.xyz"] == "quarantined"


def test_dropped_is_acknowledged_and_says_by_whom_and_when(zone, catalog, landed):
    (found,) = find_files(zone, "monday", ["*.xyz"], ("quarantined",))
    drop(zone, [found], "ada", AT)
    assert states(zone)["odd.xyz"] == "dropped"
    (entry,) = [e for e in list_quarantine(catalog, zone) if e["what"] == "dropped"]
    assert (
        entry["reason"] == found.reason and f"dropped by ada at {AT}" in entry["remedy"]
    )
    assert (landed / "odd.xyz").read_text() == "?"


def test_dropped_stays_dropped_until_it_is_taken_again_by_name(zone, intake, landed):
    drop(zone, find_files(zone, "monday", ["odd.xyz"], ("quarantined",)), "ada", AT)
    report = intake.ingest(Folder(str(landed)), "monday")
    assert states(zone)["odd.xyz"] == "dropped"
    assert (
        report.files,
        report.already_ingested,
        report.quarantined,
        report.dropped,
    ) == (4, 2, 1, 1)
    reopen(zone, find_files(zone, "monday", ["odd.xyz"], ("quarantined", "dropped")))
    intake.ingest(Folder(str(landed)), "monday")
    assert states(zone)["odd.xyz"] == "quarantined"


def test_a_path_that_no_file_meets_is_a_mistake(zone):
    with pytest.raises(
        ValueError, match=r"no quarantined file of monday meets \*\.jpg"
    ):
        find_files(zone, "monday", ["*.jpg"], ("quarantined",))


def test_a_file_that_was_mended_is_taken_in_and_not_retried(zone, landed, make_png):
    (landed / "cut.png").write_bytes(make_png(2))
    told = re.escape(
        f"cut.png changed since it could not be read: `daguerre ingest {landed} --session monday` takes in"
    )
    with pytest.raises(ValueError, match=told):
        find_files(zone, "monday", ["cut.png"], ("quarantined",))
    assert [o.path for o in find_files(zone, "monday", [], ("quarantined",))] == [
        "odd.xyz"
    ]


def test_an_unknown_session_is_a_mistake(zone):
    with pytest.raises(FileNotFoundError, match="session 'friday'"):
        find_files(zone, "friday", [], ("quarantined",))


def test_decisions_survive_the_process(zone, home):
    drop(zone, find_files(zone, "monday", ["odd.xyz"], ("quarantined",)), "ada", AT)
    again = Ledger(f"sqlite:///{home / 'ledger.db'}")
    assert {
        o.outcome for o in again.outcomes("monday").values() if o.path == "odd.xyz"
    } == {"dropped"}


def test_a_source_that_cannot_be_listed_hides_no_neighbour(
    zone, catalog, ledger, tmp_path, permissions_bind
):
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "odd.xyz").write_text("?")
    ledger.register_source("locked", str(locked))
    (bad,) = find_files(zone, "monday", ["odd.xyz"], ("quarantined",))
    ledger.record([replace(bad, session="locked")])
    locked.chmod(0)
    found = {(e["session"], e["path"]) for e in list_quarantine(catalog, zone)}
    locked.chmod(0o755)
    assert {("locked", "odd.xyz"), ("monday", "odd.xyz")} <= found
