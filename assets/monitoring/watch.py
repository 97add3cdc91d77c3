"""What one model makes of one session: its predictions, and how far session and answers are from those it knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.code_versions import version_of
from assets.monitoring.answer_figures import choose_classes, gather_answers
from assets.monitoring.drift import (
    Assessment,
    Champion,
    FrameFigures,
    assess_frames,
    assess_session,
    mark,
)
from assets.monitoring.reach import OUTSIDE, can_take_in
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.champions import read_champions_choice
from assets.tables.incremental import Refreshed, require_once, write_as_they_come
from assets.tables.rows import ChampionRow, ModelRef, PredictionRow, ReleaseFrameRow

if TYPE_CHECKING:
    from assets.workspace import Workspace

_ASKED_COLUMNS = ["frame_id", "session", "sensor", "sha256"]
_FRAME_COLUMNS = [
    "frame_id",
    "capture_id",
    "session",
    "sensor",
    "t_ns",
    "sequence",
    "sha256",
]


def predict_session(
    catalog: Catalog,
    workspace: Workspace,
    model: ModelRef,
    session: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Bring `predictions`, purpose "monitoring", up to date for the session's published frames from cameras in the
    model's release, on the cluster of the settings where there are many; a frame that has its prediction, by code that
    would make the same one, keeps it.

    A session without such a camera is predicted whole. `on_progress` gets how many of the frames without a prediction
    are done, and how many there are. Rows are written as they come, and counted at the end. Raises ValueError when the
    model's files have changed, and RuntimeError where a row is missing, or there twice.
    """
    from assets.inference.model_store import open_model
    from assets.inference.predict import (
        PredictionFacts,
        StoredImages,
        StoredModel,
        name_prediction,
        predict_frames,
    )

    frames = catalog.read(
        "frames", _ASKED_COLUMNS, f"{session_is(session)} AND kind = 'color'"
    ).to_pylist()
    known = {r["sensor"] for r in _release_frames(catalog, model)}
    frames = [f for f in frames if f["sensor"] in known] or frames
    package = open_model(catalog, workspace.home, model["model_sha256"])
    facts = PredictionFacts(
        model["task"],
        package.model_sha256,
        tuple(package.facts.class_names),
        "monitoring",
    )
    mine = f"{session_is(session)} AND model_sha256 = {repr_sql(package.model_sha256)} AND purpose = 'monitoring'"
    current = f"{mine} AND code_version = {repr_sql(version_of('predictions'))}"
    have = set(
        catalog.read_latest("predictions", ["prediction_id"], current)[
            "prediction_id"
        ].to_pylist()
    )
    todo = [f for f in frames if name_prediction(f["frame_id"], facts) not in have]
    if todo:
        if on_progress is not None:
            on_progress(0, len(todo))
        images = StoredImages(catalog, catalog.published_version("frames"))
        load = StoredModel(catalog, package.model_sha256)
        write = partial(catalog.upsert, "predictions")
        with closing(predict_frames(images, todo, load, facts, workspace)) as made:
            write_as_they_come(write, "predictions", made, len(todo), on_progress)
        ids = [name_prediction(f["frame_id"], facts) for f in todo]
        require_once(catalog, "predictions", mine, ids)
    version = catalog.open_or_create("predictions").version
    return Refreshed(version, len(todo), 0, 0, len(frames), len(todo))


def assess(catalog: Catalog, champion: ChampionRow, session: str) -> Assessment:
    """The drift verdict on the session, with all frames of the champion's release as reference.

    A session that the choice of the champion's data cannot take in is judged all the same, and its reason says so.
    Frames of every split: they were drawn from the same recordings, and the test's power grows with their number.
    """
    known = {r["sensor"] for r in _release_frames(catalog, champion)}
    new = catalog.read(
        "frames", _FRAME_COLUMNS, f"{session_is(session)} AND kind = 'color'"
    )
    watched = [r["frame_id"] for r in new.to_pylist() if r["sensor"] in known] or new[
        "frame_id"
    ].to_pylist()
    subject = Champion(
        champion["model_name"], champion["model_version"], champion["release_id"]
    )
    found = assess_session(
        read_reference(catalog, champion), _figures(catalog, watched), session, subject
    )
    made_by = version_of("drift")
    found = replace(
        found, rows=[{**row, "code_version": made_by} for row in found.rows]
    )
    choice = read_champions_choice(catalog, champion["task"])
    if can_take_in(catalog, choice, session):
        return found
    return mark(found, OUTSIDE)


def read_reference(catalog: Catalog, champion: ChampionRow) -> FrameFigures:
    """What the champion knows: the figures of all frames of its release."""
    learned = [r["frame_id"] for r in _release_frames(catalog, champion)]
    return _figures(catalog, learned)


def assess_answers(
    champion: ChampionRow, session: str, answered: Answered
) -> Assessment:
    """The verdict on what the champion answers on the session, with its answers on the test part of its release as
    reference; None, without rows, where it has not answered."""
    if not answered.new:
        return Assessment([], None, None, "no verdict: there is no answer")
    task = champion["task"]
    classes = choose_classes(task, answered.reference, answered.min_score)
    known, arrived = (
        gather_answers(task, frames, rows, answered.min_score, classes)
        for frames, rows in (
            (answered.reference_frames, answered.reference),
            (answered.new_frames, answered.new),
        )
    )
    subject = Champion(
        champion["model_name"], champion["model_version"], champion["release_id"]
    )
    return assess_frames(known, arrived, session, subject)


@dataclass(frozen=True)
class Answered:
    """A model's stored answers on the test part of its release, but for those on the session, and on the session."""

    reference: list[PredictionRow]
    reference_frames: pa.Table
    new: list[PredictionRow]
    new_frames: pa.Table
    min_score: float


def read_answered(catalog: Catalog, champion: ChampionRow, session: str) -> Answered:
    """Answers as they were stored by its exam and by `predict_session`, and the score from which objects count."""
    mine = is_in("model_sha256", [champion["model_sha256"]])
    new = f"{mine} AND purpose = 'monitoring' AND {session_is(session)}"
    arrived = catalog.read_latest("predictions", where=new).to_pylist()
    frames = _read_frames(catalog, arrived)
    reference = read_exam(catalog, champion, f"NOT ({session_is(session)})")
    return replace(reference, new=arrived, new_frames=frames)


def read_exam(catalog: Catalog, champion: ChampionRow, where: str = "true") -> Answered:
    """The reference alone, of the frames for which `where` holds."""
    from assets.retrieval.answers import read_operating_score

    mine = is_in("model_sha256", [champion["model_sha256"]])
    test = f"{mine} AND purpose = 'test' AND {where}"
    part = f"release_id = {repr_sql(champion['release_id'])} AND split = 'test'"
    ids = set(
        catalog.read_latest("release_frames", ["frame_id"], part)[
            "frame_id"
        ].to_pylist()
    )
    reference = [
        row
        for row in catalog.read_latest("predictions", where=test).to_pylist()
        if row["frame_id"] in ids
    ]
    score = read_operating_score(catalog, champion)
    none = _read_frames(catalog, [])
    return Answered(
        reference,
        _read_frames(catalog, reference),
        [],
        none,
        0.5 if score is None else score,
    )


def _read_frames(catalog: Catalog, rows: list[PredictionRow]) -> pa.Table:
    where = is_in("frame_id", [row["frame_id"] for row in rows])
    return catalog.read_latest("frames", _FRAME_COLUMNS, where)


def _release_frames(catalog: Catalog, model: ModelRef) -> list[ReleaseFrameRow]:
    where = f"release_id = {repr_sql(model['release_id'])}"
    return catalog.read_latest(
        "release_frames", ["frame_id", "sensor"], where
    ).to_pylist()


def _figures(catalog: Catalog, frame_ids: list[str]) -> FrameFigures:
    where = is_in("frame_id", frame_ids)
    return FrameFigures(
        catalog.read_latest("frames", _FRAME_COLUMNS, where),
        catalog.read_latest("frame_quality", where=where),
        catalog.read_latest(
            "frame_embeddings", ["frame_id", "session", "vector", "code_version"], where
        ),
    )
