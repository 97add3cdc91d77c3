"""What intake says to a person: counts, what was dropped, what could not be read, and why a session is held back."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from assets.causes import AND_ALIKE, group_by_cause
from assets.wording import many

_MOST = 20  # lines of a kind
_SHOWN_PLANS = 5  # of one reader
_NEWS = {"classes_are_known"}  # checks that tell what is new, where nothing is wrong
K = TypeVar("K")
T = TypeVar("T")


def describe_intake(
    facts: Mapping[str, Any], labels: Sequence[str], is_verbose: bool
) -> list[str]:
    """Lines on one intake, of the facts that `daguerre ingest --json` prints."""
    from assets.formats.protocol import NOT_READ

    return [
        _count_contents(facts),
        _count_files(facts),
        *_tell_gone(facts),
        *_tell_copies(facts["copies"]),
        *_tell_erased(facts["erased"]),
        *(f"  {NOT_READ}: {what}" for what in facts["not_read"]),
        *labels,
        *_tell_quarantined(facts, is_verbose),
        *(f"  nothing could be read of {what}" for what in facts["silent"]),
        *_tell_checks(facts, is_verbose),
    ]


def describe_plan(facts: Mapping[str, Any], is_verbose: bool) -> list[str]:
    """Lines on what each file would be read as; what is alike is one line with a count, unless all is asked for."""
    from assets.formats.protocol import NO_DATA, NOT_READ

    captures = facts["captures"]
    lines = []
    for reader, mine in _group(captures, lambda c: c["reader"]):
        if is_verbose or len(mine) <= _SHOWN_PLANS:
            lines += [line for capture in mine for line in _tell_capture(capture)]
            continue
        roots = _list_first(c["root"] or "." for c in mine)
        num_files = sum(c["files"] for c in mine)
        lines.append(
            f"{reader}: {many(len(mine), 'capture')}, {many(num_files, 'file')}: {roots}"
        )
        lines += [*_tell_left_out(mine), *_tell_labels(mine), *_tell_unreadable(mine)]
    alike = _group(facts["unread"], lambda u: (u["is_document"], u["reason"]))
    for (is_document, reason), mine in alike:
        what = NO_DATA if is_document else NOT_READ
        remedies = list(dict.fromkeys(u["remedy"] for u in mine if u["remedy"]))
        helps = f". {'; '.join(remedies)}" if remedies else ""
        paths = [u["path"] for u in mine]
        for named in paths if is_verbose else [_name_paths(paths)]:
            lines.append(f"{what}: {named}: {reason}{helps}")
    lines += [f"nothing could be read of {what}" for what in facts["silent"]]
    held = f"would be held back from datasets: {facts['held']}"
    return [
        *lines,
        *[held] * bool(facts["held"]),
        *[facts["no_session"]] * bool(facts["no_session"]),
    ]


def describe_twins(session: str, twins: Mapping[str, int]) -> list[str]:
    """A line on sessions that have the same files, which were stored again."""
    if not twins:
        return []
    most = sorted(twins, key=lambda other: (-twins[other], other))
    first = ", ".join(f"{other} ({many(twins[other], 'file')})" for other in most[:3])
    more = f" and {len(most) - 3} more" * (len(most) > 3)
    sessions = "session" if len(most) == 1 else "sessions"
    return [
        f"the same files are in {sessions} {first}{more} already: they are stored again, and a dataset takes a picture "
        f"once; `daguerre forget {session}` takes these out"
    ]


def _tell_capture(capture: Mapping[str, Any]) -> list[str]:
    notes = [f"  {name}: {note}" for name, note in capture["notes"].items()]
    return [
        f"{capture['reader']}: {capture['root'] or '.'} ({many(capture['files'], 'file')})",
        *notes,
        *_tell_labels([capture]),
        *_tell_unreadable([capture]),
    ]


def _tell_labels(captures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Task by task, how many objects of which class there are, and what the classes are taken from."""
    counted: dict[str, Counter[str]] = {}
    for capture in captures:
        for task, classes in capture["labels"].items():
            counted.setdefault(task, Counter()).update(classes)
    lines = []
    for task, classes in counted.items():
        named = [f"{name} {n:,}" for name, n in classes.most_common(_MOST)]
        more = f", and {len(classes) - _MOST} more" * (len(classes) > _MOST)
        lines.append(
            f"  {task}: {classes.total():,} labels of {len(classes)} classes: {', '.join(named)}{more}"
        )
    origins = dict.fromkeys(c["classes_from"] for c in captures if c["classes_from"])
    return [*lines, *(f"  classes are taken from {origin}" for origin in origins)]


def _tell_unreadable(captures: Sequence[Mapping[str, Any]]) -> list[str]:
    refused = [r for capture in captures for r in capture["refused"]]
    alike = group_by_cause(refused, lambda r: (r["reason"], r["remedy"]))
    return [f"  cannot be read: {_tell_alike(mine)}" for mine in alike]


def _tell_left_out(captures: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is not read of many captures, once for all that have it."""
    from assets.formats.protocol import NOT_READ

    notes = [n for c in captures for n in c["notes"].items() if NOT_READ in n[0]]
    return [
        f"  {name}: in {len(mine)} of them, the first has {mine[0][1]}"
        for name, mine in _group(notes, lambda n: n[0])
    ]


def _tell_erased(paths: Sequence[str]) -> list[str]:
    from assets.erased_files import LIFT

    named = f"{len(paths)} files were erased before, and are left out: {_name_paths(paths)}; {LIFT}"
    return [named] * bool(paths)


def _count_contents(facts: Mapping[str, Any]) -> str:
    signals = facts["signals"]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in signals.items())
    counted = f", {sum(signals.values()):,} signals ({kinds})" * bool(signals)
    scans = facts["scans"]
    sensors = ", ".join(f"{count:,} of {sensor}" for sensor, count in scans.items())
    counted += f", {sum(scans.values()):,} scans ({sensors})" * bool(scans)
    return (
        f"session {facts['session']}: {many(facts['files'], 'file')}, {many(facts['captures'], 'capture')}, "
        f"{many(facts['frames'], 'frame')}{counted}"
    )


def _count_files(facts: Mapping[str, Any]) -> str:
    dropped = f", {facts['dropped']} dropped" * bool(facts["dropped"])
    return (
        f"{facts['new']} new, {facts['already_ingested']} already ingested, "
        f"{facts['quarantined']} quarantined, {many(facts['problems'], 'unreadable record')}{dropped}"
    )


def _tell_gone(facts: Mapping[str, Any]) -> list[str]:
    """What took the place of labels, and what is there no more."""
    lines = []
    replaced = facts["replaced"]
    if replaced:
        version = "version" if len(replaced) == 1 else "versions"
        named = _name_paths([r["path"] for r in replaced])
        num_pictures, num_labels = (
            sum(r[what] for r in replaced) for what in ("pictures", "labels")
        )
        lines.append(
            f"labels of {many(num_pictures, 'picture')} replaced by the new {version} of {named}: "
            f"{many(num_labels, 'label')} now"
        )
    others = facts["gone"] - len(replaced)
    if others:
        out = f"{many(facts['gone_frames'], 'frame')} and {many(facts['gone_labels'], 'label')} taken out"
        is_out = facts["gone_frames"] or facts["gone_labels"]
        lines.append(
            f"{many(others, 'file')} gone or with other bytes: {out if is_out else 'nothing is taken out'}"
        )
    return lines


def _tell_copies(copies: Sequence[Mapping[str, str]]) -> list[str]:
    return [
        f"already in session {owner}: {_name_paths([c['path'] for c in mine])}"
        for owner, mine in _group(copies, lambda c: c["session"])
    ]


def _tell_quarantined(facts: Mapping[str, Any], is_verbose: bool) -> list[str]:
    reasons = facts["reasons"]
    if is_verbose:
        return [_tell_refused([r]) for r in reasons]
    alike = group_by_cause(reasons, lambda r: (r["reader"], r["reason"], r["remedy"]))
    more = f"  ... and {len(alike) - _MOST} more: daguerre quarantine list {facts['session']}"
    told = [_tell_refused(mine) for mine in alike[:_MOST]]
    return [*told, *[more] * (len(alike) > _MOST)]


def _tell_refused(rows: Sequence[Mapping[str, str]]) -> str:
    return f"  quarantined {_tell_alike(rows, rows[0]['reader'])}"


def _tell_alike(rows: Sequence[Mapping[str, str]], reader: str = "") -> str:
    """Paths, and the reason and remedy of the first, of what has one cause."""
    first = rows[0]
    paths = _name_paths(list(dict.fromkeys(r["path"] for r in rows)))
    reason = first["reason"] + AND_ALIKE * any(
        r["reason"] != first["reason"] for r in rows
    )
    return f"{paths}{f' ({reader})' * bool(reader)}: {reason}. {first['remedy']}"


def _tell_checks(facts: Mapping[str, Any], is_verbose: bool) -> list[str]:
    """The cause first where a session is held back, and the rest where it is asked for; else each warning."""
    failed = facts["failed_checks"]
    told = [f"  {_rank_check(f)}: {f['check']}: {f['summary']}" for f in failed]
    blocking = [f for f in failed if f["blocks"]]
    if not blocking:
        return told
    # what was looked at and found wrong comes before what could not be looked at
    first = max(blocking, key=lambda f: (bool(f["cause"]), f["num_checked"] > 0))
    is_copy = bool(first["cause"]) and bool(facts["copies"])
    why = first["cause"] or f"{first['check']}: {first['summary']}"
    lines = [f"held back from datasets: {why}"] * (not is_copy)
    if first["check"] == "images_are_readable" and not is_copy:
        lines.append(
            "  mend or delete the files and ingest again, or acknowledge them: "
            f"daguerre quarantine drop {facts['session']}, and ingest again"
        )
    if is_verbose:
        return [*lines, *told]
    others = f"  {len(failed)} checks fail: daguerre ingest --verbose lists them"
    return [*lines, *[others] * (len(failed) > 1 and not first["cause"])]


def _rank_check(failed: Mapping[str, Any]) -> str:
    if failed["blocks"]:
        return "held"
    return "new" if failed["check"] in _NEWS else "warning"


def _name_paths(paths: Sequence[str]) -> str:
    """The one path, or how many files there are and the first few."""
    return paths[0] if len(paths) == 1 else f"{len(paths)} files: {_list_first(paths)}"


def _list_first(paths: Iterable[str]) -> str:
    from assets.formats.layout import list_paths

    return list_paths(paths).split(": ", 1)[1]


def _group(items: Iterable[T], key: Callable[[T], K]) -> list[tuple[K, list[T]]]:
    """What has the same key, in the order in which keys are met."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.items())
