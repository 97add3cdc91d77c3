"""The whole loop in one process: land, ingest, check, train, register, monitor, raise drift, report.

Belongs here: the order of the steps and the summary. Does not: any step;
each is a sensor, a job or an asset that the UI runs too.
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.capture.simulate import SimulationSpec
from assets.choice import Choice
from assets.cluster.connection import open_ray
from assets.landing import open_place
from assets.terms.statements import state_from_file
from assets.terms.terms import Terms
from models.recipes import get_recipe
from models.task_names import TASK_NAMES
from orchestration.chosen import configure_dataset
from orchestration.console import RunConsole
from orchestration.jobs import ingest_session, monitor_session, train_jobs
from orchestration.producing import Producers, Wave
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.sensors.drift import drift_sensor
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.sensors.monitoring import unjudged_session_sensor
from orchestration.ticks import LocalEngine

_SECONDS = 6.0
_ALL = "desk-*"
_TERMS = Terms("CC0-1.0", ("product", "research"))
# the second wave arrives when there are champions
_FIRST_WAVE = {
    "desk-monday": [SimulationSpec(4, _SECONDS, seed=11)],
    "desk-tuesday": [SimulationSpec(4, _SECONDS, seed=12)],
    "desk-faulty": [
        SimulationSpec(1, _SECONDS, seed=13, fault=fault)
        for fault in ("corrupt_frame", "truncated_file")
    ],
}
_SECOND_WAVE = {
    "desk-wednesday": [SimulationSpec(1, _SECONDS, seed=21)],
    "desk-dusk": [SimulationSpec(1, _SECONDS, seed=22, shift="dusk")],
}


def run_demo(
    settings: Settings,
    source: str | None,
    task: str | None,
    recipe: str | None,
    accept_thin_test: bool = False,
) -> dict[str, Any]:
    """Run the loop on simulated sessions, or on the files below `source`, and return the summary.

    Simulated are few recordings: the test part is one of them, which the report says, and the gate accepts here.

    The summary is also written to `<home>/demo/summary.json`. Raises ValueError when a step that must succeed fails.
    """
    _require_fitting(source, task, recipe, accept_thin_test)
    if source is not None:
        open_place(source, settings.file_options)
    console = RunConsole()
    settings = replace(settings, partial_wait_s=0)  # nobody is still uploading
    with console.step("open the home"):
        engine = LocalEngine(settings)
    with engine:
        if source is None:
            tasks, sessions = _run_simulated(engine, console)
        else:
            assert task is not None
            tasks, sessions = _run_on(
                engine, console, source, task, recipe, accept_thin_test
            )
        from orchestration.reporting import summarise_home, write_home_report

        with console.step("report"):
            report = write_home_report(settings, None, sessions, console.enter)
            facts = summarise_home(settings, sessions, tasks)
    summary = {
        **facts,
        "report": report,
        "seconds_per_stage": console.seconds,
        "seconds": round(sum(console.seconds.values()), 1),
    }
    path = settings.home / "demo" / "summary.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary, indent=2, default=str) + "\n")
    console.tell(f"summary {path}")
    console.tell(f"report  {report}")
    return summary


def _require_fitting(
    source: str | None, task: str | None, recipe: str | None, accept_thin_test: bool
) -> None:
    """Raises ValueError for options that the simulated sessions do not have, and for real data without a task."""
    if source is None:
        given = {
            "--task": task,
            "--recipe": recipe,
            "--accept-thin-test": accept_thin_test,
        }
        named = [name for name, value in given.items() if value]
        if named:
            raise ValueError(f"{', '.join(named)}: only with --source, real data")
        return
    tasks = ", ".join(TASK_NAMES)
    if task is None:
        raise ValueError(f"--source {source} needs --task: one of {tasks}")
    if task not in TASK_NAMES:
        raise ValueError(f"--task {task}: choose one of {tasks}")
    if recipe is not None:
        get_recipe(recipe)


def _run_simulated(
    engine: LocalEngine, console: RunConsole
) -> tuple[list[str], list[str]]:
    landing = Path(engine.settings.landing_uri)
    workspace = engine.settings.workspace
    with ExitStack() as ray:  # started once for all tasks
        with Producers(landing, console) as producers:
            with console.step("simulate and start Ray"):
                producers.begin(_FIRST_WAVE)
                # what does not wait for the first wave goes on beside it, and beside its intake
                producers.begin(_SECOND_WAVE)
                ray.enter_context(
                    open_ray(workspace.num_workers[1], workspace.ray_address)
                )
                producers.land(_FIRST_WAVE)
            _take_in(engine, console, "ingest", _FIRST_WAVE)
        for task in TASK_NAMES:
            with console.step(f"train {task}"):
                # new sessions of the demo belong to it when drift asks for another training
                _train(engine, console, task, f"tiny_{task}", _ALL, True)
    producers.land(_SECOND_WAVE)
    _take_in(engine, console, "ingest new sessions", _SECOND_WAVE)
    with console.step("monitor"):
        for request in engine.tick(unjudged_session_sensor):
            _run(engine, console, monitor_session.name, request.partition_key)
        for request in engine.tick(drift_sensor):
            console.tell(
                f"drift: asks for {request.job_name}: {request.tags['daguerre/reason']}"
            )
            console.tell(
                "    `daguerre ui` trains it within a minute; `daguerre status` says what answers it"
            )
    return list(TASK_NAMES), [*_FIRST_WAVE, *_SECOND_WAVE]


def _take_in(engine: LocalEngine, console: RunConsole, step: str, wave: Wave) -> None:
    with console.step(step):
        _announce(wave, console)
        ingest(engine, console)
        _state_terms(engine, wave)


def _run_on(
    engine: LocalEngine,
    console: RunConsole,
    source: str,
    task: str,
    recipe: str | None,
    accept_thin_test: bool,
) -> tuple[list[str], list[str]]:
    folder = open_place(source, engine.settings.file_options)
    zone = build_landing_zone(engine.settings)
    session = zone.name_session(folder.name, folder)
    zone.ledger.register_source(session, folder.uri)
    with console.step("ingest"):
        ingest(engine, console, {session})
    with console.step(f"train {task}"):
        _train(
            engine,
            console,
            task,
            recipe or f"base_{task}",
            session,
            accept_thin_test,
        )
    with console.step("monitor"):
        for request in engine.tick(unjudged_session_sensor):
            _run(engine, console, monitor_session.name, request.partition_key)
    return [task], [session]


def _state_terms(engine: LocalEngine, sessions: Iterable[str]) -> None:
    """Simulated pictures show nobody, and are free for all."""
    catalog = build_catalog(engine.settings)
    for session in sessions:
        state_from_file(catalog, session, _TERMS, "simulator")


def _announce(wave: Wave, console: RunConsole) -> None:
    """Say what is going to go wrong on purpose, before it does."""
    for session, specs in wave.items():
        faults = [spec.fault for spec in specs if spec.fault]
        shifts = [spec.shift for spec in specs if spec.shift]
        if faults:
            console.tell(
                f"planned: {session} is broken on purpose ({', '.join(faults)}), checks are to hold it back"
            )
        if shifts:
            console.tell(
                f"planned: {session} is another world on purpose ({', '.join(shifts)}), drift is to be raised"
            )


def ingest(
    engine: LocalEngine, console: RunConsole, only: set[str] | None = None
) -> None:
    """Two ticks: a listing must be seen twice before it counts as settled."""
    for _ in range(2):
        for request in engine.tick(landing_zone_sensor):
            if only is None or request.partition_key in only:
                _run(engine, console, ingest_session.name, request.partition_key)


def _run(
    engine: LocalEngine, console: RunConsole, job: str, session: str | None
) -> None:
    def enter(stage: str) -> None:
        console.enter(f"{session}: {stage}")

    console.report(engine.execute(job, session, on_stage=enter))


def _train(
    engine: LocalEngine,
    console: RunConsole,
    task: str,
    recipe: str,
    sessions: str,
    accept_thin_test: bool,
) -> None:
    ops = {
        **configure_dataset(task, Choice((sessions,))),
        f"training__{task}": {"config": {"recipe": recipe}},
        f"registry__{task}_release": {"config": {"accept_thin_test": accept_thin_test}},
    }
    outcome = engine.execute(train_jobs[task].name, ops=ops, on_stage=console.enter)
    console.report(outcome)
    if not outcome.success:
        raise ValueError(
            f"{outcome.job} failed ({outcome.error or ', '.join(outcome.failed_checks)}): see run {outcome.run_id}"
        )
