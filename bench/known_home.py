"""A home whose content a person can count: for exams of what answers questions about it.

Three sessions of 12, 20 and 6 frames by two cameras, 36 labels of three classes, two releases, three models of which
two are champions of their tasks, a queue with four open frames, and runs of which one failed.

    python -m bench.known_home HOME && DAGUERRE_HOME=HOME daguerre exam
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from bench.synthetic_home import fill, plain_row
from tests.assets.comparison.conftest import (
    class_row,
    sit_exam,
    store_model,
    write_frames,
    write_release,
)

SESSIONS = {"desk-north": 10, "desk-south": 20, "yard-east": 6}
SENSORS = ("front-cam", "rear-cam")
CLASSES = ("cup", "coffee pot", "spoon")


def build(home: Path) -> Catalog:
    """Make it in an empty folder."""
    catalog = Catalog(str(home / "tables"))
    for session, num_frames in SESSIONS.items():
        (home / "landing" / session).mkdir(parents=True)
        fill(catalog, [session], num_frames, is_labelled=True)
    _add_models(catalog)
    _tell_apart(catalog)
    _add_queue(catalog)
    _run_graph(home)
    return catalog


def _tell_apart(catalog: Catalog) -> None:
    """Frames by both cameras in turn, labels of all classes in turn, vectors of which no two are equal."""
    _change(catalog, "frames", _name_place)
    _change(catalog, "labels", lambda n, row: {"class_name": CLASSES[n % 3]})
    vectors = np.random.default_rng(0).normal(size=(64, EMBEDDING_DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    one = vectors.astype(np.float32)
    _change(catalog, "frame_embeddings", lambda n, row: {"vector": one[n]})


def _name_place(number: int, row: dict[str, Any]) -> dict[str, str]:
    is_of_models = row["session"] not in SESSIONS
    session = "desk-north" if is_of_models else row["session"]
    return {"sensor": SENSORS[number % 2], "session": session}


def _change(catalog: Catalog, table: str, change: Any) -> None:
    rows = catalog.read_latest(table).to_pylist()
    rows.sort(key=lambda row: row[TABLES[table].key])
    made = [row | change(number, row) for number, row in enumerate(rows)]
    written = catalog.upsert(table, to_table(TABLES[table], made))
    for session in SESSIONS:
        catalog.publish(table, session, written.version)


def _add_models(catalog: Catalog) -> None:
    version = write_frames(catalog, "ab")
    rows = [class_row("a", 0, "desk-north"), class_row("b", 1, "desk-north")]
    first = write_release(catalog, "recognition", ["cup", "spoon"], rows, version)
    write_release(catalog, "recognition", ["cup", "spoon"], rows[:1], version)
    answers: dict[str, Sequence[str]] = {"one": ("cup", "spoon"), "two": ("cup", "cup")}
    for name, said in answers.items():
        model = store_model(catalog, name, first, "recognition")
        told = {
            letter: {"class_names": [found], "scores": [1.0]}
            for letter, found in zip("ab", said, strict=True)
        }
        sit_exam(catalog, model, first, told)
        _add_score(catalog, model, 1.0 if name == "one" else 0.5)
        if name == "one":
            _crown(catalog, model)
    _crown(catalog, store_model(catalog, "three", first, "detection"))


def _add_score(catalog: Catalog, model: dict[str, Any], value: float) -> None:
    given = {
        "score_id": content_id("score", model["model_sha256"]),
        "model_sha256": model["model_sha256"],
        "release_id": model["release_id"],
        "split": "test",
        "slice_by": "all",
        "metric": "accuracy",
        "value": value,
    }
    catalog.merge("scores", to_table(TABLES["scores"], [plain_row("scores", given)]))


def _crown(catalog: Catalog, model: dict[str, Any]) -> None:
    given = {k: model[k] for k in ("task", "model_sha256", "release_id")}
    row = plain_row("champions", given | {"model_name": f"daguerre-{model['task']}"})
    catalog.merge("champions", to_table(TABLES["champions"], [row]))


def _add_queue(catalog: Catalog) -> None:
    frames = catalog.read_latest("frames", ["frame_id", "session"]).to_pylist()[:6]
    rows = [
        plain_row(
            "label_queue",
            frame
            | {
                "row_id": content_id("queue", number),
                "frame_sha256": "0" * 64,
                "state": "open" if number < 4 else "answered",
            },
        )
        for number, frame in enumerate(frames)
    ]
    catalog.merge("label_queue", to_table(TABLES["label_queue"], rows))


def _run_graph(home: Path) -> None:
    """A run of Dagster that ends well, and one that fails."""

    @dg.asset(key=["capture", "frames"])
    def frames() -> None:
        pass

    @dg.asset(key=["training", "detection"])
    def training() -> None:
        raise ValueError("the loss is not finite")

    folder = home / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        dg.materialize([frames], instance=instance)
        dg.materialize([training], instance=instance, raise_on_error=False)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    build(place)
