"""What a person does to the champion of a task: approve the version that waits for it, or take the champion back.

Both change the table where the champion is still the one that was looked at, write down who did it and why, and let
MLflow's alias follow. Whoever comes second is told what the first did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeAlias

from assets.registry.person import Ruling, tell_act, tell_time
from assets.registry.promotion import follow_table, judge, make_row, publish_verdict
from assets.registry.release import rules_of
from assets.registry.tracker import GATE_TAG, RegisteredModel, Tracker
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import (
    Act,
    crown,
    list_promotions,
    list_unfollowed,
    read_champion,
)
from assets.tables.erased_from import tell_taught
from assets.tables.rows import ChampionRow, PromotionRow
from assets.tables.schemas.registry import APPROVED, ROLLED_BACK


@dataclass(frozen=True)
class Order:
    """Who wants something of a task's champion, and why; of an approval until when it holds."""

    task: str
    who: str
    why: str
    until_ns: int | None = None
    is_dry_run: bool = False

    def __post_init__(self) -> None:
        if not self.why.strip():
            raise ValueError("--because is empty: say why, for whoever asks later")
        if self.until_ns is not None and self.until_ns <= time.time_ns():
            raise ValueError(
                f"--until {tell_time(self.until_ns)} is over: name a day that is to come"
            )


@dataclass(frozen=True)
class Change:
    """What was done, or would be in a dry run: versions and weights before and after; None: there was no champion."""

    order: Order
    act: str
    before: tuple[int, str] | None
    after: tuple[int, str]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "task": self.order.task,
            "act": self.act,
            "who": self.order.who,
            "why": self.order.why,
            "until": tell_time(self.order.until_ns) if self.order.until_ns else None,
            "before": _name_model(self.before) if self.before else None,
            "after": _name_model(self.after),
            "dry_run": self.order.is_dry_run,
        }

    @property
    def line(self) -> str:
        """In one line, for people."""
        done = "would be" if self.order.is_dry_run else "is"
        before = f"version {self.before[0]}" if self.before else "none"
        until = (
            f" until {tell_time(self.order.until_ns)} UTC"
            if self.order.until_ns
            else ""
        )
        return (
            f"{self.order.task}: version {self.after[0]} {done} champion{until}, {self.act} by {self.order.who} "
            f"({self.order.why}); before: {before}"
        )


Before: TypeAlias = Callable[[Change], object]


def approve(
    catalog: Catalog,
    tracker: Tracker,
    order: Order,
    version: int | None = None,
    before: Before = lambda change: None,
) -> Change:
    """Make the version that waits for a person champion, where every other rule of the gate holds.

    Of the champion itself it renews the approval. `before` is told of the change before it is made. Raises ValueError,
    and changes nothing, for a version that the gate refuses or has not judged, where the alias was moved by hand, and
    where the champion changes meanwhile.
    """
    task = order.task
    champion = read_champion(catalog, task)
    _require_unmoved(catalog, tracker, task, champion)
    model = _find_waiting(tracker, task, version)
    verdict = tracker.decision(task, model.version)
    if verdict is None:
        raise ValueError(
            f"the gate has not judged {task}/{model.version}: materialise registry/{task}_release for it first"
        )
    with tracker.open_package(model) as package:
        decision, row = judge(
            catalog,
            tracker,
            package,
            make_row(model, spent=None),
            champion,
            replace(
                rules_of(task),
                accepts_thin_test=bool(verdict.get("accepts_thin_test")),
            ),
            verdict.get("checks", {}),
            Ruling(approved_by=f"{order.who} ({order.why})"),
        )
        if not decision.is_promoted:
            raise ValueError(
                f"the gate refuses {task}/{model.version}, and no approval replaces that: "
                + "; ".join(decision.reasons)
            )
        change = _plan(order, APPROVED, champion, row)
        if order.is_dry_run:
            return change
        before(change)
        _crown(catalog, row, champion, change)
        publish_verdict(catalog, tracker, package, model, decision)
    follow_table(catalog, tracker, task)
    return change


def roll_back(
    catalog: Catalog,
    tracker: Tracker,
    order: Order,
    to: int | None = None,
    before: Before = lambda change: None,
) -> Change:
    """Make a former champion champion again: the one before, or the version `to`. The gate leaves it so; `before` as of
    `approve`.

    Raises ValueError, and changes nothing, where there is none, where its stored bytes have changed, for a version that
    never passed the gate, where the alias was moved by hand, and where the champion changes meanwhile.
    """
    task = order.task
    champion = read_champion(catalog, task)
    if champion is None:
        raise ValueError(f"{task} has no champion to take back: `daguerre status` says")
    _require_unmoved(catalog, tracker, task, champion, to)
    records = list_promotions(catalog, task)
    version = to or _find_former(task, champion, records)
    if version == champion["model_version"]:
        raise ValueError(
            f"{task}/{version} is the champion: name a version of before with --to"
        )
    model = _open_version(tracker, task, version)
    _require_passed(catalog, model, records)
    erased = tell_taught(catalog, model.model_sha256, model.release_id, None)
    if erased:
        raise ValueError(f"{task}/{version} cannot be champion again: {erased}")
    tracker.verify(task, version)
    mine = (r["spent"] for r in records if r["after_sha256"] == model.model_sha256)
    row = make_row(model, spent=next(mine, None))
    change = _plan(order, ROLLED_BACK, champion, row)
    if not order.is_dry_run:
        before(change)
        _crown(catalog, row, champion, change)
        follow_table(catalog, tracker, task)
    return change


def _find_waiting(tracker: Tracker, task: str, version: int | None) -> RegisteredModel:
    if version is not None:
        return _open_version(tracker, task, version)
    challenger = tracker.challenger(task)
    if challenger is None or challenger.tags.get(GATE_TAG) != "waits":
        raise ValueError(
            f"no version of {task} waits for a person: name one that MLflow lists, such as {task}/3"
        )
    return challenger


def _open_version(tracker: Tracker, task: str, version: int) -> RegisteredModel:
    try:
        return tracker.version(task, version)
    except LookupError as error:
        raise ValueError(
            f"MLflow has no version {version} of {task}, or it was deleted there: name another, or restore MLflow's "
            "store from a backup"
        ) from error


def _find_former(
    task: str, champion: ChampionRow, records: Sequence[PromotionRow]
) -> int:
    """The version before the champion, where it came to be it other than by a rollback."""
    newest = records[0] if records else None
    if newest is not None and newest["act"] == ROLLED_BACK:
        raise ValueError(
            f"{task} was taken back already: {tell_act(newest)}; --to VERSION goes further back"
        )
    others = (
        r["before_version"]
        for r in records
        if r["before_sha256"] not in (None, champion["model_sha256"])
    )
    version = next(others, None)
    if version is None:
        raise ValueError(
            f"no record says which champion {task} had before {task}/{champion['model_version']}: name it with --to"
        )
    return version


def _require_passed(
    catalog: Catalog, model: RegisteredModel, records: Sequence[PromotionRow]
) -> None:
    name = f"{model.task}/{model.version}"
    was_champion = any(
        model.model_sha256 in (r["after_sha256"], r["before_sha256"]) for r in records
    )
    if not was_champion and model.tags.get(GATE_TAG) != "passed":
        raise ValueError(
            f"{name} was never champion: a rollback names one that was, `daguerre approve {name}` one that waits"
        )
    known = catalog.read_latest(
        "models", ["model_sha256"], is_in("model_sha256", [model.model_sha256])
    )
    if not len(known):
        raise ValueError(
            f"{name} is not in the table of models: name another version, or restore the tables from a backup"
        )


def _require_unmoved(
    catalog: Catalog,
    tracker: Tracker,
    task: str,
    champion: ChampionRow | None,
    to: int | None = None,
) -> None:
    """Raises ValueError where MLflow names another champion than the table, but for the one that is asked for.

    A promotion that was cut short is finished, and a champion that was deleted in MLflow stands in nobody's way.
    """
    if task in list_unfollowed(catalog):
        follow_table(catalog, tracker, task)
    named = tracker.champion(task)
    said = champion["model_version"] if champion else None
    meant = {said} if to is None else {said, to}
    if (named.version if named else None) in meant:
        return
    if named is None and said is not None and not _is_there(tracker, task, said):
        return
    told = f"version {named.version}" if named else "none"
    remedy = "`daguerre upgrade` puts it back"
    if named is not None:
        remedy += f"; `daguerre rollback {task} --to {named.version} --because ...` makes it so"
    raise ValueError(
        f"MLflow names {told} champion of {task}, the table, which counts, {said or 'none'}: somebody moved the alias "
        f"there by hand. {remedy}"
    )


def _is_there(tracker: Tracker, task: str, version: int) -> bool:
    try:
        tracker.version(task, version)
    except LookupError:
        return False
    return True


def _plan(
    order: Order, act: str, champion: ChampionRow | None, row: ChampionRow
) -> Change:
    before = (champion["model_version"], champion["model_sha256"]) if champion else None
    return Change(order, act, before, (row["model_version"], row["model_sha256"]))


def _crown(
    catalog: Catalog, row: ChampionRow, champion: ChampionRow | None, change: Change
) -> None:
    order = change.order
    act = Act(change.act, order.who, order.why, order.until_ns)
    if not crown(catalog, row, champion, act):
        _tell_overtaken(catalog, order.task)


def _tell_overtaken(catalog: Catalog, task: str) -> NoReturn:
    records = list_promotions(catalog, task)
    told = tell_act(records[0]) if records else "somebody made another champion"
    raise ValueError(
        f"{task} was changed meanwhile: {told}; look at it, and ask again if it is still wanted"
    )


def _name_model(model: tuple[int, str]) -> dict[str, Any]:
    return {"version": model[0], "model_sha256": model[1]}
