"""What a machine of a team does when it is told to: `python -m bench.prove.machine_work take_in`.

Belongs here: calls of the product, with no step of their own. Does not: what befalls the machine.
It says "ready" when all is loaded, waits for a line, and then says what it comes to, one JSON object a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

MAX_ATTEMPTS = 6
TASK = "recognition"
RECIPE = f"tiny_{TASK}"


def take_in() -> None:
    """Take in every session of the landing zone, by name; what fails is tried again, as the sensor does."""
    from orchestration.cli.intake import take_in
    from orchestration.profiles import load_settings
    from orchestration.resources import build_landing_zone

    settings = load_settings()
    _wait()
    zone = _insist("the landing zone", lambda: build_landing_zone(settings))
    for session in sorted(_insist("its sessions", zone.sessions)):
        facts, _ = _insist(
            session, lambda s=session: take_in(settings, zone.locate(s), s)
        )
        kept = {k: facts[k] for k in ("files", "new", "already_ingested", "published")}
        _say(session=session, **kept)


def run_sessions() -> None:
    """What the sensor of the landing zone asks for, as runs of Dagster; one that fails is asked for again."""
    from orchestration.jobs import ingest_session
    from orchestration.profiles import load_settings
    from orchestration.sensors.landing import landing_zone_sensor
    from orchestration.ticks import LocalEngine

    settings = load_settings()
    _wait()
    with _nodes_for_few(), LocalEngine(settings) as engine:
        engine.tick(landing_zone_sensor)  # a listing counts when it was seen twice
        for request in engine.tick(landing_zone_sensor):
            session = str(request.partition_key)

            def run(session: str = session) -> str:
                outcome = engine.execute(
                    ingest_session.name,
                    session,
                    on_stage=lambda name: _say(stage=name),
                )
                if not outcome.success:
                    raise RuntimeError(outcome.error)
                return outcome.run_id

            run_id = _insist(session, run)
            status = engine.instance.get_run_by_id(run_id).status.value
            _say(session=session, run_id=run_id, status=status)


def loop() -> None:
    """From landing to champion: the sessions, and then what `daguerre train` does with the settings that are given."""
    from orchestration.profiles import load_settings
    from orchestration.train import train_here

    run_sessions()
    changes = json.loads(sys.argv[2])
    facts = train_here(
        load_settings(), TASK, RECIPE, None, changes, seed=0, accept_thin_test=True
    )
    _say(**{name: facts.get(name) for name in _TOLD})


def embed() -> None:
    """Embed the frames of the session that is named, on the nodes of Ray; before each next step it waits for a line."""
    from assets.curation.session import embed_frames
    from assets.tables import incremental
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    incremental._BATCH_FRAMES = 4
    settings = load_settings()

    def stop(num_done: int, num_frames: int) -> None:
        _say(embedded=num_done, of=num_frames)
        sys.stdin.readline()

    _wait()
    # it waits before each next step, and goes on for good when nobody writes to it any more
    with _nodes_for_few():
        done = embed_frames(
            sys.argv[2], build_catalog(settings), settings.workspace, stop
        )
    _say(new=done.new, computed=done.computed, total=done.total)


def train() -> None:
    """The weights that a release and settings give, as the training asset makes them. Each step is said."""
    from assets.training.ray_train import train
    from assets.training.spec import Place, TrainingSpec
    from models.recipes import get_recipe
    from models.recipes.settings import change_settings
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    release_id, changes = sys.argv[2], json.loads(sys.argv[3])
    settings = load_settings()
    workspace = settings.workspace
    recipe = change_settings(get_recipe(RECIPE), changes)
    _wait()
    package = train(
        TrainingSpec(release_id, recipe, 0, workspace.num_workers),
        Place(
            build_catalog(settings),
            workspace.models,
            ray_address=workspace.ray_address,
            store=workspace.store,
        ),
        _say_step,
    )
    _say(model_sha256=package.model_sha256)


_TOLD = (
    *("success", "error", "failed_checks", "model_sha256", "release_id", "run_id"),
    *("version", "is_promoted", "verdict"),
)


@contextmanager
def _nodes_for_few() -> Iterator[None]:
    """The nodes of Ray are asked however few frames there are, as long as the context lasts."""
    from assets.cluster import pool

    fewest = pool.FEWEST_FRAMES
    pool.FEWEST_FRAMES = 1
    try:
        yield
    finally:
        pool.FEWEST_FRAMES = fewest


def _say_step(event: dict[str, Any]) -> None:
    if event["kind"] == "step":
        _say(step=event["epoch"] * event["num_steps"] + event["step"])


def _insist(what: str, work: Callable[[], Any]) -> Any:
    """What comes of the work in the end; each failure is said."""
    for attempt in range(MAX_ATTEMPTS):
        try:
            return work()
        except Exception as error:  # of a store or a database that is away
            if attempt + 1 == MAX_ATTEMPTS:
                raise
            _say(failed=what, error=f"{type(error).__name__}: {error}"[:500])
    raise AssertionError("unreachable")


def _wait() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _say(**facts: Any) -> None:
    print(json.dumps(facts, default=str), flush=True)


if __name__ == "__main__":
    works = (take_in, run_sessions, loop, embed, train)
    {work.__name__: work for work in works}[sys.argv[1]]()
