"""How good are sparse models, are they equal each time, and what do they cost beside bare pycolmap?

Two sets of `multiview` below DAGUERRE_TEST_DATA. Sceaux castle: 11 pictures, once with a camera that nobody knows, once
with the one of `K.txt`, which has no distortion. Herz-Jesus-P8: 8 pictures with their camera and true places, in m; how
far off the camera centres are after the best similarity. Features are of pictures of at most 1600 px. Then Herz-Jesus
some times again, of pictures of 800 px: whether packages are equal to the last byte. Last, at 1600 px, the same by
pycolmap alone with equal settings, in turns: processor time of this process and its children, the least of the rounds.

Run: `python -m bench.sparse [--runs 10] [--rounds 3] [--only sets,equality,times] [--json]`
"""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from assets.reconstruction.board_pictures import BoardPicture
from assets.reconstruction.sparse_child import SEED
from assets.reconstruction.sparse_ladder import USUAL
from assets.reconstruction.sparse_models import climb, describe_scene
from assets.reconstruction.sparse_package import pack
from assets.reconstruction.sparse_pairs import choose_pairs
from assets.reconstruction.sparse_pictures import Scene, SessionCamera, guess_camera
from assets.reconstruction.sparse_process import (
    MOST_WIDE_PX,
    GivenCamera,
    Workshop,
    shrink,
)
from assets.reconstruction.sparse_rows import Made
from bench.printing import make_parser, print_figures
from models.geometry.camera import Camera
from models.geometry.camera_conventions import to_colmap
from models.geometry.sparse_model import SparseModel, align

SCEAUX = "sceaux_castle"
HERZ_JESUS = "strecha_Herz-Jesus-P8"
SMALL_PX = 800  # of the runs that are only held against each other
_TRUE_CENTRE_LINE = 7  # of a file `*.camera`
PARTS = ("sets", "equality", "times")


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DAGUERRE_TEST_DATA")
    )
    parser.add_argument(
        "--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}, by commas"
    )
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("set DAGUERRE_TEST_DATA, or give --data")
    wanted = arguments.only.split(",")
    if not set(wanted) <= set(PARTS):
        parser.error(f"--only '{arguments.only}': of {', '.join(PARTS)}, by commas")
    folder = Path(arguments.data) / "multiview"
    figures: dict[str, object] = {"cpus": len(os.sched_getaffinity(0))}
    if "sets" in wanted:
        figures |= measure_sets(folder)
    if "equality" in wanted:
        figures |= measure_equality(folder / HERZ_JESUS, arguments.runs)
    if "times" in wanted and arguments.rounds:
        figures |= compare_times(folder / HERZ_JESUS, arguments.rounds)
    print_figures(figures, arguments.json)


def measure_sets(folder: Path) -> dict[str, object]:
    figures: dict[str, object] = {}
    for name, is_known in (("sceaux_estimated", False), ("sceaux", True)):
        made = reconstruct(folder / SCEAUX, is_known)
        figures |= {f"{name}_{k}": v for k, v in describe(made).items()}
    made = reconstruct(folder / HERZ_JESUS, True)
    figures |= {f"herz_jesus_{k}": v for k, v in describe(made).items()}
    return figures | measure_centres(folder / HERZ_JESUS, made)


def describe(made: Made) -> dict[str, object]:
    names = ("num_images", "num_registered", "num_points", "rung")
    rounded = ("track_length", "reprojection_px", "angle_deg")
    return {
        **{name: made.model.get(name) for name in names},
        **{name: round(made.model[name], 4) for name in rounded},
    }


def reconstruct(
    folder: Path,
    is_known: bool,
    most_px: int = MOST_WIDE_PX,
    left_out: Path | None = None,
) -> Made:
    """As the asset does it, from files, of pictures of at most so many px; of all but one where that is named."""
    scene = find_scene(folder, is_known, left_out)

    def load(names: list[str]) -> Iterable[np.ndarray]:
        for name in names:
            image = cv2.imread(name)
            assert image is not None, name
            rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
            yield shrink(rgb, most_px)

    with Workshop() as workshop:
        describe_scene(scene, load, workshop)
        return climb(scene, workshop)


def find_scene(folder: Path, is_known: bool, left_out: Path | None = None) -> Scene:
    files = [file for file in list_files(folder) if file != left_out]
    height_px, width_px = cv2.imread(str(files[0])).shape[:2]
    size_px = width_px, height_px
    if is_known:
        given = GivenCamera(read_camera(folder, size_px), is_known=True)
    else:
        given = GivenCamera(guess_camera(size_px), False, "SIMPLE_RADIAL")
    camera = SessionCamera("", "", given, "recorded", None, None, "")
    pictures = tuple(
        BoardPicture(str(file), "", "", None, file.name, size_px, "", view)
        for view, file in enumerate(files)
    )
    places = [0] * len(files)
    pairing = choose_pairs([p.view for p in pictures], None)
    return Scene("bench", len(files), pictures, (camera,), tuple(places), pairing)


def list_files(folder: Path) -> list[Path]:
    return sorted(
        f for f in (folder / "images").iterdir() if f.suffix.lower() == ".jpg"
    )


def read_camera(folder: Path, size_px: tuple[int, int]) -> Camera:
    k = np.loadtxt((folder / "images" / "K.txt").read_text().split("\n")[:3])
    return Camera(size_px, (k[0, 0], k[1, 1]), (k[0, 2], k[1, 2]))


def measure_centres(folder: Path, made: Made) -> dict[str, float]:
    """How far camera centres are off the true ones, in mm, after the similarity that fits them best."""
    model = made.sparse_model
    assert model is not None
    found = np.array([image.world_from_camera[:3, 3] for image in model.images])
    true = [read_true_centre(folder, Path(image.name).name) for image in model.images]
    similarity = align_to_truth(folder, model)
    moved = found @ similarity[:3, :3].T + similarity[:3, 3]
    off_mm = 1000 * np.linalg.norm(moved - np.array(true), axis=1)
    return {
        "herz_jesus_centres_mean_mm": round(float(off_mm.mean()), 3),
        "herz_jesus_centres_rms_mm": round(float(np.sqrt((off_mm**2).mean())), 3),
        "herz_jesus_centres_worst_mm": round(float(off_mm.max()), 3),
    }


def align_to_truth(folder: Path, model: SparseModel) -> np.ndarray:
    """The similarity (4, 4) that brings camera centres nearest to the true ones, in m."""
    found = [image.world_from_camera[:3, 3] for image in model.images]
    true = [read_true_centre(folder, Path(image.name).name) for image in model.images]
    return align(np.array(found), np.array(true))


def read_true_centre(folder: Path, name: str) -> np.ndarray:
    lines = (folder / "gt_dense_cameras" / f"{name}.camera").read_text().split("\n")
    return np.array(lines[_TRUE_CENTRE_LINE].split(), np.float64)


def measure_equality(folder: Path, runs: int) -> dict[str, int]:
    """How many packages there are that differ in any byte."""
    found = set()
    for _ in range(runs):
        model = reconstruct(folder, True, SMALL_PX).sparse_model
        assert model is not None
        found.add(hashlib.sha256(pack(model)).hexdigest())
    return {"runs": runs, "different_models": len(found)}


def compare_times(folder: Path, rounds: int) -> dict[str, float]:
    """Processor time, ours by that of pycolmap alone, in turns."""
    ours, bare = [], []
    for number in range(rounds):
        for is_ours in (True, False) if number % 2 == 0 else (False, True):
            if is_ours:
                ours.append(measure_used(lambda: reconstruct(folder, True)))
            else:
                bare.append(measure_used(lambda: reconstruct_bare(folder)))
    return {
        "ours_cpu_s": round(min(ours), 2),
        "bare_cpu_s": round(min(bare), 2),
        "ratio_bare": round(min(ours) / min(bare), 3),
    }


def reconstruct_bare(folder: Path) -> None:
    """pycolmap's own three calls, of the same pictures, camera, seeds and threads."""
    import pycolmap

    pycolmap.logging.minloglevel = pycolmap.logging.FATAL.value
    height_px, width_px = cv2.imread(str(list_files(folder)[0])).shape[:2]
    model, numbers = to_colmap(read_camera(folder, (width_px, height_px)))
    reader = pycolmap.ImageReaderOptions(
        camera_model=model, camera_params=",".join(map(str, numbers))
    )
    extraction = pycolmap.FeatureExtractionOptions(max_image_size=MOST_WIDE_PX)
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = SEED
    mapping = pycolmap.IncrementalPipelineOptions(**USUAL[""], extract_colors=True)
    mapping.constant_cameras = {1}
    mapping.num_threads = mapping.mapper.num_threads = 1
    for part in (mapping, mapping.mapper, mapping.triangulation):
        part.random_seed = SEED
    mapping.image_path = folder / "images"
    with tempfile.TemporaryDirectory() as place:
        database = Path(place) / "database.db"
        pycolmap.extract_features(
            database,
            folder / "images",
            [f.name for f in list_files(folder)],
            pycolmap.CameraMode.SINGLE,
            reader,
            extraction,
            pycolmap.Device.cpu,
        )
        pycolmap.match_exhaustive(
            database, verification_options=verification, device=pycolmap.Device.cpu
        )
        found = pycolmap.incremental_mapping(
            database, folder / "images", place, mapping
        )
    assert found[0].num_reg_images() == len(list_files(folder))


def measure_used(work: Callable[[], object]) -> float:
    """Seconds of processor time, of children that have ended too."""
    before = _read_used()
    work()
    return _read_used() - before


def _read_used() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))


if __name__ == "__main__":
    main()
