"""Put a plan together: what is stale and why, what follows, and what it costs by recorded runs."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from assets.code_versions import list_versions
from assets.code_versions.fingerprints import Project
from assets.code_versions.makers import LISTED_AT, compare
from assets.code_versions.tree import FolderTree, GitTree
from assets.inference.embed import name_version
from assets.retrieval.recorded_costs import Rate, read_rates
from assets.retrieval.stale_reasons import CODE
from assets.retrieval.stale_rows import (
    Stale,
    add_up,
    list_stale_captures,
    list_stale_clocks,
    list_stale_covers,
    list_stale_frames,
    list_stale_verdicts,
)
from assets.stages import all_stages
from assets.tables.catalog import Catalog
from models.known_tasks import all_task_names, dataset_of
from orchestration.plan.files import list_waiting
from orchestration.plan.lines import Change, Cost, Line, Plan
from orchestration.plan.tasks import Asked, list_followers
from orchestration.plan.tracks import list_tracks
from orchestration.profiles import Settings
from orchestration.resources import build_catalog, open_landing_zone, open_ledger

_HOUR_S = 3600.0
Keep = Callable[[Stale], bool]


def make_plan(
    settings: Settings,
    base: str | None = None,
    select: Sequence[str] = (),
    patterns: Sequence[str] = (),
) -> Plan:
    """What would be made anew in the home of `settings`.

    `base`: what the change of the code since that commit makes stale, and nothing else. `select`: as if these assets
    had to be made anew. `patterns`: only these sessions. Raises ValueError for what there is not.
    """
    if base is not None and select:
        raise ValueError(
            f"--base {base!r} and --select {', '.join(select)}: give one of the two"
        )
    selected = find_assets(select)
    changes, recipes, untold = (
        _compare(base) if base is not None else ((), frozenset(), [])
    )
    catalog = build_catalog(settings)
    ledger = open_ledger(settings)
    landed = open_landing_zone(settings, ledger).look_around().sessions
    known = list_known_sessions(catalog, landed)
    sessions = choose_sessions(known, patterns)
    keep = _choose_reasons(base, changes, selected)
    stale, notes = _list_stale(catalog, settings, sessions, selected)
    notes += untold
    stale = add_up([one for one in stale if keep(one)])
    lines = [*_draw_lines(stale)]
    if base is None and not selected:
        lines = [*list_waiting(landed, ledger, sessions), *lines]
    makers = None if base is None else {c.maker for c in changes if not c.is_same}
    asked = Asked(sessions, selected, recipes, makers)
    lines += list_followers(catalog, stale, lines, asked)
    tracks, is_compared = list_tracks(catalog, lines, asked)
    lines += tracks
    if not is_compared:
        notes.append(_NOT_COMPARED)
    rates = read_rates(settings.dagster_home, settings.dagster_url)
    price = settings.workspace.device_hour_price
    num_frames = sum(one.frames for one in stale)
    priced = tuple(_price(line, rates, price, num_frames) for line in lines)
    costs = [line.cost for line in priced if line.cost is not None]
    return Plan(
        base or "",
        name_code(),
        priced,
        tuple(changes),
        {
            version.maker: version.because
            for version in list_versions().values()
            if version.because and base is None
        },
        tuple(notes),
        _add(costs, price) if costs else None,
        len(priced) - len(costs),
    )


def find_assets(names: Iterable[str]) -> frozenset[str]:
    """Assets by "stage/noun" or noun. Raises ValueError for one that there is not."""
    known = list_assets()
    found = set()
    for name in names:
        mine = [asset for asset in known if name in (asset, asset.partition("/")[2])]
        if len(mine) != 1:
            told = " or ".join(mine) if mine else ", ".join(known)
            raise ValueError(f"--select {name!r} is no asset: choose of {told}")
        found.update(mine)
    return frozenset(found)


def list_assets() -> list[str]:
    """All assets, in the order of the graph."""
    found = []
    for stage in all_stages():
        found += list(stage.session_assets)
        for task in all_task_names():
            found += stage.list_task_assets(task, dataset_of(task))
        found += [(stage.name, noun) for noun in _ASKED_FOR.get(stage.name, ())]
    return list(dict.fromkeys("/".join(key) for key in found))


def list_known_sessions(catalog: Catalog, landed: Collection[str]) -> set[str]:
    """Those that lie in the landing zone, and those with captures."""
    taken_in = catalog.read_latest("captures", ["session"])["session"].to_pylist()
    return {*landed, *taken_in}


def choose_sessions(
    known: Collection[str], patterns: Sequence[str]
) -> frozenset[str] | None:
    """The sessions that patterns name; None for all. Raises ValueError for a pattern that names none."""
    if not patterns:
        return None
    chosen = set()
    for pattern in patterns:
        mine = {session for session in known if fnmatchcase(session, pattern)}
        if not mine:
            raise ValueError(
                f"--sessions {pattern!r} names no session: `daguerre status` lists them"
            )
        chosen |= mine
    return frozenset(chosen)


def name_code() -> str:
    """Equal where all code that makes rows is, whatever the commit: 12 hex digits."""
    told = sorted((v.maker, v.fingerprint) for v in list_versions().values())
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def _compare(base: str) -> tuple[list[Change], frozenset[str], list[str]]:
    """Makers whose code differs from that of a commit, recipes that do, and what the commit does not tell."""
    from models.recipes import RECIPES

    tree = GitTree(base)
    before, after = Project(tree), Project(FolderTree())
    was, now = list_versions(before), list_versions()
    changes = []
    for maker in sorted({*was, *now}):
        old, new = was.get(maker), now.get(maker)
        if old is not None and new is not None and old.fingerprint == new.fingerprint:
            continue
        one = new or old
        assert one is not None
        changes.append(
            Change(
                maker,
                one.table,
                old.value if old else "",
                new.value if new else "",
                tuple(compare(maker, before, after)),
                new.because if new else "",
            )
        )
    recipes = set()
    for name in RECIPES:
        taken = [
            p.take_fingerprint([f"models.recipes:{name}"]) for p in (before, after)
        ]
        if taken[0] is None or taken[1] is None or taken[0].value != taken[1].value:
            recipes.add(name)
    untold = [] if tree.read_file(LISTED_AT) else [_NO_VERSIONS.format(base=base)]
    return changes, frozenset(recipes), untold


def _choose_reasons(
    base: str | None, changes: Sequence[Change], selected: frozenset[str]
) -> Keep:
    """Which stale rows belong to the plan."""
    if base is not None:
        makers = {change.maker for change in changes if not change.is_same}
        return lambda one: one.reason == CODE and one.maker in makers
    if selected:
        return lambda one: one.asset in selected
    return lambda one: True


def _list_stale(
    catalog: Catalog,
    settings: Settings,
    sessions: frozenset[str] | None,
    selected: frozenset[str],
) -> tuple[list[Stale], list[str]]:
    """Stale rows of the steps of sessions, and what was not looked at."""
    versions = list_versions()
    clocks, is_whole = list_stale_clocks(
        catalog, sessions, "capture/clock_reports" in selected
    )
    notes = [] if is_whole else [_NOT_HASHED]
    stale = [
        *list_stale_captures(catalog, sessions, bool(_INTAKE & selected)),
        *list_stale_covers(catalog, sessions, "capture/anonymised_frames" in selected),
        *clocks,
        *list_stale_frames(
            catalog,
            "frame_quality",
            versions["frame_quality"].value,
            sessions,
            "curation/frame_quality" in selected,
        ),
        *list_stale_frames(
            catalog,
            "frame_embeddings",
            name_version(settings.workspace.encoder),
            sessions,
            "curation/frame_embeddings" in selected,
        ),
        *list_stale_verdicts(catalog, sessions),
    ]
    return stale, notes


# assets of sessions that are no step of every session
_ASKED_FOR = {"monitoring": ("predictions", "drift"), "tracking": ("tracks",)}
_NOT_HASHED = "whether clocks have another input was not looked at, of so many frames and signals: name --sessions"
_NOT_COMPARED = "whether tracks have another input was not looked at, of so many answers: name --sessions"
_NO_VERSIONS = "{base} is from before versions came from code: what its code is called is not known"
_INTAKE = {
    f"capture/{noun}"
    for noun in (
        "recordings",
        "frames",
        "signals",
        "scans",
        "calibrations",
        "imported_labels",
    )
}


def _draw_lines(stale: Sequence[Stale]) -> Iterable[Line]:
    """One line an asset, reason and difference, with its sessions."""
    groups: dict[tuple[str, str, str], list[Stale]] = {}
    for one in stale:
        groups.setdefault((one.asset, one.reason, one.why), []).append(one)
    for (asset, reason, why), members in groups.items():
        rows = {
            one.session: one.rows for one in sorted(members, key=lambda o: o.session)
        }
        yield Line(asset, reason, why, "rows", sum(rows.values()), rows, True)


def _price(
    line: Line, rates: Mapping[str, Rate], price: float | None, num_frames: int
) -> Line:
    """The line with its cost, where recorded runs tell one."""
    asset, count = line.asset, line.num_rows
    if asset == "capture/recordings" and line.unit == "rows":
        asset, count = (
            "capture/frames",
            num_frames,
        )  # captures are as long as their frames
    rate = rates.get(asset)
    if rate is None or count is None:
        return line
    hours = count * rate.median_s / _HOUR_S
    cost = Cost(
        hours,
        count * rate.least_s / _HOUR_S,
        count * rate.most_s / _HOUR_S,
        rate.num_runs,
        None if price is None else hours * price,
    )
    return replace(line, cost=cost)


def _add(costs: Sequence[Cost], price: float | None) -> Cost:
    hours = sum(cost.device_hours for cost in costs)
    return Cost(
        hours,
        sum(cost.least for cost in costs),
        sum(cost.most for cost in costs),
        sum(cost.num_runs for cost in costs),
        None if price is None else hours * price,
    )
