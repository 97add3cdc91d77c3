"""Which sessions the current champions have not judged yet."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ChampionRow
from models.task_names import TASK_NAMES


def champions(catalog: Catalog) -> list[ChampionRow]:
    """Rows of `champions` of the tasks that say something about an image: at most one each."""
    return (
        catalog.read_latest("champions", where=is_in("task", TASK_NAMES))
        .sort_by("task")
        .to_pylist()
    )


def sessions_to_judge(catalog: Catalog) -> dict[str, str]:
    """session -> the champions that owe it a verdict, as text.

    A champion judges the published sessions that its own release did not learn from.
    """
    sessions = _list_sessions(catalog.read("frame_embeddings", ["session"]))
    pending: dict[str, list[str]] = {}
    for champion in champions(catalog):
        judged_by = f"model_name = '{champion['model_name']}' AND model_version = {champion['model_version']}"
        judged = _list_sessions(catalog.read_latest("drift", ["session"], judged_by))
        for session in sessions - judged - learned_from(catalog, champion):
            pending.setdefault(session, []).append(
                f"{champion['model_name']}/{champion['model_version']}"
            )
    return {session: ",".join(names) for session, names in pending.items()}


def learned_from(catalog: Catalog, champion: ChampionRow) -> set[str]:
    """The sessions of the champion's release."""
    rows = catalog.read_latest(
        "releases", ["sessions"], is_in("release_id", [champion["release_id"]])
    ).to_pylist()
    return {session for row in rows for session in row["sessions"]}


def _list_sessions(rows: pa.Table) -> set[str]:
    return set(pc.unique(rows["session"]).to_pylist())
