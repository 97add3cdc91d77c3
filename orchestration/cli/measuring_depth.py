"""The verb that measures depth from the stereo pairs of a session."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from checks.verdicts import Verdict


def depth(
    session: Annotated[str, typer.Argument(metavar="SESSION")],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Measure eight pairs, evenly spread, and keep nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure depth from pictures that two calibrated cameras took at one time.

    Pairs are matched semi-globally, or by the net of DAGUERRE_STEREO_NET.

    By the newest calibration from a board in metres that has two of the cameras, else as the session was recorded.
    Depth goes into the table `depth_maps`; exit code 1 where a blocking check refuses it. What is done is kept, and
    done again only where pictures or calibration changed.
    """
    from assets.inference.stereo_net import open_stereo_net
    from assets.reconstruction.depth_maps import refresh_depth, try_depth
    from checks.gates import judge_tried
    from orchestration.observed import judge_made
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    net = open_stereo_net(settings.workspace.stereo_net)
    if dry_run:
        rows, num_pairs = try_depth(catalog, session, net)
        verdicts = judge_tried(catalog, session, {"depth_maps": rows})
        facts = {"session": session, "pairs": num_pairs, "kept": False}
    else:
        with show_progress(f"measuring depth in {session}", "pairs") as tick:
            done = refresh_depth(catalog, session, tick, net)
        rows = done.rows
        asset = ("reconstruction", "depth")
        verdicts = judge_made(
            settings, catalog, asset, session, {"made anew": done.num_made}
        )
        num_pairs = sum(r["other_frame_id"] is not None for r in rows)
        facts = {
            "session": session,
            "pairs": num_pairs,
            "made": done.num_made,
            "kept": True,
        }
    _tell(facts, rows, verdicts, as_json)


def _tell(
    facts: dict[str, Any],
    rows: list[dict[str, Any]],
    verdicts: "list[Verdict]",
    as_json: bool,
) -> None:
    from checks.verdicts import stops_flow

    facts["maps"] = [
        {k: v for k, v in row.items() if not k.endswith("payload")} for row in rows
    ]
    facts["checks"] = describe_verdicts(verdicts)
    lines = list(_tell_cameras(rows))
    lines += tell_failures(verdicts)
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell_cameras(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each pair of cameras."""
    for sensor, other in sorted({(r["sensor"], r["other_sensor"] or "") for r in rows}):
        name = f"{sensor} and {other}" if other else sensor
        mine = [
            r for r in rows if (r["sensor"], r["other_sensor"] or "") == (sensor, other)
        ]
        able = [r for r in mine if r.get("reason") is None]
        if not able:
            yield f"{name}: no depth: {'; '.join(sorted({r['reason'] for r in mine}))}"
            continue
        line = (
            f"{name}: {len(able)} depth maps by the calibration of {able[0]['calibrated_in']}, "
            f"{100 * _middle(able, 'coverage'):.0f} % of the image"
        )
        if net := able[0].get("net_sha256"):
            line += f", by the net {net[:8]}"
        if any(r.get("median_depth_m") is not None for r in able):
            line += (
                f", confidence {_middle(able, 'median_confidence'):.2f}, "
                f"{_middle(able, 'median_depth_m'):.2f} +- {_middle(able, 'median_sigma_m'):.3f} m"
            )
        if any(r.get("sensor_off_px") is not None for r in able):
            line += f", {_middle(able, 'sensor_off_px'):.2f} px off the depth camera"
        yield line


def _middle(rows: list[dict[str, Any]], column: str) -> float:
    from statistics import median

    return float(median(r[column] for r in rows if r.get(column) is not None))
