"""Meshes, and the pictures with their poses that they were fused from, as other programs read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from assets.ply import read_ply
from assets.reconstruction.meshes import Part, is_made_of, list_parts
from assets.reconstruction.rgbd_streams import find_streams, load_pictures
from assets.tables.catalog import Catalog, session_is
from assets.whole_output import writing_folder
from models.fusion.poses import from_numbers
from models.geometry import camera_conventions as conventions

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
FORMS = ("ply", "nerfstudio", "colmap")
_MOST_POINTS = 50_000
_MM = 1000.0
_MOST_UNITS = 65535


def export_meshes(
    catalog: Catalog,
    session: str,
    folder: Path,
    form: str,
    on_progress: OnProgress | None = None,
) -> dict[str, int]:
    """Write the published meshes of a session, whole or not at all; returns how many of what was written.

    `ply` is one file a mesh. The others hold the frames of the largest part too, on the pixels of a pinhole, with a
    pose each. Raises ValueError where there is no mesh, the path has changed since it was made, or the form is not
    known.
    """
    if form not in FORMS:
        raise ValueError(f"form '{form[:40]}' is not known: one of {', '.join(FORMS)}")
    mine = session_is(session)
    found = catalog.read("meshes", where=mine).to_pylist()
    found.sort(key=lambda r: (r["capture_id"], r["sensor"], r["part"] or 0))
    rows = [r for r in found if r["reason"] is None]
    if not rows:
        raise ValueError(
            f"{session} has no published mesh: `daguerre fuse {session}` makes one"
        )
    if form == "ply":
        return _write_plys(catalog, rows, folder)
    largest = max(rows, key=lambda r: r["area_m2"])
    path = catalog.read("odometry", where=mine).to_pylist()
    parts = list_parts(find_streams(catalog, session), path)
    part = next((p for p in parts if is_made_of(largest, p)), None)
    if part is None:
        raise ValueError(
            f"the path of {session} is not the one that its mesh was made of: `daguerre fuse {session}` again"
        )
    with writing_folder(folder) as partial:
        write = _write_nerfstudio if form == "nerfstudio" else _write_colmap
        names = _write_pictures(catalog, part, partial, on_progress)
        write(catalog, largest, part, names, partial)
    return {"meshes": 1, "images": len(names)}


def _write_plys(catalog: Catalog, rows: Sequence[Row], folder: Path) -> dict[str, int]:
    with writing_folder(folder) as partial:
        for number, row in enumerate(rows):
            content = catalog.blobs.get(row["blob_sha256"])
            (partial / f"mesh_{number}_part_{row['part']}.ply").write_bytes(content)
    return {"meshes": len(rows), "images": 0}


def _write_pictures(
    catalog: Catalog, part: Part, folder: Path, on_progress: OnProgress | None
) -> dict[int, str]:
    """Colours as JPEG and depth as PNG in mm, 0 where unknown; the name of each frame that has colours."""
    (folder / "images").mkdir()
    (folder / "depths").mkdir()
    names = {}
    numbers = [number for number, _ in part.frames]
    loaded = load_pictures(catalog, part.stream, numbers)
    for done, (number, depth_m, rgb) in enumerate(loaded, start=1):
        if rgb is not None:
            name = f"frame_{number:06d}"
            bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
            _write(
                folder / "images" / f"{name}.jpg",
                cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1],
            )
            units = np.nan_to_num(np.round(depth_m * _MM))
            kept = np.where(units <= _MOST_UNITS, units, 0).astype(np.uint16)
            _write(folder / "depths" / f"{name}.png", cv2.imencode(".png", kept)[1])
            names[number] = name
        if on_progress:
            on_progress(done, len(numbers))
    if not names:
        raise ValueError(
            "no frame of the path has a picture: --format ply writes the mesh"
        )
    return names


def _write(path: Path, encoded: Any) -> None:
    path.write_bytes(encoded.tobytes())


def _write_nerfstudio(
    catalog: Catalog, row: Row, part: Part, names: dict[int, str], folder: Path
) -> None:
    """`transforms.json`, with the mesh's vertices as the cloud to begin with."""
    assert part.stream.cameras is not None
    poses = dict(part.frames)
    frames, head = [], {}
    for number, name in names.items():
        values = conventions.to_nerfstudio(
            part.stream.cameras.pinhole,
            from_numbers(poses[number]["world_from_camera"]),
        )
        matrix = values.pop("transform_matrix")
        head = values
        frames.append(
            {
                "file_path": f"images/{name}.jpg",
                "depth_file_path": f"depths/{name}.png",
                "transform_matrix": matrix,
            }
        )
    whole = {**head, "ply_file_path": "mesh.ply", "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(whole, indent=1) + "\n")
    (folder / "mesh.ply").write_bytes(catalog.blobs.get(row["blob_sha256"]))


def _write_colmap(
    catalog: Catalog, row: Row, part: Part, names: dict[int, str], folder: Path
) -> None:
    """A text model in `sparse/0`: one camera, a pose an image, vertices of the mesh as points without tracks."""
    assert part.stream.cameras is not None
    poses = dict(part.frames)
    camera = part.stream.cameras.pinhole
    model, numbers = conventions.to_colmap(camera)
    place = folder / "sparse" / "0"
    place.mkdir(parents=True)
    width, height = camera.size_px
    (place / "cameras.txt").write_text(f"1 {model} {width} {height} {_join(numbers)}\n")
    lines = []
    for count, (number, name) in enumerate(names.items(), start=1):
        quaternion, shift = conventions.to_colmap_pose(
            from_numbers(poses[number]["world_from_camera"])
        )
        lines += [f"{count} {_join([*quaternion, *shift])} 1 {name}.jpg", ""]
    (place / "images.txt").write_text("\n".join(lines) + "\n")
    mesh = read_ply(catalog.blobs.get(row["blob_sha256"]))
    step = max(1, -(-len(mesh.vertices) // _MOST_POINTS))
    points = zip(
        mesh.vertices[::step].tolist(), mesh.colors[::step].tolist(), strict=True
    )
    text = [
        f"{n} {_join(xyz)} {r} {g} {b} 0"
        for n, (xyz, (r, g, b)) in enumerate(points, start=1)
    ]
    (place / "points3D.txt").write_text("\n".join(text) + "\n")


def _join(numbers: Sequence[float]) -> str:
    return " ".join(repr(float(n)) for n in numbers)
