"""Read ROS 1 bags: the messages of the kinds that are read in MCAP files too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assets.formats.messages.recording import (
    UNKNOWN_TOPICS,
    foresee_topics,
    plan_recordings,
    read_recording,
)
from assets.formats.messages.rosbag1_records import (
    INDEX_REMEDY,
    OLD_MAGIC,
    BagWalker,
    read_index,
)
from assets.formats.observations import Observation
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, open_checked
from assets.storage import SessionFile


class Rosbag1Reader:
    name = "rosbag1"
    carries = frozenset({"calibration", "clock", "depth", "video"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_recordings(
            self.name, ".bag", OLD_MAGIC[: len(b"#ROSBAG V")], files, opener
        )

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        yield from read_recording(plan, opener, BagWalker)

    def foresee(self, plan: CapturePlan, opener: Opener) -> dict[str, str]:
        """The topics that are read and those that are not, as the bag's index lists them; nothing is decoded."""
        file = plan.files[0]
        try:
            with open_checked(file, opener) as stream:
                summary = read_index(stream, file.size_bytes)
        except UnreadableBytes as error:
            return {"topics": f"{UNKNOWN_TOPICS}: {error}"}
        except ValueError as error:
            return {"topics": f"{UNKNOWN_TOPICS}: {error}; {INDEX_REMEDY}"}
        return dict(foresee_topics(summary))
