"""The verb that shows where a model is worse than its mean says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.output import Json, say
from orchestration.cli.tables import (
    Csv,
    Wide,
    drop_empty,
    print_csv,
    print_table,
    require_one_form,
)

if TYPE_CHECKING:
    from assets.retrieval.slices import SliceScore


def slices(
    task: Annotated[str | None, typer.Option(help="Only of this task.")] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="ID",
            help="Of this model, by a unique beginning of its hash; else of each champion. May be given several times.",
        ),
    ] = None,
    wide: Wide = False,
    as_csv: Csv = False,
    as_json: Json = False,
) -> None:
    """Say what a model scores on slices of its test part, worst first, with intervals over recordings.

    Slices are declared in `slices.toml` in the home, beside those that come along.
    """
    from assets.retrieval.slices import read_slices
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    require_one_form(wide, as_csv, as_json)
    found = read_slices(build_catalog(load_settings()), task, models or [])
    if as_json or as_csv:
        rows = [one.to_dict() for one in found]
        return print_csv(rows) if as_csv else say(True, rows, "")
    for sha256 in dict.fromkeys(one.model_sha256 for one in found):
        mine = [one for one in found if one.model_sha256 == sha256]
        print_table(
            drop_empty([_shorten(one) for one in mine]),
            f"{mine[0].task} model {sha256[:16]}",
            wide,
            "daguerre slices --wide",
        )
        if reason := explain_no_interval(mine):
            print(reason)


def explain_no_interval(slices: Sequence["SliceScore"]) -> str:
    """Why none has one; "" where one has."""
    from models.metrics.resampling import MIN_UNITS

    if any(one.low is not None for one in slices):
        return ""
    return f"no intervals: they are drawn over recordings, and a slice needs {MIN_UNITS} of them"


def _shorten(one: "SliceScore") -> dict[str, object]:
    is_sure = one.low is not None and one.high is not None
    return {
        "slice": f"{one.slice_by} = {one.slice_value}",
        "": "worse" if one.is_worse else "",
        "figure": one.metric,
        "value": "-" if one.value is None else f"{one.value:.3f}",
        "95 % of draws": f"{one.low:.3f} to {one.high:.3f}" if is_sure else "-",
        "gap": "-" if one.gap is None else f"{one.gap:+.3f}",
        "samples": one.num_samples,
        "recordings": "-" if one.num_units is None else one.num_units,
        "p": "-" if one.p_value is None else f"{one.p_value:.2g}",
    }
