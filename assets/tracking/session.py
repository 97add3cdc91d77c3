"""The tracks of one session: made by one model's answers and one method, and brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed, replace_rows
from assets.tables.rows import ModelRef, TrackedRecordingRow, TrackRow
from assets.tables.schemas import TABLES, to_table
from assets.tracking.recordings import (
    Unanswered,
    count_unanswered,
    read_recordings,
)
from assets.tracking.rows import Look, Method, track_recording
from assets.tracking.tracked import (
    find_difference,
    name_version,
    read_stored,
    sum_up,
)
from assets.workspace import Workspace

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tracked:
    """What was made: a row of `tracked_recordings` for each recording with an answer, and which have none."""

    refreshed: Refreshed
    method: Method
    recordings: list[TrackedRecordingRow]
    unanswered: Unanswered
    rows: list[TrackRow]

    @property
    def num_frames(self) -> int:
        """Of the recordings with an answer."""
        return sum(one["num_frames"] for one in self.recordings)

    @property
    def num_steadied(self) -> int:
        """Recordings of which turns of the camera were taken out."""
        return sum(one["steadiness"] == "steadied" for one in self.recordings)

    @property
    def num_tracks(self) -> int:
        """Over all recordings."""
        return len({row["track_id"] for row in self.rows})

    @property
    def num_filled(self) -> int:
        """Boxes where nothing was found."""
        return sum(row["is_filled"] for row in self.rows)


def track_session(
    catalog: Catalog,
    workspace: Workspace,
    model: ModelRef,
    session: str,
    method: Method,
    on_progress: OnProgress | None = None,
) -> Tracked:
    """Bring `tracks` and `tracked_recordings` up to date for what the model found in the session; recordings whose
    answers, turns and labels, and the code, are those of before keep their rows. Raises what reading frames raises,
    where looks count."""
    sha256 = model["model_sha256"]
    stored = read_stored(catalog, session, sha256, method)
    recordings = read_recordings(catalog, session, sha256)
    answered = [one for one in recordings if one.answers]
    look, encoder = None, ""
    if method.uses_looks:
        encoder, look = _open_looks(catalog, workspace)
    made_by, version = (
        ":".join(filter(None, (name_version(method, table), encoder)))
        for table in ("tracks", "tracked_recordings")
    )
    rows: list[TrackRow] = []
    summaries: list[TrackedRecordingRow] = []
    num_made = 0
    for done, recording in enumerate(answered, start=1):
        before = stored.find(recording, sha256, method)
        if before is not None and not find_difference(before, recording, version):
            mine = stored.rows_of(before)
        else:
            followed = track_recording(recording, sha256, method, look, made_by)
            mine, before = followed.rows, None
            num_made += len(mine)
        rows += mine
        summaries.append(before or sum_up(recording, followed, sha256, method, version))
        if on_progress is not None:
            on_progress(done, len(answered))
    table = to_table(TABLES["tracks"], rows)
    refreshed = replace_rows(catalog, "tracks", table, num_made, stored.tracks)
    told = to_table(TABLES["tracked_recordings"], summaries)
    replace_rows(catalog, "tracked_recordings", told, len(summaries), stored.recordings)
    return Tracked(refreshed, method, summaries, count_unanswered(recordings), rows)


def _open_looks(catalog: Catalog, workspace: Workspace) -> tuple[str, Look]:
    """The version of the encoder, and what gives the vectors of boxes."""
    from assets.inference.embed import Embedder
    from assets.inference.predict import StoredImages
    from assets.tracking.looks import embed_boxes

    images = StoredImages(catalog, catalog.published_version("frames"))
    embedder = Embedder(workspace.cache, workspace.encoder)
    return embedder.version, partial(embed_boxes, images, embedder)
