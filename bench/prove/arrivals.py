"""Schedules in which producers and notifications misbehave: told twice, told late, a file that is there in parts."""

from __future__ import annotations

from bench.prove.export import LEDGER_FILES, Export
from bench.prove.landings import first_step, second_step
from bench.prove.schedules import Schedule
from bench.prove.stage import Points, Result, Stage, judge, reference_grown


def notify_twice(stage: Stage, schedule: Schedule, _points: Points) -> Result:
    """Every notification comes twice: once more at the same time, once more later."""
    with stage.open() as site:
        for number, step in enumerate((first_step(), second_step())):
            site.land(step, number)
            site.notify()
            workers = [site.prepare() for _ in range(2)]
            for worker in workers:
                worker.go()
            failed = [worker for worker in workers if worker.wait()]
            if failed:
                site.recover()
            site.recover()
        return judge(site, schedule, None, [reference_grown(stage)])


def notify_late(stage: Stage, schedule: Schedule, _points: Points) -> Result:
    """The newer files are there, and notified of, before the older ones."""
    with stage.open() as site:
        site.land(second_step(), 1)
        site.notify()
        site.recover()
        older = {
            path: data
            for path, data in first_step().items()
            if path not in second_step()
        }
        site.land(older, 0)
        site.notify()
        site.recover()
        expected = [
            stage.reference("other order", [[(second_step(), 1)], [(older, 0)]])
        ]
        if stage.engine == "baseline":
            expected = [
                stage.reference(
                    "other order, at once", [[(second_step(), 1), (older, 0)]]
                )
            ]
        return judge(site, schedule, None, expected)


def upload_in_parts(stage: Stage, schedule: Schedule, _points: Points) -> Result:
    """A recording is there under its name before all of it is: what it holds must not be there twice afterwards."""
    whole = first_step()
    part = {
        "drive.mcap": whole["drive.mcap"][
            : int(schedule.amount * len(whole["drive.mcap"]))
        ]
    }
    rest = {"drive.mcap": whole["drive.mcap"]}
    with stage.open() as site:
        site.land({**whole, **part})
        site.notify()
        site.recover()
        site.land(rest, 1)
        site.notify()
        site.recover()
        others = {path: data for path, data in whole.items() if path != "drive.mcap"}
        expected = stage.reference("completed", [[(others, 0)], [(rest, 1)]])
        expected = _with_refusal(expected, site.export(), len(part["drive.mcap"]))
        return judge(site, schedule, None, [expected])


def _with_refusal(expected: Export, found: Export, size_bytes: int) -> Export:
    """With the ledger's word that the part was refused, if it says so: a run that nothing befell never saw the part."""
    told = (
        '"outcome": "quarantined", "path": "drive.mcap"',
        f'"size_bytes": {size_bytes},',
    )
    refused = [
        row
        for row in found.sections.get(LEDGER_FILES, [])
        if all(text in row[1] for text in told)
    ]
    if not refused:
        return expected
    rows = sorted([*expected.sections[LEDGER_FILES], refused[0]])
    return Export({**expected.sections, LEDGER_FILES: rows})
