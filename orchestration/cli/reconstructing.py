"""The verb that makes a sparse model of a session's pictures."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from assets.reconstruction.sparse_models import Reconstructed
    from assets.reconstruction.sparse_pictures import Scene
    from checks.verdicts import Verdict


def reconstruct(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="A session that is taken in.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say which pictures, cameras and pairs there would be."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find where each picture of a session was taken, and points that they see: a sparse model, by COLMAP.

    Cameras are as they were calibrated, else estimated. The model goes into the tables `sparse_models` and
    `sparse_images`; exit code 1 where a blocking check refuses it. It is made again only where pictures or calibration
    changed.
    """
    from assets.reconstruction.sparse_models import refresh_model
    from assets.reconstruction.sparse_pictures import find_scene
    from orchestration.observed import judge_made
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    if dry_run:
        return _tell_scene(find_scene(catalog, session), as_json)
    with show_progress(f"reconstructing {session}", "steps") as tick:
        done = refresh_model(catalog, session, tick)
    asset = ("reconstruction", "sparse_model")
    told = {"made anew": done.is_new}
    verdicts = judge_made(settings, catalog, asset, session, told)
    _tell(done, verdicts, as_json)


def _tell_scene(scene: "Scene", as_json: bool) -> None:
    cameras = [
        {
            "sensor": camera.sensor,
            "intrinsics_from": camera.intrinsics_from,
            "calibrated_in": camera.calibrated_in,
            "note": camera.note,
        }
        for camera in scene.cameras
    ]
    facts = {
        "session": scene.session,
        "pictures": scene.num_pictures,
        "images": len(scene.pictures),
        "cameras": cameras,
        "pairing": scene.pairing.rule,
        "pairs": len(scene.pairing.pairs),
        "imus": sorted(imu.sensor for imu in scene.imus.values()),
        "dry_run": True,
    }
    lines = [
        f"{len(scene.pictures)} of {scene.num_pictures} pictures, {many(len(scene.pairing.pairs), 'pair')} "
        f"({scene.pairing.rule})",
        *(f"  {_tell_camera(camera)}" for camera in cameras),
        f"  IMU: {len(scene.imus)} captures have one with stamps",
    ]
    say(as_json, facts, join_lines(lines))


def _tell_camera(camera: dict[str, Any]) -> str:
    if camera["intrinsics_from"] == "estimated":
        return f"{camera['sensor']}: estimated: {camera['note']}"
    how = "a board" if camera["intrinsics_from"] == "board" else "the recording"
    return f"{camera['sensor']}: by {how} of {camera['calibrated_in']}"


def _tell(done: "Reconstructed", verdicts: "list[Verdict]", as_json: bool) -> None:
    from checks.verdicts import stops_flow

    lines = list(_tell_model(done))
    lines += tell_failures(verdicts)
    facts = {
        "session": done.model["session"],
        "made": done.is_new,
        "model": done.model,
        "images": done.images,
        "rungs": done.rungs,
        "checks": describe_verdicts(verdicts),
    }
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell_model(done: "Reconstructed") -> Iterator[str]:
    row = done.model
    for rung in done.rungs:
        found = f"{many(rung['num_registered'], 'picture')}, {many(rung['num_points'], 'point')}"
        if rung["is_kept"] or len(done.rungs) > 1:
            kept = " (kept)" if rung["is_kept"] else ""
            yield f"{rung['rung']}: {rung.get('reason') or found}{kept}"
    if row["reason"]:
        yield f"no model: {row['reason']}"
        return
    unit = "m" if row["length_unit"] == "m" else "unknown"
    yield (
        f"{row['num_registered']} of {row['num_images']} pictures, {many(row['num_points'], 'point')}, "
        f"{row['track_length']:.1f} pictures a point, {row['reprojection_px']:.2f} px off, rays {row['angle_deg']:.1f} "
        "deg apart"
    )
    yield f"scale: {unit}; {row['scale_reason']}"
    yield f"model {row['sparse_model_id']}: `daguerre export sparse {row['sparse_model_id'][:12]} FOLDER`"
