"""Reconstruction: geometry from pictures. What cameras are and where they sit, from pictures of a board."""

from assets.stages import Maker, Stage
from assets.tables.schemas import reconstruction

STAGE = Stage(
    name="reconstruction",
    after=reconstruction.AFTER,
    tables=reconstruction.TABLES,
    assets="assets.reconstruction.defs",
    gates="checks.reconstruction",
    makers=(
        Maker(
            "rig_calibrations",
            "rig_calibrations",
            (
                "assets.reconstruction.board_pictures:list_pictures",
                "assets.reconstruction.rig_rows:make_rows",
            ),
        ),
    ),
)
