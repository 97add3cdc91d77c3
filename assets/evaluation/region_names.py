"""Short names of discovered regions, from what is known of their frames: "dark small cup by cam_left in kitchen".

The same facts give the same name; of regions of one exam that share all of it, the later ones are numbered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from assets.captions import name_sensor
from assets.kinds.judging.pairs import Slices
from assets.kinds.judging.score_rows import UNKNOWN
from assets.tables.frame_scores import FrameScores
from assets.tables.rows import ObjectScoreRow
from models.metrics.regions import Region, describe_region

NO_WORD = "alike in the picture alone"
MAX_WORD = 40  # characters of one value; names of classes are strangers'
_CLASS, _SIZE, _PLACE = "class", "size", "place"
_ADJECTIVES = ("brightness", "blur", _SIZE)
_PREPOSITIONS = {"sensor": "by", _PLACE: "in"}
_SAID = {("brightness", "medium"): "medium light", (_SIZE, "medium"): "medium size"}
_NOT_TOLD = (
    "session"  # names a recording, not what it is like: of it the words are taken
)
_WORD = re.compile(r"[a-z]{3,}")
_NO_PLACES = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "morning",
        "noon",
        "evening",
        "night",
        "session",
        "recording",
        "capture",
        "test",
        "train",
        "val",
        "run",
        "day",
        "take",
    ]
)
Trait = tuple[str, str]  # a way of slicing, and the slice


def list_traits(
    scores: FrameScores,
    slices: Slices,
    objects: Iterable[ObjectScoreRow],
    places: Sequence[int],
) -> list[frozenset[Trait]]:
    """What is known of the frames at these places: slices, classes that show, size of most objects, words of the place.

    Of the session the words are taken that its name has; days are none.
    """
    shown = scores.parts.list_shown()
    size_of = _find_sizes(objects)
    return [
        frozenset(
            [
                *_list_slices(slices.get(scores.frame_ids[place], {})),
                *((_CLASS, scores.class_names[c]) for c in shown[place]),
                *((_SIZE, s) for s in size_of.get(scores.frame_ids[place], ())),
                *((_PLACE, word) for word in _list_words(scores.sessions[place])),
            ]
        )
        for place in places
    ]


def name_regions(
    regions: Sequence[Region], traits: Sequence[frozenset[Trait]]
) -> list[str]:
    """A name for each region, no two alike."""
    names: list[str] = []
    told = [[_join(trait) for trait in sorted(mine)] for mine in traits]
    by_text = {_join(trait): trait for mine in traits for trait in mine}
    for region in regions:
        found = [by_text[text] for text in describe_region(region.places, told)]
        names.append(_make_unique(tell_traits(found), names))
    return names


def tell_traits(traits: Sequence[Trait]) -> str:
    """[("class", "cup"), ("brightness", "dark")] -> "dark cup"."""
    of = {way: _list_values(traits, way) for way in dict(traits)}
    adjectives = [
        _SAID.get((way, value), value)
        for way in _ADJECTIVES
        for value in of.pop(way, ())
    ]
    nouns = [" and ".join(of.pop(_CLASS, ["pictures"] if of or adjectives else []))]
    behind = [
        f"{word} {' '.join(of.pop(way))}"
        for way, word in _PREPOSITIONS.items()
        if way in of
    ]
    others = [
        f"with {way.replace('_', ' ')} {' '.join(v)}" for way, v in sorted(of.items())
    ]
    return " ".join(filter(None, [*adjectives, *nouns, *behind, *others])) or NO_WORD


def _list_values(traits: Sequence[Trait], way: str) -> list[str]:
    return sorted(_shorten(value) for by, value in traits if by == way)


def _list_slices(mine: Mapping[str, str]) -> Iterable[Trait]:
    """Without what nobody knows, and without a sensor that has no name."""
    for way, value in mine.items():
        is_nameless = way == "sensor" and not name_sensor(value)
        if way != _NOT_TOLD and value != UNKNOWN and not is_nameless:
            yield way, value


def _find_sizes(objects: Iterable[ObjectScoreRow]) -> dict[str, list[str]]:
    """Frame -> the size of more than half of its objects, where one is."""
    sizes: dict[str, Counter[str]] = {}
    for row in objects:
        if row["is_object"]:
            sizes.setdefault(row["frame_id"], Counter())[row["size"]] += 1
    return {
        frame_id: [size for size, count in mine.items() if 2 * count > mine.total()]
        for frame_id, mine in sizes.items()
    }


def _list_words(session: str) -> set[str]:
    return set(_WORD.findall(session)) - _NO_PLACES


def _join(trait: Trait) -> str:
    return " = ".join(trait)


def _shorten(value: str) -> str:
    return value if len(value) <= MAX_WORD else value[: MAX_WORD - 1] + "…"


def _make_unique(name: str, taken: Sequence[str]) -> str:
    number = 1
    told = name
    while told in taken:
        number += 1
        told = f"{name} ({number})"
    return told
