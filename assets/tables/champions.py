"""The champion of each task, as the table says, how it came to be it, and whether the model registry has followed it.

Who changes the champion writes the record first and then the champion, which names its record; a record names the one
before it. So a record that nobody leads to never took place, and no change is without its record.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from assets.choice import EVERYTHING, Choice, read_choice
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import ChampionRow, PromotionRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.schemas.registry import PROMOTED, ROLLED_BACK
from assets.tables.seals import seal_tables

GATE = "the gate"


@dataclass(frozen=True)
class Act:
    """Who makes a model champion, why, and of an approval until when; `kind` is as `promotions.act` has it."""

    kind: str
    who: str
    why: str
    until_ns: int | None = None


BY_GATE = Act(PROMOTED, GATE, "every rule of the gate holds")


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


def crown(
    catalog: Catalog, row: ChampionRow, rival: ChampionRow | None, act: Act = BY_GATE
) -> ChampionRow | None:
    """Put the row in the place of `rival`, or in the empty one; None where another stands there by now.

    The gate that finds the champion again good enough writes no record of it.
    """
    mark_followed(catalog, row["task"], "")
    is_new = act.kind != PROMOTED or not _is_same(row, rival)
    record = _make_record(row, rival, act) if is_new else None
    if record is not None:
        catalog.merge("promotions", to_table(TABLES["promotions"], [record]))
        promotion_id: str | None = record["promotion_id"]
    else:
        promotion_id = rival["promotion_id"] if rival else None
    crowned: ChampionRow = {**row, "promotion_id": promotion_id}
    rows = to_table(TABLES["champions"], [crowned])
    done = catalog.upsert_where("champions", rows, _is_still(rival))
    is_crowned = done.inserted + done.updated == 1
    if record is not None and not is_crowned:
        catalog.delete_keys("promotions", [record["promotion_id"]])
    seal_tables(catalog, ["promotions", "champions"])
    return crowned if is_crowned else None


def list_promotions(catalog: Catalog, task: str) -> list[PromotionRow]:
    """How the champion of a task came to be it, the newest change first; those from before there were records are not
    known."""
    champion = read_champion(catalog, task)
    rows = catalog.read_latest("promotions", where=is_in("task", [task])).to_pylist()
    by_id: dict[str | None, PromotionRow] = {row["promotion_id"]: row for row in rows}
    found = []
    at = champion["promotion_id"] if champion else None
    while at in by_id:
        # taken out, so that a table that was tampered with is no endless circle
        record = by_id.pop(at)
        found.append(record)
        at = record["previous_id"]
    return found


def list_titles(catalog: Catalog, model_sha256s: Collection[str]) -> list[PromotionRow]:
    """The changes, of any task, that made one of these models champion or took it back; the newest of a task first."""
    tasks = catalog.read_latest("champions", ["task"])["task"].to_pylist()
    return [
        record
        for task in sorted(tasks)
        for record in list_promotions(catalog, task)
        if record["after_sha256"] in model_sha256s
        or record["before_sha256"] in model_sha256s
    ]


def find_taken_back(records: Iterable[PromotionRow]) -> dict[str, PromotionRow]:
    """Weights -> the rollback that took the model back, of those that did not become champion again since.

    `records` are changes of champions, the newest of a task first.
    """
    settled: set[str] = set()
    found: dict[str, PromotionRow] = {}
    for record in records:
        settled.add(record["after_sha256"])
        before = record["before_sha256"]
        if before and record["act"] == ROLLED_BACK and before not in settled:
            found.setdefault(before, record)
    return found


def list_last_changes(catalog: Catalog) -> list[PromotionRow]:
    """The last change of each task's champion, by task; none of a champion from before there were records."""
    ids = catalog.read_latest("champions", ["promotion_id"])["promotion_id"]
    known = is_in("promotion_id", ids.drop_null().to_pylist())
    rows = catalog.read_latest("promotions", where=known).to_pylist()
    return sorted(rows, key=lambda row: row["task"])


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


def _make_record(row: ChampionRow, rival: ChampionRow | None, act: Act) -> PromotionRow:
    at_ns = time.time_ns()
    return {
        "promotion_id": content_id(
            row["task"], row["model_sha256"], act.kind, act.who, act.why, at_ns
        ),
        "previous_id": rival["promotion_id"] if rival else None,
        "task": row["task"],
        "act": act.kind,
        "who": act.who,
        "why": act.why,
        "at_ns": at_ns,
        "until_ns": act.until_ns,
        "before_version": rival["model_version"] if rival else None,
        "before_sha256": rival["model_sha256"] if rival else None,
        "after_version": row["model_version"],
        "after_sha256": row["model_sha256"],
        "release_id": row["release_id"],
        "spent": row["spent"],
    }


def _is_same(row: ChampionRow, rival: ChampionRow | None) -> bool:
    return rival is not None and (row["model_sha256"], row["model_version"]) == (
        rival["model_sha256"],
        rival["model_version"],
    )


def _is_still(rival: ChampionRow | None) -> str:
    """The condition under which the champion is the one that was looked at, and came to be it by the same record."""
    if rival is None:
        return "false"
    record = rival["promotion_id"]
    came_by = f"= {repr_sql(record)}" if record else "IS NULL"
    return (
        f"target.model_sha256 = {repr_sql(rival['model_sha256'])} "
        f"AND target.promotion_id {came_by}"
    )


def _pointer(task: str) -> str:
    return f"followed/{task}"
