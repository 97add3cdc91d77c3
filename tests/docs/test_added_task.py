"""The task of docs/how-to/add-a-task.md is trained, scored and registered without touching the engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assets.retrieval.results import read_results
from assets.tables.catalog import Catalog
from models.task_names import ADDED_TASKS
from models.tasks.added import load_added

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "how-to" / "add-a-task.md"
SCRIPT = """
import json, sys
from pathlib import Path
from assets.capture.simulate import SimulationSpec, simulate
from assets.retrieval.results import read_results
from assets.storage import Folder
from orchestration.cli.intake import take_in
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.train import train_here

settings = load_settings()
simulate(settings.home / "desk", SimulationSpec(6, 1.0, seed=1))
folder = Folder(str(settings.home / "desk"), settings.file_options)
build_landing_zone(settings).register("desk", folder)
take_in(settings, folder, "desk")
changes = {"epochs": "4"}
facts = [train_here(settings, "counting", None, None, changes, seed=0, accept_thin_test=True)]
changes = {"epochs": "2", "image_size_px": "32"}
facts.append(train_here(settings, "pretraining", "tiny_pretraining", None, changes, seed=0))
changes = {"epochs": "1", "image_size_px": "64", "head_width": "16"}
facts.append(train_here(settings, "instances", "tiny_instances", None, changes, seed=0))
listed = [row["task"] for row in read_results(build_catalog(settings))]
Path(sys.argv[1]).write_text(json.dumps([*facts, listed]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, start_home) -> dict[str, str]:
    """A home, and the page's file named as a task."""
    folder = tmp_path_factory.mktemp("added")
    (block,) = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    (folder / "counting.py").write_text(block)
    start_home(folder / "home")
    own = {
        "DAGUERRE_HOME": str(folder / "home"),
        "DAGUERRE_PROFILE": "ci",
        "DAGUERRE_PARTIAL_WAIT_S": "0",
        ADDED_TASKS: str(folder / "counting.py"),
    }
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("DAGUERRE_")},
        **own,
    }


def _run(
    environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_the_task_of_the_page_and_open_tasks_of_ours_reach_the_registry(
    environment, tmp_path: Path
) -> None:
    out = tmp_path / "facts.json"
    done = _run(environment, "-c", SCRIPT, str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    counting, pretraining, instances, listed = json.loads(out.read_text())
    assert counting["success"] and counting["task"] == "counting", counting
    assert (
        counting["scores"].keys() == {"within_one"}
        and counting["scores"]["within_one"] >= 0.3
    )
    assert (
        counting["is_champion"] and counting["release_id"] != pretraining["release_id"]
    )
    # one recording of six is the test part
    (thin,) = counting["warnings"]
    assert "are of one recording" in thin
    assert any(f"accepted as it is: {thin}" in told for told in counting["verdict"])
    assert pretraining["success"] and pretraining["scores"].keys() == {
        "found_again",
        "knn",
        "linear",
    }, pretraining
    at_one_score = {"operating_score", "precision50", "recall50", "f1_50", "ece"}
    assert instances["success"] and instances["scores"].keys() == {
        *("map50", "map", "box_map50"),
        *at_one_score,
    }, instances
    trained = {"counting", "pretraining", "instances"}
    assert set(listed) == trained
    # this process does not know the task
    without = read_results(Catalog(f"{environment['DAGUERRE_HOME']}/tables"))
    assert {row["task"] for row in without} == trained


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("TASK = Counting()", ""), "has no TASK derived from"),
        (
            ('name = "counting"', 'name = "detection"'),
            "there is already a task 'detection'",
        ),
        (
            ('dataset = "detection"', 'dataset = "boxes"'),
            "dataset = 'boxes' one of recognition, detection",
        ),
        (("RECIPES = (base_counting,)", ""), "has no recipe base_counting"),
        (
            ('task="counting"', 'task="detection"'),
            "recipe base_counting says name = 'base_counting' and task",
        ),
    ],
)
def test_a_file_that_is_not_right_is_refused_with_the_reason(
    environment, tmp_path: Path, monkeypatch, change, message
) -> None:
    text = Path(environment[ADDED_TASKS]).read_text()
    assert change[0] in text
    (tmp_path / "wrong.py").write_text(text.replace(*change))
    monkeypatch.setenv(ADDED_TASKS, str(tmp_path / "wrong.py"))
    with pytest.raises(ValueError, match=re.escape(message)):
        load_added()


def test_two_files_with_one_name_are_refused(
    environment, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "again.py").write_text(Path(environment[ADDED_TASKS]).read_text())
    monkeypatch.setenv(
        ADDED_TASKS,
        os.pathsep.join([environment[ADDED_TASKS], str(tmp_path / "again.py")]),
    )
    with pytest.raises(
        ValueError, match=r"again\.py: there is already a task 'counting'"
    ):
        load_added()


def test_a_file_that_is_not_there_is_named(monkeypatch) -> None:
    monkeypatch.setenv(ADDED_TASKS, "nowhere.py")
    with pytest.raises(
        ValueError, match=r"nowhere\.py, named by DAGUERRE_TASKS, is no file"
    ):
        load_added()
