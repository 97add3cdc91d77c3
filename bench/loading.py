"""Measure how fast images are loaded for training, beside the loaders that people use and beside the limit.

All take the same JPEGs of 640x480 (`bench.peers.pictures`: painted, with the statistics of photographs, 45 to 130 KB)
and give the same batches (`bench.peers.epochs`: a random resized crop of 224, flips, 64 uint8 images, random order), on
two cores, with files in memory. Every batch is checked, and that an epoch shows each picture once. Each round loads one
epoch with every loader, in turns, each in a process of its own; what starts and imports take is left out. Loaders that
take a number of workers are tried with one and two, and keep the better. A ratio is the median of those of each round.
What a loader reads (shards, chunks, tables) is written beforehand, and kept below DAGUERRE_HOME/bench/loading. That is
0.07 MB a picture, and 1 MB for Daguerre, which keeps pictures decoded (`store_mb`). Its first epoch, which decodes them
and fills that cache, is a row of its own, `daguerre_first`, with as much again: 10,000 pictures take 22 GB.

Run: `python -m bench.loading --json`. A loader that fails, or cannot be installed, is named with its error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.peers.environment import make_environment
from bench.peers.pictures import write_pictures
from orchestration.profiles import CHECKOUT, load_settings

# two threads each; the others are tried with one worker and two
OWN = "daguerre"
FIRST = "daguerre_first"
LIMIT = "limit"
PEERS = (
    "torchvision_pil",
    "torchvision_io",
    "webdataset",
    "litdata",
    "datasets",
    "lance",
)
PACKAGES = {
    "webdataset": "webdataset==1.0.2",
    "litdata": "litdata==0.2.76",
    "datasets": "datasets==5.2.0",
}
NEEDED = ("torch==2.15.0", "torchvision==0.29.2", "numpy")
CORES = 2
TRIAL_BATCHES = 40
TIMEOUT_S = 900


@dataclass
class Contender:
    """One loader: where it runs, what it reads, and what was measured of it, round by round."""

    name: str
    python: Path = Path(sys.executable)
    store: Path = Path()
    num_workers: int = CORES
    rates: list[float] = field(default_factory=list)  # images a second
    first_batches_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)  # an image
    error: str = ""

    @property
    def is_measured(self) -> bool:
        return bool(self.rates) and not self.error


def main() -> None:
    """Print images a second, ratios and the time to the first batch of all, as a table or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peer",
        action="append",
        choices=PEERS,
        help="only this one (repeatable), Daguerre and the limit",
    )
    options = parser.parse_args()
    if options.images < 1_000:
        parser.error(
            "--images takes at least 1,000: fewer are over before the workers have started"
        )
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    figures = measure(options.images, options.rounds, options.peer or PEERS)
    print(json.dumps(figures) if options.json else draw_table(figures))
    sys.exit(int(figures["images_per_s"] is None))


def measure(num_images: int, rounds: int, peers: Iterable[str]) -> dict[str, object]:
    """The figures of every contender, and Daguerre's ratios to them; None where one could not be measured."""
    pictures = find_pictures(num_images)
    contenders = [Contender(name) for name in (OWN, FIRST, LIMIT, *peers)]
    for one in contenders:
        attempt(set_up, one, pictures)
        if one.name in PEERS:
            attempt(choose_workers, one, pictures)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for one in contenders:
            attempt(add_round, one, pictures)
    found = {one.name: one for one in contenders if one.is_measured}
    best = max(
        (name for name in found if name in PEERS),
        key=lambda name: median(found[name].rates),
        default=None,
    )

    def ratio(name: str | None) -> float | None:
        if OWN not in found or name not in found:
            return None
        return round(
            median(
                a / b for a, b in zip(found[OWN].rates, found[name].rates, strict=True)
            ),
            2,
        )

    loaders = {
        name: summarise(one) | {"ratio": ratio(name)} for name, one in found.items()
    }
    own = loaders.get(OWN, {})
    return {
        "images_per_s": own.get("images_per_s"),
        "first_batch_s": own.get("first_batch_s"),
        "best_peer": best,
        "ratio_best_peer": ratio(best),
        "ratio_limit": ratio(LIMIT),
        "ratio_first_epoch": ratio(FIRST),
        "loaders": loaders,
        "errors": {one.name: one.error for one in contenders if one.error},
        "images": num_images,
        "rounds": rounds,
    }


def attempt(
    step: Callable[[Contender, Path], None], one: Contender, pictures: Path
) -> None:
    """Take the step unless the contender has failed before; its error is kept, and the others go on."""
    if one.error:
        return
    try:
        step(one, pictures)
    except RuntimeError as error:
        one.error = str(error)
        print(one.error, file=sys.stderr)


def set_up(one: Contender, pictures: Path) -> None:
    """Its environment and its store. Stores are kept; Daguerre's is made anew, by the code that is there."""
    if one.name in PACKAGES:
        one.python = make_environment(
            f"loading_{one.name}", PACKAGES[one.name], *NEEDED
        )
    code = (CHECKOUT / "bench" / "peers" / f"loading_{one.name}.py").read_bytes()
    one.store = pictures.with_name(
        f"{pictures.name}-{one.name}-{hashlib.sha256(code).hexdigest()[:8]}"
    )
    if one.name in (OWN, FIRST):
        shutil.rmtree(one.store, ignore_errors=True)
    if not one.store.exists():
        unfinished = one.store.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        run(one, pictures, unfinished, "--prepare")
        unfinished.rename(one.store)


def choose_workers(one: Contender, pictures: Path) -> None:
    """The number of workers with which the first batches of an epoch came faster; each is tried twice."""
    rate_of: dict[int, float] = {}
    for one.num_workers in (1, 2, 2, 1):
        rate = time_epoch(one, pictures, "--batches", str(TRIAL_BATCHES))[
            "images_per_s"
        ]
        rate_of[one.num_workers] = max(rate, rate_of.get(one.num_workers, 0.0))
    one.num_workers = max(rate_of, key=lambda count: rate_of[count])


def add_round(one: Contender, pictures: Path) -> None:
    """One whole epoch."""
    found = time_epoch(one, pictures)
    one.rates.append(found["images_per_s"])
    one.first_batches_s.append(found["first_batch_s"])
    one.cpu_ms.append(found["cpu_ms_per_image"])
    print(
        f"  {one.name:16} {found['images_per_s']:6.0f} images/s",
        file=sys.stderr,
        flush=True,
    )


def time_epoch(one: Contender, pictures: Path, *options: str) -> dict[str, float]:
    # the operating system may have let go of them meanwhile
    for folder in (pictures, one.store):
        for path in folder.rglob("*"):
            if path.is_file():
                warm(path)
    printed = run(one, pictures, one.store, "--workers", str(one.num_workers), *options)
    return dict(json.loads(printed.strip().splitlines()[-1]))


def warm(path: Path) -> None:
    """Read it, so that it is in memory."""
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass


def run(one: Contender, pictures: Path, store: Path, *options: str) -> str:
    """What the peer's module prints. Raises RuntimeError with the end of its complaint."""
    with tempfile.TemporaryDirectory() as home:
        paths = f"{one.python.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {
            **os.environ,
            "HOME": home,
            "PATH": paths,
            "PYTHONPATH": str(CHECKOUT),
        }
        command = [
            str(one.python),
            "-m",
            f"bench.peers.loading_{one.name}",
            str(pictures),
            str(store),
            *options,
        ]
        try:
            done = subprocess.run(
                command,
                cwd=home,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"{one.name} was not done after {TIMEOUT_S} s"
            ) from error
    if done.returncode:
        raise RuntimeError(f"{one.name} failed:\n{done.stderr[-2000:].strip()}")
    return done.stdout


def find_pictures(count: int) -> Path:
    """The folder of the pictures, painted at the first run, and again when what paints them changes."""
    painter = (CHECKOUT / "bench" / "peers" / "pictures.py").read_bytes()
    folder = (
        load_settings().home
        / "bench"
        / "loading"
        / f"{count}-{hashlib.sha256(painter).hexdigest()[:8]}"
    )
    if not folder.exists():
        unfinished = folder.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_pictures(unfinished, count)
        unfinished.rename(folder)
    return folder


def summarise(one: Contender) -> dict[str, object]:
    """Medians over the rounds, and how far the rates spread."""
    return {
        "images_per_s": round(median(one.rates)),
        "lowest": round(min(one.rates)),
        "highest": round(max(one.rates)),
        "first_batch_s": round(median(one.first_batches_s), 2),
        "num_workers": one.num_workers,
        "cpu_ms_per_image": round(median(one.cpu_ms), 2),
        "store_mb": round(measure_mb(one.store)),
    }


def measure_mb(folder: Path) -> float:
    """Of disk that the files below take."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) / 1e6


def draw_table(figures: dict[str, object]) -> str:
    """A line a loader, fastest first; then those that failed."""
    loaders = figures["loaders"]
    errors = figures["errors"]
    assert isinstance(loaders, dict) and isinstance(errors, dict)
    lines = [
        f"{'loader':16} {'images/s':>9} {'lowest':>7} {'highest':>8} {'first batch s':>14} {'CPU ms':>7} "
        f"{'workers':>8} {'store MB':>9} {'daguerre / it':>14}"
    ]
    for name, row in sorted(loaders.items(), key=lambda item: -item[1]["images_per_s"]):
        lines.append(
            f"{name:16} {row['images_per_s']:9} {row['lowest']:7} {row['highest']:8} "
            f"{row['first_batch_s']:14.2f} {row['cpu_ms_per_image']:7.2f} {row['num_workers']:8} "
            f"{row['store_mb']:9} {row['ratio'] or '':>14}"
        )
    return "\n".join([*lines, *errors.values()])


if __name__ == "__main__":
    main()
