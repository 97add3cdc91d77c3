"""Sessions from folder names and registered places, and fingerprints that follow the files."""

from __future__ import annotations

import os

import pytest

from assets.landing import LandingZone, fingerprint
from assets.storage import Folder


@pytest.fixture
def zone(ledger, write_files):
    return LandingZone(
        Folder(str(write_files({"Run 1/a.png": "x", "run-1/b.png": "x", "二/c.png": "x", "loose.txt": ""}))), ledger
    )


def test_folders_are_sessions_and_the_first_of_two_with_one_key_wins(zone):
    assert {k: f.uri.rsplit("/", 1)[1] for k, f in zone.sessions().items()} == {"run-1": "Run 1"}
    assert zone.unusable() == ["run-1", "二"]


def test_registered_places_are_sessions_too(zone, write_files):
    place = write_files({"a.png": "x"}, "elsewhere")
    zone.ledger.register_source("elsewhere", str(place))
    assert zone.locate("elsewhere").uri == str(place)
    assert set(zone.sessions()) == {"run-1", "elsewhere"}


def test_a_place_that_was_registered_first_keeps_its_name(zone, write_files):
    place = write_files({"a.png": "x"}, "elsewhere/Run 1")
    zone.ledger.register_source("run-1", str(place))
    assert zone.locate("run-1").uri == str(place)
    assert zone.unusable() == ["Run 1", "run-1", "二"]


def test_a_place_with_the_name_of_a_landed_session_is_refused(zone, write_files):
    place = Folder(str(write_files({"a.png": "x"}, "elsewhere/run_1")))
    with pytest.raises(ValueError, match=r"'run-1' is already .*Run 1"):
        zone.register("run-1", place)
    zone.register("run_1", place)
    zone.register("run-1", zone.folder.below("Run 1"))
    assert set(zone.sessions()) == {"run-1", "run_1"}


def test_a_landed_folder_that_was_also_ingested_by_hand_is_usable(zone):
    zone.ledger.register_source("run-1", zone.folder.below("Run 1").uri)
    assert zone.unusable() == ["run-1", "二"]


def test_an_unknown_session_is_not_found(zone):
    with pytest.raises(FileNotFoundError, match="'friday' is not below"):
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
