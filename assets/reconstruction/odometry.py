"""The path of a session's RGB-D cameras: a row a depth image, made again only where frames, cameras or code changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from assets.code_versions import version_of
from assets.reconstruction.rgbd_streams import RgbdStream, find_streams, load_pictures
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from models.fusion.odometry import Loop, Path, Tracked, track
from models.fusion.poses import Array, invert, lay_on, to_numbers, to_step
from models.fusion.views import View, make_view

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
TRIED = 20  # frames of a try
_LEAST_GIVEN = 3  # poses, to lay a path on them


@dataclass(frozen=True)
class Refreshed:
    """The session's rows, and how many of them were made now."""

    rows: list[Row]
    num_made: int


def refresh_odometry(
    catalog: Catalog, session: str, on_progress: OnProgress | None = None
) -> Refreshed:
    """Bring the session's rows of `odometry` up to date. Raises ValueError for a session without a frame."""
    streams = find_streams(catalog, session)
    columns = ["odometry_id", "input_sha256", "code_version"]
    stored = catalog.read_latest("odometry", columns, session_is(session))
    have = {r.pop("odometry_id"): r for r in stored.to_pylist()}
    wanted = {_id_of(s, n) for s in streams for n in range(len(s.frames))}
    if have.keys() - wanted:
        catalog.delete("odometry", is_in("odometry_id", sorted(have.keys() - wanted)))
    total = sum(len(s.frames) for s in streams)
    done = num_made = 0
    for stream in streams:
        facts = {
            "input_sha256": stream.input_sha256,
            "code_version": version_of("odometry"),
        }
        ids = [_id_of(stream, n) for n in range(len(stream.frames))]
        if any(have.get(i) != facts for i in ids):
            rows = measure_stream(
                catalog, session, stream, _after(done, total, on_progress)
            )
            catalog.upsert("odometry", to_table(TABLES["odometry"], rows))
            num_made += len(rows)
        done += len(stream.frames)
    return Refreshed(read_path(catalog, session), num_made)


def try_odometry(catalog: Catalog, session: str) -> tuple[list[Row], int]:
    """Rows of the first frames of each stream, and how many frames there are; nothing is kept. Raises ValueError."""
    rows: list[Row] = []
    streams = find_streams(catalog, session)
    for stream in streams:
        rows += measure_stream(catalog, session, stream, None, TRIED)
    return rows, sum(len(s.frames) for s in streams)


def read_path(catalog: Catalog, session: str) -> list[Row]:
    """The newest rows, by capture, sensor and order."""
    rows = catalog.read_latest("odometry", where=session_is(session)).to_pylist()
    return sorted(
        rows,
        key=lambda r: (
            r["capture_id"],
            r["sensor"],
            r["t_ns"] or 0,
            r["sequence"],
            r["frame_id"],
        ),
    )


def measure_stream(
    catalog: Catalog,
    session: str,
    stream: RgbdStream,
    on_progress: OnProgress | None = None,
    most: int | None = None,
) -> list[Row]:
    """Rows of `odometry`, one a frame of the stream, or of its first `most`."""
    count = len(stream.frames[:most])
    if stream.reason or stream.cameras is None:
        return [
            _describe(session, stream, n, None) | {"reason": stream.reason}
            for n in range(count)
        ]
    path = track(count, _Loader(catalog, stream), on_progress)
    given = _compare(stream, path)
    return [
        _describe(session, stream, n, picture)
        | _describe_loops(path.loops, n)
        | given.get(n, {})
        for n, picture in enumerate(path.pictures)
    ]


class _Loader:
    """Views of a stream by their number, some ahead at once."""

    def __init__(self, catalog: Catalog, stream: RgbdStream) -> None:
        self._catalog, self._stream = catalog, stream
        self._ahead: dict[int, View] = {}

    def __call__(self, number: int) -> View:
        if number not in self._ahead:
            last = min(number + 8, len(self._stream.frames))
            self._ahead = dict(self._load(range(number, last)))
        return self._ahead.pop(number)

    def _load(self, numbers: Sequence[int]) -> list[tuple[int, View]]:
        assert self._stream.cameras is not None
        camera = self._stream.cameras.pinhole
        views = []
        for number, depth_m, rgb in load_pictures(self._catalog, self._stream, numbers):
            luma = None
            if rgb is not None:
                luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
            views.append((number, make_view(camera, depth_m, luma)))
        return views


def _describe(
    session: str, stream: RgbdStream, number: int, picture: Tracked | None
) -> Row:
    frame = stream.frames[number]
    row: Row = {
        "odometry_id": _id_of(stream, number),
        "frame_id": frame.depth["frame_id"],
        "color_frame_id": frame.color and frame.color["frame_id"],
        "capture_id": stream.capture,
        "session": session,
        "sensor": stream.sensor,
        "color_sensor": stream.color_sensor,
        "t_ns": frame.depth["t_ns"],
        "sequence": frame.depth["sequence"],
        "is_key": False,
        "num_loops": 0,
        "input_sha256": stream.input_sha256,
        "code_version": version_of("odometry"),
    }
    if picture is None:
        return row
    row |= {
        "part": picture.part,
        "overlap": picture.overlap,
        "off_sigma": picture.off_sigma,
        "is_key": picture.is_key,
        "reason": picture.reason,
    }
    if picture.world_from_camera is not None and picture.covariance is not None:
        row["world_from_camera"] = to_numbers(picture.world_from_camera)
        row["covariance"] = [float(v) for v in picture.covariance.ravel()]
    return row


def _describe_loops(loops: Sequence[Loop], number: int) -> Row:
    """Of the loops that end at a frame, the one that drifted most along its path."""
    mine = [loop for loop in loops if loop.second == number]
    if not mine:
        return {}
    worst = max(mine, key=lambda loop: loop.drift_m / max(loop.path_m, 1e-9))
    return {
        "num_loops": len(mine),
        "loop_drift_m": worst.drift_m,
        "loop_drift_deg": float(np.degrees(worst.drift_rad)),
        "loop_path_m": worst.path_m,
    }


def _compare(stream: RgbdStream, path: Path) -> dict[int, Row]:
    """How far each pose is from the stated one, once its part is laid on those as one stiff piece."""
    offs: dict[int, Row] = {}
    for part in sorted({p.part for p in path.pictures if p.part is not None}):
        pairs: list[tuple[int, Array, Array]] = []
        for number, picture in enumerate(path.pictures):
            given = stream.frames[number].given
            if (
                picture.part == part
                and picture.world_from_camera is not None
                and given is not None
            ):
                pairs.append((number, picture.world_from_camera, given))
        if len(pairs) < _LEAST_GIVEN:
            continue
        found, given_poses = (np.stack([p[n] for p in pairs]) for n in (1, 2))
        laid = _lay(found, given_poses) @ found
        steps = to_step(invert(given_poses) @ laid)
        for (number, _, _), step in zip(pairs, steps, strict=True):
            offs[number] = {
                "given_off_m": float(np.linalg.norm(step[3:])),
                "given_off_deg": float(np.degrees(np.linalg.norm(step[:3]))),
            }
    return offs


def _lay(found: Array, given: Array) -> Array:
    return lay_on(found[:, :3, 3], given[:, :3, 3])


def _id_of(stream: RgbdStream, number: int) -> str:
    return content_id("odometry", stream.frames[number].depth["frame_id"])


def _after(done: int, total: int, on_progress: OnProgress | None) -> OnProgress | None:
    if on_progress is None:
        return None
    return lambda now, _: on_progress(done + now, total)
