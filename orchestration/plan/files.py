"""Files that wait for intake, by session: what landed since, what changed, what is gone.

Belongs here: landed files against the ledger. Does not: what is in them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from assets.capture.retraction import look
from assets.copies import recall_copies
from assets.exclusions import Exclusion
from assets.formats.session_settings import SETTINGS_NAME
from assets.ledger import Ledger
from assets.retrieval.stale_reasons import INPUT, MISSING
from assets.storage import Folder, SessionFile
from orchestration.plan.lines import OTHER_SETTINGS, Line

RECORDINGS = "capture/recordings"
_WHY = {
    MISSING: "files landed that were not taken in",
    INPUT: "files changed, or are gone",
    OTHER_SETTINGS: f"{SETTINGS_NAME} says otherwise",
}


def list_waiting(
    landed: Mapping[str, Folder], ledger: Ledger, sessions: Collection[str] | None
) -> Iterator[Line]:
    """One line a reason, in files by session. `landed`: all sessions and their places; those that cannot be listed are
    left to `daguerre status`.
    """
    known: dict[str, dict[str, set[str]]] = {}
    columns = ["session", "path", "version", "outcome"]
    for row in ledger.file_table().select(columns).to_pylist():
        if row["outcome"] != "gone":
            of_session = known.setdefault(row["session"], {})
            of_session.setdefault(row["path"], set()).add(row["version"])
    exclusions: dict[str, list[Exclusion]] = defaultdict(list)
    for one in ledger.exclusions():
        exclusions[one.session].append(one)
    asked = ledger if ledger.count_erased() else None
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for session, folder in sorted(landed.items()):
        if sessions is not None and session not in sessions:
            continue
        try:
            sight = look(folder, exclusions[session], asked)
        except OSError:
            continue
        mine = known.get(session, {})
        if mine and not any(f.version in mine.get(f.path, ()) for f in sight.files):
            _recall(ledger, session, folder, sight.files, mine)
        waiting = [f for f in sight.files if f.version not in mine.get(f.path, ())]
        there = {f.path for f in sight.files}
        changed = [f for f in waiting if f.path in mine]
        settings = [f for f in waiting if f.path.endswith(SETTINGS_NAME) and mine]
        gone = mine.keys() - there if sight.is_sure else set()
        counts = {
            MISSING: len(waiting) - len({*_paths(changed), *_paths(settings)}),
            INPUT: len({*_paths(changed)} - {*_paths(settings)}) + len(gone),
            OTHER_SETTINGS: len(settings),
        }
        for reason, count in counts.items():
            if count:
                found[reason][session] = count
    for reason, why in _WHY.items():
        if found[reason]:
            files = found[reason]
            yield Line(
                RECORDINGS, reason, why, "files", sum(files.values()), files, True
            )


def _recall(
    ledger: Ledger,
    session: str,
    folder: Folder,
    files: Sequence[SessionFile],
    known: dict[str, set[str]],
) -> None:
    """Let files that were copied with the home be what they were, as intake does."""
    for one in recall_copies(folder, files, ledger.outcomes(session).values()):
        known[one.path].add(one.version)


def _paths(files: Sequence[SessionFile]) -> list[str]:
    return [file.path for file in files]
