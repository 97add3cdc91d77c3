"""What `forget` does without --erase: rows go from the next release, what they came from is left out, and taken back.

Belongs here: what is covered, what is told, and the record. Does not: bytes (`orchestration.cli.erasing`).
"""

import getpass
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, Any

from assets.wording import many
from orchestration.cli.erasing import Reason, lift, name_ids
from orchestration.cli.intake import take_in
from orchestration.cli.output import join_lines, say
from orchestration.profiles import Settings

if TYPE_CHECKING:
    from assets.capture.forgetting import Holdings, Target
    from assets.exclusions import Exclusion

_STAYS = (
    "bytes are not erased: files, blobs, older versions of the tables and old releases stay as they are; "
    "--erase takes those too"
)
_SHOWN = 20  # of what is named, for people


@dataclass(frozen=True)
class Order:
    """What a person wants left out; with `keeps_rows`, what was taken in of it stays."""

    targets: "Sequence[Target]"
    reason: Reason
    keeps_rows: bool

    def list_exclusions(self) -> "list[Exclusion]":
        """What intake leaves out from here on. Raises ValueError where rows of a part of a session were to stay."""
        from assets.exclusions import WHOLE, Exclusion

        parts = [str(target) for target in self.targets if target.path != WHOLE]
        if self.keeps_rows and parts:
            raise ValueError(
                f"--keep-rows gives up whole sessions, and {', '.join(parts)} is a part of one: leave it out"
            )
        why = astuple(self.reason)
        return [Exclusion(t.session, t.path, self.keeps_rows, *why) for t in self.targets]  # fmt: skip


def find(settings: Settings, named: Sequence[str]) -> "list[Target]":
    """What the names mean. Raises ValueError where one means nothing."""
    from assets.capture.forgetting import find_targets
    from orchestration.resources import build_landing_zone

    return find_targets(build_landing_zone(settings), name_ids(settings, named))


def hide(settings: Settings, order: Order, is_dry_run: bool, as_json: bool) -> None:
    """Leave out what is ordered, and say what that covers."""
    exclusions = order.list_exclusions()
    held, all_held = _measure(settings, exclusions)
    facts: dict[str, Any] = {
        "targets": [
            {"session": e.session, "path": e.path, **asdict(h)}
            for e, h in zip(exclusions, held, strict=True)
        ],
        **asdict(all_held),
        "keeps_rows": order.keeps_rows,
        "reason": order.reason.because,
        "by": order.reason.by,
        "at": order.reason.at,
        "undone": False,
        "dry_run": is_dry_run,
    }
    if not is_dry_run:
        _forget(settings, exclusions)
    say(as_json, facts, _describe(facts, order.targets))


def undo(
    settings: Settings,
    named: Sequence[str],
    reason: Reason,
    is_dry_run: bool,
    as_json: bool,
) -> None:
    """Take it back; of files that were erased, let them in again."""
    lifted = [] if is_dry_run else lift(settings, named, reason)
    left = [name for name in named if name not in lifted]
    if left:
        return _take_back(settings, find(settings, left), is_dry_run, as_json)
    told = f"let in again: {', '.join(lifted)}; ingest its session"
    say(as_json, {"lifted": lifted, "undone": True}, told)


def _measure(
    settings: Settings, exclusions: "Sequence[Exclusion]"
) -> "tuple[list[Holdings], Holdings]":
    """What each exclusion covers, and all together."""
    from assets.capture.forgetting import Holdings, read_contents
    from orchestration.resources import build_catalog, build_ledger

    catalog, ledger = build_catalog(settings), build_ledger(settings)
    mine_of = _group(exclusions)
    contents = {name: read_contents(catalog, ledger, name) for name in mine_of}
    held = [contents[e.session].count([e]) for e in exclusions]
    sums = [contents[name].count(mine) for name, mine in mine_of.items()]
    return held, Holdings(
        sum(h.files for h in sums),
        sum(h.frames for h in sums),
        sum(h.labels for h in sums),
        sum(h.calibrations for h in sums),
        tuple(sorted({release for h in sums for release in h.releases})),
    )


def _forget(settings: Settings, exclusions: "Sequence[Exclusion]") -> None:
    from assets.capture.forgetting import forget
    from orchestration.resources import build_intake
    from orchestration.session import judge_again

    intake = build_intake(settings)
    for session, mine in _group(exclusions).items():
        _note(settings, "forget", mine)
        forget(intake, mine)
        if not all(exclusion.keeps_rows for exclusion in mine):
            judge_again(settings, session)


def _note(settings: Settings, act: str, exclusions: "Sequence[Exclusion]") -> None:
    """Leave it in the record of acts, in the name of who does it now."""
    from assets.audit import Act, note

    for one in exclusions:
        of = "/".join(filter(None, (one.session, one.path)))
        note(settings.home, Act(act, getpass.getuser(), of, one.reason))


def _group(exclusions: "Sequence[Exclusion]") -> "dict[str, list[Exclusion]]":
    """By session."""
    found: dict[str, list[Exclusion]] = {}
    for exclusion in exclusions:
        found.setdefault(exclusion.session, []).append(exclusion)
    return found


def _describe(facts: dict[str, Any], targets: "Sequence[Target]") -> str:
    is_plan = facts["dry_run"]
    lines = []
    for target, held in zip(targets, facts["targets"], strict=True):
        if facts["keeps_rows"]:
            said = "would be" if is_plan else "is"
            frames = f"its {held['frames']} frames stay in the tables"
            lines.append(f"{target} {said} looked at no more; {frames}")
        else:
            lines.append(f"{target}: {_count(held)} {_tell_going(is_plan)}")
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"... {len(lines) - _SHOWN} more: --json prints all"]
    if facts["keeps_rows"]:
        return join_lines(lines)
    if len(targets) > 1:
        lines.append(f"together: {_count(facts)} {_tell_going(is_plan)}")
    if facts["releases"]:
        lines.append(f"releases that hold them still: {', '.join(facts['releases'])}")
    return join_lines([*lines, _STAYS])


def _count(held: dict[str, Any]) -> str:
    told = f"{many(held['files'], 'file')}, {many(held['frames'], 'frame')} and {many(held['labels'], 'label')}"
    if held["calibrations"]:
        told += f", with the calibration of {held['calibrations']} cameras,"
    return told


def _tell_going(is_plan: bool) -> str:
    return "would go from the next release" if is_plan else "go from the next release"


def _take_back(
    settings: Settings, targets: "Sequence[Target]", is_dry_run: bool, as_json: bool
) -> None:
    from orchestration.resources import build_ledger

    ledger = build_ledger(settings)
    found = {
        target: ledger.exclusion(target.session, target.path) for target in targets
    }
    said = [(target, e) for target, e in found.items() if e is not None]
    unsaid = [str(target) for target, e in found.items() if e is None]
    if unsaid:
        raise ValueError(
            f"{', '.join(unsaid)} was not forgotten: `daguerre status` lists what was"
        )
    facts: dict[str, Any] = {
        "targets": [asdict(e) for _, e in said],
        "intakes": [],
        "undone": not is_dry_run,
        "dry_run": is_dry_run,
    }
    lines = [f"{target}, forgotten {e.story}" for target, e in said]
    if is_dry_run:
        return say(
            as_json, facts, join_lines(f"{w}, would be taken in again" for w in lines)
        )
    _note(settings, "undo forget", [e for _, e in said])
    for target, _ in said:
        ledger.include(target.session, target.path)
    for session, mine in _group([e for _, e in said]).items():
        taken, text = _take_in_again(settings, session, mine)
        facts["intakes"] += taken
        lines += text
    say(as_json, facts, join_lines(lines))


def _take_in_again(
    settings: Settings, session: str, exclusions: "Sequence[Exclusion]"
) -> tuple[list[dict[str, Any]], list[str]]:
    """Take a session in where it is there, and rows of it were taken out: the facts of that intake, and its lines."""
    from orchestration.resources import build_landing_zone

    if all(exclusion.keeps_rows for exclusion in exclusions):
        return [], [f"session {session} is looked at again"]
    try:
        folder = build_landing_zone(settings).locate(session)
        is_there = folder.exists() and not folder.is_gone
    except (FileNotFoundError, ValueError):
        is_there = False
    if not is_there:
        return [], [f"session {session} is not there: ingest it where it lies"]
    taken, text = take_in(settings, folder, session)
    return [taken], text.splitlines()
