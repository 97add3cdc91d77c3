"""What is known in words of a home, as documents: a function a kind, from rows of tables to their documents.

Another kind is another function in `_LISTS`, and its name in `DOCUMENT_KINDS`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from assets.search.document import Document, join_names, shorten
from assets.search.labelled_words import Words, count_words, read_labelled
from assets.search.pages import list_pages
from assets.search.records import Records
from assets.search.stored import read_stored
from assets.tables.catalog import WHOLE_TABLE, Catalog

_SHOWN = 12  # characters of an id, as other commands print it


def list_documents(catalog: Catalog, records: Records) -> Iterator[Document]:
    """All of them, each once. Changes nothing."""
    forgotten = _list_forgotten(catalog)
    told = chain.from_iterable(make(catalog) for make in _LISTS)
    seen = set()
    for document in chain(told, records.list_documents(), list_pages()):
        name = document.document_id
        if name not in seen and document.session not in forgotten:
            seen.add(name)
            yield document


def _list_forgotten(catalog: Catalog) -> set[str]:
    """Sessions that were forgotten whole. Dagster keeps its runs of them for as long as a person does."""
    went = read_stored(catalog, "gone", ["session", "cause"]).to_pylist()
    left = {
        session
        for table in ("captures", "quarantine")
        for session in read_stored(catalog, table, ["session"])["session"].to_pylist()
    }
    return {r["session"] for r in went if r["cause"] == "forgotten"} - left


def _list_sessions(catalog: Catalog) -> Iterator[Document]:
    captures = read_stored(
        catalog, "captures", ["session", "path", "reader", "num_frames", "notes"]
    )
    sensors = _group(read_stored(catalog, "frames", ["session", "sensor", "kind"]))
    by_session: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in captures.to_pylist():
        by_session[row["session"]].append(row)
    for session, rows in sorted(by_session.items()):
        num_frames = sum(row["num_frames"] for row in rows)
        cameras = sorted({f"{sensor} ({kind})" for sensor, kind in sensors[session]})
        notes = sorted({row["notes"] for row in rows if row["notes"]})
        lines = [
            f"{len(rows)} captures with {num_frames} frames, read as {join_names({r['reader'] for r in rows})}",
            f"sensors: {join_names(cameras)}" if cameras else "no images",
            f"files: {join_names(row['path'] for row in rows)}",
            *notes,
        ]
        yield Document(
            "session",
            session,
            session,
            f"session {session}",
            shorten("\n".join(lines)),
        )


def _list_words(catalog: Catalog) -> Iterator[Document]:
    classes, attributes = count_words(read_labelled(catalog))
    for name, words in classes.items():
        beside = f"attributes: {_tell(words.beside)}" if words.beside else ""
        told = _tell_objects(words, beside)
        yield Document("class", name, None, f"class {name}", told)
    for name, words in attributes.items():
        told = _tell_objects(words, f"of classes: {_tell(words.beside)}")
        yield Document("attribute", name, None, shorten(name), told)


def _list_releases(catalog: Catalog) -> Iterator[Document]:
    rows = read_stored(
        catalog,
        "releases",
        [
            *("release_id", "task", "class_names", "num_frames", "num_labels"),
            *("sessions", "choice", "weaknesses"),
        ],
    )
    for row in rows.to_pylist():
        lines = [
            f"dataset of {row['num_frames']} frames with {row['num_labels']} labels for {row['task']}",
            f"classes: {join_names(row['class_names'])}",
            f"sessions: {join_names(row['sessions'])}",
            f"chosen by {row['choice']}" if row["choice"] else "of everything",
            *(f"its test part is weak: {text}" for text in row["weaknesses"] or ()),
        ]
        shown = row["release_id"][:_SHOWN]
        title = f"release {shown} for {row['task']}"
        yield Document(
            "release", row["release_id"], None, title, shorten("\n".join(lines))
        )


def _list_models(catalog: Catalog) -> Iterator[Document]:
    champions = {
        row["model_sha256"]: row["model_version"]
        for row in read_stored(
            catalog, "champions", ["model_sha256", "model_version"]
        ).to_pylist()
    }
    scores: dict[str, list[str]] = defaultdict(list)
    for row in read_stored(
        catalog,
        "scores",
        [
            *("model_sha256", "split", "slice_by", "slice_value"),
            *("metric", "value", "num_samples"),
        ],
    ).to_pylist():
        if row["value"] is not None:
            of = f" where {row['slice_by']} is {row['slice_value']}"
            of = "" if row["slice_by"] in ("", "all") else of
            scores[row["model_sha256"]].append(
                f"{row['metric']} {row['value']:.4f} on {row['num_samples']} of {row['split']}{of}"
            )
    models = read_stored(
        catalog, "models", ["model_sha256", "task", "recipe", "release_id", "run_id"]
    )
    for row in models.to_pylist():
        model = row["model_sha256"]
        version = champions.get(model)
        lines = [
            f"champion of {row['task']}, version {version}"
            if version
            else "no champion",
            f"trained by recipe {row['recipe']} on release {row['release_id'][:_SHOWN]} in run {row['run_id']}",
            *sorted(scores[model]),
        ]
        title = f"model {model[:_SHOWN]} for {row['task']}"
        yield Document("model", model, None, title, shorten("\n".join(lines)))


def _list_decisions(catalog: Catalog) -> Iterator[Document]:
    """Without who and why, which may name persons."""
    rows = read_stored(
        catalog,
        "promotions",
        [
            *("promotion_id", "task", "act", "before_version"),
            *("after_version", "after_sha256", "release_id"),
        ],
    )
    for row in rows.to_pylist():
        before = row["before_version"]
        lines = [
            f"version {row['after_version']} of {row['task']}, model {row['after_sha256'][:_SHOWN]}, release "
            f"{row['release_id'][:_SHOWN]}",
            f"in place of version {before}" if before else "the first champion",
        ]
        title = f"{row['task']}: version {row['after_version']} {row['act']}"
        yield Document(
            "decision", row["promotion_id"], None, title, shorten("\n".join(lines))
        )


def _list_quarantine(catalog: Catalog) -> Iterator[Document]:
    """One a session and cause, by the first file that it befell."""
    rows = read_stored(
        catalog,
        "quarantine",
        ["session", "reader", "reason", "remedy", "source_path", "source_offset"],
    ).sort_by([("source_path", "ascending"), ("source_offset", "ascending")])
    causes: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in rows.to_pylist():
        cause = row["session"], row["reader"], row["reason"], row["remedy"]
        causes[cause].append(row["source_path"])
    for (session, reader, reason, remedy), paths in causes.items():
        files = list(dict.fromkeys(paths))
        lines = [
            reason,
            f"what helps: {remedy}",
            f"{len(paths)} in {len(files)} files, read by {reader}: {join_names(files)}",
        ]
        yield Document(
            "quarantine",
            f"{session}/{files[0]}",
            session,
            f"quarantine of {session}: {files[0]}",
            shorten("\n".join(lines)),
            part=f"{reader} {reason}",
        )


def _list_held(catalog: Catalog) -> Iterator[Document]:
    """Rows that a gate keeps from readers."""
    rows = read_stored(
        catalog, "publications", ["table_name", "session", "is_held", "reason"]
    )
    for row in rows.to_pylist():
        if row["is_held"]:
            session = None if row["session"] == WHOLE_TABLE else row["session"]
            of = f" of {session}" if session else ""
            yield Document(
                "check",
                f"{row['table_name']}/{row['session']}",
                session,
                f"{row['table_name']}{of} are held back",
                shorten(row["reason"]),
            )


def _list_alarms(catalog: Catalog) -> Iterator[Document]:
    rows = read_stored(
        catalog, "alarms", ["alarm_id", "kind", "task", "session", "summary", "remedy"]
    )
    for row in rows.to_pylist():
        of = " ".join(filter(None, (row["task"], row["session"])))
        yield Document(
            "alarm",
            row["alarm_id"],
            row["session"],
            f"alarm: {row['kind']} {of}".strip(),
            shorten(f"{row['summary']}\nwhat helps: {row['remedy']}"),
        )


_LISTS = (
    _list_sessions,
    _list_words,
    _list_releases,
    _list_models,
    _list_decisions,
    _list_quarantine,
    _list_held,
    _list_alarms,
)


def _group(frames: Any) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    groups = frames.group_by(["session", "sensor", "kind"]).aggregate([])
    for row in groups.to_pylist():
        found[row["session"]].add((row["sensor"], row["kind"]))
    return found


def _tell_objects(words: Words, more: str) -> str:
    sessions = f"{words.num_objects} objects, in sessions {_tell(words.sessions)}"
    return shorten("\n".join(filter(None, (sessions, more))))


def _tell(counts: Counter[str]) -> str:
    """The most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return join_names(f"{name} ({count})" for name, count in ranked)
