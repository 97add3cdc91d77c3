"""A sparse model as bytes: COLMAP's binary files and the descriptors of its features, in a zip that is not compressed.

Equal models give equal bytes. Any tool that reads COLMAP reads the unpacked files; `descriptors.npy` has a row for each
feature, picture by picture, and `facts.json` says the unit and the sensors. The layout is that of COLMAP's own writer,
whose pixels count from the outer corner of the first one.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assets.formats.sequences.colmap_model import MODELS, parse_cameras
from models.geometry.camera import Array, Camera
from models.geometry.camera_conventions import (
    from_colmap_pose,
    to_colmap,
    to_colmap_pose,
)
from models.geometry.sparse_model import SparseImage, SparseModel, measure_errors

_DESCRIPTORS, _FACTS = "descriptors.npy", "facts.json"
_HALF_PX = 0.5
_NOBODY = -1  # the point of a feature that has none
_FEATURE = np.dtype([("pixel", "<f8", 2), ("point", "<i8")])
_POINT = np.dtype(
    [
        ("id", "<u8"),
        ("xyz", "<f8", 3),
        ("rgb", "u1", 3),
        ("error", "<f8"),
        ("num_seen", "<u8"),
    ]
)
_SEEN = np.dtype([("image", "<i4"), ("feature", "<i4")])
_IMAGE = struct.Struct("<i7di")
_COUNT = struct.Struct("<Q")
_CAMERA = struct.Struct("<iiQQ")
_WHEN = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say


class PieceImage(NamedTuple):
    """A registered picture of a model that COLMAP wrote."""

    number: int
    camera: Camera
    world_from_camera: Array  # (4, 4)
    features: NDArray[np.int64]  # (K,) places in its features
    points: NDArray[np.int64]  # (K,) places in the points


def pack(model: SparseModel) -> bytes:
    """The bytes of the package. Raises ValueError where COLMAP has no words for a lens."""
    files = write_colmap(model)
    rows = [i.descriptors for i in model.images] or [np.empty((0, 128), np.uint8)]
    stored = io.BytesIO()
    np.save(stored, np.concatenate(rows), allow_pickle=False)
    files[_DESCRIPTORS] = stored.getvalue()
    sensors = [i.sensor for i in model.images]
    facts = {"length_unit": model.length_unit, "sensors": sensors}
    files[_FACTS] = json.dumps(facts).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), data)
    return packed.getvalue()


def unpack(data: bytes) -> SparseModel:
    """Of what `pack` made."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    descriptors = np.load(io.BytesIO(files[_DESCRIPTORS]), allow_pickle=False)
    facts = json.loads(files[_FACTS])
    points = _read_points(files["points3D.bin"])
    cameras = {n: c.to_camera() for n, c in parse_cameras(files["cameras.bin"])}
    images, start = [], 0
    found = _read_images(files["images.bin"])
    for stored, sensor in zip(found, facts["sensors"], strict=True):
        end = start + len(stored.features)
        images.append(
            SparseImage(
                stored.name,
                sensor,
                cameras[stored.camera],
                stored.world_from_camera,
                stored.features["pixel"] - _HALF_PX,
                np.searchsorted(points["id"], stored.features["point"]),
                descriptors[start:end],
            )
        )
        start = end
    return SparseModel(
        facts["length_unit"], points["xyz"].copy(), points["rgb"].copy(), tuple(images)
    )


def read_piece(folder: Path) -> tuple[list[PieceImage], Array]:
    """What COLMAP wrote: registered pictures by number, and points (N, 3)."""
    cameras = {
        number: camera.to_camera()
        for number, camera in parse_cameras((folder / "cameras.bin").read_bytes())
    }
    points = _read_points((folder / "points3D.bin").read_bytes())
    points = points[np.argsort(points["id"], kind="stable")]
    images = []
    for stored in _read_images((folder / "images.bin").read_bytes()):
        (features,) = np.nonzero(stored.features["point"] != _NOBODY)
        places = np.searchsorted(points["id"], stored.features["point"][features])
        images.append(
            PieceImage(
                int(stored.name) - 1,
                cameras[stored.camera],
                stored.world_from_camera,
                features,
                places,
            )
        )
    return sorted(images, key=lambda i: i.number), points["xyz"].copy()


def write_colmap(model: SparseModel) -> dict[str, bytes]:
    """`cameras.bin`, `images.bin` and `points3D.bin`. Raises ValueError where COLMAP has no words for a lens."""
    cameras = list(dict.fromkeys(image.camera for image in model.images))
    return {
        "cameras.bin": _write_cameras(cameras),
        "images.bin": _write_images(model, cameras),
        "points3D.bin": _write_points(model),
    }


def _write_cameras(cameras: list[Camera]) -> bytes:
    numbers = {name: number for number, (name, _) in MODELS.items()}
    parts = [_COUNT.pack(len(cameras))]
    for place, camera in enumerate(cameras, start=1):
        name, values = to_colmap(camera)
        parts.append(_CAMERA.pack(place, numbers[name], *camera.size_px))
        parts.append(np.array(values, "<f8").tobytes())
    return b"".join(parts)


def _write_images(model: SparseModel, cameras: list[Camera]) -> bytes:
    parts = [_COUNT.pack(len(model.images))]
    for number, image in enumerate(model.images, start=1):
        quaternion, translation = to_colmap_pose(image.world_from_camera)
        camera = cameras.index(image.camera) + 1
        features = np.empty(len(image.pixels), _FEATURE)
        features["pixel"] = image.pixels + _HALF_PX
        features["point"] = image.points + 1
        parts += [
            _IMAGE.pack(number, *quaternion, *translation, camera),
            image.name.encode() + b"\0",
            _COUNT.pack(len(features)),
            features.tobytes(),
        ]
    return b"".join(parts)


def find_tracks(model: SparseModel) -> Iterator[tuple[Any, NDArray[np.void]]]:
    """Each point as COLMAP has it, of _POINT, and where it is seen, of _SEEN."""
    counts = [len(image.points) for image in model.images]
    of_points = np.concatenate(
        [np.empty(0, np.int64)] + [i.points for i in model.images]
    )
    seen = np.empty(len(of_points), _SEEN)
    seen["image"] = np.repeat(np.arange(1, len(counts) + 1), counts)
    seen["feature"] = np.concatenate([np.empty(0, np.int64), *map(np.arange, counts)])
    order = np.argsort(of_points, kind="stable")
    num_points = len(model.points)
    ends = np.searchsorted(of_points[order], np.arange(1, num_points + 1))
    off = np.concatenate([np.empty(0), *measure_errors(model)])
    heads = np.empty(num_points, _POINT)
    heads["id"] = np.arange(1, num_points + 1)
    heads["xyz"], heads["rgb"] = model.points, model.colours_rgb
    heads["num_seen"] = np.diff(ends, prepend=0)
    sums = np.bincount(of_points, off, num_points)
    heads["error"] = sums / np.maximum(heads["num_seen"], 1)
    start, tracks = 0, seen[order]
    for head, end in zip(heads, ends.tolist(), strict=True):
        yield head, tracks[start:end]
        start = end


def _write_points(model: SparseModel) -> bytes:
    parts = [_COUNT.pack(len(model.points))]
    for head, seen in find_tracks(model):
        parts += [head.tobytes(), seen.tobytes()]
    return b"".join(parts)


class _Stored(NamedTuple):
    name: str
    camera: int
    world_from_camera: Array
    features: NDArray[np.void]  # (K,) of _FEATURE


def _read_images(data: bytes) -> Iterator[_Stored]:
    at = _COUNT.size
    for _ in range(_COUNT.unpack_from(data)[0]):
        _, *pose, camera = _IMAGE.unpack_from(data, at)
        at += _IMAGE.size
        end = data.index(b"\0", at)
        name = data[at:end].decode()
        (num_features,) = _COUNT.unpack_from(data, end + 1)
        at = end + 1 + _COUNT.size
        features = np.frombuffer(data, _FEATURE, num_features, at)
        at += features.nbytes
        yield _Stored(name, camera, from_colmap_pose(pose[:4], pose[4:]), features)


def _read_points(data: bytes) -> NDArray[np.void]:
    """(N,) of _POINT, in the order of the file."""
    (num_points,) = _COUNT.unpack_from(data)
    points = np.empty(num_points, _POINT)
    at = _COUNT.size
    for place in range(num_points):
        points[place] = np.frombuffer(data, _POINT, 1, at)[0]
        at += _POINT.itemsize + _SEEN.itemsize * int(points[place]["num_seen"])
    return points
