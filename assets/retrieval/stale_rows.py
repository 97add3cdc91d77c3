"""Which rows of sessions a run would make anew, and why: as the steps of a session compare them, without making any."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from assets.capture.versions import name_code
from assets.code_versions import version_of
from assets.retrieval.stale_reasons import (
    CODE,
    ENCODER,
    INPUT,
    MAX_HASHED,
    MISSING,
    SELECTED,
    UNVERSIONED,
)
from assets.tables.catalog import Catalog, is_in, repr_sql


@dataclass(frozen=True)
class Stale:
    """Rows of one asset and session for one reason. `why` names what differs; `maker` whose code, where it is that."""

    asset: str
    session: str
    reason: str
    why: str
    rows: int
    maker: str = ""
    frames: int = 0  # of captures: what is read again


def list_stale_frames(
    catalog: Catalog,
    table: str,
    version: str,
    sessions: Collection[str] | None = None,
    is_selected: bool = False,
) -> list[Stale]:
    """Rows of a table with one a frame (`refresh_frames`). `sessions` None: all; selected: current rows too."""
    where = None if sessions is None else is_in("session", sorted(sessions))
    colour = "kind = 'color'" if where is None else f"{where} AND kind = 'color'"
    frames = catalog.read("frames", ["frame_id", "session", "sha256"], colour)
    columns = ["frame_id", "input_sha256", "code_version"]
    have = catalog.read_latest(table, columns, where)
    place = pc.index_in(frames["frame_id"], value_set=have["frame_id"])
    is_there = pc.is_valid(place)
    is_same = pc.fill_null(
        pc.equal(have["input_sha256"].take(place), frames["sha256"]), False
    )
    found = pa.table(
        {
            "session": frames["session"],
            "is_there": is_there,
            "is_same": is_same,
            "code": pc.fill_null(have["code_version"].take(place), ""),
        }
    )
    groups = found.group_by(found.column_names).aggregate([([], "count_all")])
    asset = f"curation/{table}"
    stale = []
    for row in groups.to_pylist():
        reason, why = _explain_frame(row, version, is_selected)
        if reason:
            maker = table if reason == CODE else ""
            stale.append(
                Stale(asset, row["session"], reason, why, row["count_all"], maker)
            )
    return stale


def list_stale_captures(
    catalog: Catalog,
    sessions: Collection[str] | None = None,
    is_selected: bool = False,
) -> list[Stale]:
    """Captures that other code would make otherwise: they are read again where their session is ingested again."""
    where = None if sessions is None else is_in("session", sorted(sessions))
    columns = ["session", "reader", "code_version", "num_frames"]
    rows = catalog.read_latest("captures", columns, where)
    groups = rows.group_by(columns[:3]).aggregate(
        [([], "count_all"), ("num_frames", "sum")]
    )
    stale = []
    for row in groups.to_pylist():
        made_by = row["code_version"].split(" ")[0]
        try:
            now = name_code(row["reader"])
        except KeyError:  # a reader that is no more
            continue
        if made_by == now and not is_selected:
            continue
        maker = (
            "captures"
            if made_by.partition(".")[0] != version_of("captures")
            else f"reader {row['reader']}"
        )
        reason, why = (
            (SELECTED, "")
            if made_by == now
            else (CODE, f"{row['reader']} {made_by} made them, {now} would")
        )
        stale.append(
            Stale(
                "capture/recordings",
                row["session"],
                reason,
                why,
                row["count_all"],
                maker if reason == CODE else "",
                row["num_frames_sum"],
            )
        )
    return stale


def list_stale_covers(
    catalog: Catalog,
    sessions: Collection[str] | None = None,
    is_selected: bool = False,
) -> list[Stale]:
    """Frames under a privacy policy whose picture is not covered as policy, labels and code of today cover it."""
    from assets.privacy.session import list_due

    stale = []
    for due in list_due(catalog, sessions, is_selected):
        reason = INPUT
        if not due.made_by:
            reason = MISSING
        elif due.version and due.made_by != {due.version}:
            reason = CODE
        elif is_selected:
            reason = SELECTED
        told = ", ".join(sorted(due.made_by - {due.version}))
        why = f"{told} covered them, {due.version} would" if reason == CODE else ""
        maker = "anonymised_frames" if reason == CODE else ""
        asset = "capture/anonymised_frames"
        stale.append(Stale(asset, due.session, reason, why, due.num_frames, maker))
    return stale


def list_stale_clocks(
    catalog: Catalog,
    sessions: Collection[str] | None = None,
    is_selected: bool = False,
) -> tuple[list[Stale], bool]:
    """Rows of `clock_reports`, and whether inputs were compared too, which takes the hash of what captures hold."""
    where = None if sessions is None else is_in("session", sorted(sessions))
    columns = ["capture_id", "session", "input_sha256", "code_version"]
    have = catalog.read_latest("clock_reports", columns, where).to_pylist()
    by_capture: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in have:
        by_capture[row["capture_id"]].append(row)
    is_hashed = _count_readable(catalog, where) <= MAX_HASHED
    if not is_hashed:
        return _list_clocks_by_code(have, is_selected), False
    from assets.clocks.reports import read_inputs

    version = version_of("clock_reports")
    stale = []
    for capture_id, inputs in read_inputs(catalog, where).items():
        rows = by_capture.get(capture_id, [])
        reason, why = (
            _explain_clock(rows, inputs.sha256, version) if rows else (MISSING, "")
        )
        reason = reason or (SELECTED if is_selected else "")
        if reason and inputs.num_streams:
            maker = "clock_reports" if reason == CODE else ""
            stale.append(
                Stale(
                    "capture/clock_reports",
                    inputs.session,
                    reason,
                    why,
                    inputs.num_streams,
                    maker,
                )
            )
    return add_up(stale), True


def list_stale_verdicts(
    catalog: Catalog, sessions: Collection[str] | None = None
) -> list[Stale]:
    """What other code than today's has said in the name of today's champions: predictions on sessions, and drift."""
    champions = catalog.read_latest("champions").to_pylist()
    if not champions:
        return []
    hashes = is_in("model_sha256", [c["model_sha256"] for c in champions])
    versions = " OR ".join(
        f"(model_name = {repr_sql(c['model_name'])} AND model_version = {c['model_version']})"
        for c in champions
    )
    stale = []
    for table, where in (
        ("predictions", f"purpose = 'monitoring' AND {hashes}"),
        ("drift", f"({versions})"),
    ):
        if sessions is not None:
            where = f"{where} AND {is_in('session', sorted(sessions))}"
        version = version_of(table)
        rows = catalog.read_latest(table, ["session", "code_version"], where)
        groups = rows.group_by(rows.column_names).aggregate([([], "count_all")])
        for row in groups.to_pylist():
            made_by = row["code_version"] or UNVERSIONED
            if made_by != version:
                why = f"{made_by} made them, {version} would"
                asset = f"monitoring/{table}"
                count = row["count_all"]
                stale.append(Stale(asset, row["session"], CODE, why, count, table))
    return stale


def add_up(stale: Sequence[Stale]) -> list[Stale]:
    """Those that differ in counts alone, as one."""
    rows = Counter[tuple[str, str, str, str, str]]()
    frames = Counter[tuple[str, str, str, str, str]]()
    for one in stale:
        key = (one.asset, one.session, one.reason, one.why, one.maker)
        rows[key] += one.rows
        frames[key] += one.frames
    return [
        Stale(asset, session, reason, why, rows[key], maker, frames[key])
        for key in rows
        for asset, session, reason, why, maker in [key]
    ]


def _explain_frame(
    row: Mapping[str, object], version: str, is_selected: bool
) -> tuple[str, str]:
    """Reason and what differs; "" where the row is as it should be."""
    code = str(row["code"])
    if not row["is_there"]:
        return MISSING, ""
    if not row["is_same"]:
        return INPUT, "their pictures have other bytes"
    if code == version:
        return (SELECTED, "") if is_selected else ("", "")
    told = f"{code} made them, {version} would"
    is_of_code = code.partition(":")[0] != version.partition(":")[0]
    return (CODE if is_of_code else ENCODER), told


def _explain_clock(
    rows: Sequence[Mapping[str, str]], sha256: str, version: str
) -> tuple[str, str]:
    codes = {row["code_version"] for row in rows}
    if codes != {version}:
        return (
            CODE,
            f"{', '.join(sorted(codes - {version}))} made them, {version} would",
        )
    if {row["input_sha256"] for row in rows} != {sha256}:
        return INPUT, "the capture's frames, signals or calibrations are others"
    return "", ""


def _list_clocks_by_code(
    have: Sequence[Mapping[str, str]], is_selected: bool
) -> list[Stale]:
    version = version_of("clock_reports")
    counts = Counter((row["session"], row["code_version"]) for row in have)
    return [
        Stale(
            "capture/clock_reports",
            session,
            CODE if code != version else SELECTED,
            f"{code} made them, {version} would" if code != version else "",
            count,
            "clock_reports" if code != version else "",
        )
        for (session, code), count in sorted(counts.items())
        if code != version or is_selected
    ]


def _count_readable(catalog: Catalog, where: str | None) -> int:
    total = 0
    for table in ("frames", "signals"):
        readable = catalog.readable(table, where)
        if readable is not None:
            total += readable[0].count_rows(filter=readable[1])
    return total
