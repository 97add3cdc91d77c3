"""Erase a subject, step by step: hidden from every reader first, its bytes gone at the end, with a certificate.

Each step may be done again, and the ledger knows which comes next: who is killed anywhere is finished by `go_on`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from assets.capture.derived import Derived
from assets.capture.folders import recount_folders
from assets.choice import read_choice
from assets.disk import sync_file_system
from assets.erasure import artifacts, databases, files
from assets.erasure import subject as subjects
from assets.erasure.blobs import find_superfluous
from assets.erasure.certificates import hash_ids, write_certificate
from assets.erasure.plan import Home, Plan
from assets.erasure.rows import drop, find_going, match_rows, mend, retell
from assets.erasure.subject import Subject, list_pairs
from assets.ledger.erased import ErasedFile, digest_of
from assets.registry.reading import StoreReader
from assets.registry.seals import find_changes, list_sealed, read_seal, seal_version
from assets.storage import Folder, History, drop_history
from assets.tables.catalog import is_in
from assets.tables.erased_from import reduce_releases
from assets.tables.purge import purge_table, require_alone
from assets.tables.schemas import TABLES, content_id, to_table
from assets.wall_clock import tell_second

# readers meet these first
_FIRST = ("frames", "captures", "labels", "documents")
_LAST = ("releases", "pointers", "publications")
OnStep = Callable[[str], None]
Facts = dict[str, Any]


def begin(
    home: Home,
    subject: Subject,
    plan: Plan,
    filled: tuple[str, str, bytes] | None = None,
) -> None:
    """Write down what is to be erased, and that it is; from here on `go_on` knows all.

    `filled`: session, path and bytes of what takes the place of a file in the landing zone.
    """
    if filled:
        subjects.keep_filled(home.folder, subject.erasure_id, filled)
    subjects.keep(subject, subjects.folder_of(home.folder, subject.erasure_id))
    facts = {"plan": plan.to_dict(), "began_at": subject.at, "whole": _list_whole(home)}
    home.ledger.note_erasure(subject.erasure_id, "hide", json.dumps(facts))


def go_on(home: Home, erasure_id: str, on_step: OnStep | None = None) -> Path | None:
    """Do what is left of an erasure; its certificate, None where it was done before.

    Raises ValueError where bytes are to go and another process has the tables open: the subject is hidden by then.
    """
    under_way = home.ledger.erasures()
    if erasure_id not in under_way:
        return None
    step, text = under_way[erasure_id]
    facts: Facts = json.loads(text)
    subject = subjects.recall(subjects.folder_of(home.folder, erasure_id))
    names = list(_STEPS)
    for at, name in enumerate(names[names.index(step) :], start=names.index(step)):
        if on_step:
            on_step(name)
        if name == "bytes":
            require_alone(home.catalog, home.is_said_alone)
        _STEPS[name](home, subject, facts)
        if name != names[-1]:
            home.ledger.note_erasure(erasure_id, names[at + 1], json.dumps(facts))
    return Path(facts["certificate"])


# ---- hidden ----------------------------------------------------------------------------------------------------------


def _hide(home: Home, subject: Subject, facts: Facts) -> None:
    """Intake leaves it out, whatever it is called when it lands again."""
    home.ledger.exclude(subject.exclusions)
    named = {*list_pairs(subject.frames, "session", "source_path")}
    named |= {*list_pairs(subject.containers, "session", "path")}
    rows = subject.files.select(["session", "path", "sha256", "size_bytes"])
    home.ledger.ban(
        ErasedFile(digest_of(row["sha256"]), row["size_bytes"], subject.erasure_id)
        for row in rows.to_pylist()
        if row["sha256"] and (row["session"], row["path"]) in named
    )


def _drop_rows(home: Home, subject: Subject, facts: Facts) -> None:
    """From the newest version of every table, with what rests on it; readers follow to that version."""
    catalog = home.catalog
    found = {going.table: going for going in find_going(catalog, subject)}
    for name in sorted(found, key=lambda n: (n not in _FIRST, n)):
        drop(catalog, found[name])
        mend(catalog, subject, name)
        _publish_newest(home, subject, name)
    reduce_releases(catalog, subject.releases, subject.erasure_id)
    for session in subject.touched:
        recount_folders(catalog, session, lambda _: True)
        Derived(catalog, session).drop()
        home.judge(session)


def _publish_newest(home: Home, subject: Subject, name: str) -> None:
    """Rows went and none came: what readers may see is a part of what they saw."""
    gone = set(subject.sessions)
    decisions = home.catalog.publications(name)
    admitted = [
        d["session"] for d in decisions if not d["is_held"] and d["session"] not in gone
    ]
    if admitted:
        newest = home.catalog.latest_version(name)
        home.catalog.publish(name, admitted[0] or None, newest)


# ---- bytes gone ------------------------------------------------------------------------------------------------------


def _remove_files(home: Home, subject: Subject, facts: Facts) -> None:
    """What landed, pictures that were drawn, and what can be made again."""
    _note_left(facts, files.remove_landed(home.zone, subject))
    models = set(facts["plan"]["models"])
    _note_left(facts, files.remove_pages(home.workspace, models))
    shown = files.find_pictures(
        home.workspace, home.runs, models, set(subject.releases)
    )
    files.remove([*shown, *files.find_remade(home.workspace)])
    places = home.runs, subject.releases, home.file_options
    for history in artifacts.remove_from_buckets(*places):
        _note_left(facts, history)
    if subject.releases:
        files.drop_abandoned_runs(home.workspace)


def _redact(home: Home, subject: Subject, facts: Facts) -> None:
    """What rows of others, logs, Dagster and MLflow tell of it; versions of models that were whole are sealed anew."""
    redactor = home.redactor(subject)
    for name in home.catalog.names():
        if retell(home.catalog, name, redactor):
            _publish_newest(home, subject, name)
    for _ in files.redact_texts(files.find_texts(home.folder), redactor, False):
        pass
    for _ in databases.redact_files(home.folder, redactor, False):
        pass
    reader = StoreReader(home.mlflow_url, home.mlflow_artifacts)
    for task, number in facts["whole"]:
        seal_version(home.catalog, reader, task, number)


def _purge(home: Home, subject: Subject, facts: Facts) -> None:
    """Every table down to its newest rows, and what else releases need; then those follow to the versions that stay."""
    notes = subjects.folder_of(home.folder, subject.erasure_id)
    purge = partial(
        purge_table,
        home.catalog,
        is_going=partial(match_rows, subject),
        notes=notes,
        is_said_alone=home.is_said_alone,
    )
    purged = {n: purge(n) for n in home.catalog.names() if n not in _LAST}
    frames, captures = (
        purged[n].pinned if n in purged else None for n in ("frames", "captures")
    )
    if frames is not None:
        _follow(home, "releases", frames_version=frames)
        _follow(home, "gone", frames_version=frames, captures_version=captures)
    for name in [
        *(n for n in _LAST if home.catalog.exists(n)),
        *["gone"] * ("gone" in purged),
    ]:
        purge(name)
    _note_left(facts, drop_history(Folder(home.catalog.uri, home.file_options)))
    facts["tables"] = {
        name: {
            "version": one.version,
            "bytes_freed": one.bytes_before - one.bytes_after,
        }
        for name, one in purged.items()
    }


def _follow(home: Home, name: str, **versions: int | None) -> None:
    """Let rows name the versions that stay."""
    rows = home.catalog.read_latest(name).to_pylist()
    changed = [
        row
        | {
            column: value
            for column, value in versions.items()
            if row[column] is not None
        }
        for row in rows
    ]
    if changed:
        home.catalog.upsert(name, to_table(TABLES[name], changed))


def _remove_blobs(home: Home, subject: Subject, facts: Facts) -> None:
    """Files of the ledger, and then blobs that nothing names any more."""
    named = list_pairs(subject.files, "session", "path", "version")
    keys = [(session, path, version) for session, path, version in named]
    emptied = _list_emptied(home, subject)
    home.ledger.erase_files(keys, sorted({*subject.captures, *emptied}))
    home.ledger.rewrite_texts(home.redactor(subject).redact)
    blobs = find_superfluous(home.catalog, home.ledger, facts["plan"]["blobs"])
    _note_left(facts, files.remove_blobs(home.blobs, blobs))
    filled = subjects.recall_filled(home.folder, subject.erasure_id)
    if filled:
        files.put_landed(home.zone, *filled)


def _list_emptied(home: Home, subject: Subject) -> set[str]:
    """Captures that files of the subject were of, and of which the tables have nothing any more."""
    known = set(subject.files["capture_id"].drop_null().to_pylist())
    where = is_in("capture_id", sorted(known))
    rows = home.catalog.read_latest("captures", ["capture_id"], where)
    return known - set(rows["capture_id"].to_pylist())


def _note_left(facts: Facts, history: History) -> None:
    """Keep for the certificate what a bucket did not let go."""
    told = facts.setdefault("older_versions", [])
    if history.remedy and history.remedy not in told:
        told.append(history.remedy)


# ---- what follows ----------------------------------------------------------------------------------------------------


def _succeed(home: Home, subject: Subject, facts: Facts) -> None:
    """A release without it in the place of each kind that held it, and a request to train the champion again."""
    facts["successors"] = _make_successors(home, subject)
    _ask_for_training(home, subject)


def _make_successors(home: Home, subject: Subject) -> dict[str, str]:
    """Release -> its successor, or why there is none. Releases that were chosen alike have one together."""
    from assets.curation.clusters import plan_sides
    from assets.curation.release import draft_release, write_release

    mine = is_in("release_id", subject.releases)
    rows = home.catalog.read_latest("releases", where=mine).to_pylist()
    made: dict[tuple[str, str | None], str] = {}
    found = {}
    for row in rows:
        kind = row["task"], row["choice"]
        if kind not in made:
            try:
                choice = read_choice(row["choice"])
                sides = plan_sides(home.catalog)
                draft = draft_release(home.catalog, row["task"], choice, sides)
                made[kind] = write_release(home.catalog, draft)
            except ValueError as error:
                made[kind] = f"none: {error}"
        found[row["release_id"]] = made[kind]
    return found


def _ask_for_training(home: Home, subject: Subject) -> None:
    mine = is_in("release_id", subject.releases)
    releases = {
        row["release_id"]: row
        for row in home.catalog.read_latest("releases", where=mine).to_pylist()
    }
    requests = []
    for champion in home.catalog.read_latest("champions", where=mine).to_pylist():
        sessions = releases[champion["release_id"]]["sessions"]
        if sessions:
            requests.append(
                {
                    "request_id": content_id(
                        "erasure", champion["task"], subject.erasure_id
                    ),
                    "task": champion["task"],
                    "session": sessions[0],
                    "reason": "frames that the champion learnt from were erased",
                    "model_version": champion["model_version"],
                    "requested_ns": time.time_ns(),
                }
            )
    if requests:
        table = TABLES["retraining_requests"]
        home.catalog.merge("retraining_requests", to_table(table, requests))


def _certify(home: Home, subject: Subject, facts: Facts) -> None:
    """The certificate, and then nothing else tells of the erasure."""
    plan = facts["plan"]
    facts["certificate"] = str(
        write_certificate(
            home.folder,
            {
                "format": 1,
                "erasure_id": subject.erasure_id,
                "began_at": facts["began_at"],
                "ended_at": tell_second(),
                "tool": "daguerre " + metadata.version("daguerre"),
                "by": subject.by,
                "because": subject.because,
                "counts": {
                    n: plan[n] for n in ("sessions", "captures", "frames", "files")
                },
                "frames": hash_ids(subject.frame_ids.to_pylist()),
                "contents": hash_ids(subject.hashes.to_pylist()),
                "stores": plan["held"],
                "tables": facts["tables"],
                "successors": facts["successors"],
                "models": plan["models"],
                "left_to_people": [*plan["advice"], *facts["older_versions"]],
            },
        )
    )
    gone = [s for s in subject.sessions if not home.ledger.outcomes(s)]
    home.ledger.end_erasure(subject.erasure_id, subject.exclusions, gone)
    subjects.let_go(subjects.folder_of(home.folder, subject.erasure_id))
    home.ledger.give_back_pages()
    sync_file_system(home.folder)


def _list_whole(home: Home) -> list[tuple[str, int]]:
    """Versions of models that are as they were sealed: these are sealed again once something of them went."""
    reader = StoreReader(home.mlflow_url, home.mlflow_artifacts)
    sealed = list_sealed(home.catalog)
    found = []
    for stored in reader.versions() if reader.is_readable else ():
        sha256 = sealed.get((stored.task, stored.version))
        if sha256 and not any(find_changes(stored, read_seal(stored, sha256))):
            found.append((stored.task, stored.version))
    return found


_STEPS: dict[str, Callable[[Home, Subject, Facts], None]] = {
    "hide": _hide,
    "rows": _drop_rows,
    "files": _remove_files,
    "texts": _redact,
    "bytes": _purge,
    "blobs": _remove_blobs,
    "successors": _succeed,
    "certificate": _certify,
}
