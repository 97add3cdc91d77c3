"""What is ordered: assets, their sessions, and config for single assets; from a plan, or by name.

Belongs here: reading it, and refusing what cannot be made before anything starts. Does not: starting.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from assets.stages import list_session_steps
from orchestration.backfill.config import configure
from orchestration.plan.making import (
    choose_sessions,
    find_assets,
    list_assets,
    list_known_sessions,
    make_plan,
    name_code,
)
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, open_landing_zone, open_ledger

_MONITORING = ("monitoring/predictions", "monitoring/drift")


@dataclass(frozen=True)
class Order:
    """`targets`: asset -> its sessions, none for an asset that is of no session; `config`: asset -> field -> value.

    `is_plan`: a plan that somebody keeps, which is made once; else each order that has ended may come again.
    """

    targets: Mapping[str, tuple[str, ...]]
    config: Mapping[str, Mapping[str, Any]]
    code: str
    is_plan: bool = False

    @property
    def key(self) -> str:
        """Equal for equal orders: 8 hex digits."""
        told = [self.targets, self.config, self.code, self.is_plan]
        text = json.dumps(told, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def num_sessions(self) -> int:
        """Different ones."""
        return len({s for sessions in self.targets.values() for s in sessions})

    @property
    def tasks(self) -> list[str]:
        """Those that are trained."""
        stages = (asset.partition("/") for asset in self.targets)
        return sorted(noun for stage, _, noun in stages if stage == "training")


class _Line(BaseModel):
    asset: str
    sessions: dict[str, int | None]


class _PlanFile(BaseModel):
    code: str
    lines: list[_Line]


def read_order(
    settings: Settings,
    plan: Path | None,
    select: Sequence[str],
    patterns: Sequence[str],
    changes: Sequence[str],
) -> Order:
    """What to make: of a plan's file, of assets by name, or else all that is stale now.

    Raises ValueError for a file that is no plan or one of other code, and for assets, sessions and config that there
    are not.
    """
    if plan is not None and (select or patterns):
        other = "--select" if select else "--sessions"
        raise ValueError(f"--plan {str(plan)!r} and {other}: give one of the two")
    catalog = build_catalog(settings)
    zone = open_landing_zone(settings, open_ledger(settings))
    known = list_known_sessions(catalog, zone.look_around().sessions)
    if plan is not None:
        wanted = _read_plan(plan)
    elif select:
        chosen = choose_sessions(known, patterns)
        all_of_them = sorted(known if chosen is None else chosen)
        if not all_of_them and any(map(is_of_sessions, find_assets(select))):
            raise ValueError(
                f"--select {', '.join(select)!r}: no session is there: `daguerre ingest PATH` takes one in"
            )
        wanted = {asset: all_of_them for asset in find_assets(select)}
    else:
        lines = make_plan(settings, patterns=patterns).lines
        wanted = _collect((line.asset, line.sessions) for line in lines)
    targets = _complete(wanted, known, plan)
    return Order(
        targets,
        configure(catalog, targets, changes),
        name_code(),
        plan is not None,
    )


def is_of_sessions(asset: str) -> bool:
    """Whether the asset is made session by session."""
    return asset in _list_session_assets()


def _list_session_assets() -> list[str]:
    steps = ["/".join(key) for step in list_session_steps() for key in step.keys]
    return [*steps, *_MONITORING]


def _read_plan(path: Path) -> dict[str, list[str]]:
    remedy = "write one with `daguerre plan --json > plan.json`"
    try:
        plan = _PlanFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        told = f"{where}: {first['msg']}" if where else first["msg"]
        raise ValueError(
            f"--plan {str(path)!r} is no plan ({told}): {remedy}"
        ) from None
    now = name_code()
    if plan.code != now:
        raise ValueError(
            f"--plan {str(path)!r} was made by code {plan.code!r}, this is {now!r}: {remedy}"
        )
    return _collect((line.asset, line.sessions) for line in plan.lines)


def _collect(lines: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for asset, sessions in lines:
        found.setdefault(asset, []).extend(sessions)
    return found


def _complete(
    wanted: Mapping[str, Sequence[str]], known: set[str], plan: Path | None
) -> dict[str, tuple[str, ...]]:
    """In the order of the graph, assets that are made in one go together."""
    given = f"--plan {str(plan)!r}" if plan else "--select"
    order = list_assets()
    targets: dict[str, set[str]] = {}
    for asset, sessions in wanted.items():
        if asset not in order:
            raise ValueError(
                f"{given} names {asset!r}, which is no asset: make the plan again"
            )
        strange = sorted(set(sessions) - known)
        if strange and is_of_sessions(asset):
            remedy = "`daguerre status` lists them; make the plan again"
            raise ValueError(
                f"{given} names the session {strange[0]!r}, which there is not: {remedy}"
            )
        for mine in _list_made_with(asset):
            of_it = targets.setdefault(mine, set())
            of_it |= set(sessions) if is_of_sessions(asset) else set()
    return {
        asset: tuple(sorted(targets[asset]))
        for asset in order
        if asset in targets and (targets[asset] or not is_of_sessions(asset))
    }


def _list_made_with(asset: str) -> list[str]:
    for step in list_session_steps():
        keys = ["/".join(key) for key in step.keys]
        if asset in keys:
            return keys
    return [asset]


def require_writable(settings: Settings) -> None:
    """Raise ValueError for a home in which nothing can be written, before anything is begun."""
    probe = settings.home / ".backfill_probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        remedy = "a backfill writes runs and rows: give a home that may be written to, by DAGUERRE_HOME"
        raise ValueError(
            f"the home {str(settings.home)!r} cannot be written to ({error.strerror}): {remedy}"
        ) from None
