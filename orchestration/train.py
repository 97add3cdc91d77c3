"""Train one model in this process: what is missing of the published sessions, a dataset, a model, its scores, the gate.

Belongs here: which runs that takes, and what came of them. Does not: any step; each is a job that the UI runs too.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.choice import Choice
from assets.evaluation.interval import measure_interval
from assets.registry.release import rules_of
from assets.retrieval.results import read_results
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import read_champion
from assets.tables.class_list import count_classes, count_parts
from assets.tables.releases import open_release
from assets.tables.rows import ChampionRow
from assets.tables.run_pointers import made_in_run
from models.known_tasks import dataset_of
from models.recipes import TrainConfig, get_recipe
from models.recipes.settings import change_settings
from orchestration.chosen import configure_dataset, find_release
from orchestration.console import RunConsole
from orchestration.jobs import ingest_session, list_task_keys, train_jobs
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, build_tracker
from orchestration.session import find_due
from orchestration.ticks import LocalEngine, RunOutcome


def train_here(
    home: Settings,
    task: str,
    recipe: str | None,
    release_id: str | None,
    changes: Mapping[str, str],
    seed: int,
    choice: Choice | None = None,
    accept_thin_test: bool = False,
) -> dict[str, Any]:
    """Run it and return what came of it: `success`, and the model's row of `read_results` where there is one, with what
    it learnt from, its main score, that of the champion of before, and the gate's verdict.

    Without a release the published data of `choice` make one, None: as the champion's was chosen; and `excluded` counts
    what it leaves out, by reason. Raises ValueError for an unknown task, recipe or setting, and as `find_release` does.
    """
    release_id = find_release(home, release_id, choice)
    config = choose_recipe(task, recipe, changes)
    name = config.name
    choice_of_run = {
        "recipe": name,
        "settings": dict(changes),
        "seed": seed,
        "release_id": release_id or "",
    }
    ops: dict[str, Any] = {
        f"training__{task}": {"config": choice_of_run},
        f"registry__{task}_release": {"config": {"accept_thin_test": accept_thin_test}},
    }
    if release_id is None:
        ops |= configure_dataset(task, choice)
    keys = list_task_keys(task)
    of_release = keys[keys.index(("curation", f"{dataset_of(task)}_dataset")) + 1 :]
    console = RunConsole()
    champion = read_champion(build_catalog(home), task)
    with console.step("open the home"):
        engine = LocalEngine(home)
    with engine:
        if release_id is None:
            complete_sessions(engine, console)
        with console.step(f"train {task} with {name}"):
            outcome = engine.execute(
                train_jobs[task].name,
                ops=ops,
                only=of_release if release_id else None,
                on_stage=console.enter,
            )
            console.report(outcome)
            console.enter("how sure the score is")
            model = _find_model(home, task, outcome)
            told = _read_told(engine, task, outcome)
            told |= _read_end(engine, config, outcome)
            told |= describe_model(build_catalog(home), model, champion)
    ended = {
        "success": outcome.success,
        "run_id": outcome.run_id,
        "error": outcome.error,
    }
    failed = list(outcome.failed_checks)
    return {
        "task": task,
        **model,
        **told,
        **ended,
        "failed_checks": failed,
    }


def choose_recipe(
    task: str, recipe: str | None, changes: Mapping[str, str]
) -> TrainConfig:
    """The recipe, by default base_<task>, with the changes. Raises ValueError for what there is not."""
    dataset_of(task)
    config = change_settings(get_recipe(recipe or f"base_{task}"), changes)
    if config.task != task:
        raise ValueError(
            f"recipe {config.name} is for {config.task}: choose one for {task}"
        )
    return config


def complete_sessions(engine: LocalEngine, console: RunConsole) -> None:
    """Give published sessions what they lack of what a session needs: rows that are missing, stale or not judged.

    The vectors of all are then by the encoder of the settings.
    """
    for session, steps in find_due(engine.settings).items():
        with console.step(f"{' and '.join(step.doing for step in steps)} {session}"):
            engine.instance.add_dynamic_partitions("sessions", [session])
            keys = [key for step in steps for key in step.keys]
            outcome = engine.execute(
                ingest_session.name, session, only=keys, on_stage=console.enter
            )
            console.report(outcome)


def _read_told(engine: LocalEngine, task: str, outcome: RunOutcome) -> dict[str, Any]:
    """What the run said: what its dataset left out, as `excluded`; the version that its model became, and the gate's
    reasons, as `verdict`; nothing of what it did not come to."""
    told: dict[str, Any] = {}
    dataset = _read_metadata(
        engine, ["curation", f"{dataset_of(task)}_dataset"], outcome
    )
    if dataset:
        told["excluded"] = dataset["excluded"].value
    registered = _read_metadata(engine, ["registry", f"{task}_release"], outcome)
    if registered:
        version = int(registered["version"].value)
        decision = build_tracker(engine.settings).decision(task, version)
        assert decision is not None, "the asset asked the gate"
        told["version"] = version
        told["is_promoted"] = decision["is_promoted"]
        told["outcome"] = decision["outcome"]
        told["verdict"] = [
            f"{rule['claim']}: {rule['detail']}"
            for rule in decision["results"]
            if rule["is_passed"] == decision["is_promoted"]
        ]
    return told


def _read_end(
    engine: LocalEngine, config: TrainConfig, outcome: RunOutcome
) -> dict[str, Any]:
    """How many of its epochs a training made: `num_epochs` of `max_epochs`, and `max_minutes`, its limit in time."""
    trained = _read_metadata(engine, ["training", config.task], outcome)
    if not trained:
        return {}
    return {
        "num_epochs": int(trained["epochs"].value),
        "max_epochs": config.epochs,
        "max_minutes": config.max_minutes,
    }


def describe_model(
    catalog: Catalog, model: Mapping[str, Any], champion: ChampionRow | None
) -> dict[str, Any]:
    """Of a row of `read_results`: `learnt_from`, its `main_score`, and the `champion` of before with its score on the
    same test part (None: it knows other classes); nothing without a model. Intervals are None where nobody can tell.
    """
    if not model:
        return {}
    task, release_id = model["task"], model["release_id"]
    release = open_release(catalog, release_id)
    classes = count_classes(release.class_names, release.frames)
    told: dict[str, Any] = {
        "learnt_from": {
            "parts": count_parts(release.frames),
            "sessions": sorted(release.frames["session"].unique().to_pylist()),
            "classes": {c.name: c.objects["train"] for c in classes},
        },
        "main_score": _read_score(catalog, task, model["model_sha256"], release_id),
    }
    if champion is not None and champion["model_sha256"] != model["model_sha256"]:
        sha256 = champion["model_sha256"]
        told["champion"] = {
            "version": champion["model_version"],
            "model_sha256": sha256,
            "main_score": _read_score(catalog, task, sha256, release_id),
        }
    return told


def _read_score(
    catalog: Catalog, task: str, model_sha256: str, release_id: str
) -> dict[str, Any] | None:
    """What the gate asks for, on the test part of a release; None where the model did not sit that exam."""
    metric = rules_of(task).metric
    where = " AND ".join(
        (
            is_in("model_sha256", [model_sha256]),
            is_in("release_id", [release_id]),
            f"split = 'test' AND slice_by = 'all' AND metric = '{metric}'",
        )
    )
    for row in catalog.read_latest("scores", where=where).to_pylist():
        interval = measure_interval(catalog, model_sha256, release_id)
        return {
            "metric": metric,
            "value": row["value"],
            "interval": [interval.low, interval.high] if interval else None,
            "num_units": interval.num_units if interval else None,
            "num_samples": row["num_samples"],
        }
    return None


def _read_metadata(
    engine: LocalEngine, key: list[str], outcome: RunOutcome
) -> Mapping[str, Any]:
    """Of the asset as the run made it; none where it did not."""
    event = engine.instance.get_latest_materialization_event(dg.AssetKey(key))
    if event is None or event.run_id != outcome.run_id:
        return {}
    made = event.asset_materialization
    return made.metadata if made else {}


def _find_model(home: Settings, task: str, outcome: RunOutcome) -> dict[str, Any]:
    """The model of the run; nothing where it ended before there was one."""
    catalog = build_catalog(home)
    mine = made_in_run(catalog, f"model/{task}", outcome.run_id)
    rows = (r for r in read_results(catalog, task) if r["model_sha256"] == mine)
    return next(rows, {})
