"""A home that was moved or copied: its registry goes on there, and leaves the former place alone."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from assets.erasure.artifacts import RunStore, list_run_folders
from assets.inference.package import Refusal, read_package
from assets.registry.lineage import Lineage
from assets.registry.places import find_moves, follow_place
from assets.registry.release import decide
from assets.registry.tracker import CHAMPION, Tracker
from assets.registry.verdict import Evaluation, GateRules
from tests.assets.registry.conftest import RELEASE, model_row, write_folder

PASSED = decide(
    Evaluation("m", "r", 100, {"accuracy": 0.9}),
    None,
    GateRules("accuracy", 0.5, 0.01, 10),
    {"a": True},
)


def open_tracker(home: Path, artifacts: str = "artifacts") -> Tracker:
    return Tracker(f"sqlite:///{home / 'mlflow.db'}", str(home / artifacts))


def read_addresses(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "mlflow.db")) as store:
        return [
            address
            for query in (
                "SELECT artifact_location FROM experiments WHERE name LIKE 'daguerre-%'",
                "SELECT artifact_uri FROM runs",
                "SELECT source FROM model_versions",
                "SELECT storage_location FROM model_versions",
                "SELECT artifact_location FROM logged_models",
            )
            for (address,) in store.execute(query)
        ]


@pytest.fixture(scope="module")
def built(tmp_path_factory, empty_store) -> Path:
    """A store with a champion that the gate has judged, and its artifacts."""
    home = tmp_path_factory.mktemp("built") / "before"
    home.mkdir()
    shutil.copyfile(empty_store, home / "mlflow.db")
    folder = write_folder(home / "model")
    tracker = open_tracker(home)
    lineage = Lineage(RELEASE, model_row(folder))
    tracker.log_training(read_package(folder), lineage, {}, {}, "run")
    tracker.record("recognition", 1, PASSED)
    tracker.set_alias("recognition", CHAMPION, 1)
    return home


@pytest.fixture
def before(built, tmp_path) -> Path:
    """A home of its own at the place that its store names: the built one, as if it had been made here."""
    home = tmp_path / "before"
    shutil.copytree(built, home)
    follow_place(open_tracker(home).tracking_uri, open_tracker(home).artifact_root)
    return home


def test_a_moved_home_promotes_and_tells_what_the_gate_said(before, tmp_path):
    now = before.rename(tmp_path / "now")
    tracker = open_tracker(now)
    assert tracker.decision("recognition", 1)["is_promoted"]
    tracker.set_alias("recognition", CHAMPION, 1)
    tracker.describe("recognition", 1, "card")
    assert {Path(a.removeprefix("file://")).parents[0] for a in read_addresses(now)} > {
        now / "artifacts"
    }
    assert not before.exists()


def test_a_copied_home_leaves_the_artifacts_of_the_first_one_alone(before, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(before, copy)
    open_tracker(copy).describe("recognition", 1, "the card of the copy")
    shutil.rmtree(copy / "artifacts" / "daguerre-recognition" / "models")
    assert open_tracker(before).verify("recognition", 1)
    with pytest.raises(Refusal, match="is gone"):
        open_tracker(copy).verify("recognition", 1)
    assert "the card of the copy" not in [
        p.read_text() for p in before.rglob("model_card.md")
    ]


def test_of_processes_that_open_a_moved_home_at_once_one_moves_it(before, tmp_path):
    now = before.rename(tmp_path / "now")
    tracker = open_tracker(now)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: tracker.follow_place(), range(8)))
    assert sorted(done) == [0] * 7 + [1]
    assert all(a.startswith((now / "artifacts").as_uri()) for a in read_addresses(now))


def test_artifacts_of_another_root_stay_where_they_are(before):
    """The setting was changed, nothing was moved: what was there before is still read there."""
    tracker = open_tracker(before, "elsewhere")
    addresses = read_addresses(before)
    assert tracker.follow_place() == 0 and read_addresses(before) == addresses
    assert tracker.verify("recognition", 1)


def test_a_store_of_which_nothing_was_moved_is_not_written(before):
    store = before / "mlflow.db"
    written_ns = store.stat().st_mtime_ns
    assert open_tracker(before).follow_place() == 0
    assert store.stat().st_mtime_ns == written_ns


def test_a_moved_store_that_may_only_be_read_says_what_helps(
    before, tmp_path, permissions_bind
):
    now = before.rename(tmp_path / "now")
    (now / "mlflow.db").chmod(0o400)
    with pytest.raises(Refusal, match="daguerre upgrade"):
        open_tracker(now).follow_place()


def test_other_experiments_are_not_touched(before, tmp_path):
    with closing(sqlite3.connect(before / "mlflow.db")) as store:
        store.execute("UPDATE experiments SET name = 'mine' WHERE experiment_id = 1")
        store.commit()
    now = before.rename(tmp_path / "now")
    with closing(sqlite3.connect(now / "mlflow.db")) as store:
        assert (
            find_moves(store, now / "mlflow.db", open_tracker(now).artifact_root) == {}
        )


def test_a_verdict_that_is_gone_is_not_one_that_was_never_given(before):
    shutil.rmtree(next(before.rglob("gate")))
    with pytest.raises(Refusal, match="the gate said 'passed'"):
        open_tracker(before).decision("recognition", 1)


def test_in_a_copied_home_the_pictures_of_runs_are_those_of_the_copy(before, tmp_path):
    """An erasure removes them: those of the home that it was copied from are not its to remove."""
    with closing(sqlite3.connect(before / "mlflow.db")) as store:
        store.execute(
            "INSERT INTO params (key, value, run_uuid) SELECT 'release_id', 'r', run_uuid FROM runs"
        )
        store.commit()
    copy = tmp_path / "copy"
    shutil.copytree(before, copy)
    for home in (before, copy):
        runs = RunStore(home / "mlflow.db", (home / "artifacts").as_uri())
        (folder,) = list_run_folders(runs, ["r"])
        assert folder.is_relative_to(home / "artifacts") and folder.is_dir()
