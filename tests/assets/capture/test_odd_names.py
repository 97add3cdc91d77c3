"""Names from outside are data: never paths, SQL or partition keys as they come."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.landing import LandingZone
from assets.storage import Folder, session_key
from assets.tables.catalog import is_in, repr_sql, session_is
from assets.tables.schemas import SESSION_KEY

NAMES = (
    "a'b; --.png",
    'c"d.png',
    "e\n{f}.png",
    "g%s.png",
    "h\x1b.png",
    "é\u202e.png",
    "$(i).png",
    "'j'/k.png",
    "..l/m.png",
    "`n`.png",
    "o\\p.png",
    "%20q.png",
)
SESSIONS = (
    "it's; --",
    "../a",
    "a/b",
    "x\ny",
    "ünï",
    "  Monday 1 ",
    "a" * 300,
    "-.-",
    "..",
)


def test_files_of_any_name_are_taken_in_under_it(intake, write_files, make_png):
    source = write_files({name: make_png(n) for n, name in enumerate(NAMES)})
    report = intake.ingest(Folder(str(source)), "monday")
    assert (report.frames, report.quarantined) == (len(NAMES), 0)
    stored = intake.catalog.read_latest("frames", ["source_path", "session"])
    assert sorted(stored["source_path"].to_pylist()) == sorted(NAMES)
    assert {p.name for p in source.parent.iterdir()} <= {"session", "home"}, (
        "nothing is written beside"
    )


def test_a_filter_on_any_name_finds_that_name_only(catalog, frame_rows):
    names = list(NAMES)
    catalog.merge("frames", frame_rows(len(names), source_path=names))
    for name in names:
        found = catalog.read_latest(
            "frames", ["source_path"], f"source_path = {repr_sql(name)}"
        )
        assert found["source_path"].to_pylist() == [name]
        assert (
            len(
                catalog.read_latest(
                    "frames", ["source_path"], is_in("source_path", [name])
                )
            )
            == 1
        )
        assert (
            len(catalog.read_latest("frames", ["source_path"], session_is(name))) == 0
        )
    assert catalog.delete("frames", is_in("source_path", names[:1])) and catalog.exists(
        "frames"
    )
    assert len(catalog.read_latest("frames", ["frame_id"])) == len(names) - 1


@given(st.text(max_size=80) | st.sampled_from(SESSIONS))
def test_a_session_key_is_one_or_there_is_none(name):
    try:
        key = session_key(name)
    except ValueError as error:
        assert "gives no session name" in str(error)
    else:
        assert re.fullmatch(SESSION_KEY, key) and key == session_key(key)


def test_folders_of_any_name_become_sessions_by_key_or_are_named_as_unusable(
    tmp_path, ledger, make_png
):
    for name in ("it's; --", "monday", "...", "\u202e"):
        (tmp_path / "landing" / name).mkdir(parents=True)
        (tmp_path / "landing" / name / "a.png").write_bytes(make_png(0))
    zone = LandingZone(Folder(str(tmp_path / "landing")), ledger)
    assert set(zone.sessions()) == {"it-s", "monday"} and all(
        re.fullmatch(SESSION_KEY, key) for key in zone.sessions()
    )
    assert set(zone.look_around().unusable) == {"...", "\u202e"}


def test_a_name_that_is_not_utf8_is_quarantined_and_its_neighbours_go_on(
    intake, write_files, make_png
):
    source = write_files({"a.png": make_png(1)})
    for name in (b"\xff.png", b"b\xe9.mcap", b"c\xe9/d.png"):
        path = os.path.join(os.fsencode(source), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(make_png(2))
    report = intake.ingest(Folder(str(source)), "monday")
    assert (report.frames, report.quarantined) == (1, 3)
    assert sorted(r["path"] for r in report.reasons) == [
        r"\xff.png",
        r"b\xe9.mcap",
        r"c\xe9/d.png",
    ]
    assert all("rename it" in r["remedy"] for r in report.reasons)
    stored = intake.catalog.read_latest("quarantine", ["source_path", "reason"])
    assert set(stored["reason"].to_pylist()) == {"its name is not UTF-8"}
    assert intake.ingest(Folder(str(source)), "monday").quarantined == 3


def test_a_session_whose_name_is_not_utf8_is_named_as_unusable(tmp_path, ledger):
    os.makedirs(os.path.join(os.fsencode(tmp_path), b"landing/\xff monday"))
    around = LandingZone(Folder(str(tmp_path / "landing")), ledger).look_around()
    assert (around.sessions, around.unusable) == ({}, ["\udcff monday"])


def test_a_place_whose_name_is_not_utf8_is_refused_with_a_remedy(tmp_path, ledger):
    zone = LandingZone(Folder(str(tmp_path / "landing")), ledger)
    with pytest.raises(ValueError, match="is not UTF-8: rename it"):
        zone.register("monday", Folder(f"{tmp_path}/\udcff"))


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b"])
def test_no_name_leads_out_of_its_folder(tmp_path, name):
    with pytest.raises(ValueError, match="is not a folder name"):
        Folder(str(tmp_path)).below(name)
