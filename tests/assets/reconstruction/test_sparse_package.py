"""A model as bytes: read again it is the same, and COLMAP reads what it holds."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from assets.reconstruction.sparse_export import FORMS
from assets.reconstruction.sparse_package import pack, unpack
from models.geometry.camera import Camera
from models.geometry.camera_conventions import from_nerfstudio
from models.geometry.sparse_model import (
    SparseImage,
    SparseModel,
    measure_errors,
    measure_quality,
)

LENS = Camera(
    (640, 480), (500.0, 510.0), (322.0, 236.0), "plumb_bob", (-0.1, 0.02, 0.0, 0.0)
)


@pytest.fixture(scope="module")
def model() -> SparseModel:
    """Two cameras beside each other, three points; the first picture saw all, the second two."""
    rng = np.random.default_rng(0)
    points = np.array([[0.0, 0, 4], [0.5, 0.2, 5], [-0.4, 0.1, 3]])
    images = []
    for number, seen in enumerate(([0, 1, 2], [2, 0])):
        pose = np.eye(4)
        pose[0, 3] = 0.3 * number
        pixels = LENS.project(points[seen] - pose[:3, 3]) + 0.25
        descriptors = rng.integers(0, 256, (len(seen), 128)).astype(np.uint8)
        images.append(
            SparseImage(
                f"{number}.png",
                f"cam{number}",
                LENS,
                pose,
                pixels,
                np.array(seen),
                descriptors,
            )
        )
    colours = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)
    return SparseModel("m", points, colours, tuple(images))


def test_what_is_unpacked_is_what_was_packed(model):
    data = pack(model)
    assert pack(model) == data
    found = unpack(data)
    assert found.length_unit == "m"
    assert (found.points == model.points).all()
    assert (found.colours_rgb == model.colours_rgb).all()
    for mine, theirs in zip(model.images, found.images, strict=True):
        assert (mine.name, mine.sensor) == (theirs.name, theirs.sensor)
        assert theirs.camera == mine.camera
        assert theirs.world_from_camera == pytest.approx(mine.world_from_camera)
        assert theirs.pixels == pytest.approx(mine.pixels, abs=1e-9)
        assert (theirs.points == mine.points).all()
        assert (theirs.descriptors == mine.descriptors).all()


def test_colmap_reads_the_same_model_with_the_same_errors(model, tmp_path):
    import pycolmap

    with zipfile.ZipFile(io.BytesIO(pack(model))) as archive:
        archive.extractall(tmp_path)
    read = pycolmap.Reconstruction(tmp_path)
    assert read.is_valid()
    assert (read.num_reg_images(), read.num_points3D()) == (2, 3)
    assert read.compute_num_observations() == 5
    stored = read.compute_mean_reprojection_error()
    read.update_point_3d_errors()
    # 0.25 px in both coordinates, by our lens and by theirs
    assert stored == pytest.approx(0.25 * 2**0.5, abs=1e-6)
    assert read.compute_mean_reprojection_error() == pytest.approx(stored, abs=1e-6)
    assert np.concatenate(measure_errors(model)) == pytest.approx(0.25 * 2**0.5)
    assert measure_quality(model).track_length == pytest.approx(5 / 3)


def test_colmap_reads_the_text_as_it_reads_the_bytes(model, tmp_path):
    import pycolmap

    read = []
    for form in ("colmap", "colmap-text"):
        for path, data in FORMS[form](model).items():
            file = tmp_path / form / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        read.append(pycolmap.Reconstruction(file.parent))
    binary, text = read
    assert {f.suffix for f in (tmp_path / "colmap-text/sparse/0").iterdir()} == {".txt"}
    assert list_numbers(text) == list_numbers(binary)


def list_numbers(read) -> list:
    """All that COLMAP has read, to the last digit."""
    cameras = [
        (n, c.model.name, c.width, c.height, c.params.tolist())
        for n, c in sorted(read.cameras.items())
    ]
    images = [
        (n, i.name, i.camera_id, i.cam_from_world().matrix().tolist(),
         [(*p.xy.tolist(), p.point3D_id) for p in i.points2D])
        for n, i in sorted(read.images.items())
    ]  # fmt: skip
    points = [
        (n, p.xyz.tolist(), p.color.tolist(), p.error,
         [(e.image_id, e.point2D_idx) for e in p.track.elements])
        for n, p in sorted(read.points3D.items())
    ]  # fmt: skip
    assert cameras and images and points
    return [cameras, images, points]


def test_nerfstudio_has_the_places_and_the_lens(model):
    import json

    (data,) = FORMS["nerfstudio"](model).values()
    frames = json.loads(data)["frames"]
    for frame, image in zip(frames, model.images, strict=True):
        assert frame["file_path"] == f"images/{image.name}"
        camera, pose = from_nerfstudio(frame)
        assert pose == pytest.approx(image.world_from_camera)
        assert camera.focal_px == LENS.focal_px
        assert camera.centre_px == pytest.approx(LENS.centre_px)
