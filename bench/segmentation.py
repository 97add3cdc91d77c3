"""How well does a recipe segment pictures it has not seen, beside two guesses that look at no picture?

The whole graph runs in a home of its own: intake, checks, release, training in this process, scores, gate. Both guesses
learn from the labels of the train split: the commonest class everywhere, and the commonest class at each place of the
picture. SOURCE is a folder of images with label images, or `simulated`, for recordings of the simulated world.

`--hold-out val=0006R0 test=Seq05VD` deals images out by their recording, which is what their names begin with: the
producer of CamVid's small sample tests on a recording that it also trains on.

Run: python -m bench.segmentation SOURCE [--recipe base_segmentation] [--set epochs=40] [--hold-out ...] [--json]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assets.capture.simulate import SimulationSpec, simulate
from assets.kinds.masks import read_semantic_map
from assets.storage import Folder
from assets.tables.releases import Release, open_release
from bench.printing import print_figures
from models.metrics.segmentation import count_pixels, score_segmentation
from models.semantic_maps import resize_map
from models.types import SemanticMap
from orchestration.cli.intake import take_in
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.train import train_here

SIMULATED = "simulated"
SECONDS = 4.0
SPLITS = ("train", "val", "test")
_PRIOR_HW = (90, 120)  # places of a picture that the second guess tells apart
_LABELS = "annot"


def main() -> None:
    """Print figures as lines or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("source", help=f"a folder, or '{SIMULATED}'")
    parser.add_argument(
        "--recipe",
        help="base_segmentation, and tiny_segmentation for simulated recordings",
    )
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="in place of the recipe's own",
    )
    parser.add_argument(
        "--hold-out",
        nargs="*",
        default=[],
        metavar="SPLIT=RECORDING",
        help="recordings of val and test",
    )
    parser.add_argument("--captures", type=int, default=10, help="simulated recordings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    changes = dict(text.split("=", 1) for text in options.set)
    held_out = {
        recording: split
        for split, recording in (text.split("=", 1) for text in options.hold_out)
    }
    recipe = options.recipe or (
        "tiny_segmentation" if options.source == SIMULATED else "base_segmentation"
    )
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        source = Path(folder) / "source"
        if options.source == SIMULATED:
            simulate(
                source, SimulationSpec(options.captures, SECONDS, seed=options.seed + 1)
            )
        elif held_out:
            deal_out(Path(options.source), source, held_out)
        else:
            source = Path(options.source).resolve()
        figures = measure(Path(folder) / "home", source, recipe, changes, options.seed)
    print_figures(figures, options.json)


def deal_out(source: Path, target: Path, held_out: Mapping[str, str]) -> None:
    """Copy a data set of the SegNet layout with whole recordings in each split; those not named are for training."""
    recordings = set()
    for path in sorted(source.glob("*/*.png")):
        recording = path.name.split("_")[0]
        recordings.add(recording)
        ending = _LABELS if path.parent.name.endswith(_LABELS) else ""
        place = target / (held_out.get(recording, "train") + ending) / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    unknown = set(held_out) - recordings
    if unknown:
        raise ValueError(
            f"{source} has no recording {sorted(unknown)}: choose of {sorted(recordings)}"
        )


def measure(
    home: Path, source: Path, recipe: str, changes: Mapping[str, str], seed: int
) -> dict[str, Any]:
    """Take `source` in, train on it, and return what the model and the guesses score on the test split."""
    settings = load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_PROFILE": "ci",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
        }
    )
    _take_in(settings, source)
    started = time.monotonic()
    trained = train_here(settings, "segmentation", recipe, None, changes, seed)
    if "model_sha256" not in trained:
        raise ValueError(
            f"training failed: {trained['error'] or ', '.join(trained['failed_checks'])}"
        )
    catalog = build_catalog(settings)
    release = open_release(catalog, trained["release_id"])
    classes = catalog.read_latest(
        "scores", where="slice_by = 'class' AND metric = 'iou'"
    ).to_pylist()
    return {
        "recipe": recipe,
        "settings": dict(changes),
        "seed": seed,
        "release": trained["release_id"],
        "classes": len(release.class_names),
        **{
            f"{s}_frames": sum(r["split"] == s for r in release.frames.to_pylist())
            for s in SPLITS
        },
        **{name: _round(value) for name, value in trained["scores"].items()},
        **guess(release),
        "iou": {row["slice_value"]: _round(row["value"]) for row in classes},
        "is_champion": trained["is_champion"],
        "train_and_score_s": round(time.monotonic() - started),
    }


def guess(release: Release) -> dict[str, float | None]:
    """Mean IoU on the test split of the commonest class, and of the commonest class at each place."""
    rows = release.frames.to_pylist()
    num_classes = len(release.class_names)
    train, test = (
        [read_semantic_map(r) for r in rows if r["split"] == split]
        for split in ("train", "test")
    )
    votes = np.zeros((num_classes, *_PRIOR_HW), np.int64)
    for semantic in train:
        small = resize_map(semantic, _PRIOR_HW).class_ids
        for class_id in range(num_classes):
            votes[class_id] += small == class_id
    commonest = int(
        sum(np.bincount(t.class_ids.ravel(), minlength=256) for t in train)[
            :num_classes
        ].argmax()
    )
    prior = np.where(votes.sum(0) > 0, votes.argmax(0), commonest).astype(np.uint8)
    one_class = np.full(_PRIOR_HW, commonest, np.uint8)
    return {
        f"miou_{name}": _score(test, values, num_classes)
        for name, values in (
            ("commonest_class", one_class),
            ("commonest_class_of_place", prior),
        )
    }


def _score(
    test: Sequence[SemanticMap], answer: np.ndarray, num_classes: int
) -> float | None:
    counts = [
        count_pixels(t, _stretch(answer, t.class_ids.shape), num_classes) for t in test
    ]
    return _round(score_segmentation(counts).miou)


def _stretch(answer: np.ndarray, size_hw: tuple[int, ...]) -> SemanticMap:
    return resize_map(SemanticMap(answer), (size_hw[0], size_hw[1]))


def _take_in(settings: Settings, source: Path) -> None:
    folder = Folder(str(source), settings.file_options)
    build_landing_zone(settings).register("source", folder)
    facts, text = take_in(settings, folder, "source")
    if not facts["published"]:
        raise ValueError(f"the data were not published:\n{text}")


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


if __name__ == "__main__":
    main()
