"""Dagster's daemon of `daguerre ui`, which looks after backfills every few seconds in place of every 30.

Each stage of a backfill begins at a look, and so does its end. A look without a backfill is three short queries.
"""

from dagster._daemon import controller
from dagster._daemon.cli import main

_LOOK_S = 3

if __name__ == "__main__":
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = _LOOK_S
    main()
