"""What `daguerre status` says to a person: lines and tables that fit the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assets.wording import many
from orchestration.cli.output import format_bytes, shorten
from orchestration.cli.tables import print_lines, print_table

_MORE = "daguerre status --wide"
_COUNTED = ("waiting", "ingested", "quarantined", "dropped")


def print_status(facts: Mapping[str, Any], is_wide: bool) -> None:
    """The facts of `read_status`, wrapped to the terminal unless everything is to be on one line."""
    print_lines(_tell_home(facts), is_wide)
    print_lines(_tell_sessions(facts), is_wide)
    print_lines(_tell_privacy(facts), is_wide)
    tables = [
        {"size" if k == "size_bytes" else k: v for k, v in table.items()}
        | {"size": format_bytes(table["size_bytes"])}
        for table in facts["tables"]
    ]
    if tables:
        print_table(tables, "tables", is_wide, _MORE)
    if facts["champions"]:
        print_table(facts["champions"], "champions", is_wide, _MORE)
    print_lines(_tell_champions(facts), is_wide)
    print_lines(_tell_feeds(facts), is_wide)
    for name, rows in (("drift", _list_drift(facts)), ("leases", facts["leases"])):
        if rows:
            print_table(rows, name, is_wide, _MORE)
    print_lines(_tell_requests(facts), is_wide)


def _tell_feeds(facts: Mapping[str, Any]) -> Iterator[str]:
    for feed in facts["stopped_feeds"]:
        yield f"  STOPPED: sensor {feed['sensor']}: {feed['reason']}"


def tell_gaps(gaps: Sequence[str]) -> list[str]:
    """What of the confinement of decoders the system lacks."""
    if not gaps:
        return ["decoders of foreign images: no privileges, no network, no files"]
    return [f"decoders of foreign images go on without: {gap}" for gap in gaps]


def _tell_home(facts: Mapping[str, Any]) -> Iterator[str]:
    disk = facts["disk"]
    sizes = (
        f"{format_bytes(disk['home_bytes'])}, {format_bytes(disk['free_bytes'])} free"
    )
    yield f"home {facts['home']}: {sizes}"
    yield (
        f"landing zone {facts['landing_zone']}: {_tell_landed(facts)}; a folder that is put there becomes a "
        "session, which `daguerre ui` takes in by itself"
    )
    if kept := facts["pixel_cache_bytes"]:
        yield (
            f"decoded training images: {format_bytes(kept)} below cache/pixels; to remove them costs time alone"
        )
    if facts["ledger_fault"]:
        yield f"  files, sources and leases are not known: {facts['ledger_fault']}"
    if facts["landing_fault"]:
        yield f"  {facts['landing_fault']}"
    for loss in facts["lost"]:
        yield f"  LOST: {loss['summary']}"


def _tell_landed(facts: Mapping[str, Any]) -> str:
    """How many of the sessions lie in the landing zone."""
    zone = facts["landing_zone"]
    num_inside = sum(s["place"].startswith(f"{zone}/") for s in facts["sessions"])
    return f"{many(num_inside, 'session')} in it" if num_inside else "empty"


def _tell_sessions(facts: Mapping[str, Any]) -> Iterator[str]:
    num_sessions = len(facts["sessions"])
    where = ", wherever they lie" * bool(num_sessions)
    yield f"sessions: {num_sessions or 'none yet'}{where}"
    if not num_sessions:
        yield "  `daguerre ingest PLACE` takes one in, from anywhere"
    for session in facts["sessions"]:
        yield from tell_session(session, facts["landing_zone"])
    for erasure in facts["erasures_under_way"]:
        yield f"  WARNING: erasure {erasure[:8]} is not done: `daguerre forget --resume` ends it"
    for said in facts["forgotten"]:
        rows = "its rows stay" if said["keeps_rows"] else "its rows are out"
        what = "/".join(filter(None, (said["session"], said["path"])))
        why = shorten(said["reason"] or "no reason was given", 80)
        yield f"  forgotten: {what} by {said['by']} at {said['at']} ({why}); {rows}"
    for consent in facts["consents"]:
        yield f"  {consent['summary']}: `daguerre consent {consent['subject']}` renews it"
    for folder in facts["unusable_folders"]:
        yield f"  not a session: folder {folder!r}: rename it to letters, digits, '-' and '_'"
    for pause in facts["pauses"]:
        yield f"  {_tell_pause(pause)}"


def _tell_privacy(facts: Mapping[str, Any]) -> Iterator[str]:
    """That nothing is covered is told too: it is so by default."""
    policies = facts["privacy"]
    if not policies and facts["sessions"]:
        yield "privacy: no session is under a policy: pictures are shown as they came"
    for told in policies:
        yield (
            f"privacy: {told['session']}: {told['covered']} of {told['frames']} frames covered ({told['covers']}), "
            f"{told['blank']} blank, what they came with sealed"
        )
        if told["covered_low"] is not None:
            yield f"  at least {told['covered_low']:.3f} of faces like those of its probe set are covered"
        if told["sealed_recordings"]:
            yield f"  {many(told['sealed_recordings'], 'recording')} (video, MCAP, archive) sealed as a whole"
        if told["recordings"]:
            yield (
                f"  NOT SEALED: {many(told['recordings'], 'recording')} (video, MCAP, archive) among the blobs as they "
                "came: ingest the session again; `daguerre maintain` removes what older versions do not need"
            )
        if told["hidden"]:
            yield (
                f"  {told['hidden']} depth images are covered whole, as nothing says which of their pixels show what "
                "is covered: record calibrations of both cameras, or state `depth: false`"
            )
        if told["scans"]:
            yield (
                f"  NOT COVERED: {told['scans']} scans: points of people stay as they came; `scans: hold` keeps scans "
                "out of the tables"
            )
        if told["positions"]:
            yield (
                f"  NOT HIDDEN: {told['positions']} positions on Earth: state `position: drop`, or a grid, and ingest "
                "the session again"
            )
        for kept_out in told["kept_out"]:
            yield f"  {kept_out}"
    for key in facts["seal_keys"]:
        if key["summary"]:
            yield f"  WARNING: {key['summary']}"


def tell_session(session: Mapping[str, Any], zone: str) -> Iterator[str]:
    """Of one of its sessions, where the landing zone is `zone`."""
    counts = ", ".join(f"{session[n]} {n}" for n in _COUNTED if session[n])
    files = f"{many(session['files'], 'file')} ({counts or 'none'}), {many(session['frames'], 'frame')}"
    yield f"  {session['state']:<12} {session['session']}: {files}"
    if session["place"] and session["place"] != f"{zone}/{session['session']}":
        yield f"      in {session['place']}"
    if session["fault"]:
        yield f"      {session['fault']}"
    if session["copy_of"]:
        yield f"      already in session {', '.join(session['copy_of'])}"
        return
    held: dict[str, list[str]] = {}
    for decision in session["held"]:
        held.setdefault(decision["reason"], []).append(decision["table"])
    if session["alike"]:
        yield f"      WARNING: {session['alike']}"
    for reason, tables in held.items():
        yield f"      {', '.join(tables)} held: {shorten(reason, 160)}"


def _tell_champions(facts: Mapping[str, Any]) -> Iterator[str]:
    """Who made them champions and why, and where MLflow says otherwise."""
    for change in facts["promotions"]:
        until = f", until {change['until']} UTC" if change["until"] else ""
        yield f"  {change['task']}: {shorten(change['summary'], 160)}{until}"
        if change["has_ended"]:
            task = change["task"]
            yield (
                f"    that time is over: `daguerre approve {task}/{change['after_version']} --because ...` renews it, "
                f"`daguerre rollback {task} --because ...` takes it back"
            )
    for taught in facts["taught_by_erased"]:
        who = f"{taught['task']}/{taught['model_version']}"
        yield f"  WARNING: {who} is served, and learnt what is erased: {taught['reason']}"
    for name in facts["waiting"]:
        yield f"  {name} waits for a person: `daguerre approve {name} --because ...`"
    named = {fault["where"] for fault in facts["registry_faults"]}
    for fault in facts["registry_faults"]:
        yield f"  {fault['where']}: {fault['reason']}: {fault['remedy']}"
    for task in facts["unfollowed"]:
        if f"champion of {task}" not in named:
            yield (
                f"  MLflow may name another champion of {task} than the tables, which count: the next training mends "
                "that"
            )


def _tell_requests(facts: Mapping[str, Any]) -> Iterator[str]:
    """What is asked of several models for one reason stands once."""
    for requests in _group(facts["retraining_requests"], "session", "reason"):
        tasks = [f"{r['task']} (champion {r['model_version']})" for r in requests]
        who = f"{', '.join(tasks)} for {requests[0]['session']}"
        yield f"retraining request: {who}: {shorten(requests[0]['reason'], 100)}"
        for answer in dict.fromkeys(r["answer"] for r in requests):
            yield f"  -> {answer}"


def _list_drift(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of a table; models that drifted by one reason stand in one."""
    return [
        {
            "session": rows[0]["session"],
            "models": ", ".join(
                f"{row['model_name']}/{row['model_version']}" for row in rows
            ),
            "is_drifted": rows[0]["is_drifted"],
            "reason": rows[0]["reason"],
        }
        for rows in _group(facts["drift"], "session", "is_drifted", "reason")
    ]


def _group(
    rows: Sequence[Mapping[str, Any]], *names: str
) -> list[list[Mapping[str, Any]]]:
    """Rows of equal values together, in the order of the first of each."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(found.values())


def _tell_pause(pause: Mapping[str, Any]) -> str:
    times = "once" if pause["num_failures"] == 1 else f"{pause['num_failures']} times"
    left_s = pause["left_s"]
    then = f"again in {left_s} s" if left_s > 0 else "again at the next look"
    who = pause["session"] or "the landing zone"
    return f"{pause['what']} of {who} failed {times}, {then}: {shorten(pause['reason'], 160)}"
