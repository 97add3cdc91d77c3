"""Every model that was trained, with its scores on the test split: one row a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets.choice import Choice, read_choice
from assets.registry.person import tell_act
from assets.registry.release import rules_of
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import find_taken_back, list_titles
from assets.tables.missed_classes import list_missed
from models.known_tasks import all_task_names, dataset_of


def read_results(
    catalog: Catalog, task: str | None = None, choice: Choice | None = None
) -> list[dict[str, Any]]:
    """Rows of `models` by task, best by the gate's metric first; `scores`: metric -> value, None if not measured.

    `choice`: only models of releases of which all that it names was chosen. `chosen` and `warnings` are of the release;
    `titles` say when a model became champion, and who took it back; `missed_classes` are those that its test part shows
    and the model never finds.

    Scores are those on the test split of the model's own release: models of different releases sat different tests.
    Raises ValueError for an unknown task, and for a choice that no model was trained on.
    """
    if task is not None:
        dataset_of(task)
    models = catalog.read_latest(
        "models", where=is_in("task", [task]) if task else None
    ).to_pylist()
    scores: dict[tuple[str, str], dict[str, float | None]] = {}
    of_models = is_in("model_sha256", [m["model_sha256"] for m in models])
    of_test = f"slice_by IN ('all', 'class') AND split = 'test' AND {of_models}"
    rows = catalog.read_latest("scores", where=of_test).to_pylist()
    by_class = [row for row in rows if row["slice_by"] == "class"]
    for row in (row for row in rows if row["slice_by"] == "all"):
        scores.setdefault((row["model_sha256"], row["release_id"]), {})[
            row["metric"]
        ] = row["value"]
    champions = set(
        catalog.read_latest("champions", ["model_sha256"])["model_sha256"].to_pylist()
    )
    titles = list_titles(catalog, {m["model_sha256"] for m in models})
    taken_back = find_taken_back(titles)
    wanted = is_in("release_id", sorted({m["release_id"] for m in models}))
    releases = {
        row["release_id"]: row
        for row in catalog.read_latest(
            "releases", ["release_id", "choice", "weaknesses"], wanted
        ).to_pylist()
    }
    chosen = [m for m in models if _is_chosen_by(releases.get(m["release_id"]), choice)]
    if models and not chosen and choice is not None:
        there = sorted(
            {_describe(releases.get(m["release_id"]))["chosen"] for m in models}
        )
        raise ValueError(
            f"no model was trained on {choice.summary}: there are models of {' | '.join(filter(None, there))}"
        )
    found = [
        {
            **{
                k: m[k]
                for k in (
                    "task",
                    "recipe",
                    "model_sha256",
                    "release_id",
                    "seed",
                    "run_id",
                )
            },
            "is_champion": m["model_sha256"] in champions,
            "titles": [
                tell_act(r)
                for r in titles
                if m["model_sha256"] in (r["after_sha256"], r["before_sha256"])
            ],
            "is_taken_back": m["model_sha256"] in taken_back,
            "scores": scores.get((m["model_sha256"], m["release_id"]), {}),
            "missed_classes": list(
                list_missed(by_class, m["model_sha256"], m["release_id"])
            ),
            **_describe(releases.get(m["release_id"])),
        }
        for m in chosen
    ]
    return sorted(found, key=lambda r: (r["task"], -_headline(r), r["model_sha256"]))


def _describe(release: Mapping[str, Any] | None) -> dict[str, Any]:
    if release is None:
        return {"chosen": "", "warnings": []}
    return {
        "chosen": read_choice(release["choice"]).summary,
        "warnings": list(release["weaknesses"] or ()),
    }


def _is_chosen_by(release: Mapping[str, Any] | None, asked: Choice | None) -> bool:
    if asked is None:
        return True
    return release is not None and read_choice(release["choice"]).holds(asked)


def _headline(row: dict[str, Any]) -> float:
    # a user's own task may have been taken away
    is_known = row["task"] in all_task_names()
    value = row["scores"].get(rules_of(row["task"]).metric) if is_known else None
    return float("-inf") if value is None else float(value)
