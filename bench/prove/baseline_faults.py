"""Flipped bits in the table of the baseline: how many of them a full read of it notices.

A child does the reading, one table after the other; one that dies or does not answer in time is replaced.
"""

from __future__ import annotations

import json
import random
import resource
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 10.0
_CHILD_BYTES = 6 << 30  # address space


def run_flips(num: int, seed: int) -> dict[str, Any]:
    """Seeded faults in the files of one table; found is what makes a full read fail or come up short."""
    from bench.prove.flips import FAULTS

    rng = random.Random(seed)
    found = 0
    with tempfile.TemporaryDirectory() as folder, _Child() as child:
        files = _build_table(Path(folder))
        whole = child.ask(folder)
        for _ in range(num):
            path = rng.choice(files)
            fault = rng.choice(FAULTS)
            content = path.read_bytes()
            _damage(path, content, fault, rng)
            found += child.ask(folder) != whole
            path.write_bytes(content)
    return {"flips": num, "flips_found": found}


class _Child:
    """A process that counts the rows of a table; None when it died or took too long."""

    def __enter__(self) -> _Child:
        self._process: subprocess.Popen[str] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, folder: str) -> int | None:
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(folder) + "\n")
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


def main() -> None:
    """Count the rows of one table after the other: -1 stands for an error that was raised."""
    import lance  # noqa: F401

    resource.setrlimit(resource.RLIMIT_AS, (_CHILD_BYTES, resource.RLIM_INFINITY))
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            answer = _count_rows(json.loads(line))
        except BaseException:  # a panic of native code is no Exception
            answer = -1
        print(answer, flush=True)


if __name__ == "__main__":
    main()
