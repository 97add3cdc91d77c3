"""Tools on models and releases: every model with its scores, two models on one exam, two datasets."""

from typing import Any

from pydantic import Field

from assets.comparison.pair import find_known_frames, find_model, pair_models
from assets.retrieval.results import read_results
from assets.tables.ids import complete_id
from assets.tables.rows import ModelRow
from orchestration.agent.answer import Answer, Fact, Rows, Source, say, take
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World

_MODEL_HELP = (
    "A model's id or a beginning of it, TASK/VERSION, or TASK for its champion."
)


class Models(Listing):
    """Of which task."""

    task: str = Field("", max_length=64, description="Only models of this task.")
    only_champions: bool = Field(
        False, description="Who is champion, and none of the others."
    )


def tell_models(world: World, asked: Models) -> Answer:
    """Every trained model, the best first, with its scores on the test part of its own release."""
    found = read_results(world.catalog, asked.task or None)
    source = Source("task", asked.task) if asked.task else Source("home", "models")
    rows = [
        {
            "model": row["model_sha256"],
            "task": row["task"],
            "recipe": row["recipe"],
            "release": row["release_id"],
            "is_champion": row["is_champion"],
            "is_taken_back": row["is_taken_back"],
            **row["scores"],
        }
        for row in found
    ]
    crowned = [row for row in found if row["is_champion"]]
    if asked.only_champions:
        return _tell_champions(asked, crowned, source)
    champions = sum(row["is_champion"] for row in rows)
    facts = (Fact("models", len(rows), source), Fact("champions", champions, source))
    sentences = [say("{models} models, {champions} of them champion.", *facts)]
    sentences += [_tell_champion(row) for row in crowned]
    listed = take("models", rows, asked.limit, source, key="model", key_kind="model")
    return Answer(tuple(sentences), (listed,) if rows else ())


def _tell_champions(
    asked: Models, crowned: list[dict[str, Any]], source: Source
) -> Answer:
    """A line a champion."""
    if crowned:
        return Answer(tuple(_tell_champion(row) for row in crowned))
    if not asked.task:
        return Answer((say("No model is champion of any task."),))
    return Answer((say("{task} has no champion.", Fact("task", asked.task, source)),))


def _tell_champion(row: dict[str, Any]) -> Any:
    from assets.registry.release import rules_of

    own = Source("model", row["model_sha256"])
    metric = rules_of(row["task"]).metric
    facts = (
        Fact("task", row["task"], own),
        Fact("model", row["model_sha256"], own),
        Fact("metric", metric, own),
        Fact("value", row["scores"].get(metric), own),
    )
    return say("Champion of {task} is {model}: {metric} {value}.", *facts)


class TwoModels(Listing):
    """Which two, and on whose exam."""

    first: str = Field(min_length=1, max_length=80, description=_MODEL_HELP)
    second: str = Field(min_length=1, max_length=80, description=_MODEL_HELP)
    release: str = Field("", max_length=64, description="On the exam of this release.")


def tell_difference(world: World, asked: TwoModels) -> Answer:
    """The second model less the first, on one exam that both sat, with intervals over recordings."""
    from orchestration.compared import compare_pair

    catalog = world.catalog
    one, other = (_find(world, name) for name in (asked.first, asked.second))
    release = complete_id(catalog, "releases", asked.release) if asked.release else None
    pair = pair_models(catalog, one, other, release)
    found = compare_pair(catalog, world.settings.home, pair)
    source = Source("model_pair", f"{found.first_sha256} {found.second_sha256}")
    told = found.to_dict()
    whole = told["difference"]
    low, high = whole["interval"] or (None, None)
    sides = told["changed_sides"]
    facts = (
        Fact("metric", found.metric, source),
        Fact("first", whole["first"], source),
        Fact("second", whole["second"], source),
        Fact("difference", whole["difference"], source),
        Fact("low", low, source),
        Fact("high", high, source),
        Fact("frames", found.num_frames, Source("release", found.release_id)),
        Fact("won", sides["won"], source),
        Fact("lost", sides["lost"], source),
    )
    words = (
        "{metric} is {first} of the first and {second} of the second model on {frames} test frames: a difference of "
        "{difference}, interval {low} to {high}. The second gets {won} frames right that the first does not, and "
        "{lost} the other way round."
    )
    warnings = [
        say("{warning}.", Fact("warning", text, source))
        for text in find_known_frames(catalog, pair)
    ]
    return Answer((say(words, *facts), *warnings), _list_sides(told, asked, source))


def _find(world: World, name: str) -> ModelRow:
    return find_model(
        world.catalog, name, lambda task, n: world.tracker.version(task, n).model_sha256
    )


def _list_sides(
    told: dict[str, Any], asked: TwoModels, source: Source
) -> tuple[Rows, ...]:
    slices = [
        {
            "slice": f"{s['slice_by']} = {s['slice_value']}",
            "frames": s["num_frames"],
            "first": s["first"],
            "second": s["second"],
            "difference": s["difference"],
            "has_moved": s["has_moved"],
        }
        for s in told["slices"]
    ]
    slices.sort(key=lambda row: (not row["has_moved"], row["difference"] or 0.0))
    figures = [{"figure": name, **both} for name, both in told["figures"].items()]
    frames = told["changed_sides"]["frames"]
    return (
        take("figures", figures, asked.limit, source),
        take("slices", slices, asked.limit, source),
        take("changed", frames, asked.limit, source, key="frame_id", key_kind="frame"),
    )


class TwoReleases(Listing):
    """Which two."""

    first: str = Field(min_length=6, max_length=64, description="A release's id.")
    second: str = Field(min_length=6, max_length=64, description="The other's id.")


def tell_diff(world: World, asked: TwoReleases) -> Answer:
    """What came, went and changed between two datasets."""
    from assets.comparison.releases import diff_releases

    first, second = (
        complete_id(world.catalog, "releases", name)
        for name in (asked.first, asked.second)
    )
    told = diff_releases(world.catalog, first, second).to_dict()
    source = Source("release_pair", f"{first} {second}")
    counts = told["num_frames"]
    names = ("same", "added", "removed", "relabelled", "moved")
    facts = tuple(Fact(name, counts[name], source) for name in names)
    words = (
        "{added} frames came, {removed} went, {relabelled} have other labels, {moved} are in another part, and {same} "
        "are the same."
    )
    frames = [
        {"change": what, **{k: v for k, v in frame.items() if k != "labels"}}
        for what, some in told["frames"].items()
        for frame in some
    ]
    rows = (
        take("classes", told["classes"], asked.limit, source),
        take("frames", frames, asked.limit, source, key="frame_id", key_kind="frame"),
    )
    more = tuple(
        Fact(name, ", ".join(told[name]), source)
        for name in (
            "classes_added",
            "classes_removed",
            "sessions_added",
            "sessions_removed",
        )
        if told[name]
    )
    return Answer((say(words, *facts),), tuple(r for r in rows if r.rows), more)


MODELS = Tool(
    "models",
    "Every trained model with its scores on the test part of its release, and which is champion.",
    Models,
    tell_models,
)
COMPARE_MODELS = Tool(
    "compare_models",
    "Two models of one task on one exam: paired difference with its interval, slices that moved, frames won and lost.",
    TwoModels,
    tell_difference,
)
COMPARE_RELEASES = Tool(
    "compare_releases",
    "What two datasets differ in: frames, labels and classes that came, went or changed.",
    TwoReleases,
    tell_diff,
)
