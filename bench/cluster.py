"""Measure what embedding and predicting frames cost on a cluster of two nodes, against one process on the same cores.

The cluster is on loopback of this machine, a node for each of two cores; the process has both. They take turns, in a
process of their own each, on one session of JPEGs of 320x240, 200 pictures over and over, and must make the same rows,
to the byte. `start_s` is the time from the call to the first rows, `ms` that of a frame after them. A `ratio` is the
median of the turns of the process' `ms` by the cluster's: at 1 both are as fast. `growth_ratio` is what a frame costs
on the cluster in a session of 100,000 against one of 10,000, `driver_mib` the peak memory of the process that asks and
writes. Ray Data does the same embedding, of the same batches by two actors, writing nothing (`ray_data`).

Run: `python -m bench.cluster --json`, on a machine that does nothing else. `--growth 0` leaves the large session out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2

from assets.cluster.pool import FEWEST_FRAMES
from assets.tables.catalog import Catalog, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from bench.peers.pictures import encode, make_textures, paint
from bench.printing import make_parser, print_figures
from bench.ray_nodes import start_ray_nodes
from bench.synthetic_home import plain_row
from orchestration.profiles import CHECKOUT

CORES = 2
NUM_PICTURES = 200
SIZE_WH = (320, 240)
GROWTH_BASE = 10_000
_AT_ONCE = 5_000  # rows of a write
_TABLES = {"embed": "frame_embeddings", "predict": "predictions"}
_TASK = "recognition"
_MODEL = "model.txt"


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--growth", type=int, default=100_000, help="frames of the large session, or 0"
    )
    parser.add_argument("--part", choices=_PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        where = Workspace(asked.home, ray_address=asked.address)
        print(json.dumps(_PARTS[asked.part](where, asked.frames)))
        return
    if asked.frames < FEWEST_FRAMES:
        parser.error(f"--frames takes at least {FEWEST_FRAMES}: fewer stay in process")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder), asked.frames, asked.rounds, asked.growth)
    print_figures(figures, asked.json)


def measure(
    folder: Path, num_frames: int, rounds: int, growth: int
) -> dict[str, object]:
    """All figures. Raises SystemExit where two ways that should make equal rows do not."""
    home = folder / "home"
    _run(home, "prepare", num_frames)
    figures: dict[str, object] = {"frames": num_frames, "rounds": rounds}
    for what in _TABLES:
        found: dict[str, list[dict[str, Any]]] = {"process": [], "cluster": []}
        for number in range(rounds):
            # the order changes, so that neither always follows the other
            for way in sorted(found, reverse=not number % 2):
                print(f"{what}, {way}, round {number + 1}", file=sys.stderr)
                found[way].append(
                    _run(home, what, num_frames, is_shared=way == "cluster")
                )
        _require_equal(
            what, [one.pop("rows") for runs in found.values() for one in runs]
        )
        pairs = list(zip(found["process"], found["cluster"], strict=True))
        figures[f"ratio_{what}"] = round(median(a["ms"] / b["ms"] for a, b in pairs), 3)
        for way, runs in found.items():
            for name in runs[0]:
                figures[f"{what}_{way}_{name}"] = round(
                    median(one[name] for one in runs), 3
                )
    print("embed, Ray Data", file=sys.stderr)
    peer = _run(home, "ray_data", num_frames, is_shared=True)
    figures |= {f"ray_data_{name}": round(value, 3) for name, value in peer.items()}
    if growth:
        figures |= _measure_growth(folder, growth)
    return figures


def _measure_growth(folder: Path, growth: int) -> dict[str, object]:
    figures: dict[str, object] = {}
    ratios = []
    for what in _TABLES:
        runs = []
        for size in (min(GROWTH_BASE, growth), growth):
            home = folder / f"home-{size}"
            if not home.exists():
                _run(home, "prepare", size)
            print(f"{what}, {size} frames", file=sys.stderr)
            runs.append(_run(home, what, size, is_shared=True))
        ratios.append(runs[1]["ms"] / runs[0]["ms"])
        figures[f"growth_{what}"] = round(ratios[-1], 3)
        figures[f"growth_{what}_driver_mib"] = [run["driver_mib"] for run in runs]
    return {**figures, "growth_ratio": round(max(ratios), 3)}


def _require_equal(what: str, digests: Sequence[str]) -> None:
    if len(set(digests)) != 1:
        raise SystemExit(f"{what}: rows differ from way to way: {sorted(set(digests))}")


def _run(
    home: Path, part: str, num_frames: int, is_shared: bool = False
) -> dict[str, Any]:
    """A part in a process of its own, with a cluster started for it where it needs one."""
    cluster = start_ray_nodes(CORES, cpus_each=1) if is_shared else nullcontext()
    with cluster as nodes:
        command = [sys.executable, "-m", "bench.cluster", "--part", part]
        command += ["--home", str(home), "--frames", str(num_frames)]
        command += ["--address", nodes.address] if nodes else []
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            env={**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


# ---- parts -----------------------------------------------------------------------------------------------------------


def fill(
    catalog: Catalog, session: str, num_frames: int, num_pictures: int = NUM_PICTURES
) -> None:
    """Write so many frames of one session, and publish them."""
    textures = make_textures(seed=0, count=6)
    pictures = [
        encode(
            cv2.resize(paint(textures, number), SIZE_WH, interpolation=cv2.INTER_AREA)
        )
        for number in range(min(num_pictures, num_frames))
    ]
    for start in range(0, num_frames, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, num_frames))
        rows = [
            _frame_row(session, number, pictures[number % len(pictures)])
            for number in numbers
        ]
        catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", session, catalog.latest_version("frames"))


def store_model(
    catalog: Catalog, home: Path, task: str = _TASK, release_id: str = ""
) -> dict[str, str]:
    """A net with the weights that it starts with, stored as a trained one is: task, model_sha256, release_id."""
    import torch

    from assets.inference.model_store import store_package
    from assets.inference.package import describe, write_package
    from models.recipes import get_recipe
    from models.tasks import find_task

    torch.manual_seed(1)
    config = replace(get_recipe(f"tiny_{task}"), image_size_px=160)
    classes = ("cup", "plate")
    net = find_task(task).build(config, len(classes), None)
    release_id = release_id or content_id("release")
    facts = describe(config, classes, release_id, 1, "1", [])
    package = write_package(home / "models", net, task, facts)
    row = {
        "model_sha256": package.model_sha256,
        "task": task,
        "recipe": config.name,
        "release_id": facts.release_id,
        "code_version": "1",
        "seed": 1,
        "run_id": "",
        "folder": str(package.folder.relative_to(home)),
        "facts_sha256": store_package(catalog.blobs, package),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    return {name: str(row[name]) for name in ("task", "model_sha256", "release_id")}


def digest_rows(catalog: Catalog, table: str, session: str) -> str:
    """Of all that the rows of a session hold, in the order of their keys."""
    rows = catalog.read_latest(table, where=session_is(session))
    digest = hashlib.sha256()
    for batch in rows.sort_by(TABLES[table].key).to_batches(_AT_ONCE):
        digest.update(repr(batch.to_pylist()).encode())
    return digest.hexdigest()


def _prepare(where: Workspace, num_frames: int) -> dict[str, Any]:
    from assets.inference.embed import Embedder

    where.home.mkdir(parents=True)
    catalog = _open(where)
    fill(catalog, "bench", num_frames)
    model = store_model(catalog, where.home)
    (where.home / _MODEL).write_text(json.dumps(model))
    Embedder(where.cache)
    return {}


def _embed(where: Workspace, num_frames: int) -> dict[str, Any]:
    from assets.curation.session import embed_frames

    catalog = _open(where)
    return _time(
        where,
        "embed",
        num_frames,
        lambda tell: embed_frames("bench", catalog, where, tell),
    )


def _predict(where: Workspace, num_frames: int) -> dict[str, Any]:
    from assets.monitoring.watch import predict_session

    catalog = _open(where)
    model: Any = json.loads((where.home / _MODEL).read_text())
    return _time(
        where,
        "predict",
        num_frames,
        lambda tell: predict_session(catalog, where, model, "bench", tell),
    )


def _embed_by_ray_data(where: Workspace, num_frames: int) -> dict[str, Any]:
    """The batches of `embed_frames`, by Ray Data: vectors are counted and dropped."""
    from assets.cluster.connection import open_ray
    from assets.cluster.pool import Seat
    from assets.curation.session import EmbedFrames
    from assets.inference.embed import Embedder

    catalog = _open(where)
    frames = catalog.dataset("frames").to_table(columns=["frame_id"], with_row_id=True)
    row_ids = frames["_rowid"].to_pylist()
    batches = [{"row_ids": row_ids[n : n + 64]} for n in range(0, len(row_ids), 64)]
    work = EmbedFrames(catalog, catalog.latest_version("frames"), Embedder(where.cache))

    class Embed:
        def __init__(self) -> None:
            self._embed = work.open(Seat(where.home, 1))

        def __call__(self, row: dict[str, Any]) -> list[dict[str, Any]]:
            return list(self._embed(row["row_ids"]))

    with open_ray(CORES, where.ray_address):
        import ray

        ray.data.DataContext.get_current().enable_progress_bars = False
        made = ray.data.from_items(batches).flat_map(
            Embed, compute=ray.data.ActorPoolStrategy(size=CORES)
        )
        clock = _Clock(num_frames)
        done = 0
        for batch in made.iter_batches(batch_size=64, batch_format="pyarrow"):
            done += len(batch)
            clock.tell(done, num_frames)
        assert done == num_frames, (done, num_frames)
        return clock.figures()


_PARTS = {
    "prepare": _prepare,
    "embed": _embed,
    "predict": _predict,
    "ray_data": _embed_by_ray_data,
}


def _open(where: Workspace) -> Catalog:
    return Catalog(str(where.home / "tables"))


class _Clock:
    """When the first frames were done, and the last."""

    def __init__(self, num_frames: int) -> None:
        self._began = time.monotonic()
        self._done: list[tuple[int, float]] = []
        self._num_frames = num_frames

    def tell(self, done: int, total: int) -> None:
        """So many of all frames are done."""
        if done:
            self._done.append((done, time.monotonic()))

    def figures(self) -> dict[str, float]:
        """Seconds to the first frames, ms a frame after them, seconds in all, and peak memory."""
        (first, first_s), (last, last_s) = self._done[0], self._done[-1]
        assert last == self._num_frames, (last, self._num_frames)
        return {
            "start_s": first_s - self._began,
            "ms": (last_s - first_s) * 1e3 / (last - first),
            "whole_s": time.monotonic() - self._began,
            "driver_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }


def _time(where: Workspace, what: str, num_frames: int, make: Any) -> dict[str, Any]:
    """The figures of making all rows of a table anew, and the digest of these."""
    catalog = _open(where)
    table = _TABLES[what]
    shutil.rmtree(where.home / "tables" / f"{table}.lance", ignore_errors=True)
    clock = _Clock(num_frames)
    done = make(clock.tell)
    assert (done.new, done.total) == (num_frames, num_frames), done
    return {**clock.figures(), "rows": digest_rows(catalog, table, "bench")}


def _frame_row(session: str, number: int, payload: bytes) -> dict[str, Any]:
    return plain_row(
        "frames",
        {
            "frame_id": content_id("frame", session, number),
            "session": session,
            "capture_id": content_id("capture", session),
            "sensor": "cam",
            "kind": "color",
            "encoding": "jpeg",
            "width_px": SIZE_WH[0],
            "height_px": SIZE_WH[1],
            "payload": payload,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "sequence": number,
        },
    )


if __name__ == "__main__":
    main()
