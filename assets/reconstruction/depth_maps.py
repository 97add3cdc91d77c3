"""The asset's work: depth of a session's stereo pairs, made again only where pictures, calibration or code changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.clocks.reports import load_luma
from assets.code_versions import version_of
from assets.images import decode_depth
from assets.reconstruction.depth_rows import make_row
from assets.reconstruction.stereo_pairs import (
    MOST_WIDE_PX,
    Stereo,
    StereoCameras,
    StereoPair,
    find_pairs,
)
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from assets.video_frames import unpack
from models.geometry.stereo import Gray

if TYPE_CHECKING:
    from assets.inference.stereo_net import StereoNet

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
TRIED = 8  # pairs of a try
_AT_ONCE = 16
_NOTHING = "0" * 64
_FIGURES = [
    c.name for c in TABLES["depth_maps"].columns if not c.name.endswith("payload")
]


@dataclass(frozen=True)
class Refreshed:
    """The session's rows without their images, and how many of them were made now."""

    rows: list[Row]
    num_made: int


def refresh_depth(
    catalog: Catalog,
    session: str,
    on_progress: OnProgress | None = None,
    net: StereoNet | None = None,
) -> Refreshed:
    """Bring the session's rows of `depth_maps` up to date, by a net of the user's own or by semi-global matching; what
    is done is kept when it ends midway.

    Raises ValueError for a session without a colour picture. What a net cannot do with a pair is the reason in its row.
    """
    stereo = find_pairs(catalog, session)
    columns = ["depth_map_id", "input_sha256", "code_version"]
    stored = catalog.read_latest("depth_maps", columns, session_is(session))
    have = {r.pop("depth_map_id"): r for r in stored.to_pylist()}
    bare = [_describe_without(session, *one) for one in stereo.without]
    wanted = {_id_of(p.cameras, p.first.name): p for p in stereo.pairs}
    gone = sorted(have.keys() - wanted.keys() - {r["depth_map_id"] for r in bare})
    if gone:
        catalog.delete("depth_maps", is_in("depth_map_id", gone))
    current = version_of("depth_maps")
    todo = [
        pair
        for key, pair in wanted.items()
        if have.get(key) != {"input_sha256": _hash(pair, net), "code_version": current}
    ]
    catalog.upsert("depth_maps", to_table(TABLES["depth_maps"], bare))
    for start in range(0, len(todo), _AT_ONCE):
        some = todo[start : start + _AT_ONCE]
        rows = measure_pairs(catalog, session, some, net)
        catalog.upsert("depth_maps", to_table(TABLES["depth_maps"], rows))
        if on_progress:
            on_progress(start + len(some), len(todo))
    return Refreshed(read_figures(catalog, session), len(todo))


def try_depth(
    catalog: Catalog, session: str, net: StereoNet | None = None
) -> tuple[list[Row], int]:
    """Rows of some pairs spread evenly, and how many pairs there are; nothing is kept. Raises ValueError."""
    stereo = find_pairs(catalog, session)
    some = spread(stereo, TRIED)
    rows = [_describe_without(session, *one) for one in stereo.without]
    return rows + measure_pairs(catalog, session, some, net), len(stereo.pairs)


def spread(stereo: Stereo, count: int) -> list[StereoPair]:
    """So many pairs, evenly."""
    places = np.linspace(0, len(stereo.pairs) - 1, min(count, len(stereo.pairs)))
    return [stereo.pairs[n] for n in places.round().astype(int)]


def read_figures(catalog: Catalog, session: str) -> list[Row]:
    """The newest rows without their images, by camera and time."""
    where = session_is(session)
    rows = catalog.read_latest("depth_maps", _FIGURES, where).to_pylist()
    return sorted(
        rows,
        key=lambda r: (r["capture_id"], r["sensor"], r["t_ns"] or 0, r["frame_id"]),
    )


def measure_pairs(
    catalog: Catalog,
    session: str,
    pairs: Sequence[StereoPair],
    net: StereoNet | None = None,
) -> list[Row]:
    """Rows of `depth_maps`, in the order of the pairs."""
    rows = []
    for pair, pictures, depth in load_pairs(catalog, pairs):
        row = {
            "depth_map_id": _id_of(pair.cameras, pair.first.name),
            "frame_id": pair.first.name,
            "other_frame_id": pair.second.name,
            "capture_id": pair.cameras.capture,
            "session": session,
            "sensor": pair.cameras.sensor,
            "other_sensor": pair.cameras.other_sensor,
            "t_ns": pair.first.t_ns,
            "calibrated_in": pair.cameras.calibrated_in,
            "input_sha256": _hash(pair, net),
            "code_version": version_of("depth_maps"),
        }
        try:
            found = make_row(pair, *pictures, depth, net)
        except ValueError as error:
            found = {"reason": str(error)}
        rows.append(row | found)
    return rows


def load_pairs(
    catalog: Catalog, pairs: Sequence[StereoPair]
) -> Iterator[tuple[StereoPair, tuple[Gray, Gray], NDArray[Any] | None]]:
    """Each with its grey pictures at the size that they are matched at, and the sensor's depth in m."""
    depths = _load_depths(catalog, [p.sensor_frame for p in pairs if p.sensor_frame])
    for pair in pairs:
        names = [pair.first.name, pair.second.name]
        first, second = load_luma(catalog, names, MOST_WIDE_PX)
        frame = pair.sensor_frame
        yield pair, (first, second), depths[frame["frame_id"]] if frame else None


def _load_depths(
    catalog: Catalog, frames: Sequence[Row]
) -> dict[str, NDArray[np.float64]]:
    units = {f["frame_id"]: f["depth_m_per_unit"] for f in frames}
    where = is_in("frame_id", sorted(units))
    rows = catalog.read("frames", ["frame_id", "payload"], where).to_pylist()
    images = unpack(catalog, [r["payload"] for r in rows])
    return {
        r["frame_id"]: decode_depth(image) * units[r["frame_id"]]
        for r, image in zip(rows, images, strict=True)
    }


def _describe_without(session: str, cameras: StereoCameras, picture: Any) -> Row:
    return {
        "depth_map_id": _id_of(cameras, "none of " + cameras.capture),
        "frame_id": picture.name,
        "capture_id": cameras.capture,
        "session": session,
        "sensor": cameras.sensor,
        "other_sensor": cameras.other_sensor,
        "reason": cameras.reason,
        "input_sha256": _NOTHING,
        "code_version": version_of("depth_maps"),
    }


def _hash(pair: StereoPair, net: StereoNet | None) -> str:
    """Of all that its depth rests on."""
    if net is None:
        return pair.input_sha256
    return hashlib.sha256(f"{pair.input_sha256} {net.sha256}".encode()).hexdigest()


def _id_of(cameras: StereoCameras, name: str) -> str:
    return content_id("depth map", name, cameras.sensor, cameras.other_sensor)
