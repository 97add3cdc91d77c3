"""Pixeltable: a table of images with one computed column, as its documentation shows. It stores links and figures.

Its Image type decodes every picture with Pillow at full size. A function over paths that brings its own decoder is
faster, and leaves to Pixeltable only the table: 0.6 of the rate of Daguerre when both were measured so.
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.peers.figures import report


def run(folder: Path) -> int:
    """All images of a folder."""
    import pixeltable as pxt

    from bench.peers.pixeltable_function import measure

    table = pxt.create_table("bench", {"image": pxt.Image})
    table.add_computed_column(figures=measure(table.image, table.image.localpath))
    table.insert({"image": entry.path} for entry in os.scandir(folder))
    return int(table.count())


if __name__ == "__main__":
    import pixeltable

    pixeltable.init()
    report(run)
