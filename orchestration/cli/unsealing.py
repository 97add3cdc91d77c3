"""The verb that opens the original of one sealed frame, and writes down who asked for it and why."""

import getpass
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.output import Json, say
from orchestration.profiles import load_settings


def unseal(
    frame: Annotated[
        str, typer.Argument(metavar="FRAME", help="The id of a sealed frame.")
    ],
    out: Annotated[
        Path,
        typer.Option(help="Where the picture goes: a file that is new."),
    ],
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept with who and when, for ever.")
    ],
    as_json: Json = False,
) -> None:
    """Write the original of a frame under a privacy policy into a file for you alone.

    Who, when and why are kept in `unsealings` before anything is opened, also where the key turns out to be missing.
    """
    from assets.privacy.keys import SealKeys
    from assets.privacy.unsealing import Asked, open_original
    from orchestration.resources import build_catalog

    settings = load_settings()
    if out.exists():
        raise ValueError(f"{out} exists: name a file that is new")
    asked = Asked(frame, getpass.getuser(), because, time.time_ns())
    keys = SealKeys(settings.home, settings.seal_key)
    original = open_original(build_catalog(settings), keys, asked)
    with open(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(original.content)
    facts = {
        "frame_id": frame,
        "session": original.session,
        "file": str(out),
        "encoding": original.encoding,
        "who": asked.who,
        "reason": because,
        "unsealed_ns": asked.at_ns,
    }
    told = f"{out}: frame {frame} of session {original.session} as it came ({original.encoding})"
    say(as_json, facts, f"{told}; kept with it: {asked.who}, {because}")
