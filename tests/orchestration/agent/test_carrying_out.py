"""Each kind of proposal from its plan to its end, on one small home: pictures of two colours, one unread file, and a
line of registered versions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.registry.promotion import submit
from assets.registry.verdict import GateRules
from assets.tables.catalog import Catalog
from assets.tables.champions import read_champion
from assets.tables.schemas import TABLES, to_table
from orchestration.agent.proposing import open_book
from orchestration.agent.tool import call
from orchestration.agent.tools import find_tool
from orchestration.agent.world import World
from orchestration.cli import run_verb
from orchestration.profiles import CHECKOUT, load_settings
from orchestration.resources import build_tracker
from tests.assets.registry.conftest import RELEASE, store_model, write_folder

# third parties warn inside Dagster
pytestmark = pytest.mark.filterwarnings("default")
SESSION = "two-colours"
TINY = ["image_size_px=32", "batch_size=4", "epochs=1"]


@pytest.fixture(scope="module", autouse=True)
def _without_ray() -> Iterator[None]:
    """What is shown of a training is its proposal: it is made in one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_PROFILE", "ci")
        yield


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory, start_home) -> Path:
    """The home; tests of this file change it one after the other."""
    home = start_home(tmp_path_factory.mktemp("carried"))
    paint(home / "landing" / SESSION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(home))
        told = run_verb(("ingest", str(home / "landing" / SESSION))).facts
    assert told["published"], told["failed_checks"]
    return home


def paint(session: Path) -> None:
    """Noise on green and on red, dealt out to parts; and a file that is cut off."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for name, colour in (("green", (40, 200, 40)), ("red", (40, 40, 200))):
            (session / split / name).mkdir(parents=True)
            for number in range(count):
                noise = np.kron(rng.integers(0, 256, (4, 4, 1)), np.ones((8, 8, 1)))
                pixels = (noise * 0.4 + np.array(colour) * 0.6).astype(np.uint8)
                cv2.imwrite(str(session / split / name / f"{number}.png"), pixels)
    whole = (session / "train" / "red" / "0.png").read_bytes()
    (session / "train" / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])


@pytest.fixture
def world(made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("DAGUERRE_HOME", str(made_home))
    monkeypatch.chdir(tmp_path)
    return World(load_settings(), "somebody", run_verb)


def propose(world: World, tool: str, **asked) -> tuple[str, list[str]]:
    """Id and plan."""
    answer = call(find_tool(tool), world, asked | {"because": "it is due"})
    name = str(answer.facts[0].value)
    return name, run_verb(("proposals", name)).facts["plan"]


def approve(name: str) -> dict:
    done = run_verb(("approve", name))
    assert done.facts["exit_code"] == done.exit_code
    with pytest.raises(ValueError, match=f"proposal {name} was approved by"):
        run_verb(("approve", name))
    return done.facts


def approve_apart(name: str) -> dict:
    """In a process of its own: one process runs the assets of one home."""
    words = [sys.executable, "-m", "daguerre", "approve", name, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=CHECKOUT)
    return json.loads(done.stdout)


def test_a_queue_leads_with_how_many_frames_are_asked_and_asks_them_once(world):
    asked = {"task": "detection", "strategy": "random", "budget": 2}
    name, plan = propose(world, "propose_queue", **asked)
    lead = "asks people for detection labels of 2 frames (2 by random); 0 are open"
    assert plan[0].startswith(lead)
    assert not any("recorded" in line for line in plan)
    assert approve(name)["result"]["asked"] == 2
    assert len(world.catalog.read_latest("label_queue")) == 2


def test_a_retry_takes_the_quarantined_file_again_and_tells_that_it_is_as_it_was(world):
    name, plan = propose(world, "propose_retry", session=SESSION)
    assert plan[0].startswith(f"takes 1 quarantined file of {SESSION} again")
    told = approve(name)
    assert told["result"]["retried"] == ["train/red/cut.png"]
    assert run_verb(("quarantine", "list", SESSION)).facts[0]["what"] == "file"


def test_a_backfill_leads_with_rows_and_time_and_says_code_in_one_line(world):
    wanted = {"select": ["frame_quality"], "sessions": [SESSION]}
    name, plan = propose(world, "propose_backfill", **wanted)
    assert plan[0].startswith("makes 16 rows of curation/frame_quality anew of 1 ses")
    assert plan[1] == "how long it takes is not known: no recorded runs to go by"
    assert len([line for line in plan if line.startswith("other code")]) <= 1
    told = approve_apart(name)
    assert (told["state"], told["result"]["exit_code"]) == ("done", 0)
    assert [one["state"] for one in told["result"]["outcomes"]] == ["good"]


def test_a_training_leads_with_its_frames_and_ends_with_a_model(world):
    wanted = {"task": "recognition", "recipe": "tiny_recognition", "settings": TINY}
    name, plan = propose(world, "propose_training", **wanted)
    assert plan[0].startswith("trains one model on 16 frames (8 train, 4 val, 4 test)")
    assert "of 2 classes" in plan[0]
    told = approve(name)
    assert told["state"] == "done" and told["result"]["learnt_from"]
    sha256 = told["result"]["model_sha256"]
    (model,) = world.catalog.read_latest("models").to_pylist()
    assert (model["model_sha256"], model["recipe"]) == (sha256, "tiny_recognition")


def test_a_training_is_refused_where_its_dataset_would_be_another(world):
    wanted = {"task": "recognition", "recipe": "tiny_recognition", "settings": TINY}
    name, _ = propose(world, "propose_training", seed=1, **wanted)
    run_verb(("forget", f"{SESSION}/train/green/0.png"))
    with pytest.raises(ValueError, match=f"{name} rests on what is another by now"):
        run_verb(("approve", name))
    assert len(world.catalog.read_latest("models")) == 1


def test_a_waiting_version_is_approved_and_taken_back_by_proposals(world, tmp_path):
    crown_two(world, tmp_path)
    name, plan = propose(world, "propose_rollback", task="recognition")
    lead = "makes recognition version 2 champion, in the place of version 3"
    assert plan[0].startswith(lead)
    other, _ = propose(world, "propose_rollback", task="recognition", to=2)
    assert other != name and approve(name)["result"]["after"]["version"] == 2
    assert read_champion(world.catalog, "recognition")["model_version"] == 2
    with pytest.raises(ValueError, match="recognition/2 is the champion"):
        run_verb(("approve", other))
    name, plan = propose(world, "propose_approval", task="recognition", version=3)
    assert plan[0].startswith("makes recognition version 3 champion, in the place of")
    assert approve(name)["state"] == "done"
    tracker = build_tracker(world.settings)
    assert tracker.champion("recognition").version == 3


def crown_two(world: World, folder: Path) -> None:
    """Two packages of a release of the registry's tests become champion, one after the other."""
    catalog, tracker = world.catalog, build_tracker(world.settings)
    catalog.merge("releases", to_table(TABLES["releases"], [RELEASE]))
    rules = GateRules("accuracy", floor=0.7, max_drop=0.02, min_test_samples=10)
    for name, weight, accuracy in (("one", 1.0, 0.80), ("two", 2.0, 0.90)):
        package = write_folder(folder / name, weight)
        store_model(catalog, package, accuracy)
        done = submit(catalog, tracker, package, {"a": True}, "run", rules=rules)
        assert done.champion_row, done.decision.reasons


_KILLED = """
import os, signal, sys
from orchestration.agent.proposing import carry_out, open_book
from orchestration.agent.world import World
from orchestration.cli import run_verb
from orchestration.profiles import load_settings

def die(words):
    if "--dry-run" not in words:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_verb(words)

world = World(load_settings(), "somebody", die)
carry_out(world, open_book(world).find(sys.argv[1]), "")
"""


def test_who_was_killed_midway_is_told_and_nothing_is_tried_again(world):
    asked = {"task": "detection", "strategy": "random", "budget": 3}
    name, _ = propose(world, "propose_queue", **asked)
    before = len(Catalog(world.catalog.uri).read_latest("label_queue"))
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    words = [sys.executable, "-c", _KILLED, name]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert open_book(world).find(name).state == "begun"
    with pytest.raises(ValueError, match="was killed and may be done by half"):
        run_verb(("approve", name))
    assert len(Catalog(world.catalog.uri).read_latest("label_queue")) == before
    again, _ = propose(world, "propose_queue", **asked)
    assert again != name and approve(again)["result"]["asked"] == 1
