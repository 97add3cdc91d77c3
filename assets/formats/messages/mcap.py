"""Read MCAP recordings: Foxglove messages (Protobuf, JSON), ROS 2 (CDR), ROS 1 and the simulator's ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assets.formats.messages.mcap_chunks import RecordingLimits
from assets.formats.messages.mcap_records import RecordWalker
from assets.formats.messages.mcap_summary import MAGIC, SummaryError, read_summary
from assets.formats.messages.recording import (
    UNKNOWN_TOPICS,
    foresee_topics,
    plan_recordings,
    read_recording,
)
from assets.formats.messages.topics import READER
from assets.formats.observations import Observation
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, open_checked
from assets.storage import SessionFile


class McapReader:
    name = READER
    carries = frozenset({"calibration", "clock", "depth", "video"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_recordings(self.name, ".mcap", MAGIC, files, opener)

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        yield from read_recording(plan, opener, RecordWalker)

    def foresee(self, plan: CapturePlan, opener: Opener) -> dict[str, str]:
        """The topics that are read and those that are not, as far as the summary lists them; nothing is decoded."""
        file = plan.files[0]
        try:
            with open_checked(file, opener) as stream:
                limit_bytes = RecordingLimits().chunk_bytes
                summary = read_summary(stream, file.size_bytes, limit_bytes)
        except (UnreadableBytes, SummaryError) as error:
            return {"topics": f"{UNKNOWN_TOPICS}: {error}"}
        if not (summary and summary.channels):
            return {
                "topics": f"{UNKNOWN_TOPICS}: the file has no summary that lists them"
            }
        return dict(foresee_topics(summary))
