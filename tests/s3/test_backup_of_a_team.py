"""A team's stores, a bucket and databases of a server, are backed up while a writer is at work, and come back as a
whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from assets.backup.listing import Entry, read_list, write_list
from assets.backup.make import make_backup, plan_backup
from assets.backup.postgres import list_tables
from assets.backup.restore import restore_backup
from assets.capture.intake import Intake
from assets.ledger import Ledger
from assets.retrieval.verify import Stores, verify
from assets.storage import Folder, drop_objects, put_object
from assets.tables.seals import seal_tables
from bench.prove.access import ACCESS
from orchestration.cli.backing_up import find_outside
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_intake

# restores what the environment names, and is killed after some calls of one function
_KILLED = """
import importlib, itertools, os, signal, sys
from pathlib import Path
from assets.backup.restore import restore_backup
from orchestration.cli.backing_up import find_outside
from orchestration.profiles import load_settings
module, owner, name, calls, backup = sys.argv[1:]
holder = importlib.import_module(module)
holder = getattr(holder, owner) if owner else holder
real, seen = getattr(holder, name), itertools.count(1)
def call_and_die(*given, **named):
    done = real(*given, **named)
    if next(seen) == int(calls):
        os.kill(os.getpid(), signal.SIGKILL)
    return done
settings = load_settings(os.environ)
outside = find_outside(settings)
setattr(holder, name, call_and_die)
restore_backup(Path(backup), settings.home, None, outside)
"""


@pytest.fixture(scope="module")
def make_team(
    moto_endpoint, postgres, tmp_path_factory
) -> Iterator[Callable[[], Settings]]:
    """make_team(): the settings of a team with a bucket and a ledger in Postgres, both empty; its home is not there."""
    homes = tmp_path_factory.mktemp("homes")
    options = {"client_kwargs": {"endpoint_url": moto_endpoint}}
    numbers = itertools.count()

    def make() -> Settings:
        bucket = f"backed-up-{next(numbers)}"
        S3FileSystem(**options).mkdir(bucket)
        places = {n: f"s3://{bucket}/{n.lower()}" for n in ("TABLES", "BLOBS")}
        settings = load_settings(
            {
                "DAGUERRE_HOME": str(homes / bucket),
                "DAGUERRE_S3_ENDPOINT": moto_endpoint,
                "DAGUERRE_LEDGER": postgres.make_database(),
                **{f"DAGUERRE_{name}": place for name, place in places.items()},
            }
        )
        settings.home.rmdir()
        return settings

    with pytest.MonkeyPatch.context() as patched:
        for name, value in ACCESS.items():
            patched.setenv(name, value)
        yield make


@pytest.fixture(scope="module")
def team(make_team, take_in) -> Settings:
    """It has taken one session in, and its home was a laptop's once."""
    settings = make_team()
    settings.home.mkdir()
    (settings.home / "ledger.db").write_bytes(b"SQLite format 3\0 of before")
    take_in(build_intake(settings), "monday")
    return settings


@pytest.fixture(scope="module")
def made_once(team, tmp_path_factory) -> Path:
    """A backup of the team. Not to be changed."""
    folder = tmp_path_factory.mktemp("backups")
    return make_backup(team.home, folder, {}, outside=find_outside(team)).folder


@pytest.fixture
def backed_up(made_once, tmp_path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(made_once, tmp_path / "backups" / made_once.name))


@pytest.fixture(scope="module")
def take_in(tmp_path_factory, make_png) -> Callable[[Intake, str], None]:
    landed = tmp_path_factory.mktemp("landed")

    def act(intake: Intake, session: str) -> int:
        folder = landed / session
        if not folder.exists():
            folder.mkdir()
            (folder / "a.png").write_bytes(make_png(len(session)))
            (folder / "README.md").write_text(session)
        num_frames = intake.ingest(Folder(str(folder)), session).frames
        for table in ("captures", "frames"):
            version = intake.catalog.latest_version(table)
            intake.catalog.publish(table, session, version)
        return num_frames

    return act


def list_stored(settings: Settings) -> set[str]:
    folders = find_outside(settings).folders.values()
    return {f.uri for folder in folders for f in _list(folder)}


def _list(folder: Folder) -> list:
    return folder.files() if folder.find_any() else []


def test_what_is_written_meanwhile_makes_no_backup_inconsistent(
    made_once, team, make_team, take_in, tmp_path
):
    """A session is taken in after the ledger was dumped, another among the tables."""
    live = build_intake(team)
    due = {
        "first": lambda path: path == "postgres/ledger.dump",
        "second": lambda path: path.startswith("tables/frames.lance"),
    }

    def write_meanwhile(done: int, total: int, path: str) -> None:
        assert done <= total
        for session in [s for s, is_due in due.items() if is_due(path)][:1]:
            del due[session]
            take_in(live, session)
            seal_tables(live.catalog)

    acknowledged = set(live.ledger.committed())
    outside = find_outside(team)
    made = make_backup(team.home, tmp_path / "backups", {}, write_meanwhile, outside)
    assert (due, made.damaged) == ({}, [])
    other = make_team()
    done = restore_backup(tmp_path / "backups", other.home, None, find_outside(other))
    assert done.num_files == made.num_files
    restored = build_intake(other)
    assert set(restored.ledger.committed()) == acknowledged != set()
    stores = Stores(restored.catalog, restored.ledger, restored.blobs, other.home)
    assert verify(stores) == []
    assert take_in(restored, "first") == take_in(restored, "second") == 1
    frames = restored.catalog.read_latest("frames")["frame_id"].to_pylist()
    assert len(frames) == len(set(frames)) == 3
    assert not (other.home / "ledger.db").exists(), "the team's lies on a server"


def test_the_next_backup_takes_from_the_bucket_what_is_new(team, tmp_path):
    outside = find_outside(team)
    first, second = (
        make_backup(team.home, tmp_path / "backups", {}, outside=outside)
        for _ in range(2)
    )
    files = [p for p in (second.folder / "home").rglob("*") if p.is_file()]
    assert [p.name for p in files if p.stat().st_nlink == 1] == ["ledger.dump"]
    assert 0 < second.new_bytes < first.new_bytes == first.size_bytes
    planned = plan_backup(team.home, tmp_path / "backups", outside)
    assert planned.num_files == len(files) == second.num_files
    assert planned.new_bytes < planned.size_bytes


@pytest.mark.parametrize(
    "pattern", ["blobs/*/*", "tables/frames.lance/data/*", "postgres/ledger.dump"]
)
def test_where_one_hash_is_wrong_nothing_is_restored(backed_up, make_team, pattern):
    changed = next((backed_up / "home").glob(pattern))
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    other = make_team()
    with pytest.raises(ValueError, match=f"{changed.name} has changed: nothing was"):
        restore_backup(backed_up, other.home, None, find_outside(other))
    assert list_stored(other) == set() and list_tables(other.ledger_url) == []
    assert not other.home.exists()


def test_where_a_store_fails_what_was_written_is_taken_back(
    backed_up, make_team, postgres
):
    other = make_team()
    databases = {"ledger": other.ledger_url, "mlflow": postgres.make_database()}
    outside = replace(find_outside(other), databases=databases)
    add_file(backed_up, "postgres/mlflow.dump", b"no dump")
    with pytest.raises(OSError, match="not appear to be a valid archive"):
        restore_backup(backed_up, other.home, None, outside)
    assert list_stored(other) == set() and not other.home.exists()
    assert [list_tables(url) for url in databases.values()] == [[], []]


def test_a_restore_that_was_killed_is_finished_by_the_same_call_and_backed_up_by_none(
    backed_up, made_once, make_team, tmp_path
):
    """Killed among the objects, then after the dump, then when the home has its name; each goes on after the last."""
    other = make_team()
    outside = find_outside(other)
    killed = restore_and_die(other, made_once, "assets.storage", "Folder", "fill", 5)
    assert killed == -signal.SIGKILL
    assert not other.home.exists() or not list(other.home.iterdir())
    assert 5 <= len(list_stored(other)) < len(read_list(made_once).entries)

    add_file(backed_up, "blobs/of-another-backup", b"other")
    with pytest.raises(ValueError, match=f"a restore of {made_once.name} .* cut short"):
        restore_backup(backed_up, other.home, None, outside)
    put_object(outside.folders["blobs"], "of-somebody", b"theirs")
    with pytest.raises(ValueError, match=r"blobs is not empty, it has of-somebody"):
        restore_backup(made_once, other.home, None, outside)
    drop_objects(outside.folders["blobs"], ["of-somebody"])

    in_bucket = replace(outside, databases={})
    whole = "is not whole, a restore of .* was cut short there: restore that one again"
    with pytest.raises(ValueError, match=f"DAGUERRE_TABLES {whole}"):
        make_backup(other.home, tmp_path / "of-half", {}, outside=in_bucket)

    after_dump = "assets.backup.postgres", "subprocess", "run", 1
    assert restore_and_die(other, made_once, *after_dump) == -signal.SIGKILL
    with pytest.raises(ValueError, match=f"DAGUERRE_LEDGER {whole}"):
        plan_backup(other.home, tmp_path, replace(outside, folders={}))
    assert len(list_tables(other.ledger_url)) > 1, "the dump's and the mark"
    when_named = "pathlib", "Path", "rename", 1
    assert restore_and_die(other, made_once, *when_named) == -signal.SIGKILL
    assert other.home.exists()
    with pytest.raises(ValueError, match=f"the home {whole}"):
        make_backup(other.home, tmp_path / "of-half", {}, outside=outside)
    assert not (tmp_path / "of-half").exists()

    done = restore_backup(made_once, other.home, None, outside)
    assert done.num_files == len(read_list(made_once).entries)
    assert not [t for t in list_tables(other.ledger_url) if "restoring" in t]
    assert not [f for f in outside.folders.values() if ".restoring" in f.find_any()]
    restored = build_intake(other)
    stores = Stores(restored.catalog, restored.ledger, restored.blobs, other.home)
    assert verify(stores) == []
    with pytest.raises(ValueError, match="DAGUERRE_LEDGER is not empty"):
        restore_backup(made_once, other.home, None, outside)


def restore_and_die(settings: Settings, backup: Path, *where: object) -> int:
    """The exit status of a process that restores into these stores, and is killed at `where`."""
    environment = {
        **os.environ,
        "DAGUERRE_HOME": str(settings.home),
        "DAGUERRE_S3_ENDPOINT": settings.file_options["client_kwargs"]["endpoint_url"],
        "DAGUERRE_LEDGER": settings.ledger_url,
        "DAGUERRE_TABLES": settings.tables_uri,
        "DAGUERRE_BLOBS": settings.blobs_uri,
    }
    command = [sys.executable, "-c", _KILLED, *map(str, where), str(backup)]
    return subprocess.run(command, env=environment, check=False).returncode


def add_file(backup: Path, path: str, content: bytes) -> None:
    """Let a backup hold one more file, as if it had been made so."""
    made = read_list(backup)
    next(backup.glob("files-*.json")).unlink()
    (backup / "home" / path).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    made.entries[path] = Entry(path, len(content), 0, sha256)
    write_list(backup, made)


def test_a_store_with_something_in_it_is_refused_by_name(
    team, backed_up, make_team, tmp_path
):
    other = make_team()
    databases = {"ledger": other.ledger_url}
    with pytest.raises(
        ValueError, match=r"tables is not empty, it has \S+: name an empty place"
    ):
        outside = replace(find_outside(team), databases=databases)
        restore_backup(backed_up, tmp_path / "there", None, outside)
    Ledger(other.ledger_url)
    with pytest.raises(ValueError, match=r"DAGUERRE_LEDGER is not empty, it has"):
        restore_backup(backed_up, other.home, None, find_outside(other))
    alone = replace(find_outside(other), databases={})
    with pytest.raises(ValueError, match="set DAGUERRE_LEDGER to an empty database"):
        restore_backup(backed_up, other.home, None, alone)
    assert list_stored(other) == set() and not other.home.exists()


def test_a_missing_tool_is_named(team, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"pg_dump is not on .*: install the client"):
        make_backup(team.home, tmp_path / "backups", {}, outside=find_outside(team))
    assert not (tmp_path / "backups").exists()
