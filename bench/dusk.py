"""What is missing for the dusk of CamVid to be seen: pictures, or drives?

The camera's 45 pictures of three drives by day are the reference, its 19 pictures of one drive at dusk the session.
Drives by day differ from each other; in deviations between them dusk is so far off. How many drives by day would
tell it from one more of them is simulated: as many figures moved as far, in sessions one after the other.
Run: python -m bench.dusk FOLDER [--runs 200] [--json], where FOLDER holds CamVid's train, val and test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from assets.inference.embed import Embedder
from assets.monitoring.drift import Champion, assess_frames
from assets.monitoring.figures import FIGURES, GatheredFrames
from bench.alarms import World, find_delays
from bench.image_figures import gather_images
from bench.printing import make_parser, print_figures
from models.types import Image

DUSK = "0001TP"
DRIVES = (4, 6, 8, 16)
SHARES = (1.0, 0.5)  # of the distance, as three drives tell their own scatter badly
_LEAST_SD = 2.5  # from which a figure counts as moved
_WITHIN = 5  # sessions
_SUBJECT = Champion("any", 1, "release")


def main() -> None:
    """Print figures as lines or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    print_figures(measure(options.folder, options.runs), options.json)


def measure(folder: Path, runs: int) -> dict[str, Any]:
    """The verdict on dusk, how far it is from drives by day, and the share of runs in which that is seen."""
    drives = read_drives(folder)
    by_day = [image for name in sorted(drives) if name != DUSK for image in drives[name]]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="daguerre-dusk-") as cache:
        embedder = Embedder(Path(cache))
        gathered = {
            name: gather_images(images, name, embedder, has_clock=False)
            for name, images in drives.items()
        }
        reference = gather_images(by_day, "day", embedder, has_clock=False)
    verdict = assess_frames(reference, gathered[DUSK], "dusk", _SUBJECT)
    off_sd = find_distances(gathered)
    moved = [abs(sd) for sd in off_sd.values() if abs(sd) >= _LEAST_SD]
    return {
        "verdict": verdict.reason,
        "drives_by_day": len(drives) - 1,
        "off_by_sd_between_drives": off_sd,
        "moved": len(moved),
        **{
            f"seen_within_{_WITHIN}_sessions_at_{share:g}_of_it": {
                n: find_power(n, len(moved), share * float(np.mean(moved)), runs)
                for n in DRIVES
            }
            for share in SHARES
        },
    }


def find_power(num_drives: int, num_moved: int, by_sd: float, runs: int) -> float:
    """The share of runs in which an alarm comes in time, with so many drives by day as reference."""
    world = World("normal", num_drives, num_moved, cameras=1, by_sd=by_sd)
    return float((find_delays(world, runs) <= _WITHIN).mean())


def read_drives(folder: Path) -> dict[str, list[Image]]:
    """The pictures of each drive, which their names begin with. Raises ValueError where dusk or day is not there."""
    drives: dict[str, list[Image]] = {}
    for path in sorted(folder.glob("*/*.png"), key=lambda path: path.name):
        image = cv2.imread(str(path))
        if path.parent.name.endswith("annot") or image is None:
            continue
        pixels = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        drives.setdefault(path.name.split("_")[0], []).append(pixels)
    if DUSK not in drives or len(drives) < 3:
        raise ValueError(f"{folder} holds {sorted(drives)}: give CamVid's folder")
    return drives


def find_distances(gathered: Mapping[str, GatheredFrames]) -> dict[str, float]:
    """How far dusk is from the mean of the drives by day, in deviations between these, by figure."""
    means = {name: one.statistics.mean(axis=0) for name, one in gathered.items()}
    by_day = np.stack([mean for name, mean in means.items() if name != DUSK])
    off = (means[DUSK] - by_day.mean(axis=0)) / by_day.std(axis=0, ddof=1)
    return {f.name: round(float(sd), 1) for f, sd in zip(FIGURES, off, strict=True)}


if __name__ == "__main__":
    main()
