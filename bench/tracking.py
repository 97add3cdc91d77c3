"""Measure trackers and their metrics beside those that people use: how good, how fast, and whether figures are equal.

`tud_campus`: the given boxes of the shared sequence, by each of our trackers, measured by our metrics; left out where
the data is not there. `speed`: 1,000 objects a frame, which a generator moves about; Roboflow's SORT gets the same
boxes in an environment of its own, in turns with ours; ratios are of processor time, medians of the rounds.
`metrics`: HOTA, CLEAR and Identity of scenes at random and of those at which such metrics come apart, by TrackEval in
an environment of its own and by ours; the largest difference of any figure, and the time of the crowd of above.

Run: `DAGUERRE_TEST_DATA=... python -m bench.tracking --json`. What cannot be measured is named with its error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from assets.tracking.mot_challenge import find_detections, find_truth
from assets.tracking.sequences import choose_method, track_sequence
from bench.peers.environment import make_environment
from bench.peers.track_cases import Rows, list_cases, make_crowd
from bench.printing import make_parser, print_figures
from models.metrics.clear_mot import measure_clear
from models.metrics.hota import measure_hota
from models.metrics.identity import measure_identity
from models.metrics.track_pairs import TrackedBoxes, pair_tracks
from models.tracking.names import TRACKER_NAMES
from models.tracking.sightings import Sightings
from orchestration.profiles import CHECKOUT

TRACKERS = "trackers==2.6.1"
TRACKEVAL = "trackeval==1.3.0"
SIMILAR = 1e-9
_TIMEOUT_S = 900


def main() -> None:
    """Print the figures as text or as one JSON object; 1 where a figure of TrackEval is another, or none is found."""
    parser = make_parser(__doc__)
    parser.add_argument("--objects", type=int, default=1000, help="in a frame")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=1000, help="at random")
    asked = parser.parse_args()
    figures: dict[str, object] = {}
    data = os.environ.get("DAGUERRE_TEST_DATA")
    sequence = Path(data, "tracking", "tud_campus") if data else None
    if sequence is not None and sequence.is_dir():
        figures["tud_campus"] = measure_sequence(sequence)
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        attempt(figures, "speed", lambda: compare_speed(Path(folder), asked))
        attempt(figures, "metrics", lambda: compare_metrics(Path(folder), asked))
    print_figures(figures, asked.json)
    found: Any = figures.get("metrics", {})
    is_same = found.get("largest_difference", 1.0) <= SIMILAR
    sys.exit(int(not is_same or "speed_error" in figures))


def attempt(
    figures: dict[str, object], name: str, measure: Callable[[], Mapping[str, object]]
) -> None:
    """Add what `measure` finds, or its error, and go on."""
    print(f"measuring {name}", file=sys.stderr, flush=True)
    try:
        figures[name] = measure()
    except RuntimeError as error:
        figures[f"{name}_error"] = str(error)


def measure_sequence(folder: Path) -> dict[str, object]:
    """The figures of each tracker on a sequence's own boxes, and by how much the offline one leads SORT."""
    found = {
        tracker: track_sequence(
            find_detections(folder), find_truth(folder), choose_method(tracker, None)
        ).figures
        for tracker in TRACKER_NAMES
    }
    shown = ("hota", "deta", "assa", "mota", "idf1", "switches")
    told = {
        tracker: {name: round(figures[name], 4) for name in shown}
        for tracker, figures in found.items()
        if figures is not None
    }
    lead = told["offline"]["hota"] - told["sort"]["hota"]
    return {**told, "offline_leads_by_points": round(100 * lead, 2)}


def compare_speed(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Milliseconds of processor a frame, of each of ours and of Roboflow's SORT, and what it takes of ours."""
    python = make_environment("tracking_trackers", TRACKERS)
    sightings = sight_crowd(asked.objects, asked.frames)
    boxes = folder / "boxes.npz"
    np.savez(
        boxes,
        frames=sightings.frames,
        boxes=sightings.boxes_xyxy,
        scores=sightings.scores,
    )
    times: dict[str, list[float]] = {}
    for _ in range(asked.rounds):
        for tracker in TRACKER_NAMES:
            method = choose_method(tracker, None)
            start = time.process_time()
            method.track(sightings)
            times.setdefault(tracker, []).append(time.process_time() - start)
        out = folder / "tracks.npy"
        told = run_peer(python, "tracking_trackers.py", boxes, out)
        times.setdefault("peer", []).append(told["cpu_s"])
    ms = {n: 1e3 * median(found) / asked.frames for n, found in times.items()}
    ratios = {
        f"peer_over_{name}": round(
            median(b / a for a, b in zip(times[name], times["peer"], strict=True)), 2
        )
        for name in TRACKER_NAMES
    }
    shown = {f"{name}_cpu_ms_a_frame": round(value, 2) for name, value in ms.items()}
    return {"objects": asked.objects, "peer": TRACKERS, **shown, **ratios}


def sight_crowd(num_objects: int, num_frames: int) -> Sightings:
    """What a detector finds of a crowd, by frame."""
    _, found = make_crowd(num_objects, num_frames)
    frames = found[:, 0].astype(np.int64)
    return Sightings(frames, found[:, 2:], np.full(len(found), 0.9))


def compare_metrics(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """The largest difference of any figure from TrackEval's, over all cases, and the time of the crowd."""
    python = make_environment("tracking_trackeval", TRACKEVAL, "numpy==2.4.6")
    cases = list_cases(asked.cases)
    cases["crowd"] = make_crowd(asked.objects, 10)
    file = folder / "cases.npz"
    sides = ("truth", "found")
    np.savez(
        file,
        allow_pickle=False,
        **{
            f"{name}/{side}": rows
            for name, pair in cases.items()
            for side, rows in zip(sides, pair, strict=True)
        },
    )
    theirs = run_peer(python, "tracking_trackeval.py", file)
    worst, where, cpu_s, num_figures = 0.0, "", {}, 0
    for name, pair in cases.items():
        start = time.process_time()
        ours = measure(*pair)
        cpu_s[name] = time.process_time() - start
        for figure, value in ours.items():
            off = np.abs(np.asarray(value, float) - np.asarray(theirs[name][figure]))
            num_figures += off.size
            if off.max() > worst:
                worst, where = float(off.max()), f"{figure} of {name}"
    return {
        "reference": TRACKEVAL,
        "cases": len(cases),
        "figures": num_figures,
        "largest_difference": worst,
        "where": where,
        "crowd_cpu_s": round(cpu_s["crowd"], 3),
        "crowd_cpu_s_of_reference": round(theirs["crowd"]["cpu_s"], 3),
    }


def measure(truth: Rows, found: Rows) -> dict[str, Any]:
    """Our figures by TrackEval's names."""
    pairs = pair_tracks(
        *(
            TrackedBoxes(
                side[:, 0].astype(np.int64), side[:, 1].astype(np.int64), side[:, 2:]
            )
            for side in (truth, found)
        )
    )
    clear, identity = measure_clear(pairs), measure_identity(pairs)
    hota = measure_hota(pairs)
    return {
        "MOTA": clear.mota,
        "MODA": clear.moda,
        "sMOTA": clear.smota,
        "MOTP": clear.motp,
        "CLR_Re": clear.recall,
        "CLR_Pr": clear.precision,
        "CLR_F1": clear.f1,
        "CLR_TP": clear.hits,
        "CLR_FN": clear.misses,
        "CLR_FP": clear.false_alarms,
        "IDSW": clear.switches,
        "Frag": clear.fragments,
        "MT": clear.mostly_tracked,
        "PT": clear.partly_tracked,
        "ML": clear.mostly_lost,
        "IDTP": identity.hits,
        "IDFN": identity.misses,
        "IDFP": identity.false_alarms,
        "IDF1": identity.idf1,
        "IDR": identity.recall,
        "IDP": identity.precision,
        "HOTA": hota.by_level,
        "DetA": hota.detection,
        "DetRe": hota.detection_recall,
        "DetPr": hota.detection_precision,
        "AssA": hota.association,
        "AssRe": hota.association_recall,
        "AssPr": hota.association_precision,
        "LocA": hota.localisation,
        "HOTA_TP": hota.hits,
        "HOTA_FN": hota.misses,
        "HOTA_FP": hota.false_alarms,
    }


def run_peer(python: Path, script: str, *words: Path) -> dict[str, Any]:
    """What it prints. Raises RuntimeError with what it complained of."""
    command = [str(python), str(CHECKOUT / "bench" / "peers" / script)]
    done = subprocess.run(
        [*command, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"{script}: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
