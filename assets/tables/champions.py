"""The champion of each task, as the table says, and whether the model registry has followed it."""

from __future__ import annotations

from assets.choice import EVERYTHING, Choice, read_choice
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import ChampionRow
from assets.tables.schemas import TABLES, to_table
from assets.tables.seals import seal_tables


def read_champion(catalog: Catalog, task: str) -> ChampionRow | None:
    """The champion of a task; None before the first."""
    rows = catalog.read_latest("champions", where=is_in("task", [task])).to_pylist()
    return rows[0] if rows else None


def read_champions_choice(catalog: Catalog, task: str) -> Choice:
    """What the release of the champion was chosen by; everything before the first."""
    champion = read_champion(catalog, task)
    if champion is None:
        return EVERYTHING
    where = is_in("release_id", [champion["release_id"]])
    releases = catalog.read_latest("releases", ["choice"], where).to_pylist()
    return read_choice(releases[0]["choice"]) if releases else EVERYTHING


def crown(catalog: Catalog, row: ChampionRow, rival: ChampionRow | None) -> bool:
    """Put the row in the place of `rival`, or in the empty one; False where another stands there by now."""
    mark_followed(catalog, row["task"], "")
    is_rival = (
        f"target.model_sha256 = {repr_sql(rival['model_sha256'])}" if rival else "false"
    )
    rows = to_table(TABLES["champions"], [row])
    done = catalog.upsert_where("champions", rows, is_rival)
    seal_tables(catalog, ["champions"])
    return done.inserted + done.updated == 1


def mark_followed(catalog: Catalog, task: str, model_sha256: str) -> None:
    """Remember that the registry names this model champion; "": that it may name another."""
    catalog.point(_pointer(task), model_sha256)
    seal_tables(catalog, ["pointers"])


def list_unfollowed(catalog: Catalog) -> list[str]:
    """The tasks whose champion the registry may not name: a promotion was cut short between table and registry."""
    followed = {
        row["task"]: catalog.pointed(_pointer(row["task"]))
        for row in catalog.read_latest("champions").to_pylist()
        if row["model_sha256"] != catalog.pointed(_pointer(row["task"]))
    }
    # where nothing is remembered nothing was cut short
    return sorted(task for task, model in followed.items() if model is not None)


def _pointer(task: str) -> str:
    return f"followed/{task}"
