"""What a sparse model is made of: which pictures of a session, by which cameras, which are compared, and IMUs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.clocks.reports import read_camera, read_gyro
from assets.clocks.streams import Gyro
from assets.reconstruction.board_pictures import BoardPicture, list_pictures
from assets.reconstruction.rig_fits import find_calibration, to_calibration
from assets.reconstruction.sparse_pairs import Pairing, choose_pairs
from assets.reconstruction.sparse_process import GivenCamera
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.encoders import require_one_encoder
from assets.tables.schemas import EMBEDDING_DIM
from models.geometry.camera import Array, Camera
from models.geometry.camera_conventions import to_colmap

Row = dict[str, Any]
MOST_IMAGES = 300  # spread evenly
_FOCAL_BY_SIDE = 1.2  # where nobody knows it: about 45 degrees wide


@dataclass(frozen=True)
class SessionCamera:
    """A camera of a capture at the size of its pictures: known, or as the estimate begins, with the reason.

    `rig_from_camera` (4, 4) in m is None where nobody knows it.
    """

    capture: str
    sensor: str
    given: GivenCamera
    intrinsics_from: str  # as the table `sparse_images` names it
    calibrated_in: str | None
    rig_from_camera: Array | None
    note: str


@dataclass(frozen=True)
class Scene:
    """The pictures that are looked at, with the place of each one's camera in `cameras`, their pairs, and the IMU of
    each capture that has one."""

    session: str
    num_pictures: int  # of the session
    pictures: tuple[BoardPicture, ...]
    cameras: tuple[SessionCamera, ...]
    camera_of: tuple[int, ...]
    pairing: Pairing
    imus: Mapping[str, Gyro] = field(default_factory=dict)

    @property
    def input_sha256(self) -> str:
        """Of all that the model rests on."""
        digest = hashlib.sha256(repr(self.pairing).encode())
        for picture, camera in zip(self.pictures, self.camera_of, strict=True):
            digest.update(repr((picture.name, picture.sha256, camera)).encode())
            digest.update(repr((picture.sensor, picture.view)).encode())
            if self.imus:
                digest.update(repr(picture.t_ns).encode())
        for one in self.cameras:
            pose = None if one.rig_from_camera is None else one.rig_from_camera.tolist()
            digest.update(repr((one.given, one.calibrated_in, pose)).encode())
        for capture, imu in sorted(self.imus.items()):
            digest.update(repr((capture, imu.sensor)).encode())
            for values in (imu.t_ns, imu.rate_rad_s, imu.force_m_s2):
                digest.update(b"" if values is None else values.tobytes())
        return digest.hexdigest()


def find_scene(catalog: Catalog, session: str) -> Scene:
    """Of the session's published pictures. Raises ValueError for a session without a colour picture."""
    found = list_pictures(catalog, session, most_views=None)
    if not found:
        raise ValueError(
            f"{session} has no published colour picture: `daguerre status` says which sessions have any"
        )
    pictures = _spread(found)
    cameras = _find_cameras(catalog, session, pictures)
    places = {(c.capture, c.sensor): place for place, c in enumerate(cameras)}
    vectors = _read_vectors(catalog, session, pictures)
    return Scene(
        session,
        len(found),
        tuple(pictures),
        tuple(cameras),
        tuple(places[p.capture, p.sensor] for p in pictures),
        choose_pairs([p.view for p in pictures], vectors),
        _read_imus(catalog, pictures),
    )


def _spread(pictures: Sequence[BoardPicture]) -> list[BoardPicture]:
    """Those of as many views, spread evenly, as have at most `MOST_IMAGES` together; of a single one that has more, so
    many of its pictures."""
    counts = Counter(p.view for p in pictures)
    views = sorted(counts)
    for most in range(min(len(views), MOST_IMAGES), 0, -1):
        places = np.linspace(0, len(views) - 1, most).round().astype(int)
        chosen = {views[place] for place in places}
        if sum(counts[view] for view in chosen) <= MOST_IMAGES:
            return [p for p in pictures if p.view in chosen]
    first = [p for p in pictures if p.view == views[0]]
    places = np.linspace(0, len(first) - 1, MOST_IMAGES).round().astype(int)
    return [first[place] for place in places]


def _read_imus(catalog: Catalog, pictures: Sequence[BoardPicture]) -> dict[str, Gyro]:
    captures = sorted({p.capture for p in pictures})
    found = {capture: read_gyro(catalog, capture) for capture in captures}
    return {capture: imu for capture, imu in found.items() if imu is not None}


def _find_cameras(
    catalog: Catalog, session: str, pictures: Sequence[BoardPicture]
) -> list[SessionCamera]:
    stated = catalog.read("calibrations", where=session_is(session)).to_pylist()
    cameras = []
    for capture in sorted({p.capture for p in pictures}):
        mine = [p for p in pictures if p.capture == capture]
        sensors = sorted({p.sensor for p in mine})
        rig = find_calibration(catalog, set(sensors), in_metres=True)
        recorded = [c for c in stated if c["capture_id"] == capture]
        for sensor in sensors:
            size_px = next(p.size_px for p in mine if p.sensor == sensor)
            board = [r for r in rig if r["sensor"] == sensor]
            board = board or _find_board(catalog, session, sensor)
            sources = (("board", board), ("recorded", recorded))
            cameras.append(_place(capture, sensor, size_px, session, sources))
    return cameras


def _find_board(catalog: Catalog, session: str, sensor: str) -> list[Row]:
    """The session's own calibration of this camera from a board; its place counts where the lengths are in metres."""
    where = f"{session_is(session)} AND reason IS NULL AND sensor = {repr_sql(sensor)}"
    rows = catalog.read("rig_calibrations", where=where).to_pylist()
    return [
        row if row["length_unit"] == "m" else row | {"rig_from_camera": None}
        for row in rows
    ]


def _place(
    capture: str,
    sensor: str,
    size_px: tuple[int, int],
    session: str,
    sources: Sequence[tuple[str, list[Row]]],
) -> SessionCamera:
    """By the first source that has it, for pictures of this size, in words that COLMAP has."""
    notes = []
    for name, rows in sources:
        if not rows:
            continue
        is_board = name == "board"
        calibrations: Any = [to_calibration(r) for r in rows] if is_board else rows
        frame: Any = {
            "frame_id": "",
            "t_ns": None,
            "width_px": size_px[0],
            "height_px": size_px[1],
        }
        stream = read_camera(
            sensor, [frame], [c for c in calibrations if c["sensor"] == sensor]
        )
        if stream.camera is None:
            notes.append(stream.unknown)
            continue
        try:
            to_colmap(stream.camera)
        except ValueError as error:
            notes.append(str(error))
            continue
        origin = rows[0]["session"] if is_board else session
        pose = stream.rig_from_camera
        is_placed = pose is not None and np.isfinite(pose).all()
        given = GivenCamera(stream.camera, is_known=True)
        return SessionCamera(
            capture, sensor, given, name, origin, pose if is_placed else None, ""
        )
    note = "; ".join(notes) or "the camera has no calibration"
    given = GivenCamera(guess_camera(size_px), is_known=False, model="SIMPLE_RADIAL")
    return SessionCamera(capture, sensor, given, "estimated", None, None, note)


def guess_camera(size_px: tuple[int, int]) -> Camera:
    """Where the estimate begins when nothing is known but the size."""
    focal = _FOCAL_BY_SIDE * max(size_px)
    centre = (size_px[0] - 1) / 2, (size_px[1] - 1) / 2
    return Camera(size_px, (focal, focal), centre)


def _read_vectors(
    catalog: Catalog, session: str, pictures: Sequence[BoardPicture]
) -> NDArray[np.float32] | None:
    """(N, 1280), NaN for pictures without a stored vector; None where none has one."""
    columns = ["frame_id", "session", "vector", "code_version"]
    where = is_in("frame_id", [p.name for p in pictures])
    rows = catalog.read("frame_embeddings", columns, where)
    if not len(rows):
        return None
    require_one_encoder(rows)
    found = rows["vector"].combine_chunks().flatten().to_numpy()
    stored = dict(
        zip(
            rows["frame_id"].to_pylist(),
            found.reshape(-1, EMBEDDING_DIM),
            strict=True,
        )
    )
    vectors = np.full((len(pictures), EMBEDDING_DIM), np.nan, np.float32)
    for place, picture in enumerate(pictures):
        if picture.name in stored:
            vectors[place] = stored[picture.name]
    return vectors
