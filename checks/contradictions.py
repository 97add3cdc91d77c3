"""Find labels that deny each other: on one frame, and on frames with equal bytes, which show one picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.kinds import KINDS
from assets.kinds.kind import IS_EMPTY, Statement
from assets.privacy.blanks import hash_blank
from assets.tables.rows import SIDES, LabelRow
from models.box_pairs import find_repeats

# of one picture that a frame is compared with: more would say nothing new
_NUM_COPIES = 50
_MOST_PIXELS = 32 << 20  # of a blank picture that is drawn to be compared: 96 MiB
Found = dict[tuple[str, str], list[str]]  # frame id and task -> what is wrong there


@dataclass(frozen=True)
class Denial:
    """A frame whose labels those of a frame with equal bytes deny, and the sessions of both."""

    frame_id: str
    session: str
    other: str
    other_session: str
    reason: str

    @property
    def story(self) -> str:
        """Which frame denies it, and in what."""
        other = f"frame {self.other} of session {self.other_session}"
        return f"frame {self.frame_id} shows what {other} shows: {self.reason}"


Denied = dict[tuple[str, str], Denial]  # frame id and task


def tell_cost(denials: Collection[Denial]) -> str:
    """What denials of equal pictures cost, and what helps: the end of a sentence, empty where there are none."""
    if not denials:
        return ""
    sessions = sorted({d.session for d in denials} | {d.other_session for d in denials})
    num_frames = len({denial.frame_id for denial in denials})
    lost = f"; {num_frames} of them, and their equals, go into no release of the task"
    if len(sessions) == 1:
        return f"{lost}: mend the labels, or take one copy out with `daguerre forget {sessions[0]}/PATH`"
    named = " or ".join(f"`daguerre forget {session}`" for session in sessions[:3])
    return f"{lost}: mend the labels, or take out a session that is not meant: {named}"


def find_boxes_of_two_classes(labels: pa.Table) -> Found:
    """Boxes of one frame and task that are equal within a pixel to one of another class."""
    boxes = labels.filter(pc.is_valid(labels["x_min"])).to_pylist()
    corners = np.array(
        [[np.nan if b[side] is None else b[side] for side in SIDES] for b in boxes],
        np.float64,
    )
    repeats = find_repeats(
        [(b["frame_id"], b["task"]) for b in boxes], corners.reshape(-1, 4)
    )
    found: Found = defaultdict(list)
    for box, place in zip(boxes, repeats.tolist(), strict=True):
        first = boxes[place]
        if place >= 0 and first["class_name"] != box["class_name"]:
            both = f"{first['class_name']} and {box['class_name']}"
            found[box["frame_id"], box["task"]].append(
                f"frame {box['frame_id']}: one box is {both}"
            )
    return found


def find_frames_of_two_classes(labels: pa.Table) -> Found:
    """Frames to which labels give several classes where a frame has one."""
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for task in (kind.name for kind in KINDS if kind.has_one_class):
        rows = labels.filter(pc.equal(labels["task"], task))
        for frame_id, name in zip(
            rows["frame_id"].to_pylist(), rows["class_name"].to_pylist(), strict=True
        ):
            names[frame_id, task].add(name)
    return {
        (frame_id, task): [f"frame {frame_id} is {' and '.join(sorted(found))}"]
        for (frame_id, task), found in names.items()
        if len(found) > 1
    }


def find_copies_with_other_labels(
    labels: pa.Table,
    frames: pa.Table,
    published_labels: pa.Table,
    published_frames: pa.Table,
) -> Denied:
    """Frames whose boxes or class are denied by those of an equal picture, in their session or in another."""
    columns = published_labels.column_names
    picture_of = _find_copied(labels, frames, published_frames)
    both = pa.concat_tables([labels.select(columns), published_labels])
    said: dict[str, dict[str, dict[str, list[LabelRow]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in _only(both, picture_of):
        said[row["task"]][picture_of[row["frame_id"]]][row["frame_id"]].append(row)
    mine = set(frames["frame_id"].to_pylist())
    found = Denied()
    for kind in sorted(
        (kind for kind in KINDS if kind.is_compared_on_intake),
        key=lambda kind: kind.name,
    ):
        for rows_of in said[kind.name].values():
            others = sorted(rows_of)[:_NUM_COPIES]
            for frame_id in sorted(mine & rows_of.keys()):
                one = Statement(tuple(rows_of[frame_id]))
                for other in (i for i in others if i != frame_id):
                    reason = kind.find_conflict(one, Statement(tuple(rows_of[other])))
                    if reason:
                        found[frame_id, kind.name] = Denial(
                            frame_id,
                            rows_of[frame_id][0]["session"],
                            other,
                            rows_of[other][0]["session"],
                            reason,
                        )
                        break
    return found


def find_contradicted_empties(
    annotated_frames: pa.Table,
    frames: pa.Table,
    published_annotated_frames: pa.Table,
    published_frames: pa.Table,
) -> Denied:
    """Frames that have objects where somebody calls an equal picture empty, or the other way round."""
    columns = published_annotated_frames.column_names
    picture_of = _find_copied(annotated_frames, frames, published_frames)
    both = pa.concat_tables(
        [annotated_frames.select(columns), published_annotated_frames]
    )
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    # picture and task -> frame id -> session
    sides: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in _only(both, picture_of):
        key = row["frame_id"], row["task"]
        counts[key][0] += row["num_labels"]
        counts[key][1] += row["num_labels"] + row["num_missing"] + row["num_ignored"]
        sides[picture_of[row["frame_id"]], row["task"]][row["frame_id"]] = row[
            "session"
        ]
    mine = set(frames["frame_id"].to_pylist())
    found = Denied()
    for (_, task), session_of in sides.items():
        labelled = min((i for i in session_of if counts[i, task][0]), default=None)
        empty = min((i for i in session_of if not counts[i, task][1]), default=None)
        if labelled is not None and empty is not None:
            for frame_id in mine & session_of.keys():
                labels, marked = counts[frame_id, task]
                other = empty if labels else labelled
                if labels or not marked:
                    found[frame_id, task] = Denial(
                        frame_id,
                        session_of[frame_id],
                        other,
                        session_of[other],
                        IS_EMPTY,
                    )
    return found


def _find_copied(
    rows: pa.Table, frames: pa.Table, published_frames: pa.Table
) -> dict[str, str]:
    """Frame id -> sha256 of the frames, here and elsewhere, whose bytes more than one frame has, among them one of
    `rows`; without those that are blank under a privacy policy, which show nothing."""
    here = frames.filter(
        pc.is_in(frames["frame_id"], value_set=_values(rows["frame_id"]))
    )
    is_alike = pc.is_in(published_frames["sha256"], value_set=_values(here["sha256"]))
    columns = ["frame_id", "sha256"]
    found = pa.concat_tables(
        [here.select(columns), published_frames.filter(is_alike).select(columns)]
    ).to_pylist()
    frames_of: dict[str, set[str]] = defaultdict(set)
    for row in found:
        frames_of[row["sha256"]].add(row["frame_id"])
    several = {sha256 for sha256, mine in frames_of.items() if len(mine) > 1}
    is_several = pc.is_in(here["sha256"], value_set=pa.array(several, pa.string()))
    copied = several - _list_blank(here.filter(is_several))
    return {row["frame_id"]: row["sha256"] for row in found if row["sha256"] in copied}


def _list_blank(frames: pa.Table) -> set[str]:
    """sha256 of those that are blank."""
    columns = ["sha256", "kind", "width_px", "height_px"]
    return {
        row["sha256"] for row in frames.select(columns).to_pylist() if _is_blank(row)
    }


def _is_blank(frame: Mapping[str, Any]) -> bool:
    """Whether it shows what stands for every frame of its kind and size until that is covered. Of a frame that is too
    large to be drawn for this it is not known: false."""
    size = frame["width_px"], frame["height_px"]
    if size[0] * size[1] > _MOST_PIXELS:
        return False
    return bool(frame["sha256"] == hash_blank(frame["kind"], *size))


def _only(rows: pa.Table, frame_ids: Mapping[str, str]) -> list[Any]:
    known = pa.array(list(frame_ids), pa.string())
    return list(rows.filter(pc.is_in(rows["frame_id"], value_set=known)).to_pylist())


def _values(column: pa.ChunkedArray) -> pa.Array:
    return pc.unique(column).cast(pa.string())
