"""Training as assets: one model package a task, trained on the published release."""

import base64
import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets.materialize import result, run_of
from assets.run_config import GIVE_UP_TAG, read_config
from assets.run_log import LiveRun, RunLog, RunStart
from assets.tables.catalog import Catalog
from assets.tables.ids import complete_id
from assets.tables.run_pointers import point_in_run, pointed_in_run
from assets.tables.schemas import TABLES, to_table
from assets.tables.seals import seal_tables
from assets.training.run_folder import name_run
from assets.workspace import Workspace
from models.known_tasks import all_task_names, dataset_of

if TYPE_CHECKING:
    from assets.inference.package import ModelPackage
    from assets.training.spec import TrainingSpec


class TrainingConfig(dg.Config):
    """`recipe` empty: base_<task>; `release_id` empty: the release that passed last."""

    recipe: str = ""
    release_id: str = ""
    settings: dict[str, str] = Field(
        default_factory=dict, description="In place of the recipe's own: epochs: '5'."
    )
    seed: int = 0


_COSTS = (
    "images_per_s",
    "tflops_per_s",
    "mfu",
    "gpu_utilisation",
    "data_wait_share",
    "peak_memory_mib",
    "device_hours",
    "energy_wh",
    "cost",
)
_log = logging.getLogger("daguerre.training")
# no child of `daguerre`: Dagster keeps what that one says
_progress = logging.getLogger("daguerre-progress")


def _tell(event: dict[str, Any], pictures: dict[str, bytes], live: LiveRun) -> None:
    """One line an epoch; steps are too many for a log: they go to who draws progress. Pictures are collected."""
    if event["kind"] == "picture":
        pictures[event["name"]] = base64.b64decode(event["jpeg"])
        return
    _progress.debug("training", extra={"training": event})
    if event["kind"] == "epoch":
        live.log_epoch(event)
        scores = ", ".join(
            f"{name} {value:.3f}"
            for name, value in event.items()
            if name.startswith("val_")
        )
        speed = f"{event['images_per_s']:.0f} images/s, {event['seconds']:.0f} s"
        which = f"epoch {event['epoch'] + 1} of {event['num_epochs']}"
        _log.info(
            f"{which}: loss {event['train_loss']:.3f}, {scores or 'not scored'}, {speed}"
        )


def _choose_release(
    catalog: Catalog, config: TrainingConfig, dataset: str, run_id: str
) -> str:
    """The id of the release to train on. Raises Failure where none has passed its checks."""
    if config.release_id:
        return complete_id(catalog, "releases", config.release_id)
    release_id = pointed_in_run(catalog, f"release/{dataset}", run_id)
    if release_id is None:
        raise dg.Failure(
            f"no {dataset} release has passed its checks: materialise curation/{dataset}_dataset first"
        )
    return release_id


def _begin(task: str, spec: "TrainingSpec", run_id: str) -> RunStart:
    """What is known of a training before its first step."""
    return RunStart(
        task,
        spec.config.name,
        name_run(spec, None),
        spec.release_id,
        spec.seed,
        run_id,
        json.loads(json.dumps(asdict(spec.config))),
    )


def _store(
    catalog: Catalog,
    workspace: Workspace,
    package: "ModelPackage",
    start: RunStart,
) -> None:
    """Put the package into the store, and its row into `models`."""
    from assets.inference.model_store import store_package

    row = {
        "model_sha256": package.model_sha256,
        "task": start.task,
        "recipe": package.facts.recipe,
        "release_id": start.release_id,
        "code_version": package.facts.code_version,
        "seed": start.seed,
        "run_id": start.dagster_run_id,
        "folder": str(package.folder.relative_to(workspace.home)),
        "facts_sha256": store_package(catalog.blobs, package),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    workspace.trim_copies(catalog.blobs)


def _describe(
    package: "ModelPackage", start: RunStart, settings: dict[str, str]
) -> dict[str, Any]:
    """What the page of the asset says of a model: its costs, and where it comes from."""
    history = package.facts.history
    return {
        **{name: value for name, value in history[-1].items() if name in _COSTS},
        "release_id": start.release_id,
        "recipe": package.facts.recipe,
        "model_sha256": package.model_sha256,
        "settings": settings,
        "epochs": len(history),
        "kept_epoch": next(row["epoch"] + 1 for row in history if row["is_kept"]),
    }


def _draw(
    workspace: Workspace,
    package: "ModelPackage",
    start: RunStart,
    pictures: dict[str, bytes],
) -> dict[str, Any]:
    """Add the learning curve to the pictures of a training and keep them all; the page shows three at most."""
    from assets.materialize import picture
    from assets.previews.plots import learning_curve_plot
    from assets.previews.training import ANSWERS, AUGMENTED

    pictures["learning curve"] = learning_curve_plot(
        package.facts.history,
        f"{start.recipe}, model {package.model_sha256[:12]}, release {start.release_id[:12]}",
    )
    plots = workspace.keep_plots(package.model_sha256, pictures)
    last = max((name for name in pictures if name.startswith(ANSWERS)), default=None)
    shown = [name for name in (AUGMENTED, last, "learning curve") if name in pictures]
    return {"plots": plots, **{name: picture(pictures[name]) for name in shown}}


def _training(task: str) -> dg.AssetsDefinition:
    dataset = dataset_of(task)

    @dg.asset(
        key=["training", task],
        group_name="training",
        deps=[["curation", f"{dataset}_dataset"]],
        kinds={"ray", "pytorch"},
    )
    def model(
        context: dg.AssetExecutionContext,
        config: TrainingConfig,
        catalog: dg.ResourceParam[Catalog],
        workspace: dg.ResourceParam[Workspace],
        run_log: dg.ResourceParam[RunLog],
    ) -> dg.MaterializeResult:
        """A model, trained by a recipe on the last release that passed its checks: weights, ONNX form and history.

        Recipe, settings, seed and release are chosen in the config.
        """
        from assets.training.ray_train import train
        from assets.training.spec import Place, TrainingSpec
        from assets.training.turn import take_turn
        from models.recipes import get_recipe
        from models.recipes.settings import change_settings

        config = read_config(context, config)
        release_id = _choose_release(catalog, config, dataset, run_of(context))
        recipe = change_settings(
            get_recipe(config.recipe or f"base_{task}"), config.settings
        )
        spec = TrainingSpec(release_id, recipe, config.seed, workspace.num_workers)
        place = Place(
            catalog,
            workspace.models,
            workspace.use_ray,
            workspace.ray_address,
            workspace.device_hour_price,
            workspace.pixels,
            workspace.store,
        )
        pictures: dict[str, bytes] = {}
        start = _begin(task, spec, context.run.run_id)
        gives_up = GIVE_UP_TAG in context.run.tags
        with (
            take_turn(workspace.home, task, context.log.warning, gives_up),
            run_log.open_run(start) as live,
        ):
            package = train(spec, place, lambda event: _tell(event, pictures, live))
            live.finish(package.model_sha256)
        _store(catalog, workspace, package, start)
        point_in_run(catalog, f"model/{task}", package.model_sha256, run_of(context))
        seal_tables(catalog, ["models", "pointers"])
        metadata = {
            **_describe(package, start, config.settings),
            **_draw(workspace, package, start, pictures),
        }
        is_mine = f"model_sha256 = '{package.model_sha256}'"
        return result(catalog, "models", ["training", task], None, metadata, is_mine)

    return model


defs = dg.Definitions(assets=list(map(_training, all_task_names())))
