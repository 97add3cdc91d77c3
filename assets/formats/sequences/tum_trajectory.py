"""Read trajectories as plain text, the way of TUM RGB-D: rows of `t x y z qx qy qz qw`, seconds and metres.

The rows do not say which frame of reference moves in which, so both stay absent; the sensor is the name of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assets.formats.layout import is_document, is_hidden, name_of, stem_of, suffix_of
from assets.formats.observations import Observation
from assets.formats.protocol import (
    HEAD_BYTES,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_head,
)
from assets.formats.sequences.sequence_files import (
    check_rotation,
    parse_numbers,
    parse_seconds,
    read_pose_rows,
    split_row,
)
from assets.storage import SessionFile

_SUFFIXES = frozenset({".txt", ".tum"})


class TumTrajectoryReader:
    name = "tum_trajectory"
    carries = frozenset({"clock"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return [
            CapturePlan(self.name, f.path, (f,), is_container=True)
            for f in files
            if _is_trajectory(f, opener)
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        file = plan.files[0]
        yield from read_pose_rows(
            self.name, file, opener, stem_of(name_of(file.path)), None, None, plan.notes
        )


def _is_trajectory(file: SessionFile, opener: Opener) -> bool:
    """Whether a row in the first bytes is a time and a pose."""
    if (
        suffix_of(file.path) not in _SUFFIXES
        or is_hidden(file.path)
        or is_document(file.path)
    ):
        return False
    try:
        lines = read_head(file, opener).decode(errors="replace").splitlines()
    except UnreadableBytes:
        return False
    whole = lines if file.size_bytes <= HEAD_BYTES else lines[:-1]
    return any(_is_pose(fields) for text in whole if (fields := split_row(text)))


def _is_pose(fields: list[str]) -> bool:
    try:
        parse_seconds(fields[0])
        check_rotation(parse_numbers(fields[1:], 7)[3:])
    except ValueError:
        return False
    return True
