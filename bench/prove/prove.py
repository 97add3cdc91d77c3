"""Run the schedules on each engine and count: rows lost, rows twice, seconds to recover."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.prove.flips import run_flips
from bench.prove.postgres import Postgres, PostgresMissing
from bench.prove.s3_proxy import S3Proxy
from bench.prove.scenarios import run_schedule
from bench.prove.schedules import KINDS, Schedule, make_schedules
from bench.prove.site import NotRecovered
from bench.prove.stage import Result, Stage, survey

ENGINES = ("daguerre", "baseline")
_COLUMNS = (
    "schedules",
    "lost",
    "duplicated",
    "unequal",
    "not_recovered",
    "recovered_p95_s",
)

Say = Callable[[str], None]


def prove(
    num: int,
    seed: int,
    num_flips: int,
    engines: Sequence[str],
    kinds: Sequence[str],
    say: Say,
) -> dict[str, Any]:
    """The report: the figures of the product, and under `baseline` those of the peer. None is what was not measured."""
    figures: dict[str, dict[str, Any]] = {}
    with (
        open_store() as (proxy, endpoint),
        open_database() as postgres,
        _folder() as folder,
    ):
        num_points: dict[str, int] = {}
        for engine in engines:
            stage = Stage.build(folder, engine, proxy, endpoint, postgres)
            points = survey(stage)
            num_points = num_points or {
                kind: len(found) for kind, found in points.items()
            }
            chosen = [
                s
                for s in make_schedules(num, seed, num_points)
                if not kinds or s.kind in kinds
            ]
            results = []
            failed = []
            for schedule in chosen:
                try:
                    result = run_schedule(stage, schedule, points)
                except NotRecovered as error:
                    failed.append(schedule)
                    say(f"{engine:9} {schedule.title}: NOT RECOVERED {error}")
                    continue
                if result:
                    results.append(result)
                    say(f"{engine:9} {_tell(result)}")
            figures[engine] = summarise(results, failed)
    if num_flips and "daguerre" in figures and not kinds:
        figures["daguerre"] |= run_flips(num_flips, seed)
    say(_table(figures))
    own = figures.get("daguerre") or dict.fromkeys(_COLUMNS)
    return {**own, "seed": seed, "baseline": figures.get("baseline")}


@contextmanager
def open_store() -> Iterator[tuple[S3Proxy, str]]:
    """An object store on loopback: through the proxy, and its own address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    try:
        host, port = store.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        with S3Proxy(endpoint) as proxy:
            yield proxy, endpoint
    finally:
        store.stop()


@contextmanager
def open_database() -> Iterator[Postgres | None]:
    """A Postgres, where one can be had."""
    try:
        server = Postgres()
    except PostgresMissing as missing:
        logging.getLogger(__name__).warning("no restarts of Postgres: %s", missing)
        yield None
        return
    with server:
        yield server


def summarise(results: Sequence[Result], failed: Sequence[Schedule]) -> dict[str, Any]:
    """Counts over all schedules; `by_kind` has the same for each kind."""
    times = sorted(r.recovered_s for r in results if r.recovered_s is not None)
    by_kind = {
        kind: {
            "schedules": len(mine),
            "lost": sum(r.verdict.lost for r in mine),
            "duplicated": sum(r.verdict.duplicated for r in mine),
            "unequal": sum(not r.verdict.is_clean for r in mine),
        }
        for kind in KINDS
        if (mine := [r for r in results if r.schedule.kind == kind])
    }
    return {
        "schedules": len(results) + len(failed),
        "lost": sum(r.verdict.lost for r in results),
        "duplicated": sum(r.verdict.duplicated for r in results),
        "unequal": sum(not r.verdict.is_clean for r in results),
        "not_recovered": len(failed),
        "recovered_p95_s": _percentile(times, 0.95),
        "by_kind": by_kind,
    }


def _percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least that share of the values does not exceed (nearest rank)."""
    return round(values[math.ceil(share * len(values)) - 1], 3) if values else None


def _tell(result: Result) -> str:
    verdict = result.verdict
    took = (
        ""
        if result.recovered_s is None
        else f", recovered in {result.recovered_s:.2f} s"
    )
    if verdict.is_clean:
        return f"{result.schedule.title}: equal{took}"
    figures = {
        "lost": verdict.lost,
        "twice": verdict.duplicated,
        "altered": verdict.altered,
        "late": verdict.late_commits,
    }
    wrong = ", ".join(f"{count} {what}" for what, count in figures.items() if count)
    return f"{result.schedule.title}: {wrong}{took}\n" + "\n".join(
        f"    {e[:220]}" for e in verdict.examples[:3]
    )


def _table(figures: dict[str, dict[str, Any]]) -> str:
    rows = [*_COLUMNS, "flips", "flips_found"]
    lines = ["", f"{'':24}" + "".join(f"{engine:>12}" for engine in figures)]
    for row in rows:
        values = [figures[engine].get(row) for engine in figures]
        lines.append(
            f"{row:24}" + "".join(f"{'-' if v is None else v:>12}" for v in values)
        )
    kinds = Counter(kind for each in figures.values() for kind in each["by_kind"])
    lines += ["", "schedules whose outcome is not that of a run that nothing befell"]
    for kind in (k for k in KINDS if k in kinds):
        values = [figures[engine]["by_kind"].get(kind) for engine in figures]
        shown = [
            "-" if v is None else f"{v['unequal']} of {v['schedules']}" for v in values
        ]
        lines.append(f"{kind:24}" + "".join(f"{text:>12}" for text in shown))
    return "\n".join(lines)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="daguerre-prove-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
