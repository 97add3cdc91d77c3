"""Measure how many generated number plates a detector finds, and how many of them are covered to the last pixel.

The pictures are drawn, as those are that `daguerre learn-plates` learns from, by other seeds: `unseen` with layouts of
plates, letters and photographs that nothing was learnt from, `learnt` with those that it was. Of real plates this says
nothing. Sizes are heights of the box around a plate; intervals are of 95 % over pictures.

Run: `daguerre learn-plates --out plates.onnx`, then `python -m bench.plates plates.onnx --json`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assets.capture.simulation.textures import load_photos
from assets.privacy.plate_learning import UNSEEN_PHOTOS
from assets.privacy.plates import load_plates
from bench.printing import make_parser, print_figures
from models.faces.found import Faces
from models.faces.recall import Recall, Sought, measure_recall
from models.simulation.plate_scenes import PlateWorld, draw_scene
from models.simulation.plates import FONTS, LAYOUTS, UNSEEN_FONTS, UNSEEN_LAYOUTS
from models.types import BoxSet

_FIRST_SEED = 1 << 40
_SIZE_PX = (640, 480)


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("plates", help="the detector: an ONNX file")
    parser.add_argument("--pictures", type=int, default=200, help="of each kind")
    asked = parser.parse_args()
    photos = load_photos()
    unseen = {name: photos[name] for name in UNSEEN_PHOTOS}
    seen = {name: one for name, one in photos.items() if name not in unseen}
    worlds = {
        "unseen": PlateWorld(UNSEEN_LAYOUTS, UNSEEN_FONTS, unseen, _SIZE_PX),
        "learnt": PlateWorld(LAYOUTS, FONTS, seen, _SIZE_PX),
    }
    figures = {
        name: measure(world, asked.plates, asked.pictures)
        for name, world in worlds.items()
    }
    print_figures(figures, asked.json)


def measure(world: PlateWorld, path: str, num_pictures: int) -> dict[str, object]:
    """Recall by size, boxes found in a picture that shows no plate, and ms of processor time a picture."""
    look = load_plates(path)
    pictures = []
    spent_s = 0.0
    for seed in range(_FIRST_SEED, _FIRST_SEED + num_pictures):
        sample = draw_scene(world, seed)
        assert isinstance(sample.image, np.ndarray)
        assert isinstance(sample.target, BoxSet)
        begun_s = time.process_time()
        found = look(sample.image)
        spent_s += time.process_time() - begun_s
        pictures.append(
            Sought(*_SIZE_PX, sample.target.boxes_xyxy.astype(float), found)
        )
    shown = [p for p in pictures if len(p.truth_xyxy)]
    bare = [len(p.found) for p in pictures if not len(p.truth_xyxy)]
    return {
        **{name: _tell(one) for name, one in measure_recall(shown).items()},
        "covered by the boxes of another picture": _cover_blindly(shown),
        "boxes in a picture without a plate": float(np.mean(bare)) if bare else None,
        "ms of processor time a picture": 1000 * spent_s / num_pictures,
    }


def _cover_blindly(pictures: Sequence[Sought]) -> float:
    """What share is covered by boxes that were found in the picture before: what covering without looking comes to."""
    nobody = Faces(np.zeros((0, 4)), np.zeros(0))
    found = [nobody, *(p.found for p in pictures[:-1])]
    moved = [replace(p, found=f) for p, f in zip(pictures, found, strict=True)]
    return measure_recall(moved)["all"].covered


def _tell(recall: Recall) -> dict[str, object]:
    interval = recall.covered_interval
    return {
        "plates": recall.num_faces,
        "found": recall.found,
        "covered": recall.covered,
        "covered, from": interval.low if interval else None,
        "covered, to": interval.high if interval else None,
    }


if __name__ == "__main__":
    main()
