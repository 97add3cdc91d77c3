"""Are pictures found where they were taken, and never in a scene that is another?

Herz-Jesus-P8 of `multiview` below DAGUERRE_TEST_DATA, eight times: a sparse model of seven of its pictures, in which
the eighth is looked for; how far off its centre is, in mm, after the similarity that brings the other seven to their
true places. Stated standard errors are of places in the model; what the similarity and the truth err by shows in how
far the seven are off, and is added for a second comparison. Then, in the model of all eight, the eleven pictures of
Sceaux castle and others of `detection` and `segmentation`, a hundred in all, as if the camera of the model had taken
them: how many are said to be there. Features are of pictures of at most 800 px, or --most-px.

Run: `python -m bench.localise [--most-px 800] [--others 100] [--json]`
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from assets.reconstruction.localise import Localised, Scene, localise
from assets.reconstruction.sparse_process import MOST_WIDE_PX, Workshop, shrink
from bench.printing import make_parser, print_figures
from bench.sparse import (
    HERZ_JESUS,
    SCEAUX,
    align_to_truth,
    list_files,
    read_true_centre,
    reconstruct,
)
from models.fusion.poses import skew
from models.geometry.camera import Array
from models.geometry.sparse_model import SparseModel

SMALL_PX = 800


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--most-px", type=int, default=SMALL_PX)
    parser.add_argument("--others", type=int, default=100)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DAGUERRE_TEST_DATA")
    )
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("set DAGUERRE_TEST_DATA, or give --data")
    if not 0 < arguments.most_px <= MOST_WIDE_PX:
        parser.error(f"--most-px is at most {MOST_WIDE_PX}")
    data = Path(arguments.data)
    with Workshop() as workshop:
        figures = leave_out_each(
            data / "multiview" / HERZ_JESUS, arguments.most_px, workshop
        )
        figures |= look_for_others(data, arguments.most_px, arguments.others, workshop)
    print_figures(figures, arguments.json)


def leave_out_each(folder: Path, most_px: int, workshop: Workshop) -> dict[str, object]:
    """Where each picture is found by the model of the others."""
    off_mm, sigmas_mm, expected_mm, missed = [], [], [], []
    for left_out in list_files(folder):
        made = reconstruct(folder, True, most_px, left_out=left_out)
        model = made.sparse_model
        assert model is not None
        answer = look_for(model, left_out, most_px, workshop)
        if answer.location is None:
            missed.append(f"{left_out.name}: {answer.reason}")
            continue
        similarity = align_to_truth(folder, model)
        centre = answer.location.world_from_camera[:3, 3]
        moved = similarity[:3, :3] @ centre + similarity[:3, 3]
        true = read_true_centre(folder, left_out.name)
        scale = np.cbrt(np.linalg.det(similarity[:3, :3]))
        off_mm.append(1000 * float(np.linalg.norm(moved - true)))
        sigmas_mm.append(1000 * float(scale) * answer.location.sigma)
        truth_mm = 1000 * find_truth_sigma(folder, model, similarity, moved)
        expected_mm.append(float(np.hypot(sigmas_mm[-1], truth_mm)))
    return {
        "found": len(off_mm),
        "missed": missed,
        "off_mm": [round(v, 1) for v in off_mm],
        "median_off_mm": round(float(np.median(off_mm)), 1) if off_mm else None,
        "stated_sigmas_mm": [round(v, 1) for v in sigmas_mm],
        "middle_square_by_sigma": find_middle_square(off_mm, sigmas_mm),
        "sigmas_with_truth_mm": [round(v, 1) for v in expected_mm],
        "middle_square_with_truth": find_middle_square(off_mm, expected_mm),
    }


def find_middle_square(off: Sequence[float], sigmas: Sequence[float]) -> float | None:
    """Of errors by their standard errors: 1 where these are honest, and not far above where they err too."""
    if not off:
        return None
    return round(float(np.median((np.array(off) / np.array(sigmas)) ** 2)), 2)


def find_truth_sigma(
    folder: Path, model: SparseModel, similarity: Array, at: Array
) -> float:
    """What a place in the truth's world is unsure by, in m, all directions together, since the centres that fix the
    similarity are off those of the truth, and the place's own true centre errs as they do."""
    found = np.array([image.world_from_camera[:3, 3] for image in model.images])
    true = [read_true_centre(folder, Path(image.name).name) for image in model.images]
    moved = found @ similarity[:3, :3].T + similarity[:3, 3]
    by_similarity = np.concatenate([_follow(c - at) for c in moved])
    variance = ((moved - true) ** 2).sum() / (3 * len(moved) - 7)
    carried = _follow(np.zeros(3)) @ np.linalg.pinv(by_similarity)
    return float(np.sqrt(variance * (3 + (carried**2).sum())))


def _follow(place: Array) -> Array:
    """(3, 7): how a place follows a shift, a small turn and a small growth of the whole."""
    return np.concatenate([np.eye(3), -skew(place), place[:, None]], axis=1)


def look_for_others(
    data: Path, most_px: int, most: int, workshop: Workshop
) -> dict[str, object]:
    """How many pictures of other scenes are said to be in the model."""
    made = reconstruct(data / "multiview" / HERZ_JESUS, True, most_px)
    assert made.sparse_model is not None
    files = list(list_others(data))[:most]
    model = made.sparse_model
    answers = [look_for(model, file, most_px, workshop) for file in files]
    return {
        "others": len(files),
        "others_with_features": sum(
            a.location is not None or "look like" in (a.reason or "") for a in answers
        ),
        "falsely_accepted": [a.path for a in answers if a.location is not None],
    }


def list_others(data: Path) -> Iterator[Path]:
    """Those of Sceaux castle, then from several sets in turns."""
    yield from list_files(data / "multiview" / SCEAUX)
    sets = [
        sorted(f for f in (data / name).rglob("*") if f.suffix in (".jpg", ".png"))
        for name in ("segmentation/camvid", "detection/bccd_voc", "detection/coco40_yolo")
    ]  # fmt: skip
    for some in zip(*sets, strict=False):
        yield from some


def look_for(
    model: SparseModel, file: Path, most_px: int, workshop: Workshop
) -> Localised:
    """A picture, stretched to the shape of the model's, as if its camera had taken it."""
    image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    assert image is not None, file
    camera = model.images[0].camera
    width_px, height_px = camera.size_px
    if image.shape != (height_px, width_px):
        image = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA)
    small = np.asarray(shrink(np.asarray(image, np.uint8), most_px), np.uint8)
    share = small.shape[1] / width_px
    resized = tuple(
        replace(i, camera=i.camera.resize(share), pixels=(i.pixels + 0.5) * share - 0.5)
        for i in model.images
    )
    scene = Scene(replace(model, images=resized))
    return localise({"": scene}, str(file), small, workshop)


if __name__ == "__main__":
    main()
