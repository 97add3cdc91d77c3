"""The verb that finds where a picture was taken, by sparse models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from assets.wording import many
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from assets.reconstruction.localise import Localised


def localise(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="A picture, or a folder or s3:// prefix of them."
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            metavar="ID",
            help="A sparse model, by a session or a beginning of its id; of several the one that fits best.",
        ),
    ],
    sensor: Annotated[
        str | None,
        typer.Option(
            help="Which of the model's cameras took it; by default the only one of its shape."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find where a picture was taken, by what it shares with a sparse model; or say that it was not there.

    Nothing is stored. Exits 1 where a picture has no place.
    """
    from assets.inference.loose_images import list_images
    from assets.reconstruction.localise import find_model, localise_files
    from assets.storage import Folder
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    if "://" not in image and not Path(image).exists():
        raise ValueError(f"there is nothing at {image}: name a picture or a folder")
    catalog = build_catalog(load_settings())
    models = dict(find_model(catalog, name) for name in model)
    folder = Folder(image)
    files = list_images(folder)
    with show_progress(
        f"looking for {many(len(files), 'picture')}", "pictures"
    ) as tick:
        answers = list(localise_files(models, folder, files, sensor, tick))
    units = {model_id: found.length_unit for model_id, found in models.items()}
    facts = {
        "models": units,
        "pictures": [_describe(answer) for answer in answers],
    }
    lines = [for_line(_tell(answer, units)) for answer in answers]
    say(as_json, facts, join_lines(lines))
    raise typer.Exit(int(any(answer.location is None for answer in answers)))


def _describe(answer: "Localised") -> dict[str, Any]:
    from assets.formats.sequences.sequence_files import pose_of_matrix

    facts: dict[str, Any] = {
        "picture": answer.path,
        "model": answer.model_id,
        "sensor": answer.sensor,
        "reason": answer.reason,
    }
    if answer.location is not None:
        found = answer.location
        facts |= {
            "world_from_camera": list(pose_of_matrix(found.world_from_camera)),
            "covariance": found.covariance.tolist(),
            "sigma": found.sigma,
            "sigma_deg": found.sigma_deg,
            "matches": found.num_matches,
            "fitting": found.num_fitting,
            "noise_px": found.noise_px,
        }
    return facts


def _tell(answer: "Localised", units: dict[str, str]) -> str:
    if answer.location is None or answer.model_id is None:
        return f"{answer.path}: not here: {answer.reason}"
    found = answer.location
    x, y, z = found.world_from_camera[:3, 3]
    of = " m" if units[answer.model_id] == "m" else " (unit unknown)"
    return (
        f"{answer.path}: at {x:.4g} {y:.4g} {z:.4g} +- {found.sigma:.2g}{of}, turned to {found.sigma_deg:.2g} deg; "
        f"{found.num_fitting} of {found.num_matches} features fit, {found.noise_px:.2f} px off; as {answer.sensor} of "
        f"{answer.model_id[:12]}"
    )
