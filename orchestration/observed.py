"""What a command did beside the graph, told to Dagster: answers of models are observed, what it made is materialised.

Belongs here: telling what was done without a run, where this home has an instance of Dagster. Does not: doing it. An
observation of answers and no materialisation: their asset is of the champions, whose answers a run makes, and a command
may ask any model. Labels, calibrations, depth and tracks are the asset itself, whoever writes them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.foreign_text import for_line
from orchestration.profiles import Settings

if TYPE_CHECKING:
    import dagster as dg

    from assets.stages import AssetKey
    from assets.tables.catalog import Catalog
    from checks.verdicts import Verdict


def tell_dagster(
    settings: Settings, session: str, answers: Sequence[Mapping[str, Any]]
) -> bool:
    """Observe `monitoring/predictions` of the session: for each model how many frames it looked at, and what it found.

    Whether it was told: a home that Dagster never ran in has nothing to tell it to, and none is made.
    """
    if not _has_instance(settings):
        return False
    import dagster as dg

    seen = dg.AssetObservation(
        dg.AssetKey(["monitoring", "predictions"]),
        description="asked by `daguerre predict`",
        partition=session,
        metadata={name: value for one in answers for name, value in _list_facts(one)},
    )
    _report(settings, seen)
    return True


def tell_labels(
    settings: Settings, catalog: "Catalog", description: str, facts: Mapping[str, int]
) -> bool:
    """Materialise `annotation/labels`, as a run does, with what the command wrote. Whether it was told."""
    if not _has_instance(settings):
        return False
    import dagster as dg

    from assets.materialize import result

    made = result(
        catalog, "label_versions", ["annotation", "labels"], metadata=dict(facts)
    )
    assert made.asset_key is not None and made.data_version is not None, "`result` has"
    event = dg.AssetMaterialization(
        made.asset_key,
        description=description,
        metadata=made.metadata,
        tags={"dagster/data_version": made.data_version.value},
    )
    _report(settings, event)
    return True


def judge_labels(catalog: "Catalog") -> list[str]:
    """Let versions that were added count, where their gate lets them; what stops them otherwise."""
    from checks.gates import gate_session

    verdicts = gate_session(catalog, "label_versions", None)
    return [f"{v.name}: {v.summary}" for v in verdicts if v.stops]


def judge_made(
    settings: Settings,
    catalog: "Catalog",
    asset: "AssetKey",
    session: str,
    facts: Mapping[str, Any],
) -> "list[Verdict]":
    """Let the gates of an asset judge what a command made of the session, and materialise it with their verdicts.

    Dagster is told as by a run of the asset: equal rows have an equal data version.
    """
    from checks.gates import SESSION_ASSETS, gate_session

    tables = SESSION_ASSETS[asset]
    verdicts = [v for table in tables for v in gate_session(catalog, table, session)]
    if _has_instance(settings):
        _report(settings, *_list_events(catalog, asset, session, facts, verdicts))
    return verdicts


def _list_events(
    catalog: "Catalog",
    asset: "AssetKey",
    session: str,
    facts: Mapping[str, Any],
    verdicts: "Sequence[Verdict]",
) -> "Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]":
    import dagster as dg

    from assets.materialize import result
    from checks.as_check import as_evaluation
    from checks.gates import SESSION_ASSETS

    key = dg.AssetKey(list(asset))
    table = SESSION_ASSETS[asset][0]
    made = result(catalog, table, list(asset), session, facts)
    assert made.data_version is not None, "`result` has"
    yield dg.AssetMaterialization(
        key,
        description="made by a command, without a run",
        partition=session,
        metadata=made.metadata,
        tags={"dagster/data_version": made.data_version.value},
    )
    for verdict in verdicts:
        yield as_evaluation(key, verdict, session)


def _has_instance(settings: Settings) -> bool:
    return (settings.dagster_home / "dagster.yaml").exists()


def _report(
    settings: Settings,
    *events: "dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation",
) -> None:
    import dagster as dg
    from dagster._core.utils import make_new_run_id

    from orchestration.instance import prepare_instance

    told_as = make_new_run_id()
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        for event in events:
            if isinstance(event, dg.AssetCheckEvaluation):
                _report_check(instance, event, told_as)
            else:
                instance.report_runless_asset_event(event)
    _drop_own_file(settings.dagster_home, told_as)


def _drop_own_file(dagster_home: Path, told_as: str) -> None:
    """Of SQLite each run has a file of 115 kB beside the index of all, which has what a page of an asset shows. Nobody
    looks for a run of this name."""
    for end in ("", "-wal", "-shm", "-journal"):
        file = dagster_home / "history" / "runs" / f"{told_as}.db{end}"
        file.unlink(missing_ok=True)


def _report_check(
    instance: "dg.DagsterInstance", verdict: "dg.AssetCheckEvaluation", told_as: str
) -> None:
    """Of no run Dagster takes one verdict a check and partition, for ever: each command has an id as a run has."""
    import dagster as dg
    from dagster._core.events import DagsterEvent

    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION.value
    instance.report_dagster_event(
        DagsterEvent(kind, "", event_specific_data=verdict), told_as
    )


def _list_facts(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A line a model, by its task and id."""
    found = ", ".join(f"{name} {count}" for name, count in answers["found"].items())
    name = f"{answers['task']} {answers['model_sha256'][:16]}"
    return [(name, for_line(f"{answers['frames']} frames: {found or 'nothing'}"))]
