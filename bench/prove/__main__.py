"""`python -m bench.prove --schedules 60`: run the schedules on the product and on the baseline, and print the table."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from bench.prove.prove import ENGINES, prove


def main() -> None:
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument(
        "--schedules", type=int, default=60, help="fault schedules for each engine"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the schedules and the flips"
    )
    parser.add_argument(
        "--flips", type=int, default=1000, help="bit flips, truncations and deletions"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        action="append",
        help="only this one (default: both)",
    )
    parser.add_argument("--kind", action="append", help="only schedules of this kind")
    options = parser.parse_args()
    # so that the servers go too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(os.environ.get("DAGUERRE_HOME", ".daguerre"))
    report = prove(
        options.schedules,
        options.seed,
        options.flips,
        tuple(options.engine or ENGINES),
        tuple(options.kind or ()),
        lambda line: print(line, flush=True),
    )
    home.mkdir(parents=True, exist_ok=True)
    (home / "prove.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {home / 'prove.json'}")
    sys.exit(
        0 if report["lost"] == report["duplicated"] == report["unequal"] == 0 else 1
    )


if __name__ == "__main__":
    main()
