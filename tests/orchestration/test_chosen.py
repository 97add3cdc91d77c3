"""Chosen data at the command line: what a training would learn from is shown, and nothing is started or written."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from assets.choice import EVERYTHING, Choice
from assets.code_versions import version_of
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from orchestration.cli import app
from orchestration.cli.chosen import read_options

BOX = {"x_min": 2.0, "y_min": 3.0, "x_max": 8.0, "y_max": 9.0}
SIDES = ["train"] * 4 + ["val", "test"]
FIGURES = (
    "brightness",
    "contrast",
    "sharpness",
    "clipped_dark",
    "clipped_bright",
    "noise",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory, frame_rows) -> Path:
    """Two sessions of six pictures each: blood with cells, street with cars. There are no splits yet."""
    home = tmp_path_factory.mktemp("chosen")
    catalog = Catalog(str(home / "tables"))
    for session, seed, name in (("blood", 0, "cell"), ("street", 100, "car")):
        frames = frame_rows(6, seed, session, split_hint=SIDES)
        land(catalog, session, frames, name, seed)
    return home


def land(catalog: Catalog, session: str, frames, class_name: str, seed: int) -> None:
    """Published frames with a label each, vectors that are far from each other, and figures."""
    ids = frames["frame_id"].to_pylist()
    shared = [
        {"frame_id": i, "session": session, "input_sha256": sha256}
        for i, sha256 in zip(ids, frames["sha256"].to_pylist(), strict=True)
    ]
    version = {"code_version": version_of("frame_quality")}
    tables = {
        "frame_quality": [
            row
            | version
            | dict.fromkeys(FIGURES, 0.5)
            | {"perceptual_hash": f"{seed + n:016x}"}
            for n, row in enumerate(shared)
        ],
        "frame_embeddings": [
            row | {"vector": one_of(seed + n), "code_version": "1"}
            for n, row in enumerate(shared)
        ],
        "labels": [
            {
                "label_id": content_id(i),
                "frame_id": i,
                "session": session,
                "capture_id": content_id("capture", session),
                "task": "detection",
                "class_name": class_name,
                "origin": "imported",
                "source_path": "l.json",
                "source_offset": 0,
                **BOX,
            }
            for i in ids
        ],
    }
    written = {name: to_table(TABLES[name], rows) for name, rows in tables.items()}
    for name, rows in {"frames": frames, **written}.items():
        catalog.publish(name, session, catalog.merge(name, rows).version)


def one_of(place: int) -> list[float]:
    """A vector that has no angle of less than 90 degrees with another."""
    return np.eye(1, EMBEDDING_DIM, place, np.float32)[0].tolist()


@pytest.fixture
def run(home, monkeypatch):
    """run("train", ...): its result."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    return lambda *words: CliRunner().invoke(app, list(words))


def list_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("verb", ["train", "tune"])
def test_a_dry_run_shows_classes_and_parts_and_leaves_the_home_as_it_is(
    run, home, verb
):
    before = list_files(home)
    result = run(verb, "detection", "--sessions", "blood", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    (cell,) = facts["classes"]
    assert facts["chosen"] == "sessions blood" and cell["name"] == "cell"
    assert sum(cell["objects"].values()) == sum(cell["pictures"].values()) == 6
    assert facts["parts"] == cell["pictures"] == {"train": 4, "val": 1, "test": 1}
    (warning,) = facts["warnings"]
    assert warning.startswith("nothing is stated of licence and consent of 1 of 1")
    assert list_files(home) == before


def test_without_a_choice_both_sessions_make_one_list_of_classes(run):
    told = run("train", "detection", "--dry-run").stdout.splitlines()
    assert "12 frames, 12 labels" in told[0]
    assert told[1].startswith("chosen: everything that is published; frames: train ")
    assert [line.split()[0] for line in told[2:5]] == ["class", "car", "cell"]
    assert told[-1] == "nothing was started"


def test_what_training_makes_first_is_told(run, home, tmp_path, monkeypatch):

    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    catalog = Catalog(str(copy / "tables"))
    version = catalog.latest_version("frame_embeddings")
    catalog.hold("frame_embeddings", "street", version, "torn")
    monkeypatch.setenv("DAGUERRE_HOME", str(copy))
    told = run("train", "detection", "--dry-run").stdout
    assert "6 frames, 6 labels" in told
    (waiting,) = (line for line in told.splitlines() if line.startswith("street"))
    assert "embedding" in waiting and "training does that first" in waiting


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--where", "colour = 'red'"],
            "the columns are frame_id, capture_id, session",
        ),
        (["--classes", "cell,cup"], "no detection label is of class cup"),
        (["--sessions", "lab"], "there are blood, street"),
        (["--everything", "--sessions", "blood"], "give one of the two"),
        (["--release", "1" * 32, "--sessions", "blood"], "give one of the two"),
        (["--recipe", "huge"], "there is no recipe 'huge'"),
    ],
)
def test_what_cannot_be_chosen_is_refused_before_anything_starts(
    run, home, words, message
):
    result = run("train", "detection", "--dry-run", *words)
    assert isinstance(result.exception, ValueError), result.output
    assert message in str(result.exception)
    assert not (home / "dagster").exists()


def test_names_are_parted_by_commas_and_quoted_where_they_hold_one():
    choice = read_options(["b, a", "desk-*"], "", ['"cup, red",jug'])
    assert choice == Choice(("a", "b", "desk-*"), "", ("cup, red", "jug"))
    assert read_options(None, " ", None) is None
    assert read_options(None, "", None, everything=True) == EVERYTHING


def test_results_are_of_all_models_or_of_those_that_were_chosen_so(run, home):
    catalog = Catalog(str(home / "tables"))
    blood = Choice(("blood",), classes=("cell",))
    for name, choice in (("a", blood), ("b", EVERYTHING)):
        release = {
            "release_id": name * 32,
            "task": "detection",
            "class_names": ["cell"],
            "num_frames": 6,
            "num_labels": 6,
            "content_sha256": name * 64,
            "frames_version": 1,
            "code_version": "2",
            "sessions": ["blood"],
            "choice": choice.text,
            "weaknesses": ["the test part is thin"] if name == "a" else [],
        }
        model = {
            "model_sha256": name * 64,
            "task": "detection",
            "recipe": "tiny_detection",
            "release_id": name * 32,
            "code_version": "1",
            "seed": 0,
            "run_id": "run",
            "folder": f"models/{name}",
        }
        catalog.merge("releases", to_table(TABLES["releases"], [release]))
        catalog.merge("models", to_table(TABLES["models"], [model]))
    rows = json.loads(run("results", "--json").stdout)
    assert {row["chosen"] for row in rows} == {
        "sessions blood; classes cell",
        "everything that is published",
    }
    (mine,) = json.loads(run("results", "--sessions", "blood", "--json").stdout)
    assert mine["model_sha256"] == "a" * 64 and mine["warnings"]
    (all_data,) = json.loads(run("results", "--everything", "--json").stdout)
    assert all_data["model_sha256"] == "b" * 64
    told = run("results").stdout
    assert "WARNING: release aaaaaaaaaaaaaaaa: the test part is thin" in told
    figures = [("all", "all", "map50", 0.9), ("class", "cell", "ap50", 0.0)]
    scores = [
        {
            "score_id": content_id(name, *figure),
            "model_sha256": name * 64,
            "release_id": name * 32,
            "split": "test",
            "num_samples": 6,
            **dict(
                zip(("slice_by", "slice_value", "metric", "value"), figure, strict=True)
            ),
        }
        for name in "ab"
        for figure in figures[: 1 + (name == "b")]
    ]
    catalog.merge("scores", to_table(TABLES["scores"], scores))
    missed = {
        row["model_sha256"][0]: row["missed_classes"]
        for row in json.loads(run("results", "--json").stdout)
    }
    assert missed == {"a": [], "b": ["cell"]}
    warned = "WARNING: model bbbbbbbbbbbbbbbb: never found, of what the test part shows, class cell"
    assert warned in run("results").stdout
    assert str(run("results", "--sessions", "bloot").exception) == (
        "no model was trained on sessions bloot: there are models of everything that is published | "
        "sessions blood; classes cell"
    )
    told = run("lineage", "release", "a" * 32).stdout
    assert (
        "chosen: sessions blood; classes cell" in told
        and "the test part is thin" in told
    )
