"""Flipped bits and hostile files, met by the baseline: what it notices, what it dies of, what it says nothing about.

A child does the reading, one question after the other; one that dies or does not answer in time is replaced. Nothing in
the baseline states why a file was left out, so a file that gave no record counts as unexplained.
"""

from __future__ import annotations

import json
import random
import resource
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 10.0
_CHILD_BYTES = 6 << 30  # address space: a bomb ends the child, not the machine


def run_flips(num: int, seed: int) -> dict[str, Any]:
    """Seeded faults in the files of one table; found is what makes a full read fail or come up short."""
    from bench.prove.flips import FAULTS

    rng = random.Random(seed)
    found = 0
    with tempfile.TemporaryDirectory() as folder, _Child() as child:
        files = _build_table(Path(folder))
        whole = child.ask(_count_rows, folder)
        for _ in range(num):
            path = rng.choice(files)
            fault = rng.choice(FAULTS)
            content = path.read_bytes()
            _damage(path, content, fault, rng)
            found += child.ask(_count_rows, folder) != whole
            path.write_bytes(content)
    return {"flips": num, "flips_found": found}


def run_hostile(folder: Path | None, seed: int) -> dict[str, Any]:
    """Every file below `folder`, and every generated bomb, through the baseline's reader."""
    from bench.prove.bombs import write_bombs

    counts = {"hostile_files": 0, "hostile_deaths": 0, "hostile_unexplained": 0}
    with tempfile.TemporaryDirectory() as place, _Child() as child:
        drops = [folder] if folder else []
        drops += write_bombs(Path(place) / "bombs", seed)
        files = [
            p
            for drop in drops
            for p in ([drop] if drop.is_file() else sorted(drop.rglob("*")))
            if p.is_file()
        ]
        for path in files:
            records = child.ask(_count_records, str(path))
            counts["hostile_files"] += 1
            counts["hostile_deaths"] += records is None
            counts["hostile_unexplained"] += records is not None and records < 1
    return counts


class _Child:
    """A process that answers questions with a number; None when it died or took too long."""

    def __enter__(self) -> _Child:
        self._process: subprocess.Popen[str] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, question: Callable[[str], int], argument: str) -> int | None:
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps([question.__name__, argument]) + "\n")
        process.stdin.flush()
        if select.select([process.stdout], [], [], _PATIENCE_S)[0] and (
            line := process.stdout.readline()
        ):
            return int(line)
        self._end()
        return None

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.prove.baseline_faults"],
            cwd=_ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.readline()  # it has loaded what it needs: the time limit is for the answer alone
        return process

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _build_table(folder: Path) -> list[Path]:
    import pyarrow as pa

    from bench.prove import baseline
    from bench.prove.landings import first_step

    for path, data in first_step().items():
        rows = list(baseline.records_of(path, data))
        if rows:
            table = pa.Table.from_pylist(rows, schema=baseline.SCHEMA)
            baseline.write_rows(baseline.table_uri(str(folder)), table, None)
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size)


def _damage(path: Path, content: bytes, fault: str, rng: random.Random) -> None:
    if fault == "deletion":
        path.unlink()
    elif fault == "truncation":
        path.write_bytes(content[: rng.randrange(len(content))])
    else:
        bit = rng.randrange(8 * len(content))
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)


def _count_rows(folder: str) -> int:
    import lance

    from bench.prove import baseline

    return int(lance.dataset(baseline.table_uri(folder)).to_table().num_rows)


def _count_records(path: str) -> int:
    from bench.prove import baseline

    return sum(1 for _ in baseline.records_of(path.lower(), Path(path).read_bytes()))


def main() -> None:
    """Answer questions: -1 stands for an error that was raised."""
    import cv2  # noqa: F401
    import lance  # noqa: F401

    resource.setrlimit(resource.RLIMIT_AS, (_CHILD_BYTES, resource.RLIM_INFINITY))
    questions = {each.__name__: each for each in (_count_rows, _count_records)}
    print("ready", flush=True)
    for line in sys.stdin:
        name, argument = json.loads(line)
        try:
            answer = questions[name](argument)
        except BaseException:  # a panic of native code is no Exception
            answer = -1
        print(answer, flush=True)


if __name__ == "__main__":
    main()
