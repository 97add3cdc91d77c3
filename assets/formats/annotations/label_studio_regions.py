"""Put the results of a Label Studio annotation together: a region, its labels and what else is said of it.

A region and its label may be one result (`rectanglelabels`) or two that share an id (`rectangle` and `labels`).
Choices, texts and numbers with the id, the place or the parent of a region are said of it; others of the whole image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_SHAPES = frozenset(
    {
        "rectangle",
        "polygon",
        "brush",
        "ellipse",
        "keypoint",
        "vector",
        "bitmask",
        "magicwand",
    }
)
_PLACES = (  # of what kind a region is by what it says of its place
    ("brush", ("rle",)),
    ("bitmask", ("imageDataURL",)),
    ("vector", ("vertices",)),
    ("polygon", ("points",)),
    ("ellipse", ("x", "y", "radiusX", "radiusY")),
    ("rectangle", ("x", "y", "width", "height")),
    ("keypoint", ("x", "y")),
)
_PLACE_KEYS = (
    "x",
    "y",
    "width",
    "height",
    "rotation",
    "radiusX",
    "radiusY",
    "points",
    "rle",
    "vertices",
    "imageDataURL",
)
_IMAGE_KEYS = ("original_width", "original_height", "item_index")
_WORDS = frozenset({"choices", "taxonomy", "textarea", "number", "rating", "datetime"})
_WORD_KEYS = {"textarea": "text"}  # where the word differs from the type


@dataclass(eq=False)
class Region:
    """One thing that is marked, of which `result` gives the place."""

    kind: str  # "rectangle", "polygon", "brush", "ellipse", "keypoint", "vector", "bitmask"
    result: dict[str, Any]
    place: int | None  # equal for results of one place; None where they state none
    names: list[Any] = field(default_factory=list)  # its labels, as the file gives them
    attributes: list[tuple[str, str]] = field(default_factory=list)
    points: list[Region] = field(default_factory=list)  # keypoints that are part of it

    @property
    def value(self) -> dict[str, Any]:
        """The shape and its labels; empty where there is none."""
        return value_of(self.result)

    def is_at(self, result: dict[str, Any]) -> bool:
        """Whether another result is of the same place of the same image."""
        sizes = ((self.result.get(name), result.get(name)) for name in _IMAGE_KEYS)
        return self.place == _place_of(value_of(result)) and all(
            None in pair or pair[0] == pair[1] for pair in sizes
        )

    def take_names(self, names: Any) -> None:
        """Add labels; what is no list of them is kept, to be refused."""
        known = {repr(name): name for name in self.names}
        known |= {
            repr(name): name for name in (names if isinstance(names, list) else [names])
        }
        self.names = list(known.values())


@dataclass
class Results:
    """What an annotation says."""

    regions: list[Region] = field(default_factory=list)
    # results that are said of the whole image
    words: list[dict[str, Any]] = field(default_factory=list)
    # of kinds that are no regions in an image
    others: list[dict[str, Any]] = field(default_factory=list)


def join_results(results: Sequence[dict[str, Any]]) -> Results:
    """The regions of an annotation, in the order in which the file begins them."""
    joined = Results()
    drawn = _Drawn()
    waiting = []
    for result in results:
        kind = _find_kind(result)
        if kind is None:
            waiting.append(result)
            continue
        region = drawn.find_at(_id_of(result), result) or drawn.begin(kind, result)
        for names in _find_names(result):
            region.take_names(names)
    for result in waiting:
        kind = _find_kind_of_place(value_of(result))
        if not _is_word(result) and not _is_bare_label(result):
            joined.others.append(result)
        elif region_of_it := drawn.find_of(result):
            _say_of(region_of_it, result)
        elif drawn.is_known(result) or not _is_word(result):
            joined.others.append(result)
        elif kind:
            _say_of(drawn.begin(kind, result), result)
        else:
            joined.words.append(result)
    joined.regions = drawn.join_points()
    return joined


def type_of(result: dict[str, Any]) -> str:
    """The kind of a result, as its tool wrote it: "rectanglelabels", "choices", ..."""
    return str(result.get("type") or "")[:40]


def has_region(results: Iterable[dict[str, Any]]) -> bool:
    """Whether a result marks more in an image than a point."""
    return any(_find_kind(result) not in (None, "keypoint") for result in results)


def value_of(result: dict[str, Any]) -> dict[str, Any]:
    """The value of a result; empty where it is no object."""
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def _find_kind(result: dict[str, Any]) -> str | None:
    """What a result that begins a region, or labels it, marks; None for other results."""
    kind = type_of(result)
    if kind == "labels":
        return _find_kind_of_place(value_of(result))
    shape = kind.removesuffix("labels")
    return {"magicwand": "brush"}.get(shape, shape) if shape in _SHAPES else None


def _find_kind_of_place(value: dict[str, Any]) -> str | None:
    return next(
        (kind for kind, keys in _PLACES if all(key in value for key in keys)), None
    )


def _find_names(result: dict[str, Any]) -> Iterator[Any]:
    value = value_of(result)
    kind = type_of(result)
    for key in dict.fromkeys((kind, "labels", f"{kind}labels")):
        if key.endswith("labels") and value.get(key) not in (None, []):
            yield value[key]


class _Drawn:
    """The regions of an annotation so far, by what others may call them."""

    def __init__(self) -> None:
        self._regions: list[Region] = []
        self._by_id: dict[str, list[Region]] = defaultdict(list)
        self._by_place: dict[tuple[str, int | None], list[Region]] = defaultdict(list)

    def begin(self, kind: str, result: dict[str, Any]) -> Region:
        region = Region(kind, result, _place_of(value_of(result)))
        self._regions.append(region)
        self._by_id[_id_of(result)].append(region)
        self._by_place[_id_of(result), region.place].append(region)
        return region

    def find_at(self, name: str, result: dict[str, Any]) -> Region | None:
        """The region of that id at the place of a result."""
        place = _place_of(value_of(result))
        found = self._by_place.get((name, place), ()) if place is not None else ()
        return next((region for region in found if region.is_at(result)), None)

    def find_of(self, result: dict[str, Any]) -> Region | None:
        """The region that a word, or a label without a place, is said of; None also where several could be."""
        for name in _names_of(result):
            group = self._by_id.get(name, [])
            found = self.find_at(name, result) or (
                group[0] if len(group) == 1 else None
            )
            if found:
                return found
        return None if _id_of(result) else self.find_at("", result)

    def is_known(self, result: dict[str, Any]) -> bool:
        """Whether it names a region, be it here or not."""
        return bool(result.get("parentID")) or any(
            self._by_id.get(name) for name in _names_of(result)
        )

    def join_points(self) -> list[Region]:
        """All regions, without the keypoints that are part of another."""
        kept = []
        for region in self._regions:
            parents = (
                self._by_id.get(str(region.result.get("parentID") or ""), [])
                if region.kind == "keypoint"
                else []
            )
            parents = [parent for parent in parents[:2] if parent.kind != "keypoint"]
            if region.result.get("parentID") and len(parents) == 1:
                parents[0].points.append(region)
            else:
                kept.append(region)
        return kept


def _say_of(region: Region, result: dict[str, Any]) -> None:
    if _is_word(result):
        region.attributes.append(
            (str(result.get("from_name") or type_of(result)), _say_word(result))
        )
    else:
        region.take_names(value_of(result)["labels"])


def _is_word(result: dict[str, Any]) -> bool:
    return type_of(result) in _WORDS


def _is_bare_label(result: dict[str, Any]) -> bool:
    """A label whose region another result places; that of a text has its letters."""
    value = value_of(result)
    return (
        type_of(result) == "labels"
        and bool(value.get("labels"))
        and not {"start", "end", "text"} & set(value)
    )


def _say_word(result: dict[str, Any]) -> str:
    kind = type_of(result)
    value = value_of(result).get(_WORD_KEYS.get(kind, kind))
    items = value if isinstance(value, list) else [value]
    return ", ".join(
        "/".join(map(str, item)) if isinstance(item, list) else str(item)
        for item in items
    )


def _place_of(value: dict[str, Any]) -> int | None:
    """A number that tells places apart; None where no place is stated. What is 0 may be left out."""
    stated = [
        (key, value[key]) for key in _PLACE_KEYS if value.get(key) not in (None, 0)
    ]
    return hash(repr(stated)) if _find_kind_of_place(value) else None


def _id_of(result: dict[str, Any]) -> str:
    return str(result.get("id") or "")


def _names_of(result: dict[str, Any]) -> list[str]:
    """The ids of regions that a result may be said of."""
    return [
        name for name in (_id_of(result), str(result.get("parentID") or "")) if name
    ]
