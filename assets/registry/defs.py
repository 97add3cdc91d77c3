"""The registry as assets: the model trained last becomes challenger, meets the gate, and is champion if it holds."""

from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import Field

from assets.comparison.models import Comparison, tell_difference
from assets.foreign_text import for_markdown
from assets.materialize import picture, result, run_of
from assets.registry.tracker import Tracker
from assets.run_config import read_config
from assets.tables.catalog import Catalog, is_in
from assets.tables.run_pointers import pointed_in_run
from assets.workspace import Workspace
from models.known_tasks import all_task_names

_GATE = "challenger_meets_the_gate"


class GateConfig(dg.Config):
    """What a person lets pass."""

    accept_thin_test: bool = Field(
        False,
        description="A first champion may rest on a test part that lacks classes, judges chosen pixels alone or is one "
        "recording, or miss a class of it.",
    )


def _release(task: str) -> dg.AssetsDefinition:
    key = ["registry", f"{task}_release"]

    @dg.asset(
        key=key,
        group_name="registry",
        deps=[["evaluation", f"{task}_scores"]],
        kinds={"mlflow"},
        check_specs=[
            dg.AssetCheckSpec(
                _GATE,
                asset=key,
                description="The numbers let the challenger be champion.",
            )
        ],
    )
    def release(
        context: dg.AssetExecutionContext,
        config: GateConfig,
        catalog: dg.ResourceParam[Catalog],
        workspace: dg.ResourceParam[Workspace],
        tracker: dg.ResourceParam[Tracker],
    ) -> dg.MaterializeResult:
        """The model of this run as a version in MLflow: the challenger, and the champion where it passes the gate."""
        from assets.inference.model_store import bring_copy
        from assets.registry.card import list_rules
        from assets.registry.promotion import submit
        from assets.registry.release import rules_of

        chosen = read_config(context, config)
        run_id = run_of(context)
        model_sha256 = pointed_in_run(catalog, f"model/{task}", run_id)
        if model_sha256 is None:
            raise dg.Failure(
                f"no {task} model has been trained: materialise training/{task} first"
            )
        model = catalog.read_latest(
            "models", where=is_in("model_sha256", [model_sha256])
        ).to_pylist()[0]
        checks = {
            "dataset": model["release_id"]
            in catalog.read("releases", ["release_id"])["release_id"].to_pylist(),
            "training": pointed_in_run(catalog, f"trained/{task}", run_id)
            == model_sha256,
            "scores": pointed_in_run(catalog, f"scored/{task}", run_id) == model_sha256,
        }
        plots = workspace.read_plots(model_sha256)
        verdict = submit(
            catalog,
            tracker,
            bring_copy(catalog.blobs, workspace.home, model),
            checks,
            context.run.run_id,
            plots,
            replace(rules_of(task), accepts_thin_test=chosen.accept_thin_test),
        )
        workspace.trim_copies(catalog.blobs)
        metadata = {
            "version": verdict.run.model_version,
            "alias": "champion" if verdict.champion_row else "challenger",
            "verdict": dg.MetadataValue.md(
                "\n".join(
                    f"- {for_markdown(reason)}" for reason in verdict.decision.reasons
                )
            ),
            "gate": verdict.decision.outcome,
            "rules": dg.MetadataValue.md(list_rules(verdict.decision)),
            **_show_comparison(verdict.decision.evidence.comparison),
            "model card": dg.MetadataValue.md(verdict.card),
            "mlflow run": verdict.run.run_id,
        }
        done = result(catalog, "champions", key, None, metadata, f"task = '{task}'")
        outcome = dg.AssetCheckResult(
            passed=verdict.decision.is_promoted,
            check_name=_GATE,
            severity=dg.AssetCheckSeverity.WARN,
            description=for_markdown("; ".join(verdict.decision.reasons)),
        )
        return done._replace(check_results=[outcome])

    return release


def _show_comparison(comparison: Comparison | None) -> dict[str, Any]:
    """The difference to the champion on the same frames, with its interval; nothing where there is none."""
    if comparison is None:
        return {}
    from assets.comparison.chart import draw_differences

    return {
        "difference": f"{comparison.metric} {tell_difference(comparison.whole)}",
        "differences by slice": picture(draw_differences(comparison)("light")),
    }


defs = dg.Definitions(assets=list(map(_release, all_task_names())))
