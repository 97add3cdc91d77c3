"""Tracking: what was found in the frames of a recording, joined to tracks, and objects in space and in every view."""

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
            "object_boxes",
            "object_boxes",
            (
                "assets.tracking.object_sights:read_captures",
                "assets.tracking.object_boxes:place_capture",
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
