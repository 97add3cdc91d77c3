"""How each kind of schedule goes in which something befalls a worker, and the table of all kinds.

Each scenario has its fault, then work without a fault until it ends well, and then the one checker's verdict.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.prove.arrivals import notify_late, notify_twice, upload_in_parts
from bench.prove.faults import Fault
from bench.prove.landings import first_step, replacing_step, second_step
from bench.prove.schedules import Schedule, pick
from bench.prove.site import Site
from bench.prove.small_disk import small_disk
from bench.prove.stage import (
    Points,
    Result,
    Stage,
    judge,
    reference_first,
    reference_grown,
    reference_sizes,
)

SHORT_LEASE_S = 1.0  # so that a lease can end within a schedule
_POLL_S = 0.02
_WAIT_S = 60.0


def run_schedule(
    stage: Stage, schedule: Schedule, points: dict[str, Points]
) -> Result | None:
    """Run it; None where the engine has nothing that the fault could befall."""
    return _SCENARIOS[schedule.kind](stage, schedule, points.get(schedule.kind, []))


# ---- a worker is killed ----------------------------------------------------------------------------------------------


def _kill(stage: Stage, schedule: Schedule, points: Points) -> Result:
    with stage.open() as site:
        site.land(first_step())
        site.notify()
        recovered_s = _kill_and_recover(site, schedule, points)
        return judge(site, schedule, recovered_s, [reference_first(stage)])


def _kill_grown(stage: Stage, schedule: Schedule, points: Points) -> Result:
    with stage.open() as site:
        _take_first(site)
        site.land(second_step(), 1)
        site.notify()
        recovered_s = _kill_and_recover(site, schedule, points)
        return judge(site, schedule, recovered_s, [reference_grown(stage)])


def _replace_bytes(stage: Stage, schedule: Schedule, points: Points) -> Result:
    """Keys that were taken in get other bytes, and the worker that takes them in is killed."""
    with stage.open() as site:
        _take_first(site)
        site.land(replacing_step(), 1)
        site.notify()
        recovered_s = _kill_and_recover(site, schedule, points)
        expected = stage.reference(
            "replaced", [[(first_step(), 0)], [(replacing_step(), 1)]]
        )
        return judge(site, schedule, recovered_s, [expected])


def _kill_and_recover(site: Site, schedule: Schedule, points: Points) -> float:
    point, occurrence = pick(schedule.place, points)
    site.work(Fault(point, occurrence, "kill"))
    return _recover(site)


# ---- what is around the worker fails ---------------------------------------------------------------------------------


def _fail_request(stage: Stage, schedule: Schedule, points: Points) -> Result | None:
    if stage.proxy is None:
        return None
    with stage.open(on_s3=True) as site:
        site.land(first_step())
        site.notify()
        _, number = pick(schedule.place, points)
        stage.proxy.arm(schedule.fault, number)
        worker = site.work()
        if worker.status:
            stage.proxy.arm()
            recovered_s = _recover(site)
        else:
            recovered_s = time.monotonic() - (
                stage.proxy.injected_s or time.monotonic()
            )
        expected = stage.reference("first on s3", [[(first_step(), 0)]], on_s3=True)
        return judge(site, schedule, recovered_s, [expected])


def _fill_disk(stage: Stage, schedule: Schedule, _points: Points) -> Result:
    """The home's disk has room for a share of what the session needs; then it gets more.

    Where nobody may mount a small disk, no file can grow beyond that share of the largest.
    """
    needed = reference_sizes(stage)
    with (
        stage.open() as site,
        small_disk(site.home, int(schedule.amount * sum(needed))) as enlarge,
    ):
        site.land(first_step())
        site.notify()
        worker = site.work(
            Fault()
            if enlarge
            else Fault(max_file_bytes=int(schedule.amount * max(needed)))
        )
        if enlarge:
            enlarge(2 * sum(needed))
        recovered_s = _recover(site) if worker.status else None
        return judge(site, schedule, recovered_s, [reference_first(stage)])


def _restart_database(
    stage: Stage, schedule: Schedule, points: Points
) -> Result | None:
    """The ledger's server crashes and comes back while the worker is between two writes."""
    if stage.engine == "baseline" or stage.postgres is None:
        return None
    with stage.open(ledger_url=stage.postgres.make_database()) as site:
        site.land(first_step())
        point, occurrence = pick(schedule.place, points)
        worker = site.prepare(Fault(point, occurrence, "pause"))
        worker.go()
        began_s = time.monotonic()
        if worker.await_pause():
            stage.postgres.restart()
            worker.resume()
        if worker.wait():
            _recover(site)
        return judge(
            site, schedule, time.monotonic() - began_s, [reference_first(stage)]
        )


# ---- workers meet ----------------------------------------------------------------------------------------------------


def _race(count: int) -> Callable[[Stage, Schedule, Points], Result]:
    def race(stage: Stage, schedule: Schedule, _points: Points) -> Result:
        with stage.open() as site:
            site.land(first_step())
            site.notify()
            workers = [site.prepare() for _ in range(count)]
            for worker in workers:
                worker.go()
            failed = [worker for worker in workers if worker.wait()]
            recovered_s = _recover(site) if failed else None
            return judge(site, schedule, recovered_s, [reference_first(stage)])

    return race


def _stop(stage: Stage, schedule: Schedule, points: Points) -> Result:
    """A worker is stopped, another one takes over when the lease has ended, and then the first wakes up."""
    with stage.open() as site:
        site.land(first_step())
        site.notify()
        point, occurrence = pick(schedule.place, points)
        sleeper = site.prepare(Fault(point, occurrence, "pause"), lease_s=SHORT_LEASE_S)
        sleeper.go()
        is_paused = sleeper.await_pause()
        began_s = time.monotonic()
        if is_paused:
            sleeper.freeze()
        files = site.files
        if schedule.with_growth:
            site.land(second_step(), 1)
            site.notify()
            # the next run has what the stopped one has not done
            site.files = tuple(sorted({*site.files, *files}))
        _recover(site)
        recovered_s = time.monotonic() - began_s
        if is_paused:
            sleeper.thaw()
            sleeper.resume()
        if sleeper.wait():  # refused: like any failed run it is asked for once more
            site.recover()
        grown_at_once = stage.reference(
            "at once", [[(first_step(), 0), (second_step(), 1)]]
        )
        expected = (
            [reference_grown(stage), grown_at_once]
            if schedule.with_growth
            else [reference_first(stage)]
        )
        return judge(site, schedule, recovered_s, expected)


def _skew_clock(stage: Stage, schedule: Schedule, points: Points) -> Result:
    """One worker's clock and one producer's clock are off while another worker holds the lease."""
    with stage.open() as site:
        site.land(first_step(), 1)
        site.notify()
        point, occurrence = pick(schedule.place, points)
        holder = site.prepare(Fault(point, occurrence, "pause"))
        holder.go()
        is_paused = holder.await_pause()
        skewed = site.prepare(Fault(clock_skew_s=schedule.amount))
        skewed.go()
        if is_paused:
            if stage.engine == "daguerre" and "claim" not in point:
                _await_claims(site)
            holder.resume()
        statuses = [holder.wait(), skewed.wait()]
        recovered_s = _recover(site) if any(statuses) else None
        site.land(second_step(), 0)  # a producer whose clock is an hour late
        site.notify()
        site.recover()
        late = stage.reference(
            "late clock", [[(first_step(), 1)], [(second_step(), 0)]]
        )
        expected = reference_grown(stage) if stage.engine == "baseline" else late
        return judge(site, schedule, recovered_s, [expected])


def _await_claims(site: Site) -> None:
    """Until the second worker has met the first one's work: it claimed something, was refused, or has ended."""
    end_s = time.monotonic() + _WAIT_S
    while time.monotonic() < end_s:
        mine = [e["op"] for e in site.events() if e["worker"] == "worker-2"]
        if any(op in ("claimed", "claim refused", "ended", "failed") for op in mine):
            return
        time.sleep(_POLL_S)


# ---- shared ----------------------------------------------------------------------------------------------------------


def _take_first(site: Site) -> None:
    site.land(first_step())
    site.notify()
    site.recover()


def _recover(site: Site) -> float:
    began_s = time.monotonic()
    site.recover()
    return time.monotonic() - began_s


_SCENARIOS: dict[str, Callable[[Stage, Schedule, Points], Result | None]] = {
    "killed": _kill,
    "killed while it grows": _kill_grown,
    "object store fails": _fail_request,
    "two processes": _race(2),
    "eight processes": _race(8),
    "notified twice": notify_twice,
    "notified late": notify_late,
    "partial upload": upload_in_parts,
    "same key, other bytes": _replace_bytes,
    "stopped past its lease": _stop,
    "full disk": _fill_disk,
    "database restarts": _restart_database,
    "clock skew": _skew_clock,
}
