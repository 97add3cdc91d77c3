"""Columns of one name have one privacy class in all tables, and those that name or quote people are personal."""

from __future__ import annotations

import re
from collections import defaultdict

import pyarrow as pa
import pytest

from assets.tables.schemas import TABLES
from assets.tables.sql import PRIVATE

# who did something, why they say they did, and where they put it
_OF_PEOPLE = re.compile(
    r"(who|why|because|holder|place|(\w+_)?(author|by)|comment|statement)"
)
NOT_OF_PEOPLE = {
    "privacy_policies.measured_by": "detectors and a probe set",
    "scores.slice_by": "what models are judged apart by",
}
# a name that has several classes, and why
SEVERAL = {
    "reason": "a person's words where an original was opened; else what code has found",
    "place": "a folder or an address of people; of a score a place in a picture",
    "values": "measured by sensors, positions too; of a queue figures of strategies",
    "vector": "of pictures; of a request's picture, which nobody has agreed to; of words of documents",
    "blob_sha256": "of what shows a place as it looks, and of scans in a sensor's own frame",
    "world_from_camera": "in metres where a person went; of a sparse model in a frame of its own",
    "model_sha256": "of a net; of a sparse model the hash of what shows a place",
    **dict.fromkeys(
        ("boxes_xyxy", "class_names", "mask_rles", "scores"),
        "of a request: of a picture that nobody has agreed to keep",
    ),
}
COLUMNS = [(table.name, c) for table in TABLES.values() for c in table.columns]


def test_what_names_or_quotes_people_is_personal():
    open_ones = {
        f"{table}.{c.name}"
        for table, c in COLUMNS
        if _OF_PEOPLE.fullmatch(c.name)
        and pa.types.is_string(c.type)
        and c.privacy not in PRIVATE
    }
    assert open_ones == NOT_OF_PEOPLE.keys()


def test_a_name_has_one_class_in_all_tables_or_a_reason():
    classes: dict[str, set[str]] = defaultdict(set)
    for _, column in COLUMNS:
        classes[column.name].add(column.privacy)
    several = {name for name, found in classes.items() if len(found) > 1}
    assert several == SEVERAL.keys()


@pytest.mark.parametrize(
    "place",
    ["promotions.who", "promotions.why", "label_pushes.place", "unsealings.reason"],
)
def test_these_have_the_class_of_their_sisters(place):
    table, name = place.split(".")
    assert TABLES[table].column(name).privacy == "personal"
