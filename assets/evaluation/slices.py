"""Ways of slicing a test part, declared as data, and the scores of their slices with intervals over recordings.

What a slice is, SQL says, through the engine that can only read. What a model scores on one follows from the scores of
its frames and objects.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.kinds.judging.pairs import Slices, Subject
from assets.kinds.judging.score_rows import UNKNOWN, list_rows
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import FrameScores
from assets.tables.rows import ObjectScoreRow, ScoreRow
from assets.tables.schemas import TABLES, to_table
from assets.tables.sql import explain, open_tables
from models.metrics.resampling import Interval, Weights, find_interval

DECLARED = Path(__file__).with_name("slices.toml")
OWN = "slices.toml"  # in the home
MAX_TOLD = 5  # slices in a line
MAX_SLICES = 500  # of one way: more is a mistake, such as slicing by an id
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
# what the leading metric of a kind is the mean of, over classes or over frames
FIGURES_OF_CLASSES = ("recall", "ap50", "iou")
_TAKEN = ("all", "corruption", "discovered")
_FRAMES, _OBJECTS = "frames", "objects"
_QUALITY = (
    "brightness",
    "contrast",
    "sharpness",
    "clipped_dark",
    "clipped_bright",
    "noise",
)


@dataclass(frozen=True)
class SliceRule:
    """One way of slicing: `value` is an SQL expression over rows of frames or of objects."""

    name: str
    of: str
    value: str
    declared_in: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _TAKEN:
            raise ValueError(
                f"{self.declared_in}: slice {self.name!r}: a name is of a-z, 0-9 and _, and none of {', '.join(_TAKEN)}"
            )
        if self.of not in (_FRAMES, _OBJECTS):
            raise ValueError(
                f"{self.declared_in}: slice {self.name}: of = {self.of!r}: give 'frames' or 'objects'"
            )


def read_rules(home: Path) -> tuple[SliceRule, ...]:
    """The ways that come along, and those of the home, which replace others of their name.

    Raises ValueError, with file and slice, for what is no declaration.
    """
    rules = {rule.name: rule for rule in _read_file(DECLARED)}
    own = home / OWN
    if own.exists():
        rules.update({rule.name: rule for rule in _read_file(own)})
    return tuple(rules.values())


def cut_frames(
    catalog: Catalog, rules: Iterable[SliceRule], frame_ids: Sequence[str]
) -> Slices:
    """The slices of each frame, by way. Raises ValueError for an expression that is none."""
    slices: dict[str, dict[str, str]] = {frame_id: {} for frame_id in frame_ids}
    examined = pa.table({"frame_id": pa.array(frame_ids, pa.string())})
    chosen = [rule for rule in rules if rule.of == _FRAMES]
    with open_tables(catalog, {"examined": examined}) as connection:
        rows = connection.sql(_select_frames())
        for rule in chosen:
            for frame_id, value in _ask(rows, rule, "frame_id"):
                slices[frame_id][rule.name] = value
    return slices


def cut_objects(
    catalog: Catalog, rules: Iterable[SliceRule], objects: Sequence[ObjectScoreRow]
) -> dict[str, dict[str, str]]:
    """way -> object_score_id -> slice, of the rows that are objects. Raises ValueError as `cut_frames` does."""
    real = [row for row in objects if row["is_object"]]
    ids = sorted({row["frame_id"] for row in real})
    more = {
        "examined": pa.table({"frame_id": pa.array(ids, pa.string())}),
        "examined_objects": to_table(TABLES["object_scores"], real),
    }
    with open_tables(catalog, more) as connection:
        rows = connection.sql(
            f"SELECT o.*, f.* EXCLUDE (frame_id, capture_id, session, sensor) FROM examined_objects o "
            f"LEFT JOIN ({_select_frames()}) f USING (frame_id)"
        )
        return {
            rule.name: dict(_ask(rows, rule, "object_score_id"))
            for rule in rules
            if rule.of == _OBJECTS
        }


def add_intervals(
    rows: Sequence[ScoreRow], scores: FrameScores, slices: Slices, metric: str
) -> list[ScoreRow]:
    """The rows of an exam, those of the leading metric with an interval where there are recordings enough to tell; of
    classes those of the figure that the metric is the mean of, or the recall."""
    class_id_of = {name: n for n, name in enumerate(scores.class_names)}
    places_of: dict[tuple[str, str], list[int]] = {
        ("all", "all"): list(range(len(scores)))
    }
    for place, frame_id in enumerate(scores.frame_ids):
        for by, value in slices.get(frame_id, {}).items():
            places_of.setdefault((by, value), []).append(place)
    found = []
    for row in rows:
        places = places_of.get((row["slice_by"], row["slice_value"]))
        if row["metric"] == metric and places is not None:
            row = with_interval(row, scores.take(places).find_interval())
        elif row["slice_by"] == "class" and row["metric"] in FIGURES_OF_CLASSES:
            of_class = scores.take_classes([class_id_of[row["slice_value"]]])
            row = with_interval(row, of_class.find_interval())
        found.append(row)
    return found


def score_objects(
    subject: Subject,
    scores: FrameScores,
    objects: Sequence[ObjectScoreRow],
    cut: Mapping[str, Mapping[str, str]],
) -> list[ScoreRow]:
    """Rows with recall50, the share of objects that were found at the operating score, with intervals; a slice each.

    A way of which nobody knows anything, such as the distance where no depth was taken, has no slice.
    """
    place_of = {frame_id: place for place, frame_id in enumerate(scores.frame_ids)}
    rows: list[ScoreRow] = []
    for way, slice_of in cut.items():
        if set(slice_of.values()) == {UNKNOWN}:
            continue
        by_value: dict[str, list[ObjectScoreRow]] = {}
        for row in objects:
            if row["object_score_id"] in slice_of:
                by_value.setdefault(slice_of[row["object_score_id"]], []).append(row)
        for value, mine in sorted(by_value.items()):
            counts = np.zeros((2, len(scores)), np.int64)
            for row in mine:
                counts[:, place_of[row["frame_id"]]] += (row["is_matched"], 1)
            told = [("recall50", float(counts[0].sum() / counts[1].sum()))]
            (made,) = list_rows(subject, way, value, told, len(mine))
            rows.append(with_interval(made, _find_share_interval(counts, scores)))
    return rows


def tell_worse(rows: Iterable[ScoreRow], metric: str) -> str:
    """The slices whose bounds all lie below the figure over all, worst first; "" where there is none."""
    rows = [row for row in rows if row["metric"] == metric]
    whole = next((row["value"] for row in rows if row["slice_by"] == "all"), None)
    if whole is None:
        return ""
    worse = [row for row in rows if row["high"] is not None and row["high"] < whole]
    worse.sort(key=lambda row: (row["value"], row["slice_by"], row["slice_value"]))
    return "; ".join(
        f"{row['slice_by']} = {row['slice_value']}: {metric} {row['value']:.3f} "
        f"({row['low']:.3f} to {row['high']:.3f}), over all {whole:.3f}"
        for row in worse[:MAX_TOLD]
    )


def with_interval(row: ScoreRow, interval: Interval | None) -> ScoreRow:
    """The row with bounds; as it is where nobody can tell."""
    if interval is None:
        return row
    return {
        **row,
        "low": interval.low,
        "high": interval.high,
        "num_units": interval.num_units,
    }


def _find_share_interval(
    counts: NDArray[np.int64], scores: FrameScores
) -> Interval | None:
    """Of a share whose parts and wholes (2, N) are counted by frame, drawn from the recordings that show any."""
    shown = np.flatnonzero(counts[1])

    def share(weights: Weights) -> NDArray[np.float64]:
        parts, wholes = (weights @ side[shown] for side in counts)
        return np.where(wholes > 0, parts / np.maximum(wholes, 1), np.nan)

    return find_interval(share, [scores.group_ids[place] for place in shown])


def _read_file(path: Path) -> list[SliceRule]:
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return [_read_rule(path, name, fields) for name, fields in declared.items()]


def _read_rule(path: Path, name: str, fields: Any) -> SliceRule:
    is_whole = isinstance(fields, dict) and fields.keys() == {"of", "value"}
    if not is_whole or not all(isinstance(text, str) for text in fields.values()):
        raise ValueError(
            f'{path}: slice {name}: give [{name}] with of = "frames" or "objects", and value = an SQL expression'
        )
    return SliceRule(name, fields["of"], fields["value"], str(path))


def _select_frames() -> str:
    quality = ", ".join(f"frame_quality.{name}" for name in _QUALITY)
    return (
        f"SELECT frames.* EXCLUDE (payload), {quality} FROM frames JOIN examined USING (frame_id) "
        "LEFT JOIN frame_quality USING (frame_id)"
    )


def _ask(rows: Any, rule: SliceRule, key: str) -> list[tuple[str, str]]:
    """Key and slice of each row. Raises ValueError for an expression that DuckDB does not take, and for too many."""
    import duckdb

    try:
        # takes expressions and nothing else: no second statement, no UNION
        found = rows.project(f"{key}, CAST(({rule.value}) AS VARCHAR) AS slice_value")
        if found.columns != [key, "slice_value"]:
            raise ValueError(
                f"{rule.declared_in}: slice {rule.name}: {rule.value!r} is more than one expression"
            )
        pairs = found.fetchall()
    except duckdb.Error as error:
        raise ValueError(
            f"{rule.declared_in}: slice {rule.name}: value = {rule.value!r} is no expression over rows of {rule.of}: "
            f"{explain(error, rule.value)}"
        ) from error
    values = {value for _, value in pairs}
    if len(values) > MAX_SLICES:
        raise ValueError(
            f"{rule.declared_in}: slice {rule.name} gives {len(values)} values: give at most {MAX_SLICES}, by CASE "
            "for example"
        )
    return [(one, UNKNOWN if value is None else value) for one, value in pairs]
