"""Options of the verbs by which a person decides."""

from typing import Annotated

import typer

Because = Annotated[
    str,
    typer.Option(
        "--because",
        metavar="TEXT",
        help="Why, for whoever asks later; kept with who and when.",
    ),
]

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
]
