"""Splats as a file that viewers of 3-D Gaussian splatting open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assets.reconstruction.board_pictures import require_session
from assets.tables.catalog import Catalog, session_is
from assets.whole_output import writing_file

Row = dict[str, Any]


def export_splats(catalog: Catalog, session: str, file: Path) -> Row:
    """Write the published splats of a session as PLY, whole or not at all; returns their row.

    Positions are those of the sparse model: its world, its unit. Raises ValueError where there are none.
    """
    found = catalog.read("splats", where=session_is(session)).to_pylist()
    rows = [row for row in found if row["reason"] is None]
    if not rows:
        require_session(catalog, session)
        made = catalog.read_latest("splats", ["reason"], session_is(session))
        if None in made["reason"].to_pylist():
            raise ValueError(
                f"the splats of {session} are not published: `daguerre splats {session}` says which check refuses them"
            )
        raise ValueError(
            f"{session} has no published splats: `daguerre splats {session}` makes them"
        )
    with writing_file(file) as whole:
        whole.write_bytes(catalog.blobs.get(rows[0]["blob_sha256"]))
    return rows[0]
