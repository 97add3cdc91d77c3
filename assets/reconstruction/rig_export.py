"""A stored calibration as a document of another tool."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assets.reconstruction.board_pictures import require_session
from assets.tables.catalog import Catalog, session_is
from models.geometry import camera_conventions as conventions
from models.geometry.camera import Array, Camera

Row = dict[str, Any]


def write_rig(catalog: Catalog, session: str, form: str) -> str:
    """The published calibration of a session in one of `FORMS`.

    Raises ValueError where there is none, the form is not known, lengths are in squares and the form has places, or the
    form has no words for a lens.
    """
    if form not in FORMS:
        raise ValueError(
            f"format '{form[:40]}' is none of {', '.join(FORMS)}: choose one"
        )
    where = f"{session_is(session)} AND reason IS NULL"
    rows = catalog.read("rig_calibrations", where=where).to_pylist()
    if not rows:
        require_session(catalog, session)
        raise ValueError(
            f"{session} has no published calibration: `daguerre calibrate {session} --board ...` makes one"
        )
    rows.sort(key=lambda r: (r["sensor"] != r["reference_sensor"], r["sensor"]))
    if form in _WITH_PLACES and len(rows) > 1 and rows[0]["length_unit"] != "m":
        raise ValueError(
            f"places of {session} are in squares: calibrate again with the side of a square, such as "
            f"--board {rows[0]['board']}:25mm"
        )
    return FORMS[form](rows)


def _write_kalibr(rows: Sequence[Row]) -> str:
    """A camchain: each camera from the one before it."""
    import yaml

    chain = {}
    before: Array = np.eye(4)
    for number, row in enumerate(rows):
        entry = conventions.to_kalibr(_camera(row))
        camera_from_rig: Array = np.linalg.inv(_place(row)).astype(np.float64)
        if number:
            entry["T_cn_cnm1"] = (camera_from_rig @ np.linalg.inv(before)).tolist()
        before = camera_from_rig
        chain[f"cam{number}"] = entry | {"rostopic": f"/{row['sensor']}/image_raw"}
    return str(yaml.safe_dump(chain, sort_keys=False))


def _write_colmap(rows: Sequence[Row]) -> str:
    """`cameras.txt`."""
    lines = ["# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    for number, row in enumerate(rows, start=1):
        model, numbers = conventions.to_colmap(_camera(row))
        fields = (number, model, row["width_px"], row["height_px"], *map(repr, numbers))
        lines += [f"# {number} is {row['sensor']}", " ".join(map(str, fields))]
    return "\n".join(lines) + "\n"


def _write_nerfstudio(rows: Sequence[Row]) -> str:
    """Entries of `frames` in `transforms.json`, the rig as the world."""
    frames = [
        {
            "camera": row["sensor"],
            **conventions.to_nerfstudio(_camera(row), _place(row)),
        }
        for row in rows
    ]
    return json.dumps({"frames": frames}, indent=2) + "\n"


def _write_by_sensor(write: Callable[[Camera], Row]) -> Callable[[Sequence[Row]], str]:
    """JSON: sensor -> the fields of a message."""
    return lambda rows: (
        json.dumps({row["sensor"]: write(_camera(row)) for row in rows}, indent=2)
        + "\n"
    )


FORMS: dict[str, Callable[[Sequence[Row]], str]] = {
    "kalibr": _write_kalibr,
    "colmap": _write_colmap,
    "nerfstudio": _write_nerfstudio,
    "ros": _write_by_sensor(conventions.to_ros),
    "foxglove": _write_by_sensor(conventions.to_foxglove),
}
_WITH_PLACES = frozenset({"kalibr", "nerfstudio"})


def _camera(row: Row) -> Camera:
    model = row["distortion_model"]
    return Camera(
        (row["width_px"], row["height_px"]),
        (row["fx_px"], row["fy_px"]),
        (row["cx_px"], row["cy_px"]),
        None if model == "none" else model,
        tuple(row["distortion"]),
    )


def _place(row: Row) -> Array:
    """rig_from_camera (4, 4)."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(row["rig_from_camera"][3:]).as_matrix()
    matrix[:3, 3] = row["rig_from_camera"][:3]
    return matrix
