"""The verb that learns Gaussian splats from a sparse model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.verdict_text import describe_verdicts, tell_failures

if TYPE_CHECKING:
    from assets.reconstruction.splat_scene import SplatScene
    from assets.reconstruction.splats import Splatted
    from checks.verdicts import Verdict


def splats(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SESSION|MODEL",
            help="A session with a published sparse model, or the beginning of the model's id.",
        ),
    ],
    device: Annotated[
        str,
        typer.Option(
            "--device",
            help="cuda, by gsplat; or cpu: a tiny one, of pictures at most 64 px wide.",
        ),
    ] = "cuda",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say which pictures are held out, and what is lacking."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Learn Gaussian splats of a scene, and hold them against pictures that they did not learn from.

    They go into the tables `splats` and `splat_views`; exit code 1 where a blocking check refuses them, or nothing here
    can make them. They are made again only where the sparse model or the device changed.
    """
    from assets.reconstruction.splats import refresh_splats
    from orchestration.observed import judge_made
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    if dry_run:
        from assets.reconstruction.splat_scene import find_scene

        return _tell_scene(find_scene(catalog, name, device), as_json)
    with show_progress(f"learning splats of {name}", "steps") as tick:
        done = refresh_splats(catalog, name, device, tick)
    asset = ("reconstruction", "splats")
    told = {"made anew": done.is_new}
    verdicts = judge_made(settings, catalog, asset, done.splats["session"], told)
    _tell(done, verdicts, as_json)


def _tell_scene(scene: "SplatScene", as_json: bool) -> None:
    from models.splats.fast_rasteriser import DeviceLacks, choose_rasteriser

    try:
        rasteriser, lack = choose_rasteriser(scene.device)[1], None
    except DeviceLacks as error:
        rasteriser, lack = None, str(error)
    facts = {
        "session": scene.session,
        "sparse_model_id": scene.model_row["sparse_model_id"],
        "device": scene.device,
        "rasteriser": rasteriser,
        "lacks": lack,
        "images": len(scene.learned),
        "held_out": [p.frame_id for p in scene.held_out],
        "points": len(scene.model.points),
        "steps": scene.recipe.num_steps,
        "most_px": scene.recipe.most_px,
        "dry_run": True,
    }
    held = f"{len(scene.held_out)} held out" if scene.held_out else "none held out"
    lines = [
        f"{many(len(scene.learned), 'picture')} to learn from, {held}; "
        f"begun at {many(len(scene.model.points), 'point')}",
        f"{scene.recipe.num_steps} steps at {scene.recipe.most_px} px on {scene.device}: {rasteriser or lack}",
    ]
    say(as_json, facts, join_lines(lines))


def _tell(done: "Splatted", verdicts: "list[Verdict]", as_json: bool) -> None:
    from checks.verdicts import stops_flow

    views = [
        {k: v for k, v in view.items() if k != "comparison"} for view in done.views
    ]
    facts = {
        "session": done.splats["session"],
        "made": done.is_new,
        "splats": done.splats,
        "views": views,
        "checks": describe_verdicts(verdicts),
    }
    lines = [*_tell_splats(done.splats), *tell_failures(verdicts)]
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(stops_flow(verdicts)))


def _tell_splats(row: dict[str, Any]) -> Iterator[str]:
    if row["reason"]:
        yield f"no splats: {row['reason']}"
        return
    yield (
        f"{row['num_gaussians']} Gaussians of {row['num_start']} points, by {many(row['num_images'], 'picture')}, "
        f"{row['num_steps']} steps at {row['most_px']} px, {row['rasteriser']}"
    )
    yield (
        f"{row['num_held_out']} held-out views: {row['psnr_db']:.1f} dB; the nearest picture "
        f"{row['nearest_psnr_db']:.1f}, the mean colour {row['mean_colour_psnr_db']:.1f}, before learning "
        f"{row['start_psnr_db']:.1f}"
    )
    yield f"`daguerre export splats {row['session']} FILE.ply` writes them for viewers"
