"""What a Label Studio export says of its tasks: the images that they name, and the annotation of each that counts.

Exports are a list of tasks, one task, or the short form (JSON_MIN), in which the fields of a task stand beside its
results. The short form does not tell a choice from a text, nor either from the task's own fields: only regions are
taken from it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from assets.formats.annotations.label_studio_regions import has_region
from assets.formats.layout import IMAGE_SUFFIXES, suffix_of

_UPLOAD = re.compile(r"(?:^|/)(?:data/upload/(?:\d+/)?|upload/\d+/)([^/]+)$")
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_NOT_OF_A_NAME = re.compile(r"[^-\w.]")
_SHORT_FORM = frozenset({"annotator", "annotation_id", "lead_time"})
_KINDS = (
    ("rle", "brush"),
    ("points", "polygon"),
    ("radiusX", "ellipse"),
    ("width", "rectangle"),
    ("x", "keypoint"),
)


@dataclass
class Task:
    """One task, or one image of the short form."""

    name: str  # to show
    # addresses in its data; a field with several has the pages of one task
    fields: list[list[str]]
    upload: str | None = None  # the name under which the server keeps its file
    # of the annotation that counts; None: nobody looked
    results: list[dict[str, Any]] | None = None


@dataclass
class Export:
    """What one file holds."""

    tasks: list[Task] = field(default_factory=list)
    has_regions: bool = False  # the project is one of regions in images
    skipped: Counter[str] = field(default_factory=Counter)  # what is left out by design
    unread: Counter[str] = field(default_factory=Counter)  # labels that are not read


def read_export(document: Any) -> Export:
    """Raises ValueError for a file of another kind."""
    entries = document if isinstance(document, list) else [document]
    export = Export()
    if entries and all(_is_short(entry) for entry in entries):
        return _read_short_form(entries)
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
            raise ValueError(f"entry {number} is no task with `data`")
        annotations = list_of(entry, "annotations") or list_of(entry, "completions")
        others = [*list_of(entry, "predictions"), *annotations]
        export.has_regions |= any(
            has_region(list_of(item, "result")) for item in others
        )
        export.skipped["not read: predictions"] += len(list_of(entry, "predictions"))
        chosen = _choose(annotations, export.skipped)
        upload = (
            entry.get("file_upload")
            if isinstance(entry.get("file_upload"), str)
            else None
        )
        fields = _list_addresses(entry["data"])
        fields = [f for f in fields if any(map(_is_path, f))] or fields
        results = None if chosen is None else list_of(chosen, "result")
        export.tasks.append(
            Task(str(entry.get("id", number))[:40], fields, upload, results)
        )
    return export


def list_of(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list behind a key; none where there is no list."""
    items = value.get(key)
    return (
        [item for item in items if isinstance(item, dict)]
        if isinstance(items, list)
        else []
    )


def list_paths_of(address: str) -> list[str]:
    """The paths that an address may mean, as given first: `s3://b/a.jpg`, `/data/local-files/?d=dir/a.jpg`, ...

    What the server puts before an uploaded file, a folder of its own and eight hex digits, says nothing.
    """
    try:
        parts = urlsplit(address)
        local = parse_qs(parts.query).get("d", [""])[0]
    except ValueError:
        return [address]
    is_web = parts.scheme in ("http", "https", "")
    stored = address.partition("://")[2].partition("/")[2]  # a key may hold any letter
    raw = (
        stored if not is_web else "" if "://" in address or "?" in address else address
    )
    paths = [local] if local else [path for path in (raw, unquote(parts.path)) if path]
    found = []
    for path in paths:
        upload = (
            _UPLOAD.search(path.replace("\\", "/")) if is_web and not local else None
        )
        found += list_names_of_upload(upload[1]) if upload else [path]
    return list(dict.fromkeys(found))


def list_names_of_upload(name: str) -> list[str]:
    """A file's name on the server, and the one that it had before."""
    return list(dict.fromkeys((name, _UPLOAD_PREFIX.sub("", name))))


def name_upload(name: str) -> str:
    """The name, without the eight digits, that the server gives to an uploaded file."""
    return _NOT_OF_A_NAME.sub("", name.strip().replace(" ", "_"))


def is_true(value: Any) -> bool:
    """Whether a flag is set; exports write it as a boolean, a number or a word."""
    return value in (True, 1) or (
        isinstance(value, str) and value.strip().lower() in ("true", "1")
    )


def _choose(
    annotations: Sequence[dict[str, Any]], skipped: Counter[str]
) -> dict[str, Any] | None:
    """The annotation that counts, so that no object counts twice: the ground truth, otherwise the newest."""
    valid = [
        a
        for a in annotations
        if not is_true(a.get("was_cancelled")) and not is_true(a.get("skipped"))
    ]
    skipped["not read: cancelled annotations"] += len(annotations) - len(valid)
    if not valid:
        skipped["tasks without an annotation"] += 1
        return None
    skipped["not read: other annotations of the same task"] += len(valid) - 1
    return max(
        [a for a in valid if is_true(a.get("ground_truth"))] or valid, key=_age_of
    )


def _age_of(item: dict[str, Any]) -> tuple[str, str]:
    when = item.get("updated_at") or item.get("created_at") or ""
    return str(when), str(item.get("id", item.get("annotation_id"))).zfill(20)


def _list_addresses(data: dict[str, Any]) -> list[list[str]]:
    """The texts in a task's data, those of a list together."""
    fields = [[value] if isinstance(value, str) else value for value in data.values()]
    return [
        f
        for f in fields
        if isinstance(f, list)
        and f
        and all(isinstance(text, str) and text for text in f)
    ]


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or suffix_of(text) in IMAGE_SUFFIXES


def _is_short(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and not isinstance(entry.get("data"), dict)
        and bool(_SHORT_FORM & set(entry))
    )


def _read_short_form(entries: Sequence[dict[str, Any]]) -> Export:
    export = Export()
    by_task = dict[str, list[dict[str, Any]]]()
    for number, entry in enumerate(entries):
        by_task.setdefault(str(entry.get("id", f"entry {number}")), []).append(entry)
    for name, records in by_task.items():
        looked = [
            record for record in records if record.get("annotation_id", 0) is not None
        ]
        export.skipped["not read: other annotations of the same task"] += max(
            0, len(looked) - 1
        )
        export.skipped["tasks without an annotation"] += not looked
        record = max(looked or records, key=_age_of)
        results = [
            result
            for key in record
            for result in _read_short_field(record, key, export.unread)
        ]
        export.has_regions |= has_region(results)
        fields = [f for f in _list_addresses(record) if all(map(_is_path, f))]
        export.tasks.append(Task(name[:40], fields, None, results if looked else None))
    if not export.has_regions:
        raise ValueError(
            "the short form (JSON_MIN) without regions: it does not tell choices from other texts"
        )
    return export


def _read_short_field(
    record: dict[str, Any], key: str, unread: Counter[str]
) -> list[dict[str, Any]]:
    """The results of one control of the short form, written as in the full one."""
    fields = list(record)
    is_result = (
        "id" in fields
        and fields.index(key) > fields.index("id")
        and key not in _SHORT_FORM
    )
    results = []
    for item in list_of(record, key):
        labels = next((name for name in item if name.endswith("labels")), None)
        kind = labels or (
            "choices"
            if "choices" in item
            else next((k for part, k in _KINDS if part in item), "")
        )
        if kind and (labels or any(part in item for part, _ in _KINDS)):
            sizes = {
                name: item.get(name)
                for name in ("original_width", "original_height", "id", "parentID")
            }
            results.append({"type": kind, "from_name": key, "value": item, **sizes})
    values = record[key] if isinstance(record[key], list) else [record[key]]
    if (
        is_result
        and key not in ("created_at", "updated_at", "agreement", "history")
        and len(values) > len(results)
    ):
        unread[f"choices or texts in {key[:40]!r} of the short form"] += len(
            values
        ) - len(results)
    return results
