"""How many wrong labels stand in the first tenth of the ranking, by models that learnt from them, wrong ones and all.

Recordings of the simulated world, whose labels are exact, get 5 % errors: boxes and masks moved, missing, extra and of
another class in equal parts, images of another class. Two models are trained, each on half of the recordings with their
errors, and each answers about the other half. Images are also judged by their neighbours alone, without a model.

Run: python -m bench.label_errors [--recordings 16] [--frames 12] [--epochs N] [--tasks detection ...] [--json]
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.annotation.errors.boxes import BoxColumns, suspect_boxes
from assets.annotation.errors.classes import suspect_classes
from assets.annotation.errors.masks import MapPair, suspect_regions
from assets.annotation.errors.neighbours import vote
from assets.annotation.errors.suspects import (
    EXTRA,
    FAULTS,
    MISSING,
    MOVED,
    NO_LABEL,
    WRONG_CLASS,
    Suspects,
)
from assets.annotation.pairing import join_frames, measure_pair_ious, pick_greatest
from bench.printing import make_parser, print_figures
from models.masks import decode_mask, find_box
from models.simulation.labels import label_frame
from models.simulation.scene import CLASS_NAMES
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION
from models.types import BoxSet, Image, Sample, SemanticMap, Target

SHARE = 0.05
TASKS = (RECOGNITION, DETECTION, SEGMENTATION)
# a segmenter of six on 128 frames has not learnt one of three classes, and finds nothing of it
EPOCHS = {RECOGNITION: 5, DETECTION: 5, SEGMENTATION: 12}
_RATE_HZ = 5.0
_TABLES = 4  # recordings in turn show four tables: each half of them has seen all
_MIN_SIDE_PX = 4
_FOUND_IOU = 0.3  # of a suspect's box with that of what lacks a label
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Object:
    """One object of one frame as its label has it. `fault`: what is wrong with the label, "" for nothing."""

    frame: int
    class_id: int
    mask: _Mask
    fault: str = ""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max px."""
        return find_box(self.mask)


@dataclass(frozen=True)
class Frames:
    """Pictures of the simulated world: `recording` (N,) of each, and all objects, those of a frame by size."""

    images: list[Image]
    recording: NDArray[np.int64]
    objects: list[Object]


def main() -> None:
    """Print figures as lines or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--recordings", type=int, default=16)
    parser.add_argument("--frames", type=int, default=12, help="of each recording")
    parser.add_argument("--epochs", type=int, help="by default those of the task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    options = parser.parse_args()
    frames = film(options.recordings, options.frames, options.seed)
    figures: dict[str, Any] = {"frames": len(frames.images)}
    measures = {
        RECOGNITION: measure_classes,
        DETECTION: measure_boxes,
        SEGMENTATION: measure_masks,
    }
    for task in options.tasks:
        started = time.process_time()
        rng = np.random.default_rng([options.seed, TASKS.index(task)])
        figures |= measures[task](frames, rng, options.epochs or EPOCHS[task])
        figures[f"{task}_cpu_s"] = round(time.process_time() - started)
    print_figures(figures, options.json)


def film(num_recordings: int, num_frames: int, seed: int) -> Frames:
    """The left camera of some recordings, with every object that the simulator labels."""
    from assets.capture.simulation.capture import make_world
    from assets.capture.simulation.spec import SimulationSpec
    from assets.capture.simulation.textures import load_photos
    from models.simulation.renderer import Renderer

    spec = SimulationSpec(
        num_recordings, num_frames / _RATE_HZ, seed + 1, rate_hz=_RATE_HZ
    )
    photos = load_photos()
    images: list[Image] = []
    objects: list[Object] = []
    for index in range(num_recordings):
        world = make_world(spec, index, None)
        renderer = Renderer(world.scene, photos, world.rig.camera)
        poses = world.trajectory.at(np.arange(spec.num_frames) / _RATE_HZ).poses()
        for pose in poses:
            seen = renderer.render(pose @ world.rig.true_rig_from_camera("left"))
            truth = label_frame(seen.instances, world.scene)
            size_hw = seen.image_rgb.shape[:2]
            objects += [
                Object(
                    len(images),
                    CLASS_NAMES.index(label.class_name),
                    decode_mask(label.mask_rle, *size_hw),
                )
                for label in truth.objects
            ]
            images.append(seen.image_rgb)
    return Frames(
        images, np.repeat(np.arange(num_recordings), spec.num_frames), objects
    )


# ---- the three tasks -------------------------------------------------------------------------------------------------


def measure_classes(
    frames: Frames, rng: np.random.Generator, epochs: int
) -> dict[str, Any]:
    """The class of the largest object, by a model and by neighbours."""
    from assets.inference.embed import Embedder

    first = {o.frame: o.class_id for o in reversed(frames.objects)}
    known = np.array(sorted(first))
    truth = np.array([first[n] for n in known.tolist()])
    given = truth.copy()
    bad = rng.choice(len(known), round(SHARE * len(known)), replace=False)
    given[bad] = (given[bad] + rng.integers(1, len(CLASS_NAMES), len(bad))) % len(
        CLASS_NAMES
    )
    targets: dict[int, Target] = {
        n: int(c) for n, c in zip(known.tolist(), given.tolist(), strict=True)
    }
    answers = cross_predict(RECOGNITION, frames, targets, len(CLASS_NAMES), epochs)
    by_model = np.stack([answers[n].values for n in known.tolist()]).astype(np.float64)
    with tempfile.TemporaryDirectory() as folder:
        vectors = Embedder(Path(folder)).embed([frames.images[n] for n in known])
    shows = given[:, None] == np.arange(len(CLASS_NAMES))
    votes = vote(vectors, shows)
    is_error = given != truth
    found = {}
    for name, values in (("model", by_model), ("neighbours", votes)):
        suspects = suspect_classes(known, given, values)
        first_tenth = suspects.rank()[: len(given) // 10]
        found[f"classes_found_by_{name}"] = _round(
            is_error[first_tenth].sum() / len(bad)
        )
    accuracy = (by_model.argmax(1) == truth).mean()
    return {"class_labels": len(given), "class_accuracy": _round(accuracy), **found}


def measure_boxes(
    frames: Frames, rng: np.random.Generator, epochs: int
) -> dict[str, Any]:
    """The boxes of all objects."""
    labels, gone = spoil(frames, rng)
    targets: dict[int, Target] = {}
    for n in range(len(frames.images)):
        mine = [o for o in labels if o.frame == n]
        boxes = np.array([o.box for o in mine], np.float32).reshape(-1, 4)
        targets[n] = BoxSet(boxes, np.array([o.class_id for o in mine], np.int64))
    answers = cross_predict(DETECTION, frames, targets, len(CLASS_NAMES), epochs)
    said = [answers[n] for n in range(len(frames.images))]
    columns = BoxColumns(
        np.repeat(np.arange(len(said)), [len(a.scores) for a in said]),
        np.concatenate([a.boxes_xyxy for a in said]).astype(np.float64),
        np.concatenate([a.class_ids for a in said]),
        np.concatenate([a.scores for a in said]).astype(np.float64),
    )
    given = BoxColumns(
        np.array([o.frame for o in labels]),
        np.array([o.box for o in labels], np.float64),
        np.array([o.class_id for o in labels]),
        np.ones(len(labels)),
    )
    suspects = suspect_boxes(given, columns, len(CLASS_NAMES))
    return count_found("box", suspects, labels, gone)


def measure_masks(
    frames: Frames, rng: np.random.Generator, epochs: int
) -> dict[str, Any]:
    """The masks of all objects, on ground that is labelled too."""
    labels, gone = spoil(frames, rng)
    size_hw = frames.images[0].shape[:2]
    of_frame: dict[int, NDArray[np.int64]] = {}
    for n in range(len(frames.images)):
        # ground has the number behind those of the objects
        of_frame[n] = np.full(size_hw, len(labels), np.int64)
    for place, one in reversed(list(enumerate(labels))):
        of_frame[one.frame][one.mask] = place
    classes = np.array([*(o.class_id + 1 for o in labels), 0])
    targets: dict[int, Target] = {
        n: SemanticMap(classes[places].astype(np.uint8))
        for n, places in of_frame.items()
    }
    num_classes = len(CLASS_NAMES) + 1
    answers = cross_predict(SEGMENTATION, frames, targets, num_classes, epochs)
    pairs = (
        MapPair(n, places, classes, answers[n].map.class_ids, answers[n].confidences)
        for n, places in of_frame.items()
    )
    suspects = suspect_regions(pairs, num_classes)
    ground = Object(0, 0, np.zeros(size_hw, bool))
    return count_found("mask", suspects, [*labels, ground], gone)


# ---- errors in labels, and whether they were found -------------------------------------------------------------------


def spoil(
    frames: Frames, rng: np.random.Generator
) -> tuple[list[Object], list[Object]]:
    """The labels with errors in a share of them, each fault as often; and the objects that lack one."""
    count = len(frames.objects)
    chosen = rng.choice(count, round(SHARE * count), replace=False)
    fault_of = {int(n): FAULTS[k % len(FAULTS)] for k, n in enumerate(chosen)}
    labels = []
    gone = []
    for place, one in enumerate(frames.objects):
        fault = fault_of.get(place, "")
        if fault == MISSING:
            gone.append(one)
            continue
        if fault == WRONG_CLASS:
            step = int(rng.integers(1, len(CLASS_NAMES)))
            other = (one.class_id + step) % len(CLASS_NAMES)
            one = replace(one, class_id=other, fault=fault)
        elif fault == MOVED:
            one = _shift(one, rng.uniform(0.33, 0.67, 2) * rng.choice([-1, 1], 2))
        labels.append(one)
        if fault == EXTRA:
            labels.append(_imagine(frames, one, rng))
    return labels, gone


def count_found(
    name: str, suspects: Suspects, labels: Sequence[Object], gone: Sequence[Object]
) -> dict[str, Any]:
    """The share of the errors in the first tenth, counted in labels, in all and by fault."""
    order = suspects.rank()[: len(labels) // 10]
    first = set(suspects.label[order].tolist())
    faults = [(one.fault, place in first) for place, one in enumerate(labels)]
    lone = order[suspects.label[order] == NO_LABEL]
    boxes = np.array([o.box for o in gone], np.float64).reshape(-1, 4)
    at, of = join_frames(np.array([o.frame for o in gone]), suspects.frame[lone])
    ious = measure_pair_ious(boxes[at], suspects.boxes_xyxy[lone[of]])
    best = pick_greatest(at, ious, len(gone))
    faults += [(MISSING, b >= 0 and ious[b] >= _FOUND_IOU) for b in best.tolist()]
    wrong = [(fault, is_found) for fault, is_found in faults if fault]
    return {
        f"{name}_labels": len(labels),
        f"{name}_errors": len(wrong),
        f"{name}_errors_found": _round(np.mean([is_found for _, is_found in wrong])),
        **{
            f"{name}_{fault.replace(' ', '_')}_found": _round(
                np.mean([is_found for f, is_found in wrong if f == fault])
            )
            for fault in FAULTS
        },
    }


def _shift(one: Object, share: NDArray[np.float64]) -> Object:
    """The object's label moved by a share of its sides, as far as it stays in the picture."""
    x0, y0, x1, y1 = one.box
    dx, dy = (int(d) for d in share * (x1 - x0, y1 - y0))
    moved = _paste(one.mask, dx, dy)
    if not moved.any() or min(np.ptp(np.argwhere(moved), axis=0)) < _MIN_SIDE_PX:
        moved = _paste(one.mask, -dx, -dy)
    return replace(one, mask=moved, fault=MOVED) if moved.any() else one


def _imagine(frames: Frames, near: Object, rng: np.random.Generator) -> Object:
    """A label of the shape of some object, at a place of the frame where none of its class is."""
    busy = np.zeros(near.mask.shape, bool)
    for one in frames.objects:
        if one.frame == near.frame:
            busy |= one.mask
    best = None
    for _ in range(20):
        shape = frames.objects[int(rng.integers(len(frames.objects)))]
        x0, y0, _, _ = shape.box
        y, x = rng.integers(0, busy.shape[0] - 20), rng.integers(0, busy.shape[1] - 20)
        mask = _paste(shape.mask, int(x - x0), int(y - y0))
        if mask.sum() < _MIN_SIDE_PX**2:
            continue
        overlap = (mask & busy).sum() / mask.sum()
        if best is None or overlap < best[0]:
            best = overlap, Object(near.frame, shape.class_id, mask, EXTRA)
    assert best is not None
    return best[1]


def _paste(mask: _Mask, dx: int, dy: int) -> _Mask:
    """The mask moved by whole pixels; what leaves the picture is gone."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    rows, columns = rows + dy, columns + dx
    stays = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    moved = np.zeros(mask.shape, bool)
    moved[rows[stays], columns[stays]] = True
    return moved


# ---- answers out of sample -------------------------------------------------------------------------------------------


def cross_predict(
    task: str,
    frames: Frames,
    targets: dict[int, Target],
    num_classes: int,
    epochs: int,
) -> dict[int, Any]:
    """The answer on each frame of the model that learnt from the other half of the recordings."""
    samples = [
        Sample(str(n), frames.images[n], target)
        for n, target in sorted(targets.items())
    ]
    recording = frames.recording[[int(s.frame_id) for s in samples]]
    half = recording // _TABLES % 2
    found: dict[int, Any] = {}
    for side in (0, 1):
        learnt = [s for s, h in zip(samples, half, strict=True) if h == side]
        asked = [s for s, h in zip(samples, half, strict=True) if h != side]
        for sample, answer in zip(
            asked, _learn(task, learnt, asked, num_classes, epochs), strict=True
        ):
            found[int(sample.frame_id)] = answer
    return found


def _learn(
    task: str,
    learnt: list[Sample],
    asked: list[Sample],
    num_classes: int,
    epochs: int,
) -> Iterator[Any]:
    predict = teach(task, learnt, num_classes, epochs)
    for start in range(0, len(asked), 16):
        yield from predict([s.image for s in asked[start : start + 16]])


def teach(
    task: str, learnt: list[Sample], num_classes: int, epochs: int
) -> Callable[[list[Image]], list[Any]]:
    """The tiny recipe trained on the samples: what gives its answers on images."""
    import torch

    from assets.pretrained import read_imagenet
    from models.recipes import get_recipe
    from models.tasks import find_task
    from models.training.fit import Splits, fit

    torch.manual_seed(0)
    config = replace(get_recipe(f"tiny_{task}"), epochs=epochs, score_every=epochs)
    net = find_task(task).build(config, num_classes, read_imagenet())
    result = fit(
        net, find_task(task), Splits(learnt, learnt[::8], num_classes), config, 0
    )
    net.load_state_dict(result.weights)
    net.eval()

    def predict(images: list[Image]) -> list[Any]:
        with torch.inference_mode():
            return list(find_task(task).predict(net, images, config))

    return predict


def _round(value: Any) -> float:
    return round(float(value), 3)


if __name__ == "__main__":
    main()
