"""pycolmap: a model of its own making, with poses and what its cameras make of a few points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pycolmap

from bench.prove.readers.rows import Row, serve

# what follows the focal lengths and the centre, by model
_MODELS: dict[str, list[float]] = {
    "SIMPLE_PINHOLE": [50, 16.25, 12],
    "PINHOLE": [50, 52, 16, 12.5],
    "SIMPLE_RADIAL": [50, 16, 12, 0.1],
    "RADIAL": [50, 16, 12, 0.1, -0.02],
    "OPENCV": [50, 52, 16, 12, 0.1, -0.02, 0.001, 0.002],
    "OPENCV_FISHEYE": [50, 52, 16, 12, 0.1, -0.02, 0.001, 0.002],
    "FULL_OPENCV": [50, 52, 16, 12, 0.1, -0.02, 1e-3, 2e-3, 0.03, 0.01, 0.02, 0.03],
    "SIMPLE_RADIAL_FISHEYE": [50, 16, 12, 0.1],
    "RADIAL_FISHEYE": [50, 16, 12, 0.1, 0.02],
}


def write_model(root: Path, seed: int, width: int, height: int) -> None:
    """A camera a model, with pictures `cam1/1.png`, ...: in `bin/sparse/0` and in `txt/sparse/0`."""
    rng = np.random.default_rng(seed)
    model = pycolmap.Reconstruction()
    number = 0
    for camera_id, (name, params) in enumerate(_MODELS.items(), start=1):
        camera = pycolmap.Camera(
            model=name,
            width=width,
            height=height,
            params=params,
            camera_id=camera_id,
        )
        model.add_camera_with_trivial_rig(camera)
        for picture in range(1, 4):
            number += 1
            quaternion = rng.normal(size=4)
            rotation = pycolmap.Rotation3d(quaternion / np.linalg.norm(quaternion))
            image = pycolmap.Image(
                name=f"cam{camera_id}/{picture}.png",
                camera_id=camera_id,
                image_id=number,
            )
            pose = pycolmap.Rigid3d(rotation, rng.normal(size=3))
            model.add_image_with_trivial_frame(image, pose)
    for form, write in (("bin", model.write_binary), ("txt", model.write_text)):
        (root / form / "sparse" / "0").mkdir(parents=True)
        write(str(root / form / "sparse" / "0"))


def read_model(root: Path) -> Iterator[Row]:
    found = pycolmap.Reconstruction(str(root / "sparse" / "0"))
    points = json.loads((root / "points.json").read_text())
    for image in found.images.values():
        place = image.name.partition("/")[0]
        matrix = image.cam_from_world().inverse().matrix()
        yield Row(place, "pose", 0, tuple(map(float, matrix.ravel())))
    for camera_id, camera in found.cameras.items():
        pixels = np.array([camera.img_from_cam(np.array(point)) for point in points])
        values = tuple(map(float, (pixels - 0.5).ravel()))
        yield Row(f"cam{camera_id}", "pixels", 0, values)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_model(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        serve({"colmap": read_model})
