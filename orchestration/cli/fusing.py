"""The verb that finds the path of a session's RGB-D cameras and fuses their depth into a mesh."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from checks.verdicts import Verdict
    from orchestration.profiles import Settings


def fuse(
    session: Annotated[str, typer.Argument(metavar="SESSION")],
    voxel_mm: Annotated[
        float | None,
        typer.Option(
            "--voxel-mm",
            help="Side of a voxel; by default twice what a pixel covers at the middle depth.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Find the path of the first 20 frames, and keep nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find where each depth image was taken, and fuse them into a mesh with colours.

    Poses go into the table `odometry`, meshes into `meshes`; exit code 1 where a blocking check refuses one. What is up
    to date is not made again.
    """
    from assets.reconstruction.meshes import require_voxel
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    voxel_m = None if voxel_mm is None else voxel_mm / 1000
    require_voxel(voxel_m)
    settings = load_settings()
    catalog = build_catalog(settings)
    if dry_run:
        facts, verdicts = _try(catalog, session)
    else:
        facts, verdicts = _make(settings, catalog, session, voxel_m)
    _tell(facts, verdicts, as_json)


def _try(catalog: "Catalog", session: str) -> tuple[dict[str, Any], "list[Verdict]"]:
    from assets.reconstruction.odometry import try_odometry
    from checks.gates import judge_tried

    rows, num_frames = try_odometry(catalog, session)
    facts = {
        "session": session,
        "frames": num_frames,
        "kept": False,
        "poses": rows,
        "meshes": [],
    }
    return facts, judge_tried(catalog, session, {"odometry": rows})


def _make(
    settings: "Settings", catalog: "Catalog", session: str, voxel_m: float | None
) -> tuple[dict[str, Any], "list[Verdict]"]:
    from assets.reconstruction.meshes import refresh_meshes
    from assets.reconstruction.odometry import refresh_odometry
    from checks.verdicts import stops_flow
    from orchestration.observed import judge_made

    with show_progress(f"finding the path of {session}", "frames") as tick:
        path = refresh_odometry(catalog, session, tick)
    facts: dict[str, Any] = {
        "session": session,
        "frames": len(path.rows),
        "kept": True,
        "made": path.num_made,
        "poses": path.rows,
        "meshes": [],
    }
    path_facts = {"made anew": path.num_made}
    asset = ("reconstruction", "odometry")
    verdicts = judge_made(settings, catalog, asset, session, path_facts)
    if stops_flow(verdicts):
        return facts, verdicts
    with show_progress(f"fusing {session}", "frames") as tick:
        meshes = refresh_meshes(catalog, session, voxel_m, tick)
    facts |= {"meshes_made": meshes.num_made, "meshes": meshes.rows}
    mesh_facts = {"made anew": meshes.num_made}
    asset = ("reconstruction", "mesh")
    verdicts += judge_made(settings, catalog, asset, session, mesh_facts)
    return facts, verdicts


def _tell(facts: dict[str, Any], verdicts: "list[Verdict]", as_json: bool) -> None:
    from checks.verdicts import stops_flow

    facts["checks"] = describe_verdicts(verdicts)
    lines = [*_tell_path(facts["poses"]), *map(_tell_mesh, facts["meshes"])]
    lines += tell_failures(verdicts)
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell_path(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each depth camera."""
    for capture, sensor in sorted({(r["capture_id"], r["sensor"]) for r in rows}):
        mine = [r for r in rows if (r["capture_id"], r["sensor"]) == (capture, sensor)]
        able = [r for r in mine if r.get("part") is not None]
        if not able:
            yield f"{sensor}: no path: {'; '.join(sorted({r['reason'] or '' for r in mine}))}"
            continue
        num_parts = len({r["part"] for r in able})
        line = f"{sensor}: {len(able)} of {len(mine)} frames have a pose, in {many(num_parts, 'part')}"
        given = [
            r["given_off_m"] ** 2 for r in able if r.get("given_off_m") is not None
        ]
        if given:
            line += f", {1000 * (sum(given) / len(given)) ** 0.5:.1f} mm off the recorded poses"
        yield line


def _tell_mesh(row: dict[str, Any]) -> str:
    if row["reason"] is not None:
        return f"{row['sensor']}: no mesh: {row['reason']}"
    size = " x ".join(
        f"{row[f'{axis}_max_m'] - row[f'{axis}_min_m']:.2f}" for axis in "xyz"
    )
    return (
        f"{row['sensor']}, part {row['part']}: {row['num_triangles']} triangles at {1000 * row['voxel_m']:g} mm, "
        f"{row['area_m2']:.2f} m2 in {size} m; id {row['mesh_id']}"
    )
