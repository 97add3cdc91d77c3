"""Ingest hostile files, each into a home of its own, and judge what became of them, of the worker and of its memory.

A worker process takes one drop after the other through the whole intake. It must answer for every one: taken in, or
quarantined with a reason and a remedy. A worker that dies or does not answer is a death, and the next one goes on.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_RSS_MIB = 1024
MAX_SECONDS = 10.0
_PATIENCE_S = 90.0  # before a worker counts as dead
_ROOT = Path(__file__).resolve().parents[2]
# a parser tripped in a way that nobody foresaw: no reason that a person understands
_GENERIC = re.compile(
    r"^reading stopped:|\b(Key|Index|Attribute|Type|Assertion|Recursion|Name)Error\b"
)


@dataclass(frozen=True)
class Verdict:
    """What became of one drop."""

    name: str
    is_alive: bool
    is_explained: bool
    seconds: float
    peak_rss_mib: float  # of the worker
    child_rss_mib: float  # of the largest decoding child so far
    detail: str

    @property
    def is_within_limits(self) -> bool:
        return self.seconds < MAX_SECONDS and self.peak_rss_mib < MAX_RSS_MIB


def run_hostile(folder: Path | None, seed: int) -> dict[str, Any]:
    """Take in every file below `folder` (each alone) and every generated bomb; count deaths and what is unexplained."""
    from bench.prove.bombs import write_bombs

    with tempfile.TemporaryDirectory() as place:
        drops = _isolate(folder, Path(place) / "files") if folder else []
        drops += write_bombs(Path(place) / "bombs", seed)
        verdicts = list(_ingest_each(drops, Path(place) / "homes"))
    slow = [v for v in verdicts if not v.is_within_limits]
    unexplained = [v for v in verdicts if v.is_alive and not v.is_explained]
    return {
        "hostile_files": len(verdicts),
        "hostile_deaths": sum(not v.is_alive for v in verdicts),
        "hostile_unexplained": len(unexplained),
        "hostile_over_limits": len(slow),
        "peak_rss_mib": max((v.peak_rss_mib for v in verdicts), default=0.0),
        "peak_child_rss_mib": max((v.child_rss_mib for v in verdicts), default=0.0),
        "slowest_s": max((v.seconds for v in verdicts), default=0.0),
        "worst": [
            vars(v)
            for v in verdicts
            if not v.is_alive or not v.is_explained or not v.is_within_limits
        ],
        "verdicts": {v.name: v.detail for v in verdicts},
    }


def _isolate(folder: Path, place: Path) -> list[Path]:
    """Each file in a folder of its own, under its own name."""
    drops = []
    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        drop = place / f"{number:04d}"
        drop.mkdir(parents=True)
        (drop / path.name).write_bytes(path.read_bytes())
        drops.append(drop)
    return drops


def _ingest_each(drops: list[Path], homes: Path) -> Iterator[Verdict]:
    worker: subprocess.Popen[bytes] | None = None
    for number, drop in enumerate(drops):
        name = "/".join(
            (
                drop.parent.name,
                next(p.name for p in sorted(drop.rglob("*")) if p.is_file()),
            )
        )
        name = drop.name if drop.parent.name == "bombs" else name
        worker = worker or _start()
        started = time.monotonic()
        answer = _ask(worker, drop, homes / str(number))
        if answer is None:
            detail = f"worker ended with status {_end(worker, patience_s=1)}"
            yield Verdict(
                name, False, False, time.monotonic() - started, 0.0, 0.0, detail
            )
            worker = None
        else:
            yield Verdict(name, True, **answer)
    if worker:
        _end(worker, _PATIENCE_S)


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.prove.hostile"]
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, env=env
    )
    assert worker.stdout
    worker.stdout.readline()  # it is ready
    return worker


def _end(worker: subprocess.Popen[bytes], patience_s: float) -> int:
    """Its exit status; a worker that does not end by itself is killed."""
    assert worker.stdin and worker.stdout
    with suppress(BrokenPipeError):
        worker.stdin.close()
    try:
        worker.wait(patience_s)
    except subprocess.TimeoutExpired:
        worker.kill()
    worker.stdout.close()
    return worker.wait()


def _ask(
    worker: subprocess.Popen[bytes], drop: Path, home: Path
) -> dict[str, Any] | None:
    """The worker's answer; None when it died or gave none in time."""
    assert worker.stdin and worker.stdout
    try:
        worker.stdin.write(json.dumps([str(drop), str(home)]).encode() + b"\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return None
    ready, _, _ = select.select([worker.stdout], [], [], _PATIENCE_S)
    line = worker.stdout.readline() if ready else b""
    return dict(json.loads(line)) if line.endswith(b"\n") else None


# ---- in the worker ---------------------------------------------------------------------------------------------------


def serve() -> None:
    """Answer every drop on standard input by one line."""
    import assets.capture.intake  # noqa: F401 its libraries are loaded before the first drop is timed

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    print("ready", file=answers)
    for line in sys.stdin:
        drop, home = json.loads(line)
        print(json.dumps(judge_drop(Path(drop), Path(home))), file=answers)


def judge_drop(drop: Path, home: Path) -> dict[str, Any]:
    """Ingest one folder into a new home."""
    from assets.capture.intake import Intake
    from assets.ledger import Ledger
    from assets.storage import BlobStore, Folder
    from assets.tables.catalog import Catalog
    from assets.worker import name_worker

    home.mkdir(parents=True)
    catalog = Catalog(str(home / "tables"))
    intake = Intake(
        catalog,
        Ledger(f"sqlite:///{home / 'ledger.db'}"),
        BlobStore(str(home / "blobs")),
        name_worker(),
    )
    _forget_peak()
    started = time.monotonic()
    report = intake.ingest(Folder(str(drop)), "hostile")
    seconds = time.monotonic() - started
    problems = catalog.read_latest("quarantine", ["reason", "remedy"]).to_pylist()
    explained = all(
        p["reason"].strip() and p["remedy"].strip() for p in problems + report.reasons
    )
    explained &= not any(
        _GENERIC.search(p["reason"]) for p in problems + report.reasons
    )
    accounted = (
        report.files == report.new + report.already_ingested + report.quarantined
    )
    first = f"; {problems[0]['reason']}" if problems else ""
    detail = f"{report.frames} frames, {report.quarantined} files quarantined, {report.problems} problems{first}"[
        :300
    ]
    return {
        "is_explained": bool(explained and accounted),
        "seconds": seconds,
        "peak_rss_mib": _read_peak_mib(),
        "child_rss_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "detail": detail,
    }


def _forget_peak() -> None:
    """Let the kernel's high-water mark of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _read_peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return (
        float(
            next(
                line.split()[1]
                for line in status.splitlines()
                if line.startswith("VmHWM")
            )
        )
        / 1024
    )


def main() -> None:
    if len(sys.argv) == 1:
        serve()
        return
    folder = Path(sys.argv[1]) if sys.argv[1] != "-" else None
    print(json.dumps(run_hostile(folder, int(sys.argv[2])), indent=1))


if __name__ == "__main__":
    main()
