"""Learn a detector of number plates from drawn pictures, by the recipe that any detector here is learnt by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from models.simulation.plate_scenes import Photos, PlateWorld, draw_scene
from models.simulation.plates import FONTS, LAYOUTS
from models.types import Sample

if TYPE_CHECKING:
    from models.recipes import TrainConfig

SIDE_PX = 640  # of what the detector is given
NUM_PICTURES = 1200
# photographs that nothing is learnt from: what is measured has other grounds, as well as other layouts and letters
UNSEEN_PHOTOS = ("coffee", "motorcycle", "rocket")
_SEED = 0
_PICTURE_PX = (160, 160)
_WIDTHS_PX = (16.0, 110.0)  # of plates
_SCORED_FROM = 1 << 30  # seeds of pictures that nothing is learnt from


@dataclass(frozen=True)
class Drawn(Sequence[Sample]):
    """Pictures that are drawn when they are asked for, by number."""

    world: PlateWorld
    first_seed: int
    num_pictures: int

    def __len__(self) -> int:
        return self.num_pictures

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Sample]: ...
    def __getitem__(self, at: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(self.num_pictures))]
        if not 0 <= at < self.num_pictures:
            raise IndexError(
                f"there are {self.num_pictures} pictures, and no number {at}"
            )
        return draw_scene(self.world, self.first_seed + at)


def configure() -> TrainConfig:
    """The recipe `base_detection`, once over small pictures of which each is drawn anew."""
    from models.recipes import get_recipe

    base = get_recipe("base_detection")
    side_px = _PICTURE_PX[0]
    return replace(
        base, image_size_px=side_px, epochs=1, frozen_stages=3, flip_vertical=False
    )


@dataclass(frozen=True)
class Learnt:
    """A detector as `plates.load_plates` takes it, and its average precision at an IoU of 0.5 on other pictures of the
    layouts that it learnt from."""

    onnx: bytes
    map50: float


def learn(
    photos: Photos,
    config: TrainConfig,
    num_pictures: int = NUM_PICTURES,
    num_scored: int = 64,
    side_px: int = SIDE_PX,
    on_progress: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Learnt:
    """Learn from pictures with these photographs in them. Raises FileNotFoundError without the backbone's weights."""
    import torch

    from assets.pretrained import find_weights, read_weights
    from models.nets.export import export_onnx
    from models.tasks import TASKS
    from models.training.fit import Callbacks, Splits, fit

    seen = {name: one for name, one in photos.items() if name not in UNSEEN_PHOTOS}
    world = PlateWorld(LAYOUTS, FONTS, seen, _PICTURE_PX, _WIDTHS_PX)
    scored = Drawn(world, _SCORED_FROM, num_scored)
    splits = Splits(Drawn(world, 0, num_pictures), scored, 1)
    task = TASKS["detection"]
    torch.manual_seed(_SEED)
    start = find_weights(config)
    net = task.build(config, 1, read_weights(start) if start else None)
    result = fit(net, task, splits, config, _SEED, callbacks=Callbacks(on_progress))
    net.load_state_dict(result.weights)
    form, names = task.deployed(net.eval(), side_px)
    picture = draw_scene(replace(world, size_px=(side_px, side_px)), _SCORED_FROM).image
    assert isinstance(picture, np.ndarray)
    example = torch.from_numpy(picture.astype(np.float32).transpose(2, 0, 1)[None])
    return Learnt(export_onnx(form, example, names), result.metric)
