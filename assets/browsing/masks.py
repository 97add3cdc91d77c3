"""Masks on their way to somebody who corrects them and back: runs along the rows of the upright picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.annotation import review
from assets.browsing.frame_index import FrameIndex, FrameMissing
from assets.browsing.pictures import find_upright
from assets.browsing.questions import QuestionError
from assets.tables.catalog import Catalog
from models.masks import decode_mask

MOST_RUNS = 200_000  # that are read; a mask by hand has some thousands
MOST_PX = 64_000_000  # of a picture whose masks are corrected here


def tell_masks(
    catalog: Catalog, index: FrameIndex, frame_id: str, task: str
) -> dict[str, Any]:
    """`runs` of the masks that stand on a frame for a task, by label, its `width` and `height`, and the `version` that
    they are of. Raises FrameMissing, and QuestionError for a picture that is too large."""
    (position,) = index.find([frame_id])
    if position < 0:
        raise FrameMissing(frame_id)
    turn = find_upright(index, int(position))
    require_drawable(turn.shown_px)
    width, height = turn.shown_px
    stood = review.look(catalog, frame_id, task)
    runs = {
        marked.label_id: to_runs(
            turn.show_mask(_decode(marked.mask_rle, turn.stored_px))
        )
        for marked in stood.marked
        if marked.label_id and marked.mask_rle
    }
    return {"version": stood.said.head, "width": width, "height": height, "runs": runs}


def require_drawable(size_px: tuple[int, int]) -> None:
    """Raises QuestionError for a picture (width, height) that is too large for masks to be drawn here."""
    width, height = size_px
    if width * height > MOST_PX:
        raise QuestionError(
            f"a picture of {width} x {height} px: masks of {MOST_PX:,} px at most are drawn here; "
            "`daguerre labels correct FRAME --mask FILE` takes any"
        )


def to_runs(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of what is not of the mask (H, W) and what is, in turn, row by row."""
    flat = mask.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = [0] if flat[:1].any() else []
    edges = np.concatenate([[0], first, changes, [flat.size]]).astype(np.int64)
    runs: list[int] = np.diff(edges).tolist()
    return runs


def from_runs(runs: Sequence[int], size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (H, W) of a picture (width, height). Raises ValueError for runs that are not as many pixels, and for a
    mask of nothing."""
    width, height = size_px
    if min(runs, default=-1) < 0 or sum(runs) != width * height:
        raise ValueError(
            f"the runs of a mask of {width} x {height} px are {width * height:,} px together, each 0 or more: "
            f"these are {sum(runs):,}"
        )
    if not sum(runs[1::2]):
        raise ValueError("a mask of no pixel: paint it, or remove the object")
    flags = np.arange(len(runs)) % 2 == 1
    return np.repeat(flags, runs).reshape(height, width)


def _decode(rle: str, stored_px: tuple[int, int]) -> NDArray[np.bool_]:
    """As it is stored; nothing of one that does not fit its picture."""
    width, height = stored_px
    try:
        return decode_mask(rle, height, width)
    except ValueError:
        return np.zeros((height, width), bool)
