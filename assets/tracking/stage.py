"""Tracking: what a detector found in the frames of a recording, joined to tracks."""

from assets.stages import Maker, Stage
from assets.tables.schemas import tracking

STAGE = Stage(
    name="tracking",
    after=tracking.AFTER,
    tables=tracking.TABLES,
    assets="assets.tracking.defs",
    gates="checks.tracking",
    makers=(
        Maker(
            "tracks",
            "tracks",
            (
                "assets.tracking.rows:track_recording",
                "assets.tracking.recordings:read_recordings",
                "assets.tracking.looks:embed_boxes",
            ),
        ),
        Maker(
            "tracked_recordings",
            "tracked_recordings",
            (
                "assets.tracking.rows:track_recording",
                "assets.tracking.recordings:read_recordings",
                "assets.tracking.looks:embed_boxes",
                "assets.tracking.tracked:sum_up",
            ),
        ),
    ),
)
