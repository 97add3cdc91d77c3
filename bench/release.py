"""Measure the way from clusters to the first batch of a training, part by part, up to a million frames.

Homes are made by `bench.peers.labelled_frames`. Each part runs in a process of its own: splits, the gates of clusters
and splits, a release of detection, its gates, first batch (the release proven by its hash, and 64 of its pictures),
lineage, and `verify` of all that is stored. Of each are printed seconds and processor seconds, without imports, and the
most memory that the process held. `growth`: the processor seconds a frame at all frames against a tenth.
`classes_ratio`: those a label with 1,203 classes, as LVIS has, against 3, at a tenth. `former_ratio`: the processor
seconds of a former build, given by `--against`, as a multiple of this one's, in turns at a tenth, median of the rounds;
`same`: whether both made the same splits, release, verdicts and lineage.

Run: `python -m bench.release --against CHECKOUT --json`, on a machine that does nothing else; a million frames take
2 GB of disk in TMPDIR. `--parts` chooses some; those after a part that is left out need it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.curation import TIMEOUT_S
from bench.peers.labelled_frames import write_home
from orchestration.profiles import CHECKOUT

SCRIPT = CHECKOUT / "bench" / "peers" / "release_daguerre.py"
PARTS = (
    "split",
    "gate_splits",
    "release",
    "gate_release",
    "first_batch",
    "lineage",
    "verify",
)
FEW_CLASSES = 3
TIMES = 10  # the frames of all, of those that growth is measured against
WARM_FRAMES = 1_000
Found = dict[str, dict[str, Any]]  # by part


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of all")
    parser.add_argument(
        "--classes",
        type=int,
        default=1_203,
        help="of many; each needs frames that train",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    if asked.frames < TIMES * WARM_FRAMES:
        parser.error(f"--frames takes at least {TIMES * WARM_FRAMES:,}")
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        found = measure_all(Path(folder), asked)
    if asked.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        if name != "parts":
            print(f"{name:20} {value}")
    columns = list(dict.fromkeys(name for of in found["parts"].values() for name in of))
    print(f"{'part':14}" + "".join(f"{name:>15}" for name in columns))
    for part, of in found["parts"].items():
        print(f"{part:14}" + "".join(f"{of[name]!s:>15}" for name in columns))


def measure_all(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """All figures, `parts` by part."""
    tenth = asked.frames // TIMES
    # what a build keeps of its own code is made now
    for build in filter(None, (CHECKOUT, asked.against)):
        measure(folder, WARM_FRAMES, FEW_CLASSES, asked.parts, build.resolve())
    few = measure(folder, tenth, FEW_CLASSES, asked.parts)
    compared = compare(folder, tenth, asked) if asked.against else {}
    many = measure(folder, tenth, asked.classes, asked.parts)
    whole = measure(folder, asked.frames, FEW_CLASSES, asked.parts)
    parts = {
        part: {
            "seconds": round(of["seconds"], 2),
            "cpu_s": round(of["cpu_s"], 2),
            "peak_mib": of["peak_mib"],
            "growth": round(of["cpu_s"] / few[part]["cpu_s"] / TIMES, 2),
            "classes_ratio": round(per_label(many[part]) / per_label(few[part]), 2),
            **compared.get(part, {}),
        }
        for part, of in whole.items()
    }
    first_batch = (
        {"first_batch_s": parts["first_batch"]["seconds"]}
        if "first_batch" in parts
        else {}
    )
    return {
        "frames": asked.frames,
        "classes": asked.classes,
        "peak_mib": max(of["peak_mib"] for of in parts.values()),
        **first_batch,
        "parts": parts,
    }


def per_label(found: dict[str, Any]) -> float:
    """Processor seconds a label that the part reads."""
    return float(found["cpu_s"] / found["num_labels"])


def measure(
    folder: Path,
    num_frames: int,
    num_classes: int,
    parts: Sequence[str],
    build: Path = CHECKOUT,
) -> Found:
    """What each part takes of a new home."""
    home = folder / f"home-{num_frames}-{num_classes}"
    write_home(home, num_frames, num_classes)
    found = run_parts(home, parts, build)
    shutil.rmtree(home)
    return found


def compare(
    folder: Path, num_frames: int, asked: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """This build beside a former one, by part: in turns, each on a copy of one home."""
    made = folder / "made"
    write_home(made, num_frames, FEW_CLASSES)
    ours: list[Found] = []
    theirs: list[Found] = []
    for _ in range(asked.rounds):
        for build, found in ((asked.against.resolve(), theirs), (CHECKOUT, ours)):
            home = folder / "turn"
            shutil.copytree(made, home)
            found.append(run_parts(home, asked.parts, build))
            shutil.rmtree(home)
    shutil.rmtree(made)
    pairs = list(zip(theirs, ours, strict=True))
    return {
        part: {
            "former_ratio": round(
                median(a[part]["cpu_s"] / b[part]["cpu_s"] for a, b in pairs), 2
            ),
            "former_mib": theirs[-1][part]["peak_mib"],
            "same": all(a[part]["made"] == b[part]["made"] for a, b in pairs),
        }
        for part in asked.parts
    }


def run_parts(home: Path, parts: Sequence[str], build: Path) -> Found:
    """The parts one after the other, each in a process of its own, with the code of a build."""
    found = {}
    for part in (p for p in PARTS if p in parts):
        found[part] = one = run_part(home, part, build)
        told = f"{one['cpu_s']:8.2f} s of processor {one['peak_mib']:6d} MiB"
        print(f"{home.name:20} {part:14} {told}", file=sys.stderr, flush=True)
    return found


def run_part(home: Path, part: str, build: Path) -> dict[str, Any]:
    """What one part prints. Raises RuntimeError with the end of its complaint."""
    # the code of the product is the build's, the script this checkout's
    program = (
        f"import sys; sys.path[:0] = [{str(build)!r}]; import assets, checks, models, orchestration; "
        f"sys.path.insert(0, {str(CHECKOUT)!r}); sys.argv = sys.argv[1:]; "
        f"import runpy; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-P", "-c", program, str(SCRIPT), str(home), part]
    done = subprocess.run(
        command, cwd=build, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        raise RuntimeError(f"{part} failed:\n{done.stderr[-2000:].strip()}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    main()
