"""Measure how long near-duplicates take to find, and how much memory, up to a million frames.

Frames are made as cameras fill a home, without pictures (`bench.peers.camera_frames`): cameras that move, cameras that
stand still, up to 50,000 frames each, and unrelated pictures, of which some are copies and some are flat. Timed is
`update_clusters`, from the tables into the tables, in a process of its own, without imports; memory is the most that
this process held. `ratio_today`: a former build, given by `--against`, in turns at 40,000 frames, median of the rounds.
`ratio_faiss`: an exact range search of all vectors by faiss-cpu at 100,000 frames, then the hash and components; it has
its vectors in a file. `growth`: the time at all frames against that at a tenth. `added_s`: what 1,000 frames more take,
whose clusters are then compared with those computed anew. Frames in other clusters than elsewhere are counted: a former
build and faiss sum in float32, and decide otherwise on a pair at the border.

Run: `python -m bench.curation --against CHECKOUT --json`, on a machine that does nothing else; a million frames take
6 GB of disk in TMPDIR. What cannot be measured is named with its error.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM
from bench.peers.camera_frames import write_home
from bench.peers.environment import make_environment
from bench.printing import print_figures
from orchestration.profiles import CHECKOUT

PEERS = CHECKOUT / "bench" / "peers"
FAISS = ("faiss-cpu==1.12.0", "numpy==2.4.6", "scipy")
ADDED = 1_000
TIMEOUT_S = 7_200


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--frames",
        type=int,
        default=1_000_000,
        help="of the largest home; 0: leave it out",
    )
    parser.add_argument("--today-frames", type=int, default=40_000)
    parser.add_argument(
        "--faiss-frames", type=int, default=100_000, help="0: leave it out"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    asked = parser.parse_args()
    if asked.frames and asked.frames < 10 * ADDED:
        parser.error(f"--frames takes at least {10 * ADDED:,}, or 0")
    figures: dict[str, object] = {"rounds": asked.rounds}
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as name:
        folder = Path(name)
        if asked.against:
            attempt(figures, "today", lambda: compare_former(folder, asked))
        if asked.faiss_frames:
            attempt(figures, "faiss", lambda: compare_faiss(folder, asked.faiss_frames))
        if asked.frames:
            attempt(figures, "growth", lambda: measure_growth(folder, asked.frames))
    print_figures(figures, asked.json)
    sys.exit(int(any(name.endswith("_error") for name in figures)))


def attempt(figures: dict[str, object], name: str, measure: Any) -> None:
    """Add what `measure` finds, or its error, and go on."""
    print(f"measuring {name}", file=sys.stderr, flush=True)
    try:
        figures |= measure()
    except RuntimeError as error:
        figures[f"{name}_error"] = str(error)


def compare_former(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Seconds of this build and of the former one, in turns; each has a home that it made, since tables move on."""
    home = make_home(folder, asked.today_frames)
    former = folder / "home-former"
    checkout = asked.against.resolve()
    run_script(
        Path(sys.executable),
        [PEERS / "camera_frames.py", former, asked.today_frames],
        checkout,
    )
    ours = []
    theirs = []
    for _ in range(asked.rounds):
        theirs.append(time_clusters(former, checkout))
        ours.append(time_clusters(home))
        num_other = count_other(read_clusters(former), read_clusters(home))
    shutil.rmtree(home)
    shutil.rmtree(former)
    return {
        "today_frames": asked.today_frames,
        "ratio_today": ratio(theirs, ours, "seconds"),
        "ratio_today_cpu": ratio(theirs, ours, "cpu_s"),
        **summarise("today_ours", ours),
        **summarise("today_theirs", theirs),
        "today_frames_in_other_clusters": num_other,
    }


def compare_faiss(folder: Path, num_frames: int) -> dict[str, object]:
    """Seconds of this build, and of faiss over all pairs of vectors."""
    python = make_environment("curation_faiss", *FAISS)
    home = make_home(folder, num_frames)
    ours = [time_clusters(home)]
    clusters = read_clusters(home).sort_by("frame_id")
    export_vectors(home, clusters["frame_id"])
    theirs = [run(python, PEERS / "curation_faiss.py", home, CHECKOUT)]
    led_by = np.load(home / "clusters.npy")
    theirs_by_name = clusters["frame_id"].take(pa.array(led_by))
    # clusters of both are named by their first frame
    ours_by_name = name_by_first(clusters["cluster_id"], clusters["frame_id"])
    num_other = sum(
        a != b for a, b in zip(ours_by_name, theirs_by_name.to_pylist(), strict=True)
    )
    shutil.rmtree(home)
    return {
        "faiss_frames": num_frames,
        "ratio_faiss": ratio(theirs, ours, "seconds"),
        "ratio_faiss_cpu": ratio(theirs, ours, "cpu_s"),
        **summarise("faiss_ours", ours),
        **summarise("faiss_theirs", theirs),
        "faiss_frames_in_other_clusters": num_other,
    }


def measure_growth(folder: Path, num_frames: int) -> dict[str, object]:
    """A tenth of the frames, all, and 1,000 more, of which what is computed anew is the same."""
    home = make_home(folder, num_frames // 10)
    tenth = time_clusters(home)
    shutil.rmtree(home)
    home = make_home(folder, num_frames)
    whole = time_clusters(home)
    write_home(home, ADDED, seed=1, prefix="new-")
    added = time_clusters(home, is_anew=False)
    kept = read_clusters(home)
    time_clusters(home)
    num_other = count_other(kept, read_clusters(home))
    shutil.rmtree(home)
    return {
        "frames": num_frames,
        "growth": round(whole["seconds"] / tenth["seconds"], 2),
        "growth_cpu": round(whole["cpu_s"] / tenth["cpu_s"], 2),
        **summarise("tenth", [tenth]),
        **summarise("all", [whole]),
        "added": added["computed"],
        **summarise("added", [added]),
        "added_frames_in_other_clusters": num_other,
    }


def make_home(folder: Path, num_frames: int) -> Path:
    """A home with so many frames that were never compared."""
    home = folder / f"home-{num_frames}"
    write_home(home, num_frames)
    return home


def time_clusters(
    home: Path, checkout: Path = CHECKOUT, is_anew: bool = True
) -> dict[str, Any]:
    """What `update_clusters` of a checkout takes; anew, of a home that has no clusters yet."""
    if is_anew:
        shutil.rmtree(home / "tables" / "unique_frames.lance", ignore_errors=True)
        Catalog(str(home / "tables")).delete(
            "publications", "table_name = 'unique_frames'"
        )
    return run(Path(sys.executable), PEERS / "curation_daguerre.py", home, checkout)


def run(python: Path, script: Path, home: Path, checkout: Path) -> dict[str, Any]:
    """What the script prints of a home. Raises RuntimeError with the end of its complaint."""
    printed = run_script(python, [script, home], checkout)
    return dict(json.loads(printed.strip().splitlines()[-1]))


def run_script(python: Path, command: Sequence[object], checkout: Path) -> str:
    """What it prints by the code of a checkout. Raises RuntimeError with the end of its complaint."""
    name = Path(str(command[0])).stem
    try:
        done = subprocess.run(
            [str(python), "-P", *map(str, command)],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{name} was not done after {TIMEOUT_S} s") from error
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:].strip()}")
    return done.stdout


def read_clusters(home: Path) -> pa.Table:
    """frame_id and cluster_id of all frames."""
    return Catalog(str(home / "tables")).read_latest(
        "unique_frames", ["frame_id", "cluster_id"]
    )


def count_other(ones: pa.Table, others: pa.Table) -> int:
    """Frames whose cluster has another name in the other table, or that it lacks."""
    have = dict(zip(*others.to_pydict().values(), strict=True))
    pairs = zip(*ones.to_pydict().values(), strict=True)
    return sum(have.get(frame_id) != cluster_id for frame_id, cluster_id in pairs)


def name_by_first(clusters: pa.ChunkedArray, ids: pa.ChunkedArray) -> list[str]:
    """For each frame the id of the first one, in this order, that is in its cluster."""
    first: dict[str, str] = {}
    for cluster, frame_id in zip(clusters.to_pylist(), ids.to_pylist(), strict=True):
        first.setdefault(cluster, frame_id)
    return [first[cluster] for cluster in clusters.to_pylist()]


def export_vectors(home: Path, ids: pa.ChunkedArray) -> None:
    """The vectors and hashes of these frames, as files of NumPy beside the tables."""
    catalog = Catalog(str(home / "tables"))
    rows = catalog.read("frame_embeddings", ["frame_id", "vector"])
    order = pa.compute.index_in(ids, value_set=rows["frame_id"]).to_numpy()
    vectors = (
        rows["vector"].combine_chunks().flatten().to_numpy().reshape(-1, EMBEDDING_DIM)
    )
    np.save(home / "vectors.npy", vectors[order])
    quality = catalog.read("frame_quality", ["frame_id", "perceptual_hash"])
    hashes = quality["perceptual_hash"].take(
        pa.compute.index_in(ids, value_set=quality["frame_id"])
    )
    np.save(
        home / "bits.npy",
        np.array([int(text, 16) for text in hashes.to_pylist()], np.uint64),
    )


def ratio(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], what: str) -> float:
    """The median over the rounds of how many times ours theirs took."""
    return round(
        median(a[what] / b[what] for a, b in zip(theirs, ours, strict=True)), 2
    )


def summarise(name: str, found: list[dict[str, Any]]) -> dict[str, object]:
    """Medians, and the highest peak."""
    return {
        f"{name}_s": round(median(one["seconds"] for one in found), 2),
        f"{name}_cpu_s": round(median(one["cpu_s"] for one in found), 2),
        f"{name}_peak_mib": max(one["peak_mib"] for one in found),
    }


if __name__ == "__main__":
    main()
