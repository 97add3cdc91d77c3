"""The tracks of one session: made by one model's answers and one method, and brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from assets.code_versions import version_of
from assets.retrieval.answers import read_operating_score
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.incremental import Refreshed, replace_rows
from assets.tables.rows import ModelRef, TrackRow
from assets.tables.schemas import TABLES, to_table
from assets.tracking.recordings import read_recordings
from assets.tracking.rows import Look, Method, track_recording
from assets.workspace import Workspace
from models.task_names import DETECTION

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tracked:
    """What was made: `recordings` are those with an answer, `without_answers` those without; `num_frames` of the
    former."""

    refreshed: Refreshed
    method: Method
    recordings: int
    without_answers: int
    num_frames: int
    rows: list[TrackRow]

    @property
    def num_tracks(self) -> int:
        """Over all recordings."""
        return len({row["track_id"] for row in self.rows})

    @property
    def num_filled(self) -> int:
        """Boxes where nothing was found."""
        return sum(row["is_filled"] for row in self.rows)


def choose_score(catalog: Catalog, model: ModelRef, method: Method) -> Method:
    """The method at the operating score of the model, where it has one."""
    score = read_operating_score(catalog, model)
    return method if score is None else replace(method, min_score=score)


def track_session(
    catalog: Catalog,
    workspace: Workspace,
    model: ModelRef,
    session: str,
    method: Method,
    on_progress: OnProgress | None = None,
) -> Tracked:
    """Bring `tracks` up to date for what the model found in the session; recordings whose answers, and the code, are
    those of before keep their rows. Raises what reading frames raises, where looks count."""
    sha256 = model["model_sha256"]
    mine = (
        f"{session_is(session)} AND model_sha256 = {repr_sql(sha256)} "
        f"AND tracker = '{method.tracker}' AND uses_looks = {method.uses_looks}"
    )
    have = catalog.read_latest("tracks", None, mine)
    known: dict[str, list[TrackRow]] = {}
    for row in have.to_pylist():
        known.setdefault(row["input_sha256"], []).append(row)
    recordings = read_recordings(catalog, session, sha256)
    answered = [one for one in recordings if one.answers]
    version = f"{version_of('tracks')}:{method.min_score:.6f}"
    look = None
    if method.uses_looks:
        encoder, look = _open_looks(catalog, workspace)
        version = f"{version}:{encoder}"
    rows: list[TrackRow] = []
    num_made = 0
    for done, recording in enumerate(answered, start=1):
        kept = known.get(recording.input_sha256, [])
        if not kept or any(row["code_version"] != version for row in kept):
            kept = track_recording(recording, sha256, method, look, version)
            num_made += len(kept)
        rows += kept
        if on_progress is not None:
            on_progress(done, len(answered))
    table = to_table(TABLES["tracks"], rows)
    refreshed = replace_rows(catalog, "tracks", table, num_made, have)
    return Tracked(
        refreshed,
        method,
        len(answered),
        len(recordings) - len(answered),
        sum(len(one.frames) for one in answered),
        rows,
    )


def _open_looks(catalog: Catalog, workspace: Workspace) -> tuple[str, Look]:
    """The version of the encoder, and what gives the vectors of boxes."""
    from assets.inference.embed import Embedder
    from assets.inference.predict import StoredImages
    from assets.tracking.looks import embed_boxes

    images = StoredImages(catalog, catalog.published_version("frames"))
    embedder = Embedder(workspace.cache, workspace.encoder)
    return embedder.version, partial(embed_boxes, images, embedder)


def read_detector(catalog: Catalog) -> ModelRef | None:
    """The champion of detection, which the asset goes by; None where there is none."""
    where = is_in("task", [DETECTION])
    rows: list[ModelRef] = catalog.read_latest("champions", where=where).to_pylist()
    return rows[0] if rows else None
