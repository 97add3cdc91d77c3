"""The verbs that hold two things against each other: models on one exam, releases."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_activity

if TYPE_CHECKING:
    from assets.comparison.pair import Pair
    from assets.tables.catalog import Catalog
    from assets.tables.rows import ModelRow
    from orchestration.profiles import Settings

Html = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", help="Write a page with pictures: one file."
    ),
]


_MODEL = "An id or a beginning of it, TASK/VERSION, or TASK, which is its champion."


def compare(
    first: Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)],
    second: Annotated[
        str, typer.Argument(metavar="MODEL", help="The one to hold against it.")
    ],
    release: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="On the test part of this dataset; by default one that both were scored on.",
        ),
    ] = None,
    score: Annotated[
        bool,
        typer.Option("--score", help="Score a model there that was not scored yet."),
    ] = False,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Hold two models against each other on one test part: paired intervals, slices that moved, frames won and lost.

    Intervals are over recordings, drawn for both models at once. Without --score nothing is changed.
    """
    from assets.comparison.pair import find_known_frames, find_model, pair_models
    from assets.tables.ids import complete_id
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker

    settings = load_settings()
    catalog, tracker = build_catalog(settings), build_tracker(settings)
    chosen = [
        find_model(catalog, name, lambda task, n: tracker.version(task, n).model_sha256)
        for name in (first, second)
    ]
    release_id = complete_id(catalog, "releases", release) if release else None
    pair = pair_models(catalog, chosen[0], chosen[1], release_id)
    _complete_exams(settings, catalog, pair, score)
    with show_activity("comparing frame by frame"):
        from assets.comparison.model_page import Named, make_page, tell_comparison
        from orchestration.compared import compare_on

        ids = (pair.first["model_sha256"], pair.second["model_sha256"])
        found = compare_on(catalog, settings.home, *ids, pair.release_id)
    assert found is not None, "both sat the exam"
    warnings = tuple(find_known_frames(catalog, pair))
    named = Named(found, _name(pair.first), _name(pair.second), warnings)
    lines = tell_comparison(named)
    if html is not None:
        from assets.comparison.page import write_page

        write_page(html, make_page(catalog, named))
        lines.append(f"page: {html}")
    page = {"page": str(html) if html else None}
    say(
        as_json,
        {**found.to_dict(), "warnings": list(warnings), **page},
        join_lines(lines),
    )


def _complete_exams(
    settings: "Settings", catalog: "Catalog", pair: "Pair", may_score: bool
) -> None:
    """Let models sit the exam that they lack. Raises ValueError where nobody said that they may."""
    if not pair.lacking:
        return
    names = " and ".join(model["model_sha256"][:16] for model in pair.lacking)
    if not may_score:
        raise ValueError(
            f"model {names} has no exam with scores of frames on release {pair.release_id[:16]}: --score lets it sit "
            "that one, --release names another"
        )
    from orchestration.cluster import require_cluster

    require_cluster(settings)
    for model in pair.lacking:
        with show_activity(f"scoring {_name(model)}"):
            _score(settings, catalog, model, pair.release_id)


def _score(
    settings: "Settings", catalog: "Catalog", model: "ModelRow", release_id: str
) -> None:
    from assets.evaluation.exam import examine_on, examine_open_on
    from assets.inference.model_store import open_copy
    from assets.tables.releases import open_release
    from models.task_names import TASK_NAMES

    task, workspace = model["task"], settings.workspace
    package = open_copy(catalog.blobs, workspace.home, model)
    if task in TASK_NAMES:
        release = open_release(catalog, release_id)
        examine_on(catalog, workspace, package, release).write(catalog)
        return
    models = [model["model_sha256"]]
    for rows in examine_open_on(catalog, workspace, task, release_id, models):
        rows.write(catalog)


def _name(model: "ModelRow") -> str:
    sha256 = model["model_sha256"][:16]
    return f"model {sha256} ({model['recipe']}, seed {model['seed']})"


def diff(
    first: Annotated[
        str,
        typer.Argument(
            metavar="RELEASE", help="A dataset, by a unique beginning of its id."
        ),
    ],
    second: Annotated[
        str, typer.Argument(metavar="RELEASE", help="The one to hold against it.")
    ],
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Say what two datasets differ in: frames, labels and classes that came, went, changed, or changed parts."""
    from assets.tables.ids import complete_id
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    ids = [complete_id(catalog, "releases", text) for text in (first, second)]
    with show_activity("reading both releases"):
        from assets.comparison.release_page import make_page, tell_diff
        from assets.comparison.releases import diff_releases

        found = diff_releases(catalog, ids[0], ids[1])
    lines = tell_diff(found)
    if html is not None:
        from assets.comparison.page import write_page

        write_page(html, make_page(catalog, found))
        lines.append(f"page: {html}")
    facts = {**found.to_dict(), "page": str(html) if html else None}
    say(as_json, facts, join_lines(lines))
