"""The strategies over stored tables: which frames each would ask first, or why it can say nothing.

Belongs here: what is read for each, and where it is from. Not: how doubt, distance or suspicion is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.annotation.errors.stored import LabelSuspects, suspect_labels
from assets.annotation.queue.answers import (
    Answers,
    StoredMap,
    list_models,
    read_answer_masks,
    read_answers,
)
from assets.annotation.queue.candidates import Candidates, Mask
from assets.annotation.queue.coverage import (
    choose_centres,
    read_rounded,
    spread_first,
)
from assets.annotation.queue.doubt import (
    contradict_between,
    contradict_in_time,
    count_denied_pixels,
    measure_uncertainty,
)
from assets.annotation.queue.ranking import (
    COVERAGE,
    DISAGREEMENT,
    DRIFT,
    LABEL_ERRORS,
    RANDOM,
    UNCERTAINTY,
    Ranking,
    rank_by,
    rank_randomly,
)
from assets.annotation.vectors import open_vectors
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.champions import read_champion
from assets.tables.rows import ChampionRow
from assets.tables.schemas.monitoring import WHOLE_SESSION
from models.even_spread import spread_evenly
from models.masks import decode_mask
from models.task_names import RECOGNITION, SEGMENTATION
from models.types import IGNORE

_ALL_SENSORS = "all"  # of the row with a session's verdict
_MOST_MEASURED = (
    262_144  # frames among which coverage chooses; evenly spread where there are more
)
_MOST_KNOWN = 2_048  # labelled frames that it keeps away from
_MOST_OTHERS = 3  # models beside the champion that are asked
_LEAST_SUSPICION = 0.3


class NothingToSay(ValueError):
    """A strategy lacks what it goes by; the text says what, and the remedy."""


@dataclass(frozen=True)
class Sources:
    """What strategies go by: stored tables, the frames, the task, and how many frames are asked for."""

    catalog: Catalog
    frames: Candidates
    task: str
    budget: int
    seed: int

    @cached_property
    def champion(self) -> ChampionRow:
        """Raises NothingToSay before the first."""
        found = read_champion(self.catalog, self.task)
        if found is None:
            raise NothingToSay(
                f"there is no champion of {self.task}: `daguerre train {self.task}` makes one"
            )
        return found

    @cached_property
    def answers(self) -> Answers:
        """The champion's answers about open frames and their neighbours. Raises NothingToSay where there is none."""
        found = self.read(self.champion["model_sha256"])
        if not (found.is_answered & self.frames.is_open).any():
            raise NothingToSay(
                f"the champion of {self.task} has answered none of {self.frames.is_open.sum()} frames without labels: "
                "`daguerre predict SESSION` asks it, about cameras that it learnt from"
            )
        return found

    def read(self, model_sha256: str) -> Answers:
        """A model's answers about all frames."""
        everything = np.ones(len(self.frames), bool)
        most = 2 if self.task == RECOGNITION else None
        ids = self.frames.rows["frame_id"]
        return read_answers(self.catalog, model_sha256, ids, everything, most)


def rank_uncertain(of: Sources) -> Ranking:
    """By how unsure the champion is."""
    point = _read_operating_score(of.catalog, of.champion)
    doubt = measure_uncertainty(of.answers, of.task, point)

    def tell(value: float) -> str:
        return f"the champion is unsure: {value:.2f} of 1"

    return rank_by(UNCERTAINTY, doubt, tell, of.frames.is_open)


def rank_contradicted(of: Sources) -> Ranking:
    """By how far other models, or the frames before and after, deny what the champion says."""
    before, after = of.frames.find_neighbours()
    mine = of.champion["model_sha256"]
    others = [m for m in list_models(of.catalog, of.task) if m != mine][:_MOST_OTHERS]
    if of.task == SEGMENTATION:
        named = {"neighbours in time": _deny_maps(of, mine, before, after)}
        named |= {f"model {m[:8]}": _compare_maps(of, mine, m) for m in others}
    else:
        in_time = contradict_in_time(of.answers, of.task, before, after)
        named = {"neighbours in time": in_time}
        for model in others:
            between = contradict_between(of.answers, of.read(model), of.task)
            named[f"model {model[:8]}"] = between
    values = np.stack([np.nan_to_num(v, nan=-1.0) for v in named.values()])
    worst = values.argmax(0)
    names = list(named)
    ranking = rank_by(DISAGREEMENT, values.max(0), lambda _: "", of.frames.is_open)

    def tell(k: int) -> str:
        name = names[worst[ranking.places[k]]]
        return f"{name} deny the champion: {ranking.values[k]:.2f} of 1".replace(
            "deny", "denies" if name.startswith("model") else "deny"
        )

    return Ranking(DISAGREEMENT, ranking.places, ranking.values, tell)


def rank_uncovered(of: Sources) -> Ranking:
    """By how far a frame's vector is from those of all labelled ones, and of those before it here."""
    vectors = open_vectors(of.catalog, of.frames.rows["frame_id"])
    open_ = np.flatnonzero(of.frames.is_open & of.frames.is_first & vectors.is_there)
    if not len(open_):
        raise NothingToSay(
            "no frame without labels has a vector: `daguerre ingest` makes them, `daguerre status` says what is held"
        )
    some = open_[spread_evenly(len(open_), _MOST_MEASURED)]
    known = np.flatnonzero(of.frames.is_labelled & vectors.is_there)
    known = known[spread_evenly(len(known), _MOST_KNOWN)]
    chosen, distances = choose_centres(
        read_rounded(vectors.read, some), read_rounded(vectors.read, known), of.budget
    )
    return Ranking(
        COVERAGE,
        some[chosen],
        distances,
        lambda k: f"unlike what is labelled: {distances[k]:.2f} away (1 - cosine)",
    )


def rank_drifted(of: Sources) -> Ranking:
    """Frames of cameras that a verdict on their session calls drifted, spread over time; the farthest drift first."""
    worst = _read_drift(of.catalog, of.champion)
    rows = of.frames.rows
    key = pc.binary_join_element_wise(rows["session"], rows["sensor"], " ")
    every = pc.binary_join_element_wise(rows["session"], _ALL_SENSORS, " ")
    names = list(worst)
    by_sensor, by_session = (
        pc.fill_null(
            pc.index_in(k, value_set=pa.array(names, pa.string())), -1
        ).to_numpy()
        for k in (key, every)
    )
    group = np.where(by_sensor >= 0, by_sensor, by_session).astype(np.int64)
    places = np.flatnonzero(of.frames.is_open & (group >= 0))
    if not len(places):
        raise NothingToSay(
            f"no frame without labels is of a session that drifted for the champion of {of.task}"
        )
    turn = np.zeros(len(places), np.int64)
    for number in np.unique(group[places]).tolist():
        mine = np.flatnonzero(group[places] == number)
        turn[mine] = spread_first(len(mine))
    distance = np.array([worst[name][0] for name in names])[group[places]]
    order = np.lexsort((-distance, turn))
    ordered = places[order]

    def tell(k: int) -> str:
        value, statistic = worst[names[group[ordered[k]]]]
        return f"its camera drifted: {statistic} by {value:.1f} standard deviations"

    return Ranking(DRIFT, ordered, distance[order], tell)


def rank_suspected(of: Sources) -> Ranking:
    """Labelled frames by their most suspicious label."""
    champion = read_champion(of.catalog, of.task)
    first = [champion["model_sha256"]] if champion else []
    models = [*first, *(m for m in list_models(of.catalog, of.task) if m not in first)]
    found = suspect_labels(
        of.catalog,
        of.task,
        of.frames.rows,
        of.frames.is_reviewable,
        models[: 1 + _MOST_OTHERS],
    )
    return rank_suspects(found)


def rank_suspects(found: LabelSuspects) -> Ranking:
    """The frames of suspects that are suspicious enough, each once. Raises NothingToSay where there is none."""
    order = found.suspects.rank()
    order = order[found.suspects.suspicion[order] >= _LEAST_SUSPICION]
    frames, first = np.unique(found.suspects.frame[order], return_index=True)
    if not len(frames):
        raise NothingToSay(
            "no label looks wrong: labels are judged by models that did not learn from them, and by their neighbours"
        )
    first = np.sort(first)
    chosen = order[first]
    return Ranking(
        LABEL_ERRORS,
        found.suspects.frame[chosen],
        found.suspects.suspicion[chosen],
        lambda k: found.tell(int(chosen[k])),
        lambda k: found.list_labels(int(chosen[k])),
    )


def rank_by_chance(of: Sources) -> Ranking:
    """Open frames as the seed decides."""
    return rank_randomly(of.frames.is_open, of.seed)


RANKERS: Mapping[str, Callable[[Sources], Ranking]] = {
    UNCERTAINTY: rank_uncertain,
    DISAGREEMENT: rank_contradicted,
    COVERAGE: rank_uncovered,
    DRIFT: rank_drifted,
    LABEL_ERRORS: rank_suspected,
    RANDOM: rank_by_chance,
}


# ---- below -----------------------------------------------------------------------------------------------------------


def _read_operating_score(catalog: Catalog, champion: ChampionRow) -> float | None:
    where = (
        "metric = 'operating_score' AND slice_by = 'all' AND split = 'test' AND "
        f"model_sha256 = {repr_sql(champion['model_sha256'])} AND release_id = {repr_sql(champion['release_id'])}"
    )
    values = catalog.read_latest("scores", ["value"], where)["value"].to_pylist()
    return values[0] if values else None


def _read_drift(
    catalog: Catalog, champion: ChampionRow
) -> dict[str, tuple[float, str]]:
    """`session sensor` -> how far its worst figure has drifted, and which; of a session that did as a whole alone
    `session all`."""
    where = (
        f"model_name = {repr_sql(champion['model_name'])} AND model_version = {champion['model_version']} "
        "AND is_drifted"
    )
    columns = ["session", "sensor", "statistic", "value"]
    rows = catalog.read("drift", columns, where).to_pylist()
    drifted = {r["session"] for r in rows if r["statistic"] == WHOLE_SESSION}
    by_sensor = {r["session"] for r in rows if r["sensor"] != _ALL_SENSORS}
    found: dict[str, tuple[float, str]] = {}
    for row in rows:
        is_whole = row["sensor"] == _ALL_SENSORS
        if row["session"] not in drifted or (is_whole and row["session"] in by_sensor):
            continue
        key = f"{row['session']} {row['sensor']}"
        value = abs(row["value"] or 0.0)
        if value >= found.get(key, (0.0, ""))[0]:
            found[key] = value, row["statistic"]
    return found


def _deny_maps(
    of: Sources, model: str, before: NDArray[np.int64], after: NDArray[np.int64]
) -> NDArray[np.float64]:
    maps = ((place, ids) for place, ids in _read_maps(of, model, {}))
    return count_denied_pixels(maps, before, after)


def _compare_maps(of: Sources, model: str, other: str) -> NDArray[np.float64]:
    """(N,) share of the pixels to which two models give different classes; NaN where one has no answer."""
    found = np.full(len(of.frames), np.nan)
    names: dict[str, int] = {}
    theirs = _read_maps(of, other, names)
    at, answer = next(theirs, (-1, None))
    for place, mine in _read_maps(of, model, names):
        while answer is not None and at < place:
            at, answer = next(theirs, (-1, None))
        if answer is not None and at == place and answer.shape == mine.shape:
            found[place] = float((answer != mine).mean())
    return found


def _read_maps(
    of: Sources, model: str, names: dict[str, int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Places and maps of the frames that a model has answered, in their order. `names` grows by its classes."""
    wanted: Mask = np.ones(len(of.frames), bool)
    rows = of.frames.rows
    for place, stored in read_answer_masks(of.catalog, model, rows["frame_id"], wanted):
        size_hw = rows["height_px"][place].as_py(), rows["width_px"][place].as_py()
        yield place, _paint(stored, size_hw, names)


def _paint(
    stored: StoredMap, size_hw: tuple[int, int], names: dict[str, int]
) -> NDArray[np.uint8]:
    painted = np.full(size_hw, IGNORE, np.uint8)
    for rle, name in zip(stored.mask_rles, stored.class_names, strict=True):
        painted[decode_mask(rle, *size_hw)] = names.setdefault(name, len(names))
    return painted
