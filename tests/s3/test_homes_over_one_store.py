"""Two homes, as of two machines, over the same bucket: while one erases or makes a backup, the other sees it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.backup.make import make_backup
from assets.backup.table_files import FixedTables
from assets.home_lock import PLACE, copying, erasing
from assets.storage import Folder, announcements
from assets.storage.objects import drop_objects, list_written, put_object, renew_object
from orchestration.cli import app
from orchestration.cli.backing_up import find_outside
from orchestration.profiles import Settings

OTHER = "Grace on another, process 7"


@pytest.fixture
def tables(settings) -> Folder:
    return Folder(settings.tables_uri, settings.file_options)


@pytest.fixture
def place(tables) -> Folder:
    """Where homes say what they do."""
    return Folder(f"{tables.uri}/{PLACE}", tables.options)


@pytest.fixture
def homes(tmp_path) -> tuple[Path, Path]:
    """Of two machines."""
    made = tmp_path / "here", tmp_path / "there"
    for home in made:
        home.mkdir()
    return made


def leave_behind(place: Folder, act: str) -> None:
    """As who was killed there leaves it."""
    said = {"act": act, "who": OTHER, "began_at": "2026-11-30T18:20:00Z"}
    put_object(place, "left.json", json.dumps(said).encode())


def test_of_two_homes_one_erases_and_neither_the_other_nor_a_backup_goes_on(
    tables, place, homes
):
    here, there = homes
    with erasing(here, tables) as require_still:
        require_still()
        for act in (erasing, copying):
            with (
                pytest.raises(ValueError, match=r"process \d+ is erasing in s3://"),
                act(there, tables),
            ):
                pytest.fail("both are at work")
        require_still()
    assert list_written(place) == {}
    with erasing(there, tables):
        pass


def test_two_homes_are_copied_at_once_and_meanwhile_nobody_erases(tables, place, homes):
    with ExitStack() as both:
        for home in homes:
            both.enter_context(copying(home, tables))
        assert len(list_written(place)) == 2
        with (
            pytest.raises(ValueError, match="is copying in s3://"),
            erasing(homes[0].parent, tables),
        ):
            pytest.fail("both are at work")
    assert list_written(place) == {}


def test_who_was_killed_is_waited_for_and_then_taken_over_with_a_sentence(
    tables, place, homes, monkeypatch, caplog
):
    leave_behind(place, "erasing")
    told = f"{OTHER} is erasing in s3://.* since 2026-11-30T18:20:00Z: wait"
    with pytest.raises(ValueError, match=told), copying(homes[0], tables):
        pytest.fail("both are at work")
    assert caplog.messages == []
    monkeypatch.setattr(announcements, "SILENCE_S", 0)
    with erasing(homes[0], tables):
        assert "left.json" not in list_written(place)
    (told,) = caplog.messages
    assert told.startswith(f"{OTHER} was erasing in s3://") and "--resume" in told


def test_who_is_taken_for_gone_goes_no_further_and_is_not_there_again_by_itself(
    tables, place, homes
):
    with erasing(homes[0], tables) as require_still:
        ((name, (version, _)),) = list_written(place).items()
        renew_object(place, name, place.read(name), version)
        drop_objects(place, [name])
        with pytest.raises(ValueError, match=r"took it for gone.*--resume"):
            require_still()
        with pytest.raises(FileNotFoundError):
            renew_object(place, name, b"{}", version)
    assert list_written(place) == {}


def test_it_is_heard_of_as_long_as_it_lasts(tables, place, homes, monkeypatch):
    monkeypatch.setattr(announcements, "RENEW_S", 0.01)
    renewed: list[str] = []
    real = announcements.renew_object

    def renew(prefix: Folder, name: str, content: bytes, version: str) -> None:
        real(prefix, name, content, version)
        renewed.append(name)

    monkeypatch.setattr(announcements, "renew_object", renew)
    with copying(homes[0], tables):
        wait_for(lambda: len(renewed) > 1)
    assert set(renewed) == {renewed[0]} and list_written(place) == {}


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_may_only_read_makes_a_backup_and_erases_nothing(
    tables, place, homes, monkeypatch
):
    def refuse(*_: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(announcements, "put_object", refuse)
    with copying(homes[0], tables) as require_still:
        require_still()
    with pytest.raises(PermissionError), erasing(homes[0], tables):
        pytest.fail("nobody hears of it")
    leave_behind(place, "erasing")
    with pytest.raises(ValueError, match="is erasing in"), copying(homes[0], tables):
        pytest.fail("both are at work")


def test_what_says_nothing_of_who_it_is_is_named_with_what_to_do(tables, place, homes):
    put_object(place, "odd.json", b"[]")
    with (
        pytest.raises(ValueError, match=re.escape(f"{PLACE}/odd.json does not say")),
        erasing(homes[0], tables),
    ):
        pytest.fail("nobody knows who is at work")


def test_verbs_of_two_machines_over_one_bucket(
    settings: Settings, tables, place, make_png, tmp_path, monkeypatch
):
    """While another machine copies, nothing is planned or hidden; while it erases, no backup is made."""
    other = replace(settings, home=tmp_path / "there")
    other.home.mkdir()
    put_object(
        Folder(settings.landing_uri, tables.options), "monday/a.png", make_png(1)
    )
    for name, value in (
        ("HOME", settings.home),
        ("S3_ENDPOINT", settings.s3_endpoint),
        ("LANDING", settings.landing_uri),
        ("TABLES", settings.tables_uri),
        ("BLOBS", settings.blobs_uri),
    ):
        monkeypatch.setenv(f"DAGUERRE_{name}", str(value))
    erase = ["forget", "monday", "--erase", "--because", "asked", "--yes", "--alone"]
    for words in (erase, ["forget", "--resume"]):
        with (
            copying(other.home, tables),
            pytest.raises(ValueError, match="is copying in s3://"),
        ):
            CliRunner().invoke(app, words, catch_exceptions=False)
    outside = find_outside(other)
    with (
        erasing(settings.home, tables),
        pytest.raises(ValueError, match="is erasing in s3://"),
    ):
        make_backup(other.home, tmp_path / "copies", {}, outside=outside)
    assert list_written(place) == {}


def test_no_backup_holds_who_was_at_work():
    assert not FixedTables().is_kept(f"{PLACE}/left.json")
    assert FixedTables().is_kept("frames.lance/data/a.lance")
