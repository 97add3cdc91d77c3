"""Pictures of a training under way: what the net is shown, and what it says about frames that it does not learn from.

They go by what a target or an answer is, not by its task, so an added task that shares these kinds is drawn too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.previews.drawing import (
    color_classes,
    encode_jpeg,
    fit_into_square,
    label_overlay,
    paint_map,
    paint_masks,
    tile,
)
from assets.previews.poses import draw_poses
from models.masks import decode_mask
from models.types import (
    BoxSet,
    Detections,
    Image,
    InstanceDetections,
    InstanceSet,
    PoseDetections,
    PoseSet,
    Probabilities,
    Sample,
    SemanticMap,
    SemanticPrediction,
)

if TYPE_CHECKING:
    from torch import nn

    from models.recipes import TrainConfig
    from models.tasks import Batch, Task

AUGMENTED = "augmented images"
ANSWERS = "answers after epoch"
_NUM_FRAMES = 4
_TILE_PX = 208
_NUM_COLUMNS = 4
# of a class to be named, of a box to be drawn
_MIN_SHARE = 0.05
_MIN_SCORE = 0.3


class Previewer:
    """Draws for one training; `show` gets a name and JPEG bytes. What has no picture (features, say) is left out."""

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        class_names: Sequence[str],
        show: Callable[[str, bytes], None],
    ) -> None:
        self._task = task
        self._config = config
        self._names = list(class_names)
        self._show = show
        self._colors = color_classes(self._names)

    def draw_first_batch(self, train: Sequence[Sample], seed: int) -> None:
        """The first images of the first epoch as the net gets them: moved, cropped, coloured, with their labels."""
        from models.training.order import plan_epoch
        from models.training.seed import sample_rng

        indices = plan_epoch(len(train), self._config.batch_size, seed, 0)[0][
            : 2 * _NUM_FRAMES
        ].tolist()
        rngs = [sample_rng(seed, 0, i) for i in indices]
        batch = self._task.make_batch(
            [train[i] for i in indices], len(self._names), self._config, rngs
        )
        images = _list_images(batch)
        num_views = len(images) // len(batch)
        drawn = [
            self._draw(image, _read_target(batch, n // num_views))
            for n, image in enumerate(images)
        ]
        self._tile(AUGMENTED, drawn[: 2 * _NUM_FRAMES])

    def draw_answers(self, epoch: int, net: nn.Module, val: Sequence[Sample]) -> None:
        """Some frames of the val split, the same after every epoch: their labels beside what the net says."""
        import torch

        places = np.unique(
            np.linspace(0, len(val) - 1, min(_NUM_FRAMES, len(val))).astype(int)
        ).tolist()
        samples = [val[place] for place in places]
        with torch.inference_mode():
            answers = self._task.predict(
                net, [s.image_rgb for s in samples], self._config
            )
        pairs = [
            (s.image_rgb, said)
            for s, a in zip(samples, answers, strict=True)
            for said in (s.target, a)
        ]
        drawn = [self._draw(image, said) for image, said in pairs]
        captioned = [
            (image, f"{'says' if n % 2 else 'is'} {text}")
            for n, (image, text) in enumerate(drawn)
        ]
        if all(text is not None for _, text in drawn):
            self._tile(f"{ANSWERS} {epoch + 1:03d}", captioned)

    def _draw(self, image_rgb: Image, said: Any) -> tuple[Image, str | None]:
        """The image with what is said of it, in colours and in words; no words for what cannot be drawn."""
        if isinstance(said, SemanticPrediction):
            said = said.map
        if isinstance(said, SemanticMap):
            shown = [
                c for c in np.unique(said.class_ids).tolist() if c < len(self._names)
            ]
            painted = paint_map(
                image_rgb, said, [self._colors[name] for name in self._names]
            )
            return painted, ", ".join(self._names[c] for c in shown)
        if isinstance(said, BoxSet | Detections):
            keeps = (
                said.scores >= _MIN_SCORE
                if isinstance(said, Detections)
                else np.ones(len(said.class_ids), bool)
            )
            names = [self._names[c] for c in said.class_ids[keeps]]
            masks = _read_masks(said, keeps)
            if masks is not None:
                image_rgb = paint_masks(
                    image_rgb, masks, [self._colors[name] for name in names]
                )
            boxed = label_overlay(
                image_rgb,
                said.boxes_xyxy[keeps],
                names,
                colors=self._colors,
                width_px=2 * _TILE_PX,
            )
            points = _read_points(said, keeps)
            if points is None:
                return boxed, f"{len(names)} box{'es' * (len(names) != 1)}"
            points[..., :2] *= boxed.shape[1] / image_rgb.shape[1]
            colors = [self._colors[name] for name in names]
            posed = draw_poses(boxed, points, colors)
            return posed, f"{len(names)} object{'s' * (len(names) != 1)}"
        return image_rgb, self._word(said)

    def _word(self, said: Any) -> str | None:
        if said is None:
            return ""
        if isinstance(said, frozenset):
            return ", ".join(self._names[c] for c in sorted(said))
        if isinstance(said, int):
            return self._names[said]
        if isinstance(said, float):
            return f"{said:.2f}"
        values = said.values if isinstance(said, Probabilities) else said
        if not isinstance(values, np.ndarray) or values.shape != (len(self._names),):
            return None
        order = [
            c
            for c in np.argsort(-values, kind="stable").tolist()
            if values[c] >= _MIN_SHARE
        ]
        return ", ".join(f"{self._names[c]} {values[c]:.2f}" for c in order)

    def _tile(self, name: str, drawn: Sequence[tuple[Image, str | None]]) -> None:
        squares = [fit_into_square(image, _TILE_PX) for image, _ in drawn]
        self._show(
            name,
            encode_jpeg(
                tile(squares, [text or "" for _, text in drawn], _NUM_COLUMNS, _TILE_PX)
            ),
        )


def _read_masks(
    said: BoxSet | Detections, keeps: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """(N, H, W) of the objects that are kept; None for boxes alone."""
    if isinstance(said, InstanceSet):
        return said.masks[keeps]
    if isinstance(said, InstanceDetections):
        texts = [said.mask_rles[place] for place in np.flatnonzero(keeps)]
        return np.array(
            [decode_mask(text, *said.size_hw) for text in texts], bool
        ).reshape(-1, *said.size_hw)
    return None


def _read_points(
    said: BoxSet | Detections, keeps: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """(N, K, 3) x, y px and visibility of the objects that are kept, a copy; None for objects without points."""
    if isinstance(said, PoseSet):
        return said.points[keeps]
    if isinstance(said, PoseDetections):
        seen = np.full((*said.points_xy.shape[:2], 1), 2, np.float32)
        return np.concatenate([said.points_xy, seen], 2)[keeps]
    return None


def _list_images(batch: Batch) -> list[Image]:
    """Height-first RGB images of a batch, its views one after the other, coloured as on the device."""
    from models.augment.colour import apply_colour

    pixels = apply_colour(
        batch.images.cpu().flatten(0, -4), batch.colour.flatten(0, -2)
    )
    return list(np.rint(pixels.permute(0, 2, 3, 1).numpy()).astype(np.uint8))


def _read_target(batch: Batch, place: int) -> Any:
    """What the batch says of one of its images, as samples say it."""
    from models.tasks.keypoints import PoseTarget

    target = None if batch.targets is None else batch.targets[place]
    if isinstance(target, PoseTarget):
        boxes, class_ids = (part.numpy() for part in target)
        return PoseSet(boxes, class_ids, target.points.numpy())
    if isinstance(target, tuple):
        boxes, class_ids, *masks = (part.numpy() for part in target[:3])
        return (
            InstanceSet(boxes, class_ids, *masks) if masks else BoxSet(boxes, class_ids)
        )
    if target is None:
        return None
    values = np.asarray(target)
    return (
        SemanticMap(values)
        if values.ndim == 2
        else float(values)
        if values.ndim == 0
        else values
    )
