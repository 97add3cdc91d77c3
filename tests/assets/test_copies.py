"""A home that was copied without the times of its files: sessions are what they were, and so is their quarantine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets import copies
from assets.capture.intake import Intake
from assets.copies import adopt_copies
from assets.landing import LandingZone
from assets.ledger import COMMAND_LINE
from assets.retrieval.quarantine import drop, find_files, list_quarantine, reopen
from assets.retrieval.status import Home, read_status
from assets.storage import Folder
from orchestration.sensors.landing import landing_zone_sensor

PICTURES = [f"{n}.png" for n in range(3)]


@pytest.fixture(scope="module")
def first(tmp_path_factory, make_png, open_at) -> Intake:
    """A home with monday in its landing zone: good pictures, a cut one, and one of no format that somebody dropped."""
    home = tmp_path_factory.mktemp("first")
    folder = home / "landing" / "monday"
    folder.mkdir(parents=True)
    for n, name in enumerate(PICTURES):
        (folder / name).write_bytes(make_png(n))
    (folder / "cut.png").write_bytes(make_png(9)[:60])
    (folder / "odd.xyz").write_text("?")
    intake = open_at(home)
    intake.ingest(Folder(str(folder)), "monday")
    zone = open_zone(intake)
    zone.note(zone.look_around())
    drop(zone, find_files(zone, "monday", ["odd.xyz"], ("quarantined",)), "ada", "now")
    intake.ledger.end_intake("monday", COMMAND_LINE)
    return intake


def open_zone(intake: Intake) -> LandingZone:
    home = Path(intake.blobs.folder.uri).parent
    return LandingZone(Folder(str(home / "landing")), intake.ledger, 0.0)


@pytest.fixture
def second(first, tmp_path, open_at) -> Intake:
    """The home, copied as `cp -r` does."""
    home = Path(open_zone(first).folder.uri).parent
    shutil.copytree(home, tmp_path / "second", copy_function=shutil.copyfile)
    return open_at(tmp_path / "second")


def find_states(intake: Intake) -> dict[str, int]:
    zone = open_zone(intake)
    home = Path(zone.folder.uri).parent
    (session,) = read_status(Home(intake.catalog, zone, home))["sessions"]
    names = ("waiting", "ingested", "quarantined", "dropped")
    return {"state": session["state"]} | {n: session[n] for n in names}


def change_a_pixel(intake: Intake) -> None:
    path = Path(open_zone(intake).folder.uri) / "monday" / PICTURES[0]
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def test_status_and_quarantine_say_of_a_copy_what_they_said_of_the_first(first, second):
    assert find_states(first) == {
        "state": "partial",
        "waiting": 0,
        "ingested": 3,
        "quarantined": 1,
        "dropped": 1,
    }
    assert find_states(second) == find_states(first)
    entries = list_quarantine(second.catalog, open_zone(second))
    assert entries == list_quarantine(first.catalog, open_zone(first))
    assert {e["path"]: e["what"] for e in entries} == {
        "cut.png": "file",
        "odd.xyz": "dropped",
    }


def test_a_copy_whose_bytes_differ_waits(second):
    change_a_pixel(second)
    assert find_states(second)["waiting"] == 5


def test_intake_of_a_copy_takes_nothing_again_and_keeps_what_was_dropped(second):
    before = second.catalog.latest_version("frames")
    folder = open_zone(second).locate("monday")
    report = second.ingest(folder, "monday")
    counts = (report.new, report.already_ingested, report.quarantined, report.dropped)
    assert counts == (0, 3, 1, 1)
    assert second.catalog.latest_version("frames") == before
    assert find_states(second)["dropped"] == 1


def test_intake_of_a_copy_reads_what_differs(second):
    change_a_pixel(second)
    report = second.ingest(open_zone(second).locate("monday"), "monday")
    assert report.already_ingested == 2
    assert report.new + report.quarantined == 3, "with the two that have no hash"


def test_a_file_of_a_copy_is_taken_again_when_a_person_says_so(second):
    zone = open_zone(second)
    found = find_files(zone, "monday", [], ("quarantined",))
    assert [o.path for o in reopen(zone, found)[0]] == ["cut.png"]
    assert find_states(second)["waiting"] == 1
    drop(zone, find_files(zone, "monday", ["odd.xyz"], ("dropped",)), "bob", "later")
    (odd,) = [
        e for e in list_quarantine(second.catalog, zone) if e["what"] == "dropped"
    ]
    assert odd["remedy"].startswith("dropped by bob")


@pytest.mark.parametrize("differs", [False, True])
def test_the_sensor_asks_for_a_copy_only_where_its_bytes_differ(second, differs):
    if differs:
        change_a_pixel(second)
    asked = []
    with dg.instance_for_test() as instance:
        cursor = None
        for _ in range(3):
            with dg.build_sensor_context(instance, cursor=cursor) as context:
                result = landing_zone_sensor(
                    context, landing_zone=open_zone(second), catalog=second.catalog
                )
            cursor = result.cursor
            asked += [r.partition_key for r in result.run_requests or []]
    assert asked == (["monday"] if differs else [])


def test_what_is_too_large_for_a_look_is_left_to_intake(second, lower):
    lower(copies, _MAX_COMPARED_BYTES=0, _MAX_SMALLEST_BYTES=0)
    assert find_states(second)["waiting"] == 5
    folder = open_zone(second).locate("monday")
    outcomes = second.ledger.outcomes("monday").values()
    done = adopt_copies(second.ledger, folder, folder.files(), outcomes, max_bytes=10)
    assert (done.num_files, done.is_whole) == (0, False)


def test_a_file_that_was_touched_alone_is_no_copy(first, second):
    """A copy changes the times of all files."""
    known = list(second.ledger.outcomes("monday").values())
    files = open_zone(second).locate("monday").files()
    one_known = [
        replace(
            files[0], version=next(o.version for o in known if o.path == files[0].path)
        ),
        *files[1:],
    ]
    assert copies.pair_copies(one_known, known) == []
    assert len(copies.pair_copies(files, known)) == 5
