"""`daguerre export edge`: an int8 form that its exam accepts is written, any other is refused, both are recorded."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from assets.evaluation.exam import examine_on
from assets.inference.onnx_model import OnnxModel
from assets.inference.package import describe, write_package
from assets.kinds import find_kind
from assets.registry import edge
from assets.tables.catalog import Catalog
from assets.tables.releases import open_release
from assets.tables.schemas import TABLES, to_table
from assets.workspace import Workspace
from models.recipes import get_recipe
from models.tasks import TASKS
from orchestration.cli import app
from tests.assets.comparison.conftest import (
    class_row,
    draw_png,
    sit_exam,
    write_frames,
    write_release,
)
from tests.assets.serving.colours import write_colour_model

CLASSES = ("red", "green", "blue")
FRAMES = "abcdefghij"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with a release, and two recognisers that sat its exam: a net of many layers, and a single one."""
    home = tmp_path_factory.mktemp("edge")
    catalog = Catalog(str(home / "tables"))
    version = write_frames(catalog, FRAMES)
    rows = [class_row(name, n % 3) for n, name in enumerate(FRAMES)]
    for row in rows[:4]:
        row["split"] = "train"
    release_id = write_release(catalog, "recognition", list(CLASSES), rows, version)
    config = replace(
        get_recipe("tiny_recognition"),
        image_size_px=64,
        weights="none",
        frozen_stages=0,
    )
    torch.manual_seed(0)
    facts = describe(config, CLASSES, release_id, 0, "1", [])
    net = TASKS["recognition"].build(config, len(CLASSES), None)
    models = [
        write_package(home / "models", net, "recognition", facts),
        write_colour_model(home / "models", release_id=release_id),
    ]
    store(catalog, home, models[0])
    release = open_release(catalog, release_id)
    examine_on(catalog, Workspace(home), models[0], release).write(catalog)
    say_as_its_form_does(catalog, home, models[1])
    return home, [package.model_sha256 for package in models]


def store(catalog, home, package, seed=0):
    row = {
        "model_sha256": package.model_sha256,
        "task": "recognition",
        "recipe": "tiny_recognition",
        "release_id": package.release_id,
        "code_version": "1",
        "seed": seed,
        "run_id": "run",
        "folder": str(package.folder.relative_to(home)),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    return row


def say_as_its_form_does(catalog, home, package):
    """The exam of a net that no task builds: it has the answers of its ONNX form."""
    model = OnnxModel(package)
    pictures = {
        letter: cv2.imdecode(np.frombuffer(draw_png(letter), np.uint8), 1)
        for letter in FRAMES[4:]
    }
    said = {
        letter: find_kind("recognition").list_answer(
            model.answer([picture])[0], CLASSES
        )
        for letter, picture in pictures.items()
    }
    row = store(catalog, home, package)
    sit_exam(catalog, row, package.release_id, said)


@pytest.fixture
def run(made, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(made[0]))
    return lambda *words: CliRunner().invoke(app, words, catch_exceptions=False)


def read_forms(made):
    return Catalog(str(made[0] / "tables")).read_latest("edge_forms").to_pylist()


def test_a_form_that_answers_as_well_is_written(run, made, tmp_path, monkeypatch):
    from onnxruntime import InferenceSession

    # how quick it is beside the float form, a machine that others use does not tell
    monkeypatch.setattr(edge, "MAX_TIME", 10.0)
    model, folder = made[1][0], tmp_path / "edge"
    told = json.loads(run("export", "edge", model[:12], str(folder), "--json").stdout)
    assert told["is_accepted"], told["rules"]
    assert told["folder"] == str(folder)
    assert told["calibration_frames"] == 4
    kept = json.loads((folder / "edge.json").read_text())
    assert kept["edge_sha256"] == told["edge_sha256"]
    session = InferenceSession(folder / "model.int8.onnx")
    assert [one.name for one in session.get_inputs()] == ["pixels"]
    (row,) = [r for r in read_forms(made) if r["model_sha256"] == model]
    assert row["is_accepted"] and row["edge_sha256"] == told["edge_sha256"]


def test_a_form_that_is_no_quicker_is_refused_with_the_figures(run, made, tmp_path):
    model, folder = made[1][1], tmp_path / "edge"
    outcome = run("export", "edge", model, str(folder))
    assert outcome.exit_code == 1 and not folder.exists()
    assert (
        "FAILS  no more than 0.65 of the float form's processor time" in outcome.stdout
    )
    assert "is refused: ship the float form" in outcome.stdout
    (row,) = [r for r in read_forms(made) if r["model_sha256"] == model]
    assert not row["is_accepted"]
    rules = json.loads(row["verdict"])["rules"]
    assert [r["is_passed"] for r in rules[:2]] == [True, True]
    assert not any(r["may_be_approved"] for r in rules)


def test_a_model_without_an_exam_is_sent_to_it(run, made, tmp_path):
    home = made[0]
    package = write_colour_model(home / "models", shift=1)
    store(Catalog(str(home / "tables")), home, package, seed=1)
    with pytest.raises(ValueError, match=r"has no exam.*--score"):
        run("export", "edge", package.model_sha256, str(tmp_path / "edge"))
    assert not (tmp_path / "edge").exists()
