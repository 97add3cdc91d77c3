"""The closed loop against chance: does it close, and does a random queue with the same labels find less?

An object that the champion never saw stands on every table; an alarm asks for labels, and the champion trained on them
is asked about new recordings. Then, in copies of the home as it was when the queue was made, as many frames by chance
are labelled in its place, with another seed each, and trained on by the same recipe and the same seed.
Run: python -m bench.prove.loop [--seeds 3] [--json]
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.annotation.queue.build import Question, draft_queue, write_queue
from assets.tables.catalog import Catalog
from bench.printing import make_parser
from orchestration.console import RunConsole
from orchestration.log_lines import tell
from orchestration.loop_demo import ALL, TASK, Loop, run_loop
from orchestration.loop_world import World
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog
from orchestration.ticks import LocalEngine


def main() -> None:
    """Print figures as lines or as one JSON object; ends with 1 where the loop stays open or chance does as well."""
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of random queues")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-prove-loop-") as folder:
        found = prove(Path(folder), options.seeds)
    if options.json:
        print(json.dumps(found, default=str))
    else:
        print(
            f"recall before {found['recall_before']}, after {found['recall_after']} with {found['labels_asked']} labels"
        )
        print(f"by chance, as many labels: {found['random']}")
    sys.exit(0 if found["closed"] and found["is_better"] else 1)


def prove(folder: Path, num_seeds: int) -> dict[str, Any]:
    """The summary of the loop, `random`, the recall of each random queue, and whether the loop is better than all."""
    kept = folder / "when-asked"
    home = _open(folder / "loop")
    summary = run_loop(home, lambda: shutil.copytree(home.home, kept, symlinks=True))
    found: list[float] = []
    for seed in range(num_seeds if summary["closed"] else 0):
        other = folder / f"random-{seed}"
        shutil.copytree(kept, other, symlinks=True)
        found.append(_label_by_chance(_open(other), summary["labels_asked"], seed))
        tell(
            f"recall by chance, seed {seed}: {found[-1]:.2f}; by what was asked: {summary['recall_after']:.2f}"
        )
        shutil.rmtree(other)
    after = summary["recall_after"]
    is_better = bool(found) and all(recall < after for recall in found)
    return {**summary, "random": found, "is_better": is_better}


def _open(home: Path) -> Settings:
    # read by the processes that are started, too
    os.environ["DAGUERRE_HOME"] = str(home)
    return replace(load_settings(), partial_wait_s=0)


def _label_by_chance(settings: Settings, num_labels: int, seed: int) -> float:
    """The recall of a model trained on so many frames by chance; whether the gate promotes it does not count."""
    catalog = build_catalog(settings)
    _ask_by_chance(catalog, num_labels, seed)
    with LocalEngine(settings) as engine:
        loop = Loop(engine, RunConsole(), World(catalog, ALL))
        old = loop.champion()
        loop.label()
        new = loop.retrain(old)
        return loop.examine(old, new)[1].share


def _ask_by_chance(catalog: Catalog, num_labels: int, seed: int) -> None:
    """Put a random queue in the place of the one that the alarm asked for."""
    rows = catalog.read_latest("label_queue", ["row_id"])["row_id"].to_pylist()
    catalog.delete_keys("label_queue", rows)
    question = Question(TASK, "random", num_labels, seed)
    write_queue(catalog, draft_queue(catalog, question))


if __name__ == "__main__":
    main()
