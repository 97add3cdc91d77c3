"""What a command asked of models, told to Dagster: an observation of the asset that holds the answers.

Belongs here: telling what was done without a run, where this home has an instance of Dagster. Does not: doing it. An
observation and no materialisation: the asset is of the champions, whose answers a run makes, and a command may ask any
model.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.foreign_text import for_line
from orchestration.profiles import Settings


def tell_dagster(
    settings: Settings, session: str, answers: Sequence[Mapping[str, Any]]
) -> bool:
    """Observe `monitoring/predictions` of the session: for each model how many frames it looked at, and what it found.

    Whether it was told: a home that Dagster never ran in has nothing to tell it to, and none is made.
    """
    if not (settings.dagster_home / "dagster.yaml").exists():
        return False
    import dagster as dg

    from orchestration.ui import prepare_instance

    seen = dg.AssetObservation(
        dg.AssetKey(["monitoring", "predictions"]),
        description="asked by `daguerre predict`",
        partition=session,
        metadata={name: value for one in answers for name, value in _list_facts(one)},
    )
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        instance.report_runless_asset_event(seen)
    return True


def _list_facts(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A line a model, by its task and id."""
    found = ", ".join(f"{name} {count}" for name, count in answers["found"].items())
    name = f"{answers['task']} {answers['model_sha256'][:16]}"
    return [(name, for_line(f"{answers['frames']} frames: {found or 'nothing'}"))]
