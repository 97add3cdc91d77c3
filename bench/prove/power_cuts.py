"""Cut the power of a writer at random moments: is everything there that it had acknowledged, and does the home open?

The writer takes sessions in, publishes them, seals the tables and replaces a snapshot, under strace. At each cut it is
stopped and its home is copied. From the copy goes what was not synced by then: names that their folder did not have on
disk, and bytes that were written after the last sync of their file; every other cut keeps the names, as a journal may.
The ledger stays as it stands, so that all it says counts as acknowledged. Needs strace, and no root.
Run: python -m bench.prove.power_cuts [--cuts 100] [--seed 0] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.prove.landings import land, make_png

ROOT = Path(__file__).resolve().parents[2]
_CALLS = (
    "openat,write,pwrite64,writev,pwritev,ftruncate,copy_file_range,sendfile,"
    "rename,renameat,renameat2,link,linkat,mkdir,mkdirat,fsync,fdatasync,syncfs"
)
_SEALED_EVERY = 5
_TABLES = ("frames", "frame_quality", "captures")
_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_AT = re.compile(r"^\S*?<([^>]*)>")


@dataclass
class Disk:
    """What of the files and names that a trace tells of is not on disk yet."""

    dirty: set[str] = field(default_factory=set)  # files with bytes in memory only
    unnamed: set[str] = field(default_factory=set)  # names in memory only
    syncs: Counter[str] = field(default_factory=Counter)
    _pending: dict[str, str] = field(default_factory=dict)

    def follow(self, line: str) -> None:
        """Take one line of strace."""
        match = _LINE.match(line)
        if not match:
            return
        process, text = match.groups()
        if text.endswith("<unfinished ...>"):
            self._pending[process] = text.removesuffix("<unfinished ...>")
            return
        if text.startswith("<... "):
            text = self._pending.pop(process, "") + text.split("resumed>", 1)[1]
        call = _CALL.match(text)
        if call and int(call[3]) >= 0:
            self._apply(call[1], call[2])

    def _apply(self, name: str, arguments: str) -> None:
        paths = _QUOTED.findall(arguments)
        opened = _AT.match(arguments)
        at = opened[1] if opened else ""
        if name == "openat" and "O_CREAT" in arguments:
            if "O_EXCL" in arguments:
                self.unnamed.add(paths[0])
            if "O_EXCL" in arguments or "O_TRUNC" in arguments:
                self.dirty.add(paths[0])
        elif name.startswith("mkdir"):
            self.unnamed.add(paths[0])
        elif name.startswith(("rename", "link")):
            self._rename(paths[0], paths[1], "RENAME_EXCHANGE" in arguments)
        elif name in ("fsync", "fdatasync"):
            self.syncs[name] += 1
            self.dirty.discard(at)
            self.unnamed = {p for p in self.unnamed if os.path.dirname(p) != at}
        elif name == "syncfs":
            self.syncs[name] += 1
            self.dirty.clear()
            self.unnamed.clear()
        elif at:
            self.dirty.add(at)

    def _rename(self, old: str, new: str, is_exchange: bool) -> None:
        """Folders, too: what lies below goes along."""
        for known in (self.dirty, self.unnamed):
            moved = {p for p in known if p == old or p.startswith(f"{old}/")}
            back = {p for p in known if p == new or p.startswith(f"{new}/")}
            known -= back
            known |= {new + p[len(old) :] for p in moved}
            if is_exchange:
                known -= moved
                known |= {old + p[len(new) :] for p in back}
        self.unnamed.add(new)

    def cut(self, home: str, copy: Path, keeps_names: bool, rng: random.Random) -> None:
        """Take from a copy of the home what was in memory only."""
        if not keeps_names:
            for path in sorted(self.unnamed):
                _remove(_find(path, home, copy))
        for path in sorted(self.dirty):
            found = _find(path, home, copy)
            if found and found.is_file():
                os.truncate(found, int(found.stat().st_size * rng.choice((0, 0, 0.5))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        _write(Path(options.write))
        return
    if not shutil.which("strace"):
        sys.exit("strace is not installed: `apt-get install strace`")
    with tempfile.TemporaryDirectory(prefix="daguerre-power-") as folder:
        found = prove(Path(folder), options.cuts, random.Random(options.seed))
    print(
        json.dumps(found)
        if options.json
        else "\n".join(f"{name:24} {value}" for name, value in found.items())
    )
    sys.exit(int(bool(found["lost"] or found["do_not_open"] or found["not_retaken"])))


def prove(folder: Path, num_cuts: int, rng: random.Random) -> dict[str, Any]:
    """Counts over all cuts: rows and snapshots acknowledged and lost, homes that do not open."""
    home = folder / "home"
    home.mkdir()
    _stop_and_copy(folder, num_cuts, rng)
    whole = _read_rows(home)
    found = Counter[str](dict.fromkeys(_COUNTS, 0))
    for number in range(num_cuts):
        found += Counter(_check(folder / f"cut-{number:03d}", folder, whole))
        print(f"{number + 1} cuts: {dict(found)}", file=sys.stderr, flush=True)
    return {"cuts": num_cuts, **{name: found[name] for name in _COUNTS}}


_COUNTS = (
    "acknowledged",
    "lost",
    "do_not_open",
    "not_retaken",
    "with_losses_set_aside",
)


def _stop_and_copy(folder: Path, num_cuts: int, rng: random.Random) -> None:
    """One writer that is stopped so often, and goes on; the cut homes lie beside its own."""
    home = folder / "home"
    trace = folder / "trace"
    command = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-y",
        "-s",
        "4096",
        "-e",
        f"trace={_CALLS}",
    ]
    command += ["-e", "signal=none", "-o", str(trace)]
    command += [sys.executable, "-m", "bench.prove.power_cuts", "--write", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    disk = Disk()
    with (folder / "acks").open("w") as acks:
        tracer = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=acks)
    try:
        while "snapshot" not in (folder / "acks").read_text():
            assert tracer.poll() is None, "the writer failed before its first session"
            time.sleep(0.05)
        writer = int((folder / "acks").read_text().split()[0])
        with trace.open() as lines:
            for number in range(num_cuts):
                time.sleep(rng.uniform(0.02, 0.6))
                assert tracer.poll() is None, "the writer failed"
                os.kill(writer, signal.SIGSTOP)
                _await_stop(writer)
                copy = folder / f"cut-{number:03d}"
                shutil.copytree(home, copy)
                (copy / "acks").write_text((folder / "acks").read_text())
                for line in lines:
                    disk.follow(line)
                disk.cut(str(home), copy, number % 2 == 1, rng)
                os.kill(writer, signal.SIGCONT)
        (folder / "enough").touch()
        assert tracer.wait(600) == 0
    finally:
        if tracer.poll() is None:  # it ends with the writer, whose session is over then
            (folder / "enough").touch()
            tracer.send_signal(signal.SIGTERM)
            tracer.wait()


def _await_stop(process: int) -> None:
    """Until every thread is stopped."""
    while True:
        states = {
            path.read_text().rpartition(")")[2].split()[0]
            for path in Path(f"/proc/{process}/task").glob("*/stat")
        }
        if states <= {"T", "t"}:
            return
        time.sleep(0.005)


def _write(folder: Path) -> None:
    """The writer: one session after the other, until it is enough. Each line of its output acknowledges something."""
    from assets.inference.checkpoint import write_folder
    from assets.storage import Folder
    from assets.tables.seals import seal_tables

    home = folder / "home"
    intake = _open(home)
    print(os.getpid(), flush=True)
    number = 0
    while not (folder / "enough").exists():
        session = f"s{number:04d}"
        images = {f"{n}.png": make_png(3 * number + n, 24, 18) for n in range(3)}
        land(folder / "landing" / session, {**images, "about.md": session.encode()})
        intake.ingest(Folder(str(folder / "landing" / session)), session)
        for table in _TABLES:
            intake.catalog.publish(table, session, intake.catalog.latest_version(table))
        print(f"published {session}", flush=True)
        if number % _SEALED_EVERY == 0:
            seal_tables(intake.catalog)
        files = {"step": str(number).encode(), "weights": bytes([number % 256]) * 9999}
        write_folder(home / "models/runs/snapshot", files)
        print(f"snapshot {number}", flush=True)
        number += 1


def _check(copy: Path, folder: Path, whole: dict[str, str]) -> dict[str, int]:
    """Open a cut home, look for what was acknowledged, and take its newest session in again."""
    from assets.landing import LandingZone
    from assets.retrieval.status import Home, read_status
    from assets.retrieval.verify import Stores, verify
    from assets.storage import Folder

    acks = (copy / "acks").read_text().splitlines()[1:]
    with closing(sqlite3.connect(copy / "ledger.db")) as ledger:
        rows = ledger.execute("SELECT capture_id FROM captures WHERE is_committed")
        captures = {row[0] for row in rows}
    published = [a.split()[1] for a in acks if a.startswith("published")]
    snapshots = [int(a.split()[1]) for a in acks if a.startswith("snapshot")]
    owed = {key: row for key, row in whole.items() if key.split("/")[1] in captures}
    result = {"acknowledged": len(owed) + len(published) + bool(snapshots)}
    result["lost"] = bool(snapshots) and not _has_snapshot(copy, snapshots[-1])
    try:
        intake = _open(copy)
        catalog = intake.catalog
        zone = LandingZone(Folder(str(folder / "landing")), intake.ledger)
        facts = read_status(Home(catalog, zone, copy))
        verify(Stores(catalog, intake.ledger, intake.blobs, copy))
        here = _read_rows(copy)
        seen = set(catalog.read("frames", ["session"])["session"].to_pylist())
        result["lost"] += sum(here.get(key) != row for key, row in owed.items())
        result["lost"] += len(set(published) - seen)
        result["with_losses_set_aside"] = bool(facts.get("lost"))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        print(f"{copy.name} does not open: {str(error)[:160]}", file=sys.stderr)
        result["lost"] += len(owed) + len(published)
        return {**result, "do_not_open": 1}
    sessions = sorted(zone.sessions())[: len(published) + 1]
    for session in sessions[-2:]:
        intake.ingest(zone.locate(session), session)
    taken = {row for row in _read_rows(copy).values() if f'"{sessions[-1]}"' in row}
    wanted = {row for row in whole.values() if f'"{sessions[-1]}"' in row}
    intake.ledger.engine.dispose()
    return {**result, "not_retaken": int(taken != wanted)}


def _has_snapshot(copy: Path, number: int) -> bool:
    """Whether the newest that was acknowledged is there, or the one that was being put in its place; whole."""
    folder = copy / "models/runs/snapshot"
    try:
        step = int((folder / "step").read_bytes())
        weights = (folder / "weights").read_bytes()
    except (OSError, ValueError):
        return False
    return step in (number, number + 1) and weights == bytes([step % 256]) * 9999


def _open(home: Path) -> Any:
    from assets.capture.intake import Intake
    from assets.ledger import Ledger
    from assets.storage import BlobStore
    from assets.tables.catalog import Catalog
    from assets.worker import name_worker

    ledger = Ledger(f"sqlite:///{home}/ledger.db")
    blobs = BlobStore(f"{home}/blobs")
    return Intake(Catalog(f"{home}/tables"), ledger, blobs, name_worker())


def _read_rows(home: Path) -> dict[str, str]:
    """table/capture/key -> the row, of what intake writes."""
    from assets.tables.schemas import TABLES

    catalog = _open(home).catalog
    found = {}
    for name in ("frames", "captures"):
        for row in catalog.read_latest(name).to_pylist():
            key = f"{name}/{row['capture_id']}/{row[TABLES[name].key]}"
            found[key] = json.dumps(row, sort_keys=True, default=bytes.hex)
    return found


def _find(path: str, home: str, copy: Path) -> Path | None:
    """The same file in the copy; None for what is not of the home, and for the ledger."""
    below = path.removeprefix(f"{home}/")
    if below == path or below.startswith("ledger.db"):
        return None
    return copy / below


def _remove(path: Path | None) -> None:
    if path is None:
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
