"""A sparse model as COLMAP's text files: the numbers of its binary ones, each written so that it reads again equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assets.reconstruction.sparse_package import find_tracks
from models.geometry.camera import Camera
from models.geometry.camera_conventions import to_colmap, to_colmap_pose
from models.geometry.sparse_model import SparseModel

_HALF_PX = 0.5


def write_colmap_text(model: SparseModel) -> dict[str, bytes]:
    """`cameras.txt`, `images.txt` and `points3D.txt`. Raises ValueError where COLMAP has no words for a lens."""
    cameras = list(dict.fromkeys(image.camera for image in model.images))
    return {
        "cameras.txt": _join_lines(_list_cameras(cameras)),
        "images.txt": _join_lines(_list_images(model, cameras)),
        "points3D.txt": _join_lines(_list_points(model)),
    }


def _list_cameras(cameras: list[Camera]) -> Iterator[str]:
    yield "# camera, model, width, height, parameters"
    for number, camera in enumerate(cameras, start=1):
        name, values = to_colmap(camera)
        yield f"{number} {name} {_join(camera.size_px)} {_join(map(float, values))}"


def _list_images(model: SparseModel, cameras: list[Camera]) -> Iterator[str]:
    yield "# image, qw, qx, qy, qz, tx, ty, tz, camera, name; then x, y, point of each feature"
    for number, image in enumerate(model.images, start=1):
        quaternion, translation = to_colmap_pose(image.world_from_camera)
        camera = cameras.index(image.camera) + 1
        pose = _join(map(float, [*quaternion, *translation]))
        yield f"{number} {pose} {camera} {image.name}"
        pixels = (image.pixels + _HALF_PX).tolist()
        features = zip(pixels, (image.points + 1).tolist(), strict=True)
        yield " ".join(f"{x!r} {y!r} {point}" for (x, y), point in features)


def _list_points(model: SparseModel) -> Iterator[str]:
    yield "# point, x, y, z, r, g, b, error in px; then image, place among its features of each sight"
    for head, seen in find_tracks(model):
        place, colour = _join(head["xyz"].tolist()), _join(head["rgb"].tolist())
        sights = _join(number for pair in seen.tolist() for number in pair)
        yield f"{head['id']} {place} {colour} {float(head['error'])!r} {sights}"


def _join(numbers: Iterable[float]) -> str:
    return " ".join(map(repr, numbers))


def _join_lines(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
