"""Words that labels use: which frames they say it of. Read are classes and attributes, of label files and of versions.

What a version replaces counts no more. Attributes hold captions too.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from assets.search.stored import read_stored
from assets.tables.catalog import Catalog

MOST_ATTRIBUTES = 20_000  # different ones; of more the most frequent
_SAID = ["frame_id", "session", "class_name", "attributes"]


@dataclass
class Words:
    """Of one class or attribute: how many objects of which session have it, and what stands beside it."""

    sessions: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)

    @property
    def num_objects(self) -> int:
        """In all sessions."""
        return self.sessions.total()


def read_labelled(catalog: Catalog) -> pa.Table:
    """(N,) objects: frame_id, session, class_name and attributes (JSON, or null), by whom ever."""
    of_files = read_stored(catalog, "labels", _SAID)
    versions = read_stored(
        catalog,
        "label_versions",
        ["version_id", "frame_id", "session", "replaces", "class_names", "attributes"],
    )
    replaced = pc.list_flatten(versions["replaces"])
    stand = versions.filter(
        pc.invert(pc.is_in(versions["version_id"], value_set=replaced))
    )
    parents = pc.list_parent_indices(stand["class_names"])
    said = stand.select(["frame_id", "session"]).take(parents)
    said = said.append_column("class_name", pc.list_flatten(stand["class_names"]))
    is_even = pc.equal(
        pc.list_value_length(stand["attributes"]),
        pc.list_value_length(stand["class_names"]),
    )
    nothing = pa.nulls(len(said), pa.string())
    told = (
        pc.list_flatten(stand["attributes"])
        if pc.all(is_even).as_py() is not False
        else nothing
    )
    said = said.append_column("attributes", told)
    return pa.concat_tables([of_files.cast(said.schema), said])


def list_attributes(text: str | None) -> Iterator[str]:
    """`name: value` of each pair of a label."""
    if not text:
        return
    try:
        pairs = json.loads(text)
    except ValueError:
        return
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            yield f"{pair[0]}: {pair[1]}"


def count_words(labelled: pa.Table) -> tuple[dict[str, Words], dict[str, Words]]:
    """Classes and attributes by their text."""
    groups = (
        labelled.group_by(["session", "class_name", "attributes"])
        .aggregate([([], "count_all")])
        .to_pylist()
    )
    classes: dict[str, Words] = defaultdict(Words)
    attributes: dict[str, Words] = defaultdict(Words)
    for group in groups:
        name, session, count = (
            group["class_name"],
            group["session"],
            group["count_all"],
        )
        classes[name].sessions[session] += count
        for attribute in list_attributes(group["attributes"]):
            classes[name].beside[attribute] += count
            attributes[attribute].sessions[session] += count
            attributes[attribute].beside[name] += count
    kept = sorted(attributes.items(), key=lambda item: (-item[1].num_objects, item[0]))
    return dict(classes), dict(kept[:MOST_ATTRIBUTES])
