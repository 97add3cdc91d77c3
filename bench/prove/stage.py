"""One engine with the servers that its schedules need, the outcomes that are right, and the points that it passes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.prove.export import Export
from bench.prove.history import Verdict, check
from bench.prove.landings import Step, first_step, replacing_step, second_step
from bench.prove.postgres import Postgres
from bench.prove.s3_proxy import S3Proxy
from bench.prove.schedules import Schedule
from bench.prove.site import Bucket, Site, Worker

Points = list[tuple[str, int]]  # (point, occurrence)


@dataclass(frozen=True)
class Stage:
    """One engine, and the servers that its schedules need. References are made once and kept."""

    folder: Path
    engine: str
    proxy: S3Proxy | None
    direct_endpoint: str
    postgres: Postgres | None
    _numbers: itertools.count[int]
    _references: dict[str, Export]
    sizes: list[int]

    @staticmethod
    def build(
        folder: Path,
        engine: str,
        proxy: S3Proxy | None,
        direct_endpoint: str,
        postgres: Postgres | None,
    ) -> Stage:
        return Stage(
            folder, engine, proxy, direct_endpoint, postgres, itertools.count(), {}, []
        )

    def open(self, on_s3: bool = False, ledger_url: str = "") -> Site:
        """A new, empty site."""
        number = next(self._numbers)
        bucket = None
        if on_s3:
            assert self.proxy is not None
            bucket = Bucket(
                f"{self.engine}-{number}", self.proxy.endpoint, self.direct_endpoint
            )
        return Site(
            self.folder / f"{self.engine}-{number}", self.engine, bucket, ledger_url
        )

    def reference(
        self,
        name: str,
        landings: Sequence[Sequence[tuple[Step, int]]],
        on_s3: bool = False,
    ) -> Export:
        """The export of a run that nothing befell: after each group of landings the session is taken in."""
        if name not in self._references:
            with self.open(on_s3) as site:
                for group in landings:
                    for step, number in group:
                        site.land(step, number)
                    site.notify()
                    site.recover()
                self._references[name] = site.export()
        return self._references[name]


def survey(stage: Stage) -> dict[str, Points]:
    """The points that the engine's workers pass in each kind of schedule that acts at one."""
    with stage.open() as site:
        site.land(first_step())
        site.notify()
        fresh = _tally(site.work())
        site.land(second_step(), 1)
        site.notify()
        grown = _tally(site.work())
    with stage.open() as site:
        site.land(first_step())
        site.notify()
        site.work()
        site.land(replacing_step(), 1)
        site.notify()
        replaced = _tally(site.work())
    points = {
        kind: fresh
        for kind in (
            "killed",
            "stopped past its lease",
            "database restarts",
            "clock skew",
        )
    }
    points |= {"killed while it grows": grown, "same key, other bytes": replaced}
    if stage.proxy:
        with stage.open(on_s3=True) as site:
            site.land(first_step())
            site.notify()
            stage.proxy.arm()
            site.work()
            points["object store fails"] = [
                (request, n + 1) for n, request in enumerate(stage.proxy.requests)
            ]
    return points


def _tally(worker: Worker) -> Points:
    if worker.status:
        raise RuntimeError(f"a run that nothing befalls failed: {worker.error()}")
    return [
        (point, n + 1) for point, count in worker.passed.items() for n in range(count)
    ]


@dataclass(frozen=True)
class Result:
    """What a schedule came to."""

    schedule: Schedule
    verdict: Verdict
    # from the fault to the end of the work; None where nothing had to be recovered
    recovered_s: float | None


def reference_first(stage: Stage) -> Export:
    """The right outcome of the first step alone."""
    return stage.reference("first", [[(first_step(), 0)]])


def reference_grown(stage: Stage) -> Export:
    """The right outcome of the first step and then the second."""
    return stage.reference("grown", [[(first_step(), 0)], [(second_step(), 1)]])


def reference_sizes(stage: Stage) -> list[int]:
    """The bytes that each file of a home takes on its disk after the first step."""
    if not stage.sizes:
        with stage.open() as site:
            site.land(first_step())
            site.notify()
            site.recover()
            files = (path.stat() for path in site.home.rglob("*") if path.is_file())
            stage.sizes.extend(
                max(facts.st_blocks * 512, facts.st_size) for facts in files
            )
    return stage.sizes


def judge(
    site: Site,
    schedule: Schedule,
    recovered_s: float | None,
    expected: Sequence[Export],
) -> Result:
    """The checker's verdict; a lease that a clock made end too early counts as a late commit."""
    verdict = check(site.events(), expected, site.export())
    if schedule.kind == "clock skew" and any(
        e["op"] == "failed" and "LeaseLost" in e["error"] for e in site.events()
    ):
        verdict = replace(
            verdict,
            late_commits=verdict.late_commits + 1,
            examples=(*verdict.examples, "lease stolen"),
        )
    return Result(schedule, verdict, recovered_s)
