"""Which two models are compared, and on the exam of which release.

A model is named by its id or a beginning of it, by TASK/VERSION, or by TASK, which is its champion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from assets.kinds import find_kind
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import read_champion
from assets.tables.ids import complete_id
from assets.tables.rows import ModelRow
from models.known_tasks import all_task_names, dataset_of

_VERSION = re.compile(r"([A-Za-z_]\w*)/([1-9][0-9]*)")
# (task, version) -> the sha256 of its weights; raises LookupError
FindVersion = Callable[[str, int], str]


@dataclass(frozen=True)
class Pair:
    """Two models of one task, the release whose exam they are compared on, and who has not sat it yet."""

    first: ModelRow
    second: ModelRow
    release_id: str
    lacking: tuple[ModelRow, ...] = ()

    @property
    def task(self) -> str:
        """Of both."""
        return self.first["task"]


def find_model(catalog: Catalog, name: str, find_version: FindVersion) -> ModelRow:
    """The model of a name. Raises ValueError for one that there is not."""
    if name in all_task_names():
        champion = read_champion(catalog, name)
        if champion is None:
            raise ValueError(
                f"{name} has no champion: name a model by its id, which `daguerre results` lists"
            )
        sha256 = champion["model_sha256"]
    elif version := _VERSION.fullmatch(name):
        try:
            sha256 = find_version(version[1], int(version[2]))
        except LookupError as error:
            raise ValueError(
                f"{error}, or it was deleted in MLflow: name a model by its id"
            ) from error
    else:
        sha256 = complete_id(catalog, "models", name)
    rows = catalog.read_latest("models", where=is_in("model_sha256", [sha256]))
    if not len(rows):
        raise ValueError(
            f"{name} is model {sha256[:16]}, which no table knows: restore the tables from a backup"
        )
    return cast(ModelRow, rows.to_pylist()[0])


def pair_models(
    catalog: Catalog, first: ModelRow, second: ModelRow, release_id: str | None = None
) -> Pair:
    """The two on one release: the one that is named, else one whose exam both sat, first of all the second model's own;
    where there is none, the second model's own.

    Raises ValueError for models of two tasks or one and the same, for a task that stores no frames of its exam, and for
    a release with other classes than a model knows.
    """
    if first["model_sha256"] == second["model_sha256"]:
        raise ValueError(f"both are model {first['model_sha256'][:16]}: name two")
    tasks = {first["task"], second["task"]}
    if len(tasks) > 1:
        raise ValueError(
            f"one model is for {first['task']}, the other for {second['task']}: name two of one task"
        )
    if not find_kind(dataset_of(first["task"])).leading_metric:
        raise ValueError(
            f"exams of {first['task']} store no frames to compare by: `daguerre results --task {first['task']}` lists "
            "their figures"
        )
    sat = [_list_exams(catalog, model) for model in (first, second)]
    if release_id is None:
        both = sat[0] & sat[1]
        own = (second["release_id"], first["release_id"])
        release_id = next((r for r in own if r in both), min(both, default=own[0]))
    _require_classes(catalog, (first, second), release_id)
    lacking = tuple(
        model
        for model, exams in zip((first, second), sat, strict=True)
        if release_id not in exams
    )
    return Pair(first, second, release_id, lacking)


def find_known_frames(catalog: Catalog, pair: Pair) -> Iterator[str]:
    """A warning for each model that learnt from frames which the exam asks about."""
    of_exam = f"{is_in('release_id', [pair.release_id])} AND split = 'test'"
    asked = set(_read_frames(catalog, of_exam))
    for model in (pair.first, pair.second):
        if model["release_id"] == pair.release_id:
            continue
        learnt = f"{is_in('release_id', [model['release_id']])} AND split <> 'test'"
        known = asked.intersection(_read_frames(catalog, learnt))
        if known:
            yield (
                f"model {model['model_sha256'][:16]} learnt from {len(known)} of the {len(asked)} frames that the exam "
                "asks about: its figures are too good"
            )


def _list_exams(catalog: Catalog, model: ModelRow) -> set[str]:
    """The releases whose exam a model sat, with scores of frames."""
    where = f"{is_in('model_sha256', [model['model_sha256']])} AND split = 'test'"
    rows = catalog.read_latest("frame_scores", ["release_id"], where)
    return set(rows["release_id"].unique().to_pylist())


def _require_classes(
    catalog: Catalog, models: tuple[ModelRow, ...], release_id: str
) -> None:
    wanted = [release_id, *(model["release_id"] for model in models)]
    rows = catalog.read_latest(
        "releases", ["release_id", "task", "class_names"], is_in("release_id", wanted)
    ).to_pylist()
    of = {row["release_id"]: (row["task"], tuple(row["class_names"])) for row in rows}
    task = models[0]["task"]
    asked = of[release_id][0] if release_id in of else dataset_of(task)
    if asked != dataset_of(task):
        raise ValueError(
            f"release {release_id[:12]} is for {asked}, and the models are for {task}: leave --release out, for the "
            f"exam that both sat, or name a release for {task}"
        )
    for model in models:
        if of.get(model["release_id"]) != of.get(release_id):
            raise ValueError(
                f"model {model['model_sha256'][:16]} knows other classes than release {release_id[:12]} asks for: "
                "name a release with its classes by --release"
            )


def _read_frames(catalog: Catalog, where: str) -> list[str]:
    rows = catalog.read_latest("release_frames", ["frame_id"], where)
    return cast("list[str]", rows["frame_id"].to_pylist())
