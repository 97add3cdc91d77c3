"""What a Rerun recording shows in space beside what sensors said: the sparse model of a session, and its objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from assets.previews.drawing import color_classes
from assets.reconstruction.sparse_models import explain_hold, unpack_model
from assets.retrieval.rerun_motion import Bodies
from assets.retrieval.rerun_recording import (
    LIKE_CAMERA,
    WORLD,
    Recording,
    join,
)
from assets.retrieval.rerun_surfaces import name_space
from assets.tables.catalog import Catalog, session_is
from models.geometry.sparse_model import SparseImage, SparseModel

Row = Mapping[str, Any]
_SPARSE_MODEL = "sparse_model"
_LOOK = 0.05  # of a camera's frustum, by how wide the points are
_MIDDLE = (5, 95)  # per cent of the points


class Shown(NamedTuple):
    """What an entity shows: its path below the place of all, what, and the row whose time that is; None: always."""

    path: tuple[str, ...]
    what: Any
    at: Row | None


def write_sparse_model(catalog: Catalog, recording: Recording, session: str) -> None:
    """The newest model of the session, held or not, in a space of its own: points, and each camera at the time of its
    pictures. A session without one has nothing to show."""
    where = session_is(session)
    rows = catalog.read_latest("sparse_models", where=where).to_pylist()
    if not rows or rows[0]["model_sha256"] is None:
        return
    space = name_space(rows[0]["sparse_model_id"])
    recording.set_apart(_SPARSE_MODEL, LIKE_CAMERA, space)
    model = unpack_model(catalog, rows[0])
    stored = catalog.read_latest("sparse_images", where=where).to_pylist()
    pictures = {row["frame_id"]: row for row in stored}
    told = _tell(rows[0], explain_hold(catalog, rows[0]))
    for path, what, at in _draw_model(model, pictures, told):
        recording.log(join(_SPARSE_MODEL, *path), what, at)
    recording.counts["sparse_points"] += len(model.points)


def write_objects(
    catalog: Catalog, recording: Recording, bodies: Bodies, where: str
) -> None:
    """Boxes of objects where their frame of reference is: those that stand always, others from their first moment to
    their last."""
    rows = catalog.read_latest("object_boxes", where=where).to_pylist()
    ends_ns: dict[str, int | None] = {}
    for frame, shown in _show_objects(rows):
        path = join(_find_place(bodies, frame), "objects", *shown.path)
        recording.log(path, shown.what, shown.at)
        ends_ns[path] = None if shown.at is None else shown.at["t_ns"]
    for path, end_ns in ends_ns.items():
        if end_ns is not None:
            recording.clear(path, end_ns)
    recording.counts["objects"] += len(ends_ns)


def _find_place(bodies: Bodies, frame: str | None) -> str:
    """The entity of a frame of reference."""
    if frame == "rig":  # it stands in the world where a capture has no poses
        return bodies.find(frame, frame)
    return bodies.paths.get(frame or "") or bodies.open(frame or WORLD)


def _show_objects(rows: Sequence[Row]) -> Iterator[tuple[str, Shown]]:
    """Each with its frame of reference."""
    known = [row for row in rows if row["reason"] is None]
    names = {_name(row) for row in known}
    colors = color_classes(sorted(names))
    for row in sorted(known, key=lambda r: (_name(r), r["t_ns"] or 0)):
        name = _name(row)
        what = _draw_object(row, colors[name])
        at = None if row["t_ns"] is None else {"t_ns": row["t_ns"]}
        yield row["frame_of_reference"], Shown((row["source"], name), what, at)


def _tell(row: Row, held: str | None) -> str:
    unit = "m" if row["length_unit"] == "m" else "a unit that nobody knows"
    sure = row["scale_sigma"]
    lines = [
        f"{row['num_registered']} of {row['num_images']} pictures, {row['num_points']} points",
        f"lengths in {unit}" + (f", to {100 * sure:.1f} %" if sure is not None else ""),
        row["scale_reason"],
    ]
    if held is not None:
        lines.append(f"not published: {held}")
    return "\n".join(lines)


def _draw_model(
    model: SparseModel, pictures: Mapping[str, Row], told: str
) -> Iterator[Shown]:
    import rerun as rr

    yield Shown(("about",), rr.TextDocument(told), None)
    points = rr.Points3D(model.points, colors=model.colours_rgb)
    yield Shown(("points",), points, None)
    paths: dict[tuple[str, str], list[tuple[Row, SparseImage]]] = {}
    for number, image in enumerate(model.images):
        row = pictures.get(image.name, {})
        at: Row = {"t_ns": row.get("t_ns"), "sequence": number}
        key = row.get("capture_id", ""), image.sensor
        paths.setdefault(key, []).append((at, image))
    look = _LOOK * _measure_width(model)
    for (capture, sensor), seen in paths.items():
        # one capture has its cameras by their names alone
        is_one = len({name for name, _ in paths}) == 1
        place = ("cameras", sensor) if is_one else ("cameras", capture[:12], sensor)
        centres = [image.world_from_camera[:3, 3] for _, image in seen]
        yield Shown((*place, "path"), rr.LineStrips3D([np.array(centres)]), None)
        yield Shown((*place, "camera"), _draw_lens(seen[0][1], look), None)
        for at, image in seen:
            pose = image.world_from_camera
            what = rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3])
            yield Shown((*place, "camera"), what, at)


def _draw_lens(image: SparseImage, look: float) -> Any:
    import rerun as rr

    camera = image.camera
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    return rr.Pinhole(
        image_from_camera=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
        resolution=camera.size_px,
        image_plane_distance=look,
    )


def _measure_width(model: SparseModel) -> float:
    if not len(model.points):
        return 1.0
    low, high = np.percentile(model.points, _MIDDLE, axis=0)
    return float(np.linalg.norm(high - low))


def _name(row: Row) -> str:
    return f"{row['class_name']} {row['object']}"


def _draw_object(row: Row, color: tuple[int, int, int]) -> Any:
    """A cuboid, a cylinder or a spheroid, upright."""
    import rerun as rr

    centre = [[row["x_m"], row["y_m"], row["z_m"]]]
    size = np.array([[row["length_m"], row["width_m"], row["height_m"]]])
    shared: dict[str, Any] = {
        "centers": centre,
        "colors": [color],
        "labels": [row["class_name"]],
    }
    if row["shape"] == "cylinder":
        radius = float(size[0, :2].mean()) / 2
        return rr.Cylinders3D(lengths=[size[0, 2]], radii=[radius], **shared)
    if row["shape"] == "spheroid":
        return rr.Ellipsoids3D(half_sizes=size / 2, **shared)
    half = (row["yaw_rad"] or 0.0) / 2
    turn = rr.Quaternion(xyzw=[0.0, 0.0, np.sin(half), np.cos(half)])
    return rr.Boxes3D(half_sizes=size / 2, quaternions=[turn], **shared)
