"""Draw what a release says of a frame: its boxes, masks or classes over the picture, of any kind of label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assets.kinds.boxed_objects import read_boxes
from assets.kinds.masks import read_masks
from assets.previews.drawing import Color, fit_width, label_overlay, paint_masks
from assets.tables.rows import ReleaseFrameRow
from models.masks import decode_mask
from models.types import Image

WIDTH_PX = 480


def draw_labels(
    row: ReleaseFrameRow,
    image_rgb: Image,
    class_names: Sequence[str],
    colors: Mapping[str, Color],
) -> Image:
    """The picture, WIDTH_PX wide. Keypoints are shown by the boxes around them; colours are by class name."""
    height, width = image_rgb.shape[:2]
    drawn = image_rgb
    if row["mask_rles"] and row["mask_size_px"] == [height, width]:
        ids = row["mask_class_ids"] or row["box_class_ids"]
        masks = [decode_mask(text, height, width) for text in read_masks(row)]
        drawn = paint_masks(
            drawn, np.array(masks), [colors[class_names[i]] for i in ids]
        )
    if row["boxes_xyxy"]:
        names = [class_names[i] for i in row["box_class_ids"]]
        return label_overlay(drawn, read_boxes(row), names, None, colors, WIDTH_PX)
    return fit_width(drawn, WIDTH_PX)


def tell_labels(row: ReleaseFrameRow, class_names: Sequence[str]) -> str:
    """The classes that a frame shows, in words: "2 cup, 1 box", or "nothing"."""
    ids = [
        *([] if row["class_id"] is None else [row["class_id"]]),
        *row["box_class_ids"],
        *(row["mask_class_ids"] or ()),
    ]
    counts = {class_names[i]: ids.count(i) for i in sorted(set(ids))}
    if row["mask_class_ids"] or row["class_id"] is not None:
        return ", ".join(counts)
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
