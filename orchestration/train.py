"""Train one model in this process: what is missing of the published sessions, a dataset, a model, its scores, the gate.

Belongs here: which runs that takes, and what came of them. Does not: any step; each is a job that the UI runs too.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from assets.retrieval.results import read_results
from models.recipes import TrainConfig, get_recipe
from models.recipes.settings import change_settings
from models.task_names import dataset_of
from orchestration.console import Story
from orchestration.jobs import ingest_session, train_jobs
from orchestration.profiles import Settings
from orchestration.resources import build_catalog
from orchestration.ticks import LocalEngine, RunOutcome


def train_here(
    home: Settings, task: str, recipe: str | None, release_id: str | None, changes: Mapping[str, str], seed: int
) -> dict[str, Any]:
    """Run it and return what came of it: `success`, and the model's row of `read_results` where there is one.

    Without a release all published sessions make one, and `excluded` counts what it leaves out, by reason. Raises
    ValueError for an unknown task, recipe or setting.
    """
    name = choose_recipe(task, recipe, changes).name
    choice = {"recipe": name, "settings": dict(changes), "seed": seed, "release_id": release_id or ""}
    of_release = [["training", task], ["evaluation", f"{task}_scores"], ["registry", f"{task}_release"]]
    story = Story()
    with LocalEngine(home) as engine:
        if release_id is None:
            embed_sessions(engine, story)
        with story.step(f"train {task} with {name}"):
            outcome = engine.execute(
                train_jobs[task].name, ops={f"training__{task}": {"config": choice}},
                only=of_release if release_id else None,
            )  # fmt: skip
            story.report(outcome)
        excluded = _find_excluded(engine, task, outcome)
    return {"task": task, **_find_model(home, task, outcome), **excluded, "success": outcome.success,
            "run_id": outcome.run_id, "error": outcome.error, "failed_checks": list(outcome.failed_checks)}  # fmt: skip


def choose_recipe(task: str, recipe: str | None, changes: Mapping[str, str]) -> TrainConfig:
    """The recipe, by default base_<task>, with the changes. Raises ValueError for what there is not."""
    dataset_of(task)
    config = change_settings(get_recipe(recipe or f"base_{task}"), changes)
    if config.task != task:
        raise ValueError(f"recipe {config.name} is for {config.task}: choose one for {task}")
    return config


def embed_sessions(engine: LocalEngine, story: Story) -> None:
    """Give published sessions what a dataset needs of them beyond `daguerre ingest`: judged quality figures, and
    embeddings, all by the encoder of the settings."""
    from assets.curation.embed import name_version

    catalog, version = build_catalog(engine.settings), name_version(engine.settings.workspace.encoder)
    published = set(catalog.read("frames", ["session"])["session"].to_pylist())
    rows = catalog.read("frame_embeddings", ["session", "code_version"])
    stale = set(rows.filter(pc.not_equal(rows["code_version"], version))["session"].to_pylist())
    embedded = set(rows["session"].to_pylist()) - stale
    needed = [["curation", "frame_quality"], ["curation", "frame_embeddings"]]
    for session in sorted(stale | published - embedded):
        with story.step(f"embed {session}"):
            engine.instance.add_dynamic_partitions("sessions", [session])
            story.report(engine.execute(ingest_session.name, session, only=needed))


def _find_excluded(engine: LocalEngine, task: str, outcome: RunOutcome) -> dict[str, Any]:
    """What the dataset of the run left out, as it said; nothing where the run made none."""
    event = engine.instance.get_latest_materialization_event(dg.AssetKey(["curation", f"{dataset_of(task)}_dataset"]))
    if event is None or event.run_id != outcome.run_id or event.asset_materialization is None:
        return {}
    return {"excluded": event.asset_materialization.metadata["excluded"].value}


def _find_model(home: Settings, task: str, outcome: RunOutcome) -> dict[str, Any]:
    """The model of the run; nothing where it ended before there was one."""
    catalog = build_catalog(home)
    newest = [r for r in read_results(catalog, task) if r["model_sha256"] == catalog.pointed(f"model/{task}")]
    is_mine = outcome.success or any(r["run_id"] == outcome.run_id for r in newest)
    return newest[0] if newest and is_mine else {}
