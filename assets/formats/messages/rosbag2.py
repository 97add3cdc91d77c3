"""Read databases of rosbag2 (`.db3`, its storage before MCAP): messages of the kinds that are read in MCAP files too.

A folder of `ros2 bag` may have several of them; each is a recording. Its `metadata.yaml` says nothing that they do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assets.formats.messages.recording import (
    UNKNOWN_TOPICS,
    foresee_topics,
    plan_recordings,
    read_recording,
)
from assets.formats.messages.rosbag2_records import DatabaseWalker
from assets.formats.messages.sqlite_pages import MAGIC
from assets.formats.observations import Observation
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, open_checked
from assets.storage import SessionFile


class Rosbag2Reader:
    name = "rosbag2"
    carries = frozenset({"calibration", "clock", "depth", "video"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        # other databases are no recordings
        databases = [f for f in files if f.path.lower().endswith(".db3")]
        return plan_recordings(self.name, ".db3", MAGIC, databases, opener)

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        yield from read_recording(plan, opener, DatabaseWalker)

    def foresee(self, plan: CapturePlan, opener: Opener) -> dict[str, str]:
        """The topics that are read and those that are not, with their counts; nothing is decoded."""
        try:
            with open_checked(plan.files[0], opener) as stream:
                summary = DatabaseWalker(stream).count()
        except (UnreadableBytes, ValueError) as error:
            return {"topics": f"{UNKNOWN_TOPICS}: {error}"}
        return dict(foresee_topics(summary))
