"""The verb that learns a detector of number plates, for privacy policies, from drawn pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli.output import Json, say
from orchestration.cli.progress import show_progress


def learn_plates(
    out: Annotated[
        Path,
        typer.Option(help="Where the detector goes, as ONNX: a file that is new."),
    ],
    as_json: Json = False,
) -> None:
    """Learn to find number plates, from pictures that are drawn for it, and write the detector into a file.

    A policy names it: `privacy: {plates: FILE}`. Takes about a minute of processor time. Nothing is fetched, and
    no picture of a home is looked at.
    """
    from assets.capture.simulation.textures import load_photos
    from assets.inference.checkpoint import hash_bytes
    from assets.privacy.plate_learning import NUM_PICTURES, configure, learn

    if out.exists():
        raise ValueError(f"{out} exists: name a file that is new")
    if not out.absolute().parent.is_dir():
        raise ValueError(
            f"there is no folder {out.absolute().parent}: make it, or name a file elsewhere"
        )
    config = configure()
    with show_progress("learning plates", "steps") as tick:

        def tell(event: dict[str, Any]) -> None:
            tick(event.get("step", 0), NUM_PICTURES // config.batch_size)

        learnt = learn(load_photos(), config, on_progress=tell)
    with open(out, "xb") as file:
        file.write(learnt.onnx)
    facts = {
        "file": str(out),
        "sha256": hash_bytes(learnt.onnx),
        "size_bytes": len(learnt.onnx),
        "pictures": NUM_PICTURES,
        "map50": learnt.map50,
    }
    told = f"{out}: learnt from {NUM_PICTURES} drawn pictures; average precision {learnt.map50:.3f} on drawn pictures"
    say(
        as_json,
        facts,
        f"{told} of the same layouts: `privacy: {{plates: FILE}}` names it",
    )
