"""A video end to end: land it, label a part, train a detector, predict, track, and compare on frames it never saw.

The video is PETS09-S2L1, cut where it can be without decoding into four recordings. Boxes that were given with it are
the labels of three, imported under the name of their file; no person looked at them. The detector that is trained on
them is asked about the other one, and its boxes are tracked. No truth of the video is here: beside it stands the result
of another tracker (CEM, Milan et al. 2014), and what is told is how far the two agree. The same figures are told of the
given boxes, which a detector of people found that was trained on other pictures.
Run: DAGUERRE_TEST_DATA=... python -m bench.prove.pets [--folder F] [--until STEP] [--json]; some ten minutes on two
cores. With --folder it goes on where it ended.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.tables.catalog import Catalog, session_is
from assets.tracking.figures import measure_tracks
from assets.tracking.mot_challenge import MotRows, read_mot, to_sightings
from assets.tracking.sequences import choose_method
from bench.printing import make_parser, print_figures
from checks.gates import gate_session
from models.metrics.track_pairs import TrackedBoxes
from models.tracking.names import TRACKER_NAMES
from orchestration.profiles import CHECKOUT, load_settings
from orchestration.resources import build_catalog

STEPS = ("land", "label", "train", "predict", "track", "compare")
CUTS = (0, 250, 500, 750)  # frames that a decoder can begin with
HELD_OUT = 2  # of the pieces
CLASS = "person"
SURE = 0.9  # of the given boxes: most of those that are people
EVERY = 1  # frames between two that are labelled; the static camera makes most of them near-duplicates of others
TRAINING = ("image_size_px=384", "epochs=24", "flip_vertical=false")
SHOWN = ("hota", "deta", "assa", "mota", "idf1", "switches")


def main() -> None:
    """Print the figures; ends with 1 where a step fails."""
    parser = make_parser(__doc__)
    parser.add_argument("--folder", type=Path, help="of the home; kept")
    parser.add_argument("--until", choices=STEPS, default=STEPS[-1])
    asked = parser.parse_args()
    data = os.environ.get("DAGUERRE_TEST_DATA")
    if not data:
        sys.exit(
            "DAGUERRE_TEST_DATA names no folder: the video lies in tracking/pets09_s2l1 of it"
        )
    with tempfile.TemporaryDirectory(prefix="daguerre-prove-pets-") as temporary:
        folder = asked.folder or Path(temporary)
        os.environ["DAGUERRE_HOME"] = str(folder / "home")
        figures = prove(Path(data, "tracking", "pets09_s2l1"), folder, asked)
    print_figures(figures, asked.json)


def prove(source: Path, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What each step came to. Raises RuntimeError where a command of the product fails."""
    steps: dict[str, Callable[[], Any]] = {
        "land": lambda: land(source, folder),
        "label": lambda: label(source),
        "train": train,
        "predict": lambda: run("predict", name_piece(HELD_OUT)),
        "track": lambda: run("track", name_piece(HELD_OUT)),
        "compare": lambda: compare(source),
    }
    kept = folder / "done.json"
    done = json.loads(kept.read_text()) if kept.exists() else {}
    for name in STEPS[: STEPS.index(asked.until) + 1]:
        if name not in done:
            start = time.monotonic()
            done[name] = {
                "found": steps[name](),
                "wall_s": round(time.monotonic() - start),
            }
            kept.write_text(json.dumps(done))
    return done


def land(source: Path, folder: Path) -> dict[str, int]:
    """Cut the video and take the pieces in, each as a session: how many frames each has."""
    pieces = folder / "pieces"
    if not pieces.exists():
        cut_video(source / "vtest.avi", pieces)
    for number in range(len(CUTS)):
        run("ingest", str(pieces / name_piece(number)))
    catalog = build_catalog(load_settings())
    return {n: len(_read_frames(catalog, n)) for n in map(name_piece, range(len(CUTS)))}


def cut_video(video: Path, folder: Path) -> None:
    """Copy the packets of each piece into a file of its own."""
    import av

    with av.open(str(video)) as read:
        stream = read.streams.video[0]
        packets = [p for p in read.demux(stream) if p.size]
        for number, (first, last) in enumerate(
            zip(CUTS, [*CUTS[1:], len(packets)], strict=True)
        ):
            path = folder / name_piece(number) / "view.avi"
            path.parent.mkdir(parents=True)
            with av.open(str(path), "w") as written:
                copy = written.add_stream_from_template(stream)
                for place, packet in enumerate(packets[first:last]):
                    packet.stream = copy
                    packet.pts = packet.dts = place
                    written.mux(packet)


def label(source: Path) -> dict[str, int]:
    """Import the given boxes of the pieces that are learnt from, of every so manieth frame."""
    catalog = build_catalog(load_settings())
    given = read_mot(source / "det" / "det.txt")
    given = given.keep(given.confidences >= SURE)
    counts = {}
    for number in range(len(CUTS)):
        if number == HELD_OUT:
            continue
        name = name_piece(number)
        frames = _read_frames(catalog, name)[::EVERY]
        answers = [
            _answer(frame, given, CUTS[number] + frame["sequence"] + 1)
            for frame in frames
        ]
        told = record_answers(catalog, answers, Author("import", "det.txt"))
        if told.refused:
            raise RuntimeError(
                f"labels were refused: {next(iter(told.refused.values()))}"
            )
        counts[name] = sum(len(answer.marked) for answer in answers)
    stopping = [v for v in gate_session(catalog, "label_versions", None) if v.stops]
    if stopping:
        raise RuntimeError(f"labels are held: {stopping[0].summary}")
    return counts


def _answer(frame: dict[str, Any], given: MotRows, number: int) -> Answer:
    size = np.array([frame["width_px"], frame["height_px"]] * 2, np.float64)
    boxes = np.clip(given.boxes_xyxy[given.frames == number], 0, size)
    marked = tuple(Marked(CLASS, tuple(box)) for box in boxes.tolist())
    return Answer(frame["frame_id"], "detection", marked)


def train() -> dict[str, Any]:
    """Train the product's detector on what is labelled: its scores, and what the gate says."""
    words = [w for setting in TRAINING for w in ("--set", setting)]
    facts = run("train", "detection", "--accept-thin-test", *words)
    return {n: facts.get(n) for n in ("main_score", "learnt_from", "model_sha256")}


def compare(source: Path) -> dict[str, Any]:
    """How far tracks of the piece that was held out agree with the other tracker's, in its frames."""
    first, last = CUTS[HELD_OUT] + 1, CUTS[HELD_OUT + 1]
    other = _between(read_mot(source / "results_cem" / "PETS09-S2L1.txt"), first, last)
    det = source / "det" / "det.txt"
    given = _between(read_mot(det), first, last)
    found = {"ours": _shorten(measure_tracks(other.tracked, _read_tracks(first)))}
    for tracker in TRACKER_NAMES:
        tracks = choose_method(tracker, None).track(to_sightings(given, det, False))
        boxes = TrackedBoxes(tracks.frames, tracks.numbers, tracks.boxes_xyxy)
        found[f"given boxes, {tracker}"] = _shorten(
            measure_tracks(other.tracked, boxes)
        )
    return found


def _read_tracks(first: int) -> TrackedBoxes:
    where = f"{session_is(name_piece(HELD_OUT))} AND tracker = '{TRACKER_NAMES[0]}'"
    rows = build_catalog(load_settings()).read("tracks", where=where).to_pylist()
    names = sorted({row["track_id"] for row in rows})
    sides = ("x_min", "y_min", "x_max", "y_max")
    return TrackedBoxes(
        np.array([first + row["frame_number"] for row in rows], np.int64),
        np.array([names.index(row["track_id"]) for row in rows], np.int64),
        np.array([[row[s] for s in sides] for row in rows]).reshape(-1, 4),
    )


def _between(rows: MotRows, first: int, last: int) -> MotRows:
    return rows.keep((rows.frames >= first) & (rows.frames <= last))


def _shorten(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figures[name], 4) for name in SHOWN}


def _read_frames(catalog: Catalog, session: str) -> list[dict[str, Any]]:
    columns = ["frame_id", "sequence", "width_px", "height_px"]
    rows = catalog.read("frames", columns, session_is(session))
    found: list[dict[str, Any]] = rows.sort_by("sequence").to_pylist()
    return found


def name_piece(number: int) -> str:
    """The session of a piece."""
    return f"pets-{number}"


def run(*words: str) -> Any:
    """What a command of the product says. Raises RuntimeError with what it complained of."""
    command = [sys.executable, "-m", "daguerre", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)
    if done.returncode:
        told = done.stderr.strip() or done.stdout.strip()
        raise RuntimeError(f"daguerre {' '.join(words)}: {told[-800:]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
