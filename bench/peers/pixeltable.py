"""Pixeltable: a table of images with one computed column. It stores paths and figures, not bytes."""

from __future__ import annotations

import os
from pathlib import Path

from bench.peers.figures import report


def run(folder: Path) -> int:
    """All images of a folder."""
    import pixeltable as pxt

    from bench.peers.pixeltable_function import measure

    table = pxt.create_table("bench", {"path": pxt.String})
    table.add_computed_column(figures=measure(table.path))
    table.insert({"path": entry.path} for entry in os.scandir(folder))
    return int(table.count())


if __name__ == "__main__":
    import pixeltable

    pixeltable.init()
    report(run)
