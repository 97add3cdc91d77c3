"""What does an embedding cost, in this build and in a former one? No tables beside it, as many threads as cores.

Each build embeds the same pictures of 320x240 in a process of its own, batch by batch as a session is, in turns, so
that what else the machine does meets both. Printed are medians of processor and wall time in ms a picture, the median
ratio of each turn (the former build's by this one's), and how many vectors are not the same to the bit.

Run: python -m bench.embedding --against CHECKOUT [--rounds 8] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.printing import make_parser, print_figures

_PICTURES = 64  # of a batch of a session
_WARM_UP = 1  # rounds that do not count


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--against", type=Path, required=True, help="a former build")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--part", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        _embed(asked.part)
        return
    print_figures(measure(asked.against, asked.rounds), asked.json)


def measure(former: Path, rounds: int) -> dict[str, object]:
    """All figures of both builds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        theirs, ours = (
            stack.enter_context(_start(checkout.resolve(), folder / name))
            for checkout, name in ((former, "former"), (Path.cwd(), "this"))
        )
        pairs = [(_ask(theirs), _ask(ours)) for _ in range(_WARM_UP + rounds)]
        for part in (theirs, ours):
            part.stdin.close()
    pairs = pairs[_WARM_UP:]
    figures: dict[str, object] = {"rounds": rounds}
    for name in ("cpu_ms", "wall_ms"):
        figures |= {
            name: round(median(our[name] for _, our in pairs), 2),
            f"former_{name}": round(median(their[name] for their, _ in pairs), 2),
            f"{name.removesuffix('_ms')}_ratio_today": round(
                median(their[name] / our[name] for their, our in pairs), 2
            ),
        }
    their, our = pairs[-1]
    num_other = sum(
        a != b for a, b in zip(their["vectors"], our["vectors"], strict=True)
    )
    return figures | {"pictures": _PICTURES, "other_vectors": num_other}


def _start(checkout: Path, cache: Path) -> subprocess.Popen[str]:
    """This file, with the product of the checkout."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(checkout), str(Path.cwd())]),
    }
    # each build chooses its threads
    environment.pop("OMP_NUM_THREADS", None)
    return subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).resolve()),
            "--against",
            ".",
            "--part",
            str(cache),
        ],
        cwd=checkout,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(part: Any) -> dict[str, Any]:
    """What one batch took, and the sha256 of each vector."""
    part.stdin.write("\n")
    part.stdin.flush()
    line = part.stdout.readline()
    if not line:
        raise SystemExit("a build ended before its last batch: see above")
    return dict(json.loads(line))


def _embed(cache: Path) -> None:
    """One batch a line that comes in."""
    import hashlib

    import numpy as np

    try:
        from assets.inference.embed import Embedder
    except ImportError:  # a former build
        from assets.curation.embed import Embedder

    embedder = Embedder(cache)
    noise = np.random.default_rng(0).integers(0, 256, (_PICTURES, 12, 16, 3), np.uint8)
    images = list(np.kron(noise, np.ones((1, 20, 20, 1), np.uint8)))
    for _ in sys.stdin:
        began = time.process_time(), time.perf_counter()
        vectors = embedder.embed(images)
        cpu_s, wall_s = time.process_time() - began[0], time.perf_counter() - began[1]
        found = {
            "cpu_ms": 1e3 * cpu_s / _PICTURES,
            "wall_ms": 1e3 * wall_s / _PICTURES,
            "vectors": [
                hashlib.sha256(vector.tobytes()).hexdigest() for vector in vectors
            ],
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
