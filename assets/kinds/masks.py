"""Masks in rows of labels and of releases, for the kinds that learn from pixels."""

from __future__ import annotations

from collections.abc import Sequence

from assets.tables.rows import LabelRow, PredictionRow, ReleaseFrameRow
from models.masks import decode_counts
from models.types import SemanticMap

_REMEDY = "ingest its labels again"


def read_mask(label: LabelRow) -> str:
    """The mask of a label, as COCO's compressed run lengths. Raises ValueError for a label without one."""
    if label["mask_rle"] is None:
        raise ValueError(f"a label of {label['class_name']} has no mask: {_REMEDY}")
    return label["mask_rle"]


def read_masks(row: ReleaseFrameRow | PredictionRow) -> list[str]:
    """The masks of a picture, as COCO's compressed run lengths. Raises ValueError for a picture without any."""
    if row["mask_rles"] is None:
        raise ValueError(f"frame {row['frame_id']} has no mask: {_REMEDY}")
    return row["mask_rles"]


def read_mask_class_ids(row: ReleaseFrameRow) -> list[int]:
    """The class of each mask. Raises ValueError where they are not stated."""
    if row["mask_class_ids"] is None:
        raise ValueError(f"frame {row['frame_id']} has masks of no class: {_REMEDY}")
    return row["mask_class_ids"]


def read_mask_size(row: ReleaseFrameRow) -> tuple[int, int]:
    """Height and width, px, of the image that masks belong to. Raises ValueError where they are not stated."""
    if row["mask_size_px"] is None:
        raise ValueError(f"frame {row['frame_id']} has masks of no size: {_REMEDY}")
    height, width = row["mask_size_px"]
    return height, width


def read_semantic_map(frame_row: ReleaseFrameRow) -> SemanticMap:
    """The map (H, W) of a `release_frames` row of segmentation, IGNORE in the pixels of no mask. Raises ValueError."""
    from models.semantic_maps import compose_map

    return compose_map(
        read_masks(frame_row),
        read_mask_class_ids(frame_row),
        read_mask_size(frame_row),
    )


def share_judged(rows: Sequence[ReleaseFrameRow]) -> float:
    """Of the pixels of these `release_frames` rows of segmentation the share that has a class: others are judged by
    nobody. Raises ValueError for rows without masks."""
    sizes = [height * width for height, width in map(read_mask_size, rows)]
    covered = (
        sum(decode_counts(mask)[1::2]) for row in rows for mask in read_masks(row)
    )
    return sum(covered) / sum(sizes)
