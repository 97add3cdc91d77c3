"""The asset's work: find the board in a session's pictures, calibrate its rig, and keep both as rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assets.code_versions import version_of
from assets.reconstruction.board_pictures import (
    BoardPicture,
    OnProgress,
    find_boards,
    list_pictures,
    require_session,
)
from assets.reconstruction.rig_rows import Plan, make_rows
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from models.geometry.boards import Board
from models.geometry.rig_calibration import MODELS

DEFAULT_MODEL = "plumb_bob"


@dataclass(frozen=True)
class Calibrated:
    """What was done: the cameras' rows, and whether they were made now or were there already."""

    cameras: list[dict[str, Any]]
    is_new: bool


def read_plan(board: str, model: str = DEFAULT_MODEL) -> Plan:
    """Of texts of a person. Raises ValueError, with what helps, for a board or a lens that is not known."""
    if model not in MODELS:
        raise ValueError(
            f"lens '{model[:40]}' is not known: one of {', '.join(MODELS)}"
        )
    return Plan(board.strip().lower(), Board.parse(board), model)


def choose_plan(catalog: Catalog, session: str, board: str, model: str) -> Plan:
    """Of texts of a person; what they leave out is as the session was calibrated with before. Raises ValueError where
    that was never, and for a session without a colour picture."""
    columns = ["board", "distortion_model"]
    rows = catalog.read_latest("rig_calibrations", columns, session_is(session))
    before = rows.to_pylist()[0] if len(rows) else {}
    chosen = board or before.get("board", "")
    if not chosen:
        require_pictures(catalog, session)
        raise ValueError(
            f"nothing says which board {session} shows: name it, such as chessboard:9x6:25mm"
        )
    return read_plan(chosen, model or before.get("distortion_model", DEFAULT_MODEL))


def calibrate_session(
    catalog: Catalog, session: str, plan: Plan, on_progress: OnProgress | None = None
) -> Calibrated:
    """Bring the session's calibration up to date with its published pictures; nothing is done twice.

    Raises ValueError for a session without a colour picture.
    """
    pictures = require_pictures(catalog, session)
    facts: dict[str, Any] = {
        "session": session,
        "input_sha256": _hash(pictures, plan),
        "code_version": version_of("rig_calibrations"),
    }
    have = catalog.read_latest(
        "rig_calibrations", where=session_is(session)
    ).to_pylist()
    if have and all(all(row[k] == v for k, v in facts.items()) for row in have):
        return Calibrated(have, is_new=False)
    made = make_rows(plan, find_boards(catalog, plan.board, pictures, on_progress))
    facts["made_ns"] = time.time_ns()
    cameras = [
        facts
        | {"calibration_id": content_id("rig calibration", session, row["sensor"])}
        | row
        for row in made.cameras
    ]
    views = [{"session": session, **row} for row in made.views]
    _replace(catalog, "board_views", session, views)
    # last: with these the session is calibrated
    _replace(catalog, "rig_calibrations", session, cameras)
    where = session_is(session)
    return Calibrated(
        catalog.read_latest("rig_calibrations", where=where).to_pylist(), is_new=True
    )


def require_pictures(catalog: Catalog, session: str) -> list[BoardPicture]:
    """The pictures of a session. Raises ValueError where there is none, or no such session."""
    pictures = list_pictures(catalog, session)
    if not pictures:
        require_session(catalog, session)
        raise ValueError(
            f"{session} has no published colour picture: `daguerre status` says which sessions have any"
        )
    return pictures


def _replace(
    catalog: Catalog, name: str, session: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Make these the session's rows."""
    key = TABLES[name].key
    have = catalog.read_latest(name, [key], session_is(session))[key].to_pylist()
    gone = sorted(set(have) - {row[key] for row in rows})
    if gone:
        catalog.delete(name, is_in(key, gone))
    catalog.upsert(name, to_table(TABLES[name], rows))


def _hash(pictures: Sequence[BoardPicture], plan: Plan) -> str:
    """sha256 over all that the rows rest on."""
    digest = hashlib.sha256(repr((plan.board_text, plan.model)).encode())
    for p in pictures:
        digest.update(repr((p.name, p.sensor, p.view, p.size_px, p.sha256)).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Report:
    """Stored rows of a session's calibration, and the paths of its pictures by frame."""

    cameras: list[dict[str, Any]]
    views: list[dict[str, Any]]
    paths: dict[str, str]


def read_report(catalog: Catalog, session: str) -> Report:
    """The newest rows, published or not: cameras by name, views in their order."""
    where = session_is(session)
    cameras = catalog.read_latest("rig_calibrations", where=where).to_pylist()
    views = catalog.read_latest("board_views", where=where).to_pylist()
    found = catalog.read_latest("frames", ["frame_id", "source_path"], where)
    paths = dict(
        zip(
            *(found[name].to_pylist() for name in ("frame_id", "source_path")),
            strict=True,
        )
    )
    return Report(
        sorted(cameras, key=lambda c: c["sensor"]),
        sorted(views, key=lambda v: (v["view"], v["sensor"])),
        paths,
    )
