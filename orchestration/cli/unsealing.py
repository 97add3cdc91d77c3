"""The verb that opens a sealed original, of a frame or a recording, and writes down who asked for it and why."""

import getpass
import os
import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.output import Json, say
from orchestration.profiles import load_settings

_IDS = {"frame": "frame_id", "recording": "capture_id"}


def unseal(
    named: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The id of a sealed frame, or of a sealed capture."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Where the original goes: a file that is new."),
    ],
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept with who and when, for ever.")
    ],
    as_json: Json = False,
) -> None:
    """Write the original of a frame, or of a recording, under a privacy policy into a file for you alone.

    Who, when and why are kept in `unsealings` before anything is opened, also where the key turns out to be missing.
    """
    from assets.privacy.keys import SealKeys
    from assets.privacy.unsealing import Asked, open_original
    from orchestration.resources import build_catalog

    settings = load_settings()
    if out.exists():
        raise ValueError(f"{out} exists: name a file that is new")
    if not out.absolute().parent.is_dir():
        raise ValueError(
            f"there is no folder {out.absolute().parent}: make it, or name a file elsewhere"
        )
    asked = Asked(named, getpass.getuser(), because, time.time_ns())
    keys = SealKeys(settings.home, settings.seal_key)
    original = open_original(build_catalog(settings), keys, asked)
    with open(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        shutil.copyfileobj(original.stream, file)
    facts = {
        _IDS[original.kind]: named,
        "session": original.session,
        "file": str(out),
        "encoding": original.encoding,
        "who": asked.who,
        "reason": because,
        "unsealed_ns": asked.at_ns,
    }
    what = f"{original.kind} {named} of session {original.session}"
    told = f"{out}: {what} as it came ({original.encoding})"
    say(as_json, facts, f"{told}; kept with it: {asked.who}, {because}")
