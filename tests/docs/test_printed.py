"""What pages show of models and drift is what the verbs print of such rows: numbers and ids are left out."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from assets.evaluation.score import score_predictions
from assets.monitoring.drift import Champion, assess_session
from assets.tables.schemas import TABLES, to_table
from orchestration.cli import app
from tests.assets.monitoring.test_drift import record
from tests.docs.printed import read_printed, require_shown
from tests.docs.test_commands import CHECKOUT, read_blocks

PAGE = CHECKOUT / "docs" / "how-to" / "common-jobs.md"
_MARKED = {body for _, body in read_blocks(PAGE, is_marked=True)}
# those that run do so in `test_commands`
_SHOWN = {
    body: text for body, text in read_printed(PAGE).items() if body not in _MARKED
}


@pytest.fixture
def judged(home, catalog, monkeypatch):
    """A home with a champion that was scored on one picture, and a session that it judged in bad light."""
    picture = {
        "frame_id": "f3" * 16,
        "session": "desk",
        "sensor": "left",
        "boxes_xyxy": [10.0, 10.0, 50.0, 50.0],
    }
    prediction = {
        "model_sha256": "a1" * 32,
        "task": "detection",
        "class_names": ["ball"],
        "scores": [0.9],
    }
    truth = {"release_id": "b2" * 16, "split": "test", "box_class_ids": [0]}
    scores = score_predictions(
        "detection", [picture | prediction], [picture | truth], ["ball"], {}
    )
    first = scores[0]
    model = {
        "model_sha256": first["model_sha256"],
        "task": "detection",
        "recipe": "tiny_detection",
        "release_id": first["release_id"],
        "code_version": "1",
        "seed": 0,
        "run_id": "run",
        "folder": "models/a",
    }
    champion = {
        "task": "detection",
        "model_name": "daguerre-detection",
        "model_version": 1,
        **{name: first[name] for name in ("model_sha256", "release_id")},
    }
    bright = record(np.random.default_rng(3), "desk-dusk", 1)
    dusk = replace(bright, quality=darken(bright.quality))
    reference = record(np.random.default_rng(1), "desk")
    judge = Champion("daguerre-detection", 1, first["release_id"])
    drift = assess_session(reference, dusk, "desk-dusk", judge).rows
    for name, rows in {
        "models": [model],
        "scores": scores,
        "champions": [champion],
        "drift": drift,
    }.items():
        catalog.upsert(name, to_table(TABLES[name], rows))
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "80")


def darken(quality: pa.Table) -> pa.Table:
    place = quality.column_names.index("brightness")
    return quality.set_column(
        place, "brightness", pc.multiply(quality["brightness"], 0.3)
    )


@pytest.mark.parametrize("body", _SHOWN, ids=lambda body: body.split()[1])
def test_a_page_shows_what_is_printed(body, judged):
    first = shlex.split(body.splitlines()[0], comments=True)
    done = CliRunner().invoke(app, first[1:], catch_exceptions=False)
    require_shown(done.stdout, _SHOWN[body])


def test_all_that_the_page_shows_is_compared():
    is_shown = [language for language, _ in read_blocks(PAGE)].count("text")
    assert is_shown == len(read_printed(PAGE)) > len(_SHOWN) > 0
