"""Sessions that show nearly one picture, as those of a camera that stands still: most frames are near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

MOST_ALIKE = 0.8  # of a session's frames; more, and it is told
LEAST_FRAMES = 20
REMEDY = (
    "of near-duplicates with the same objects a dataset takes one to train: record where the camera or the objects "
    "move, and let `daguerre queue` choose what to label"
)


@dataclass(frozen=True)
class AlikeSession:
    """How many frames of a session were compared, and how many of them are near-duplicates of one that is kept."""

    session: str
    num_frames: int
    num_alike: int

    @property
    def is_still(self) -> bool:
        """Whether hardly a picture is left to learn from."""
        return (
            self.num_frames >= LEAST_FRAMES
            and self.num_alike > MOST_ALIKE * self.num_frames
        )

    def __str__(self) -> str:
        return f"{self.num_alike:,} of {self.num_frames:,} frames are near-duplicates of others"


def count_alike(unique_frames: pa.Table) -> list[AlikeSession]:
    """By the columns session and duplicate_of, in the order of names."""
    facts = {
        "session": unique_frames["session"],
        "is_alike": pc.cast(pc.is_valid(unique_frames["duplicate_of"]), pa.int64()),
    }
    found = pa.table(facts).group_by("session")
    rows = found.aggregate([("is_alike", "sum"), ("is_alike", "count")]).to_pylist()
    return sorted(
        (
            AlikeSession(r["session"], r["is_alike_count"], r["is_alike_sum"])
            for r in rows
        ),
        key=lambda one: one.session,
    )
