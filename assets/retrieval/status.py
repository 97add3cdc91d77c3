"""The state of one home at a glance: sessions, tables, champions, drift, work under way, disk.

Reads only, but for what a power cut took: that is set aside, and said, by whoever opens the tables first.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from assets.alike_sessions import REMEDY, count_alike
from assets.copies import recall_copies
from assets.erased_files import find_erased_files
from assets.exclusions import WHOLE, Exclusion, index_coverings
from assets.landing import LandingZone, explain
from assets.ledger import Ledger
from assets.monitoring.answers import describe_answer
from assets.monitoring.feeds import read_feeds
from assets.monitoring.reach import OUTSIDE, can_take_in
from assets.pixel_cache import measure_folder
from assets.privacy.keys import SealKeys
from assets.privacy.needed import list_needed_keys, tell_missing
from assets.privacy.told import tell_privacy
from assets.registry.audit import find_champion_faults
from assets.registry.person import tell_act, tell_time
from assets.registry.reading import StoreReader
from assets.retrieval.dagster_runs import Engine, read_engine
from assets.retrieval.drift import describe_feed
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog
from assets.tables.champions import (
    list_last_changes,
    list_unfollowed,
    read_champions_choice,
)
from assets.tables.erased_from import find_taught
from assets.tables.recovery import list_losses
from assets.tables.rows import PromotionRow
from assets.terms.ending import list_ending
from assets.workspace import Workspace

Row = dict[str, Any]

_VERDICT = "session"  # `drift.statistic` of the row that holds a session's verdict


@dataclass(frozen=True)
class Home:
    """What is looked at."""

    catalog: Catalog
    zone: LandingZone
    folder: Path
    dagster_url: str | None = None  # of Dagster's storage; None: files of the home
    registry: StoreReader | None = None  # None: it is not looked at
    remind_days: int = 30  # before the end of a consent
    seal_key: str = field(default="", repr=False)  # of the environment


def read_status(home: Home) -> dict[str, Any]:
    """Everything as plain values. Costs one listing of the landing zone and one of the tables."""
    promoted = home.catalog.read_latest("champions").sort_by("task").to_pylist()
    changes = list_last_changes(home.catalog)
    tables = _list_tables(home.catalog, home.zone.folder.options)
    around = home.zone.look_around()
    exclusions = home.zone.ledger.exclusions()
    sessions = _list_sessions(home, around.sessions, exclusions)
    # not looked at twice: they may be large
    listed = {home.zone.folder.uri: sum(s["size_bytes"] for s in sessions)}
    return {
        "home": str(home.folder.resolve()),
        "landing_zone": home.zone.folder.uri,
        "sessions": sessions,
        "forgotten": [asdict(e) for e in exclusions],
        "privacy": [asdict(told) for told in tell_privacy(home.catalog)],
        "seal_keys": _list_seal_keys(home),
        "erasures_under_way": sorted(home.zone.ledger.erasures()),
        "landing_fault": around.fault,
        "unusable_folders": around.unusable,
        "pauses": [
            vars(p) | {"left_s": round(p.left_s)} for p in home.zone.ledger.pauses()
        ],
        "tables": tables,
        "champions": [
            {k: c[k] for k in ("task", "model_name", "model_version", "release_id")}
            for c in promoted
        ],
        "promotions": [_describe_change(record) for record in changes],
        **_look_into_registry(home),
        "unfollowed": list_unfollowed(home.catalog),
        "taught_by_erased": _list_taught(home.catalog, promoted),
        "drift": _list_drift(home.catalog),
        "stopped_feeds": [
            describe_feed(feed)
            for feed in read_feeds(home.catalog)
            if feed.state == "stopped"
        ],
        "retraining_requests": _list_open_requests(
            home.catalog,
            promoted,
            read_engine(home.folder / "dagster", home.dagster_url),
        ),
        "consents": [
            {**asdict(one), "summary": one.summary}
            for one in list_ending(home.catalog, home.remind_days)
        ],
        "leases": [
            {**lease, "left_s": round(lease["left_s"], 1)}
            for lease in home.zone.ledger.leases()
        ],
        "lost": [
            {**asdict(loss), "summary": loss.summary}
            for loss in list_losses(home.catalog.uri)
        ],
        "disk": _measure_disk(home.folder.resolve(), listed),
        "pixel_cache_bytes": measure_folder(Workspace(home.folder).pixels.folder),
    }


def _list_sessions(
    home: Home, folders: Mapping[str, Folder], exclusions: Sequence[Exclusion]
) -> list[Row]:
    """One row a session. `fault` is why it cannot be listed, with the remedy; `frames` are the stored ones, those of a
    session that is held too.

    `state` is the first that is true: forgotten, gone, unreachable, waiting, copy, held, partial (some files are in
    quarantine, others are taken in), quarantined, ingested, empty.
    `copy_of` names the sessions that hold the bytes of all its recordings; `alike` says where hardly a picture is left
    to learn from.
    """
    asks = home.zone.ledger.count_erased() > 0
    forgotten = {e.session for e in exclusions if e.path == WHOLE}
    # session -> path -> version -> outcome
    ledger: dict[str, dict[str, dict[str, str]]] = {}
    used: dict[str, set[str]] = {}  # session -> captures of its files
    columns = ["session", "path", "version", "outcome", "capture_id"]
    for row in home.zone.ledger.file_table().select(columns).to_pylist():
        ledger.setdefault(row["session"], {}).setdefault(row["path"], {})[
            row["version"]
        ] = row["outcome"]
        if row["capture_id"]:
            used.setdefault(row["session"], set()).add(row["capture_id"])
    captures = home.catalog.read_latest("captures", ["capture_id", "session"])
    owners = {row["capture_id"]: row["session"] for row in captures.to_pylist()}
    stored = home.catalog.read_latest("frames", ["session"])["session"]
    frames = Counter[str]({n["values"]: n["counts"] for n in stored.value_counts().to_pylist()})  # fmt: skip
    held: dict[str, list[Row]] = {}
    for row in home.catalog.read_latest("publications", where="is_held").to_pylist():
        held.setdefault(row["session"], []).append(
            {"table": row["table_name"], "reason": row["reason"]}
        )
    alike = _read_alike(home.catalog)
    rows = []
    for session in sorted({*folders, *ledger}):
        known = ledger.get(session, {})
        folder = folders.get(session)
        files, fault = _list_files(folder)
        if folder is not None and known and files:
            _recall(home.zone.ledger, session, folder, files, known)
        mine = [e for e in exclusions if e.session == session]
        covering = index_coverings(mine)
        files = [f for f in files if covering(f.path) is None]
        if folder is not None and files and asks:
            erased = find_erased_files(home.zone.ledger, folder, files)
            files = [f for f in files if f.path not in erased]
        others = {owners[c] for c in used.get(session, ()) if c in owners}
        facts = {
            **_count_files(files, known),
            "copy_of": [] if session in others else sorted(others),
            "frames": frames[session],
            "held": held.get(session, []),
            "alike": alike.get(session, ""),
            "fault": fault,
        }
        rows.append(
            {
                "session": session,
                "place": folders[session].uri if session in folders else "",
                "state": "forgotten"
                if session in forgotten
                else _name_state(session in folders, facts),
                **facts,
            }
        )
    return rows


def _list_seal_keys(home: Home) -> list[Row]:
    """Those that what is sealed opens by; `summary` says of one that it does not, and what helps."""
    keys = SealKeys(home.folder, home.seal_key)
    return [
        {**asdict(key), "summary": tell_missing(key) if key.fault else ""}
        for key in list_needed_keys(home.catalog, keys)
    ]


def _read_alike(catalog: Catalog) -> dict[str, str]:
    """Why hardly a picture of a session is left to learn from, of those of which that is so."""
    columns = ["session", "duplicate_of"]
    found = count_alike(catalog.read_latest("unique_frames", columns))
    return {one.session: f"{one}: {REMEDY}" for one in found if one.is_still}


def _recall(
    ledger: Ledger,
    session: str,
    folder: Folder,
    files: Sequence[SessionFile],
    known: dict[str, dict[str, str]],
) -> None:
    """Let files that were copied with the home be what they were."""
    if any(f.version in known.get(f.path, {}) for f in files):
        return
    for o in recall_copies(folder, files, ledger.outcomes(session).values()):
        known[o.path][o.version] = o.outcome


def _list_files(folder: Folder | None) -> tuple[list[SessionFile], str]:
    """What lies in a session's folder, or why that cannot be told."""
    try:
        return (folder.files() if folder is not None else []), ""
    except OSError as error:
        return [], explain(cast(Folder, folder), error)


def _count_files(
    listed: Sequence[SessionFile], known: dict[str, dict[str, str]]
) -> dict[str, int]:
    """Files as they lie there now, by what became of these very versions; files that are gone do not count."""
    outcomes = Counter(known.get(f.path, {}).get(f.version, "waiting") for f in listed)
    sizes = {"files": len(listed), "size_bytes": sum(f.size_bytes for f in listed)}
    return sizes | {
        n: outcomes[n] for n in ("waiting", "ingested", "quarantined", "dropped")
    }


def _name_state(is_there: bool, facts: Row) -> str:
    if not is_there or (not facts["files"] and facts["frames"]):
        return "gone"
    if facts["fault"]:
        return "unreachable"
    if facts["waiting"]:
        return "waiting"
    if facts["copy_of"]:
        return "copy"
    if facts["held"]:
        return "held"
    if facts["quarantined"]:
        is_some = facts["ingested"] or facts["frames"]
        return "partial" if is_some else "quarantined"
    return "ingested" if facts["files"] else "empty"


def _list_tables(catalog: Catalog, options: dict[str, Any]) -> list[Row]:
    rows = []
    folder = Folder(catalog.uri, options)
    sizes = Counter[str]()
    if folder.exists():
        for file in folder.files():
            sizes[file.path.split(".lance/", 1)[0]] += file.size_bytes
    for name in catalog.names():
        dataset = catalog.open_stored(name)
        rows.append(
            {
                "table": name,
                "rows": dataset.count_rows(),
                "version": dataset.version,
                "published": catalog.published_version(name),
                "size_bytes": sizes[name],
            }
        )
    return rows


def _describe_change(record: PromotionRow) -> Row:
    """How a champion came to be it. `has_ended`: the time of its approval is over."""
    until_ns = record["until_ns"]
    names = ("task", "act", "who", "why", "before_version", "after_version")
    return {
        **{name: record[name] for name in names},  # type: ignore[literal-required]
        "at": tell_time(record["at_ns"]),
        "until": tell_time(until_ns) if until_ns else None,
        "has_ended": until_ns is not None and until_ns <= time.time_ns(),
        "summary": tell_act(record),
    }


def _look_into_registry(home: Home) -> Row:
    """`waiting`: versions that wait for a person. `registry_faults`: champions that MLflow lacks or names otherwise, or
    why its store cannot be read. Of a store behind a server neither is known."""
    registry = home.registry
    if registry is None or not registry.is_readable:
        return {"waiting": [], "registry_faults": []}
    try:
        faults = list(map(asdict, find_champion_faults(home.catalog, registry)))
        waiting = [f"{task}/{version}" for task, version in registry.waiting()]
    except ValueError as error:
        told = {"where": "MLflow", "reason": str(error), "remedy": "`daguerre verify`"}
        return {"waiting": [], "registry_faults": [told]}
    return {"waiting": waiting, "registry_faults": faults}


def _list_taught(catalog: Catalog, promoted: Sequence[Row]) -> list[Row]:
    """Champions that have learnt what was erased since."""
    taught = find_taught(catalog)
    return [
        {"task": c["task"], "model_version": c["model_version"], "reason": reason}
        for c in promoted
        if (reason := taught.get(c["model_sha256"]))
    ]


def _list_drift(catalog: Catalog) -> list[Row]:
    """The verdict on each session by each champion of the time, drifted ones and those without a verdict."""
    columns = [
        "session",
        "model_name",
        "model_version",
        "statistic",
        "is_drifted",
        "reason",
    ]
    rows = catalog.read_latest("drift", columns).to_pylist()
    kept = [
        r
        for r in rows
        if r.pop("statistic") == _VERDICT and r["is_drifted"] is not False
    ]
    return sorted(
        kept, key=lambda r: (r["session"], r["model_name"], r["model_version"])
    )


def _list_open_requests(
    catalog: Catalog, promoted: list[Row], engine: Engine
) -> list[Row]:
    """Requests that no later champion of the task has answered, each with what answers it.

    The sensor asks for the newest of a task alone: its run answers those before it too.
    """
    newest = {champion["task"]: champion["model_version"] for champion in promoted}
    rows = catalog.read_latest("retraining_requests").to_pylist()
    kept = [r for r in rows if newest.get(r["task"], 0) <= r["model_version"]]
    kept.sort(key=lambda r: (r["task"], r["requested_ns"]))
    outside = {r["request_id"] for r in kept if not _is_within_reach(catalog, r)}
    last = {r["task"]: r["request_id"] for r in kept if r["request_id"] not in outside}
    return [
        {k: r[k] for k in ("task", "session", "model_version", "reason")}
        | {
            "answer": OUTSIDE
            if r["request_id"] in outside
            else describe_answer(
                r["task"], engine.runs.get(last[r["task"]], []), engine.obstacle
            )
        }
        for r in kept
    ]


def _is_within_reach(catalog: Catalog, request: Row) -> bool:
    choice = read_champions_choice(catalog, request["task"])
    return can_take_in(catalog, choice, request["session"])


def _measure_disk(home: Path, listed: dict[str, int]) -> dict[str, int]:
    used = {
        p.name: listed[str(p)] if str(p) in listed else _size(p)
        for p in sorted(home.iterdir())
    }
    return {
        "home_bytes": sum(used.values()),
        "free_bytes": shutil.disk_usage(home).free,
        **used,
    }


def _size(path: Path) -> int:
    """Bytes below, links not followed, what vanishes meanwhile not counted. Of a file with holes what it takes of the
    disk."""
    if path.is_symlink() or not path.is_dir():
        return _weigh(path.lstat())
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                total += _weigh(os.lstat(os.path.join(folder, name)))
    return total


def _weigh(file: os.stat_result) -> int:
    return min(file.st_size, file.st_blocks * 512)
