"""The surface that a session's RGB-D cameras saw: depth fused along the path, a row a mesh, its PLY among the blobs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import Any

import numpy as np

from assets.code_versions import version_of
from assets.ply import read_ply, write_ply
from assets.reconstruction.odometry import read_path
from assets.reconstruction.rgbd_streams import RgbdStream, find_streams, load_pictures
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from models.fusion.poses import from_numbers, move
from models.fusion.surface import Mesh, extract
from models.fusion.views import Plane, find_noise_m, unproject_all
from models.fusion.volume import Picture, Volume

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
FOOTPRINTS = 2.0  # a voxel by what a pixel covers at the middle depth
LEAST_VOXEL_M, MOST_VOXEL_M = 0.002, 0.1
_STEP_M = 0.0005
_MOST_NOISE = 2.0  # voxels: what is noisier is too far to tell of this surface
_SAMPLED = 2000  # points of a picture, for the distance from the surface
_VOXEL_FRAMES = 5  # whose depth the size of voxels is chosen by


@dataclass(frozen=True)
class Refreshed:
    """The session's rows, and how many of them were made now."""

    rows: list[Row]
    num_made: int


@dataclass(frozen=True)
class Part:
    """The frames of a stream that share one frame of reference, by number, with their poses as rows."""

    stream: RgbdStream
    number: int
    frames: tuple[tuple[int, Row], ...]


def refresh_meshes(
    catalog: Catalog,
    session: str,
    voxel_m: float | None = None,
    on_progress: OnProgress | None = None,
) -> Refreshed:
    """Bring the session's rows of `meshes` up to date with its path; by voxels of a size that suits the depth where
    none is given.

    Raises ValueError for a session without a path, or a size of voxels that is out of bounds.
    """
    require_voxel(voxel_m)
    path = read_path(catalog, session)
    if not path:
        raise ValueError(
            f"{session} has no path: materialise reconstruction/odometry, or `daguerre fuse {session}`"
        )
    parts = list_parts(find_streams(catalog, session), path)
    lost = _describe_lost(session, path)
    rows = catalog.read_latest("meshes", where=session_is(session)).to_pylist()
    have = {r["mesh_id"]: r for r in rows}
    wanted = {_id_of(p.stream.capture, p.stream.sensor, p.number) for p in parts}
    gone = have.keys() - wanted - {r["mesh_id"] for r in lost}
    if gone:
        catalog.delete("meshes", is_in("mesh_id", sorted(gone)))
    news = [r for r in lost if not r.items() <= have.get(r["mesh_id"], {}).items()]
    catalog.upsert("meshes", to_table(TABLES["meshes"], news))
    total, done, num_made = sum(len(p.frames) for p in parts), 0, 0
    for part in parts:
        row = have.get(_id_of(part.stream.capture, part.stream.sensor, part.number))
        facts = (_hash(part, voxel_m), version_of("meshes"))
        if row is None or _is_stale(catalog, row, facts):
            made = make_row(
                catalog, session, part, voxel_m, _after(done, total, on_progress)
            )
            catalog.upsert("meshes", to_table(TABLES["meshes"], [made]))
            num_made += 1
        done += len(part.frames)
    return Refreshed(read_meshes(catalog, session), num_made)


def require_voxel(voxel_m: float | None) -> None:
    """Raises ValueError for a size that is out of bounds."""
    if voxel_m is not None and not LEAST_VOXEL_M / 4 <= voxel_m <= 10 * MOST_VOXEL_M:
        raise ValueError(
            f"voxels of {1000 * voxel_m:g} mm: give {250 * LEAST_VOXEL_M:g} to {10_000 * MOST_VOXEL_M:g} mm"
        )


def read_meshes(catalog: Catalog, session: str) -> list[Row]:
    """The newest rows, by capture, sensor and part."""
    rows = catalog.read_latest("meshes", where=session_is(session)).to_pylist()
    return sorted(rows, key=lambda r: (r["capture_id"], r["sensor"], r["part"] or 0))


def load_mesh(catalog: Catalog, row: Row) -> Mesh:
    """The mesh of a row. Raises ValueError where its bytes have changed, FileNotFoundError where they are gone."""
    return read_ply(catalog.blobs.get(row["blob_sha256"]))


def list_parts(streams: Sequence[RgbdStream], path: Sequence[Row]) -> list[Part]:
    """Parts with a path, of frames that are there."""
    by_frame = {r["frame_id"]: r for r in path if r["part"] is not None}
    parts = []
    for stream in streams:
        known = [
            (number, by_frame[f.depth["frame_id"]])
            for number, f in enumerate(stream.frames)
            if stream.cameras is not None and f.depth["frame_id"] in by_frame
        ]
        ordered = sorted(known, key=lambda n: (n[1]["part"], n[0]))
        for number, group in groupby(ordered, key=lambda n: n[1]["part"]):
            parts.append(Part(stream, number, tuple(group)))
    return parts


def is_made_of(row: Row, part: Part) -> bool:
    """Whether the mesh of a row was fused from the part as it is now."""
    by_size = {_hash(part, voxel_m) for voxel_m in (None, row["voxel_m"])}
    return row["input_sha256"] in by_size


def make_row(
    catalog: Catalog,
    session: str,
    part: Part,
    voxel_m: float | None,
    on_progress: OnProgress | None = None,
) -> Row:
    """The row of one mesh, whose PLY is stored."""
    row: Row = {
        "mesh_id": _id_of(part.stream.capture, part.stream.sensor, part.number),
        "capture_id": part.stream.capture,
        "session": session,
        "sensor": part.stream.sensor,
        "part": part.number,
        "num_frames": len(part.frames),
        "input_sha256": _hash(part, voxel_m),
        "code_version": version_of("meshes"),
    }
    size_m = voxel_m or choose_voxel(catalog, part)
    try:
        volume = fuse(catalog, part, size_m, on_progress)
    except ValueError as error:
        return row | {"voxel_m": size_m, "reason": str(error)}
    mesh = extract(volume)
    row |= {"voxel_m": size_m, "num_blocks": volume.num_blocks}
    if not len(mesh.triangles):
        return row | {"reason": "no surface was seen often enough to be one"}
    return row | _measure(catalog, part, volume, mesh)


def choose_voxel(catalog: Catalog, part: Part) -> float:
    """Twice what a pixel covers at the middle depth of some frames, in steps of half a millimetre, in m."""
    places = np.linspace(0, len(part.frames) - 1, min(_VOXEL_FRAMES, len(part.frames)))
    numbers = [part.frames[n][0] for n in np.unique(places.round().astype(int))]
    assert part.stream.cameras is not None
    middle = [
        float(np.nanmedian(depth_m))
        for _, depth_m, _ in load_pictures(catalog, part.stream, numbers)
    ]
    covered_m = float(np.median(middle)) / part.stream.cameras.pinhole.mean_focal_px
    return float(
        np.clip(
            _STEP_M * round(FOOTPRINTS * covered_m / _STEP_M),
            LEAST_VOXEL_M,
            MOST_VOXEL_M,
        )
    )


def fuse(
    catalog: Catalog, part: Part, voxel_m: float, on_progress: OnProgress | None = None
) -> Volume:
    """All depth of a part in one volume. Raises ValueError where that takes too many blocks."""
    assert part.stream.cameras is not None
    volume = Volume(voxel_m)
    poses = dict(part.frames)
    numbers = [number for number, _ in part.frames]
    for done, (number, depth_m, rgb) in enumerate(
        load_pictures(catalog, part.stream, numbers), start=1
    ):
        pose = from_numbers(poses[number]["world_from_camera"])
        near = drop_noisy(depth_m, voxel_m)
        volume.fuse(Picture(part.stream.cameras.pinhole, near, rgb, pose))
        if on_progress:
            on_progress(done, len(numbers))
    return volume


def drop_noisy(depth_m: Plane, voxel_m: float) -> Plane:
    """Without depth whose standard error is more than two voxels, but at least as far as 1 m."""
    most_m = max(_MOST_NOISE * voxel_m, float(find_noise_m(np.float32(1.0))))  # type: ignore[arg-type]
    with np.errstate(invalid="ignore"):
        return np.where(find_noise_m(depth_m) <= most_m, depth_m, np.float32(np.nan))


def _measure(catalog: Catalog, part: Part, volume: Volume, mesh: Mesh) -> Row:
    content = write_ply(mesh)
    ends = {
        f"{axis}_{end}_m": float(getattr(mesh.vertices[:, n], end)())
        for n, axis in enumerate("xyz")
        for end in ("min", "max")
    }
    return {
        "num_vertices": len(mesh.vertices),
        "num_triangles": len(mesh.triangles),
        "area_m2": mesh.area_m2,
        **ends,
        "median_off_m": _find_off(catalog, part, volume),
        "size_bytes": len(content),
        "blob_sha256": catalog.blobs.put(BytesIO(content)),
    }


def _find_off(catalog: Catalog, part: Part, volume: Volume) -> float | None:
    """The middle distance of measured points from the surface, in m; None where none is near it."""
    assert part.stream.cameras is not None
    poses = dict(part.frames)
    numbers = [number for number, _ in part.frames][:: max(1, len(part.frames) // 20)]
    offs = []
    for number, depth_m, _ in load_pictures(catalog, part.stream, numbers):
        points = unproject_all(
            part.stream.cameras.pinhole, drop_noisy(depth_m, volume.voxel_m)
        )
        known = points[np.isfinite(points[..., 2])]
        some = known[:: max(1, len(known) // _SAMPLED)].astype(np.float64)
        off = volume.measure(
            move(from_numbers(poses[number]["world_from_camera"]), some)
        )
        offs.append(np.abs(off[np.isfinite(off)]))
    joined = np.concatenate(offs) if offs else np.empty(0)
    return float(np.median(joined)) if len(joined) else None


def _is_stale(catalog: Catalog, row: Row, facts: tuple[str, str]) -> bool:
    """Whether a mesh has to be made again; also where its bytes are gone."""
    if (row["input_sha256"], row["code_version"]) != facts:
        return True
    return row["blob_sha256"] is not None and not catalog.blobs.exists(
        row["blob_sha256"]
    )


def _describe_lost(session: str, path: Sequence[Row]) -> list[Row]:
    """A row with the reason for each sensor of which no frame has a pose."""
    rows = []
    for (capture, sensor), group in groupby(
        path, key=lambda r: (r["capture_id"], r["sensor"])
    ):
        mine = list(group)
        if any(r["part"] is not None for r in mine):
            continue
        reasons = sorted({r["reason"] for r in mine if r["reason"]})
        rows.append(
            {
                "mesh_id": _id_of(capture, sensor, None),
                "capture_id": capture,
                "session": session,
                "sensor": sensor,
                "num_frames": 0,
                "reason": f"no path: {'; '.join(reasons)}",
                "input_sha256": mine[0]["input_sha256"],
                "code_version": version_of("meshes"),
            }
        )
    return rows


def _id_of(capture: str, sensor: str, part: int | None) -> str:
    return content_id("mesh", capture, sensor, "none" if part is None else part)


def _hash(part: Part, voxel_m: float | None) -> str:
    facts = [(r["frame_id"], r["world_from_camera"]) for _, r in part.frames]
    whole = (part.stream.input_sha256, facts, voxel_m)
    return hashlib.sha256(repr(whole).encode()).hexdigest()


def _after(done: int, total: int, on_progress: OnProgress | None) -> OnProgress | None:
    if on_progress is None:
        return None
    return lambda now, _: on_progress(done + now, total)
