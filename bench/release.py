"""Measure the way from clusters to the first batch of a training, part by part, up to a million frames.

Homes are made by `bench.peers.labelled_frames`. Each part runs in a process of its own, without imports: splits, the
gates of clusters and splits, a release of detection, its gates, first batch (the release proven by its hash, and 64 of
its pictures), lineage. Printed are processor seconds, seconds and the most memory that the process held. `growth`: the
processor seconds a frame at all frames against a tenth. `classes`: those a label with 1,203 classes against 3, at a
tenth. `ratio`: a former build, given by `--against`, in turns at a tenth, median of the rounds; `same`: whether both
made the same splits, release, verdicts and lineage.

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
)
CLASSES = (3, 1_203)  # 1,203: LVIS
Found = dict[str, dict[str, Any]]  # by part


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    figures: dict[str, object] = {"frames": asked.frames}
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as name:
        folder = Path(name)
        tenth = asked.frames // 10
        few = measure(folder, tenth, CLASSES[0], asked.parts)
        figures["tenth"] = few
        if asked.against:
            figures |= compare(folder, tenth, asked)
        many = measure(folder, tenth, CLASSES[1], asked.parts)
        figures["classes"] = ratio(many, few, 1)
        whole = measure(folder, asked.frames, CLASSES[0], asked.parts)
        figures["all"] = whole
        figures["growth"] = ratio(whole, few, 10)
    print(
        json.dumps(figures)
        if asked.json
        else "\n".join(f"{k:12} {v}" for k, v in figures.items())
    )


def measure(folder: Path, num_frames: int, num_classes: int, parts: Any) -> Found:
    """What each part takes of a new home."""
    home = folder / f"home-{num_frames}-{num_classes}"
    write_home(home, num_frames, num_classes)
    found = run_parts(home, parts, CHECKOUT)
    shutil.rmtree(home)
    return found


def compare(folder: Path, num_frames: int, asked: Any) -> dict[str, object]:
    """This build beside a former one, in turns, each on a copy of one home."""
    made = folder / "made"
    write_home(made, num_frames, CLASSES[0])
    ours: list[Found] = []
    theirs: list[Found] = []
    for _ in range(asked.rounds):
        for build, found in ((asked.against.resolve(), theirs), (CHECKOUT, ours)):
            home = folder / "turn"
            shutil.copytree(made, home)
            found.append(run_parts(home, asked.parts, build))
            shutil.rmtree(home)
    shutil.rmtree(made)
    return {
        "ratio": {
            part: round(
                median(
                    a[part]["cpu_s"] / b[part]["cpu_s"]
                    for a, b in zip(theirs, ours, strict=True)
                ),
                2,
            )
            for part in asked.parts
        },
        "former": theirs[-1],
        "same": {
            part: ours[-1][part]["made"] == theirs[-1][part]["made"]
            for part in asked.parts
        },
    }


def run_parts(home: Path, parts: Any, build: Path) -> Found:
    """The parts one after the other, each in a process of its own, with the code of a build."""
    found = {part: run_part(home, part, build) for part in PARTS if part in parts}
    for part, one in found.items():
        told = f"{one['cpu_s']:8.2f} s of processor {one['peak_mib']:6d} MiB"
        print(f"{home.name:20} {part:14} {told}", file=sys.stderr, flush=True)
    return found


def run_part(home: Path, part: str, build: Path) -> dict[str, Any]:
    """What one part prints. Raises RuntimeError with the end of its complaint."""
    # the code under `assets` and `checks` is the build's, the script this checkout's
    program = (
        f"import sys; sys.path[:0] = [{str(build)!r}]; import assets, checks; "
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


def ratio(ones: Found, others: Found, times: int) -> dict[str, float]:
    """How many times the processor seconds of `others` those of `ones` are, of so many times the frames."""
    return {
        part: round(one["cpu_s"] / others[part]["cpu_s"] / times, 2)
        for part, one in ones.items()
    }


if __name__ == "__main__":
    main()
