"""The privacy policy of a session or a source, as its `daguerre.yaml` states it under `privacy`.

`privacy: true` covers faces. A mapping says more: `faces: false`, `regions: {SENSOR: [[x_min, y_min, x_max, y_max]]}`
in px, `classes: [person]` for the boxes of labels, `plates: FILE` for what a net finds (`plates`), and
`probe: {folder: PATH, recall: 0.9}`, a folder of pictures with known faces of which at least that share must be covered
to the last pixel. `depth: false` leaves depth images as they came: else what is covered in colour is covered in them.
`position: drop`, or `position: {grid_m: 500}`, takes positions on Earth out of signals, or makes them coarse;
`scans: hold` keeps point clouds out of the tables. `privacy: false` takes a session out of the policy of its source, as
long as none of its frames was taken in under it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from assets.privacy.positions import Grid, Position, describe
from assets.tables.schemas.table import content_id

Box = tuple[float, float, float, float]
_ENTRIES = frozenset(
    {"faces", "plates", "regions", "classes", "probe", "depth", "position", "scans"}
)
_MOST = 1000  # sensors, regions of one, classes
_MOST_TEXT = 1000  # characters
_MIN_GRID_M = 10.0  # below it a cell is a house
_MAX_GRID_M = 1_000_000.0


@dataclass(frozen=True)
class Probe:
    """A folder of pictures with known faces, and the share of these that must be covered, at the lower end of its
    interval."""

    folder: str
    recall: float

    def explain_shortfall(self, figures: Mapping[str, Any]) -> str:
        """Why what was measured, as a row of `privacy_policies` has it, does not suffice; "" where it does."""
        low = figures["covered_low"]
        if low is None:
            return f"the probe set {self.folder} tells nothing: {figures['why_not']}"
        if low < self.recall:
            return (
                f"of {figures['num_probed']} faces of the probe set {figures['covered']:.3f} are covered, at least "
                f"{low:.3f} of all such, and the policy states {self.recall}"
            )
        return ""


@dataclass(frozen=True)
class PrivacyPolicy:
    """What of a session's frames is covered, and what of its signals and scans is not told.

    Raises ValueError for one that hides nothing.
    """

    faces: bool = True
    regions: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)  # by sensor
    classes: tuple[str, ...] = ()  # sorted
    probe: Probe | None = None
    depth: bool = True  # in depth images, too
    position: Position = "keep"
    scans: Literal["keep", "hold"] = "keep"
    plates: str | None = None  # the file of what finds them

    def __post_init__(self) -> None:
        covers = self.faces or self.plates or self.regions or self.classes
        if not covers and (self.position, self.scans) == ("keep", "keep"):
            raise ValueError(
                "privacy covers nothing: set faces, plates, regions, classes, position or scans, or write "
                "`privacy: false`"
            )
        if self.probe and not self.faces:
            raise ValueError("privacy has a probe and no faces: a probe is of faces")

    @property
    def text(self) -> str:
        """As JSON, equal for equal policies."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def digest(self) -> str:
        """Changes with what is covered; how it is probed, and what signals and scans tell, makes no other picture."""
        covered = self.faces, self.regions, self.classes, self.depth
        return content_id("privacy", *covered)[:12]

    @property
    def looks(self) -> bool:
        """Whether something is to be found in frames, beside what is known of them."""
        return self.faces or self.plates is not None

    @property
    def summary(self) -> str:
        """One line for people."""
        num_regions = sum(map(len, self.regions.values()))
        parts = ["faces"] * self.faces + ["plates"] * bool(self.plates)
        parts += [f"{num_regions} fixed regions"] * bool(num_regions)
        parts += [f"labels of {', '.join(self.classes)}"] * bool(self.classes)
        parts += ["depth images as they came"] * (not self.depth)
        parts += [describe(self.position)] * (self.position != "keep")
        parts += ["scans held"] * (self.scans == "hold")
        return ", ".join(parts)


def read_text(text: str) -> PrivacyPolicy:
    """What `PrivacyPolicy.text` wrote. Raises ValueError."""
    found = read_entry(
        {name: value for name, value in json.loads(text).items() if value is not None}
    )
    assert found is not None
    return found


def read_entry(value: object) -> PrivacyPolicy | None:
    """The value of `privacy` in a settings file; None for `false`. Raises ValueError naming what is wrong."""
    if isinstance(value, bool):
        return PrivacyPolicy() if value else None
    if not isinstance(value, dict) or not value or not value.keys() <= _ENTRIES:
        raise ValueError(
            f"privacy is {str(value)[:100]}: give true, false or a mapping of {', '.join(sorted(_ENTRIES))}"
        )
    probe = _read_probe(value["probe"]) if "probe" in value else None
    return PrivacyPolicy(
        _read_switch(value, "faces"),
        _read_regions(value.get("regions", {})),
        _read_classes(value.get("classes", [])),
        probe,
        _read_switch(value, "depth"),
        _read_position(value.get("position", "keep")),
        _read_scans(value.get("scans", "keep")),
        _read_path("plates", value["plates"]) if "plates" in value else None,
    )


def _read_switch(value: Mapping[str, object], name: str) -> bool:
    """On where nothing is said."""
    switch = value.get(name, True)
    if not isinstance(switch, bool):
        raise ValueError(f"privacy.{name} is {str(switch)[:100]}, not true or false")
    return switch


def _read_regions(value: object) -> dict[str, tuple[Box, ...]]:
    if not isinstance(value, dict) or len(value) > _MOST:
        raise ValueError(
            f"privacy.regions is {str(value)[:100]}, not sensors with their boxes"
        )
    return {
        str(sensor): _read_boxes(str(sensor), boxes)
        for sensor, boxes in sorted(value.items(), key=lambda item: str(item[0]))
    }


def _read_boxes(sensor: str, value: object) -> tuple[Box, ...]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= _MOST:
        raise ValueError(f"privacy.regions.{sensor[:100]} holds no boxes: give a list")
    return tuple(_read_box(sensor, box) for box in value)


def _read_box(sensor: str, value: Any) -> Box:
    if (
        not isinstance(value, list | tuple)
        or len(value) != 4
        or any(
            isinstance(side, bool) or not isinstance(side, int | float)
            for side in value
        )
        or not (0 <= value[0] < value[2] <= 65535 and 0 <= value[1] < value[3] <= 65535)
    ):
        raise ValueError(
            f"privacy.regions.{sensor[:100]}: {str(value)[:100]} is no box [x_min, y_min, x_max, y_max] in px"
        )
    x_min, y_min, x_max, y_max = map(float, value)
    return x_min, y_min, x_max, y_max


def _read_classes(value: object) -> tuple[str, ...]:
    if (
        not isinstance(value, list | tuple)
        or len(value) > _MOST
        or not all(isinstance(name, str) and name for name in value)
    ):
        raise ValueError(f"privacy.classes is {str(value)[:100]}, not a list of names")
    return tuple(sorted(set(value)))


def _read_position(value: Any) -> Position:
    if value in ("keep", "drop"):
        return "drop" if value == "drop" else "keep"
    grid_m = value.get("grid_m") if isinstance(value, dict) else None
    if (
        not isinstance(value, dict)
        or value.keys() != {"grid_m"}
        or isinstance(grid_m, bool)
        or not isinstance(grid_m, int | float)
        or not _MIN_GRID_M <= grid_m <= _MAX_GRID_M
    ):
        raise ValueError(
            f"privacy.position is {str(value)[:100]}: give keep, drop, or grid_m from {_MIN_GRID_M:g} to "
            f"{_MAX_GRID_M:g} metres, as in `position: {{grid_m: 500}}`"
        )
    return Grid(float(grid_m))


def _read_scans(value: object) -> Literal["keep", "hold"]:
    if value not in ("keep", "hold"):
        raise ValueError(f"privacy.scans is {str(value)[:100]}: give keep or hold")
    return "hold" if value == "hold" else "keep"


def _read_path(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_TEXT:
        raise ValueError(f"privacy.{name} is {str(value)[:100]}, not a path")
    return value


def _read_probe(value: Any) -> Probe:
    if not isinstance(value, dict) or value.keys() != {"folder", "recall"}:
        raise ValueError(
            f"privacy.probe is {str(value)[:100]}: give `folder` and `recall`"
        )
    folder, recall = _read_path("probe.folder", value["folder"]), value["recall"]
    if (
        isinstance(recall, bool)
        or not isinstance(recall, int | float)
        or not 0 < recall <= 1
    ):
        raise ValueError(
            f"privacy.probe.recall is {str(recall)[:100]}, not a share above 0 and up to 1"
        )
    return Probe(folder, float(recall))
