"""The verb that puts the objects of a session into space, and into every view."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from checks.verdicts import Verdict


def boxes(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="A session that is taken in.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made; store nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put objects into space: boxes in images that share an id, and depth, become boxes in m with standard errors.

    Goes by labels with track ids, or else by stored tracks. Boxes go into the table `object_boxes`, what every camera
    and frame sees of them into `object_views`; exit code 1 where a blocking check refuses them.
    """
    from assets.tracking.object_boxes import place_objects, try_objects
    from checks.gates import judge_tried
    from orchestration.observed import judge_made
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    if dry_run:
        done = try_objects(catalog, session)
        rows = {"object_boxes": done.boxes, "object_views": done.views}
        verdicts = judge_tried(catalog, session, rows)
    else:
        with show_progress(f"placing objects of {session}", "captures") as tick:
            done = place_objects(catalog, session, tick)
        asset = ("tracking", "object_boxes")
        told = {"made anew": done.num_made, "with a box": done.num_known}
        verdicts = judge_made(settings, catalog, asset, session, told)
    facts = {
        "session": session,
        "captures_made": done.num_made,
        "with_a_box": done.num_known,
        "views": len(done.views),
        "kept": not dry_run,
        "objects": done.boxes,
    }
    _tell(facts, done.list_objects(), verdicts, as_json)


def _tell(
    facts: dict[str, Any],
    objects: Sequence[Sequence[dict[str, Any]]],
    verdicts: "list[Verdict]",
    as_json: bool,
) -> None:
    from checks.verdicts import stops_flow

    facts["checks"] = describe_verdicts(verdicts)
    lines = [
        f"{facts['session']}: {facts['with_a_box']} of {len(objects)} objects have a box in space, seen in "
        f"{facts['views']} views{'' if facts['kept'] else '; nothing is stored'}"
    ]
    lines += [_tell_object(rows) for rows in objects]
    lines += tell_failures(verdicts)
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell_object(rows: Sequence[dict[str, Any]]) -> str:
    """Of one that moves, which has a row a moment: where it begins and ends."""
    row, last = rows[0], rows[-1]
    name = f"  {row['class_name']} {row['object'][:12]}"
    if row["reason"]:
        return f"{name}: no box: {row['reason']}"
    size = " x ".join(_state(row, n) for n in ("length", "width", "height"))
    place = ", ".join(_state(row, n) for n in ("x", "y", "z"))
    seen = f"{row['num_views']} views"
    told = f"{name}: {row['shape']} of {size} m at {place} m"
    if last is row:
        return f"{told} in {row['frame_of_reference']}, {seen}"
    end = ", ".join(_state(last, n) for n in ("x", "y", "z"))
    seconds = (last["t_ns"] - row["t_ns"]) / 1e9
    turns = "" if row["yaw_rate_rad_s"] is None else " and turns"
    return f"{told}, moves{turns} to {end} m in {seconds:.2f} s, in {row['frame_of_reference']}, {seen}"


def _state(row: dict[str, Any], name: str) -> str:
    value, sigma = row[f"{name}_m"], row[f"{name}_sigma_m"]
    if value is None:
        return "unknown"
    return f"{value:.3f}" + ("" if sigma is None else f"±{sigma:.3f}")
