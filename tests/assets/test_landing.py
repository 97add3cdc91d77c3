"""Sessions from folder names and registered places, and fingerprints that follow the files."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from assets import landing
from assets.exclusions import WHOLE, Exclusion
from assets.landing import LandingZone, Watch, fingerprint
from assets.ledger import FileOutcome
from assets.storage import Folder


@pytest.fixture
def zone(ledger, write_files):
    return LandingZone(
        Folder(
            str(
                write_files(
                    {
                        "Run 1/a.png": "x",
                        "run-1/b.png": "x",
                        "二/c.png": "x",
                        "loose.txt": "",
                    }
                )
            )
        ),
        ledger,
    )


def test_folders_are_sessions_and_the_first_of_two_with_one_key_wins(zone):
    assert {k: f.uri.rsplit("/", 1)[1] for k, f in zone.sessions().items()} == {
        "run-1": "Run 1"
    }
    assert zone.look_around().unusable == ["run-1", "二"]


def test_registered_places_are_sessions_too(zone, write_files):
    place = write_files({"a.png": "x"}, "elsewhere")
    zone.ledger.register_source("elsewhere", str(place))
    assert zone.locate("elsewhere").uri == str(place)
    assert set(zone.sessions()) == {"run-1", "elsewhere"}


def test_a_place_that_was_registered_first_keeps_its_name(zone, write_files):
    place = write_files({"a.png": "x"}, "elsewhere/Run 1")
    zone.ledger.register_source("run-1", str(place))
    assert zone.locate("run-1").uri == str(place)
    assert zone.look_around().unusable == ["Run 1", "run-1", "二"]


def test_a_place_with_the_name_of_a_landed_session_is_refused(zone, write_files):
    place = Folder(str(write_files({"a.png": "x"}, "elsewhere/run_1")))
    with pytest.raises(ValueError, match=r"'run-1' is already .*Run 1"):
        zone.register("run-1", place)
    zone.register("run_1", place)
    zone.register("run-1", zone.folder.below("Run 1"))
    assert set(zone.sessions()) == {"run-1", "run_1"}


def take_in(ledger, session: str, *paths: str, capture: str = "") -> None:
    """As after an intake of files whose bytes are their paths."""
    ledger.record(
        FileOutcome(
            session, path, "1", 1, "ingested", capture or session, "image_folder", path
        )
        for path in paths
    )


def test_letters_with_marks_give_new_sessions_their_names_and_old_ones_keep_theirs(
    ledger, write_files
):
    root = write_files({"Söme folder/a.png": "x", "Köln/b.png": "x"})
    take_in(ledger, "s-me-folder", "a.png")
    zone = LandingZone(Folder(str(root)), ledger)
    assert set(zone.sessions()) == {"s-me-folder", "koln"}
    folder = zone.folder.below("Söme folder")
    assert zone.name_session("Söme folder", folder) == "s-me-folder"
    assert zone.name_session("Köln", zone.folder.below("Köln")) == "koln"


def test_a_place_outside_keeps_the_name_that_it_was_registered_under(zone, write_files):
    place = Folder(str(write_files({"a.png": "x"}, "elsewhere/Söme")))
    other = Folder(str(write_files({"a.png": "x"}, "another/Söme")))
    zone.ledger.register_source("s-me", place.uri)
    assert zone.name_session("Söme", place) == "s-me"
    assert zone.name_session("Söme", other) == "some"


def test_a_folder_of_the_very_name_has_it_before_one_with_marks(ledger, write_files):
    root = write_files({"Söme/a.png": "x", "s-me/b.png": "x"})
    take_in(ledger, "s-me", "b.png")
    zone = LandingZone(Folder(str(root)), ledger)
    places = {k: f.uri.rsplit("/", 1)[1] for k, f in zone.sessions().items()}
    assert places == {"some": "Söme", "s-me": "s-me"}


def test_a_forgotten_session_does_not_come_back_under_a_new_name(ledger, write_files):
    root = write_files({"Söme/a.png": "x"})
    ledger.exclude(
        [Exclusion("s-me", WHOLE, False, "", "somebody", "2026-01-01T00:00:00Z")]
    )
    assert not LandingZone(Folder(str(root)), ledger).sessions()


def test_a_session_with_the_files_of_another_is_told_with_how_many(zone):
    take_in(zone.ledger, "monday", "a.png", "b.png", "c.png")
    take_in(zone.ledger, "again", "a.png", "b.png", "d.png")
    take_in(zone.ledger, "other", "e.png")
    assert zone.find_twins("again") == {"monday": 2}
    assert zone.find_twins("other") == {} == zone.find_twins("nobody")
    # a recording is one capture, whatever session it lies in
    take_in(zone.ledger, "first", "drive.mcap", capture="one")
    take_in(zone.ledger, "second", "drive.mcap", capture="one")
    assert zone.find_twins("second") == {}


def test_a_folder_of_the_landing_zone_is_found_where_the_zone_lies_after_a_move(
    zone, tmp_path
):
    zone.register("run-1", zone.folder.below("Run 1"))
    moved = Path(zone.folder.uri).rename(tmp_path / "moved")
    there = LandingZone(Folder(str(moved)), zone.ledger)
    assert there.locate("run-1").uri == str(moved / "Run 1")
    assert there.look_around().unusable == ["run-1", "二"]


def test_a_look_asks_the_ledger_as_often_however_many_folders_are_gone(
    ledger, write_files
):
    names = [f"session-{n}" for n in range(30)]
    root = write_files({f"{name}/a.png": "x" for name in names}, "landing")
    for name in names:
        take_in(ledger, name, "a.png")
    (gone,) = ledger.outcomes("session-3").values()
    ledger.record([replace(gone, outcome="gone")])
    zone = LandingZone(Folder(str(root)), ledger)
    zone.note(zone.look_around())
    asked: list[str] = []
    sa.event.listen(
        ledger.engine, "before_cursor_execute", lambda *told: asked.append(told[2])
    )
    counts = []
    for left in (29, 10):
        for name in names[left:]:
            shutil.rmtree(root / name, ignore_errors=True)
        shutil.rmtree(root / "session-3", ignore_errors=True)
        asked.clear()
        around = zone.look_around()
        assert around.departed.keys() == {*names[left:]}, "session-3 has no file left"
        counts.append(len(asked))
    assert counts[0] == counts[1] < 20, asked


def test_a_landed_folder_that_was_also_ingested_by_hand_is_usable(zone):
    zone.ledger.register_source("run-1", zone.folder.below("Run 1").uri)
    assert zone.look_around().unusable == ["run-1", "二"]


def test_an_unknown_session_is_not_found(zone):
    with pytest.raises(FileNotFoundError, match="there is no session 'friday'"):
        zone.locate("friday")


def test_a_fingerprint_follows_every_change(write_files):
    root = write_files({"a": "one"})
    seen = [fingerprint(Folder(str(root))), fingerprint(Folder(str(root)))]
    os.utime(root / "a", ns=(1, 1))
    seen.append(fingerprint(Folder(str(root))))
    write_files({"b": ""})
    seen.append(fingerprint(Folder(str(root))))
    (root / "b").rename(root / "c")
    seen.append(fingerprint(Folder(str(root))))
    assert seen[0] == seen[1] and len(set(seen)) == 4


def test_a_fingerprint_does_not_see_partial_uploads(write_files):
    root = write_files({"a": "one"})
    before = fingerprint(Folder(str(root)))
    write_files({".b.mcap.part": "half"})
    assert fingerprint(Folder(str(root))) == before


def look(watch: Watch, zone: LandingZone, **options) -> list[str]:
    """A look by a watch that was stored in between, as the sensor's cursor is."""
    vars(watch).update(vars(Watch(**json.loads(json.dumps(asdict(watch))))))
    return watch.look(zone.sessions(), **options).ready


def test_a_session_is_ready_once_when_two_looks_see_the_same(zone, write_files):
    watch = Watch()
    assert look(watch, zone) == [] and watch.unsettled() == ["run-1"]
    assert look(watch, zone) == ["run-1"]
    assert look(watch, zone) == [] and watch.unsettled() == []


def test_a_session_that_changes_waits_and_is_ready_again(zone, write_files):
    watch = Watch()
    look(watch, zone)
    write_files({"Run 1/b.png": "x"})
    assert look(watch, zone) == []
    assert look(watch, zone) == ["run-1"]
    (write_files({}) / "Run 1" / "b.png").unlink()
    assert [look(watch, zone) for _ in range(3)] == [[], ["run-1"], []]


def test_a_look_without_time_still_comes_to_every_session_in_turn(ledger, write_files):
    zone = LandingZone(
        Folder(str(write_files({f"s{n}/a.png": "x" for n in range(5)}))), ledger
    )
    watch = Watch()
    ready = []
    for _ in range(10):
        ready += look(watch, zone, budget_s=0.0)
    assert sorted(ready) == [f"s{n}" for n in range(5)]
    write_files({"s3/b.png": "x"})
    later = [look(watch, zone, budget_s=0.0) for _ in range(7)]
    assert [s for ready in later for s in ready] == ["s3"]


def test_no_more_than_a_number_of_sessions_are_ready_at_once(
    ledger, write_files, monkeypatch
):
    monkeypatch.setattr(landing, "MAX_READY", 2)
    zone = LandingZone(
        Folder(str(write_files({f"s{n}/a.png": "x" for n in range(5)}))), ledger
    )
    watch = Watch()
    assert [len(look(watch, zone)) for _ in range(5)] == [0, 2, 2, 1, 0]


def test_a_session_that_is_put_off_stays_ready_until_it_is_taken(zone):
    watch = Watch()
    look(watch, zone)
    assert look(watch, zone) == ["run-1"] and watch.put_off("run-1", 1000.0) == 0.0
    assert look(watch, zone) == ["run-1"] and watch.put_off("run-1", 1060.0) == 60.0
    assert look(watch, zone) == ["run-1"]
    watch.go_on("run-1")
    assert look(watch, zone) == [] and watch.since == {}
