"""Pictures of a folder, placed by a session's sparse model: through the guard, by a camera of their shape."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from assets.inference.loose_images import list_images
from assets.reconstruction.localise import choose_camera, find_model, localise_files
from assets.reconstruction.sparse_models import refresh_model
from assets.storage import Folder
from checks.gates import gate_session
from models.geometry.camera import Camera
from models.geometry.sparse_model import SparseImage, SparseModel
from tests.assets.reconstruction.conftest import VIEW_STEP_M, draw_planes, store_scene


def test_a_picture_between_those_of_the_model_is_placed_and_others_are_not(
    catalog, tmp_path
):
    store_scene(catalog, num_views=3)
    with pytest.raises(ValueError, match="hall has no sparse model: `daguerre recon"):
        find_model(catalog, "hall")
    done = refresh_model(catalog, "hall")
    with pytest.raises(ValueError, match=r"hall is not published: it was not checked"):
        find_model(catalog, "hall")
    gate_session(catalog, "sparse_models", "hall")
    model_id = done.model["sparse_model_id"]
    assert find_model(catalog, model_id[:12])[0] == model_id
    name, model = find_model(catalog, "hall")
    assert name == model_id
    cv2.imwrite(str(tmp_path / "a_there.png"), draw_planes(1.5 * VIEW_STEP_M))
    cv2.imwrite(str(tmp_path / "b_elsewhere.png"), draw_planes(0.1, seed=9))
    (tmp_path / "c_text.png").write_text("no picture")
    folder = Folder(str(tmp_path))
    nowhere = replace(model, images=model.images[:1], points=model.points[::-1])
    models = {"nowhere": nowhere, name: model}
    there, elsewhere, text = localise_files(
        models, folder, list_images(folder), sensor="left"
    )
    assert there.model_id == name and elsewhere.model_id is None
    assert (there.sensor, there.reason) == ("left", None)
    views = [image.world_from_camera[:3, 3] for image in model.images if image.sensor == "left"]  # fmt: skip
    expected = 0.5 * (views[1] + views[2])
    off = np.linalg.norm(there.location.world_from_camera[:3, 3] - expected)
    assert model.length_unit == "m" and off < 0.01
    assert elsewhere.location is None and "are needed" in elsewhere.reason
    assert text.location is None and text.sensor is None and text.reason


def make_model(**sizes: tuple[int, int]) -> SparseModel:
    images = tuple(
        SparseImage(
            name, name, Camera(size, (500.0, 500.0), (size[0] / 2, size[1] / 2)), np.eye(4),
            np.empty((0, 2)), np.empty(0, np.int64), np.empty((0, 128), np.uint8),
        )
        for name, size in sizes.items()
    )  # fmt: skip
    return SparseModel("m", np.empty((0, 3)), np.empty((0, 3), np.uint8), images)


def test_the_only_camera_of_a_pictures_shape_took_it_and_smaller_ones_are_the_same():
    model = make_model(wide=(1600, 900), front=(640, 480))
    assert choose_camera(model, (640, 480), None)[0] == "front"
    name, camera = choose_camera(model, (320, 240), None)
    assert (name, camera.size_px, camera.focal_px) == ("front", (320, 240), (250, 250))
    with pytest.raises(ValueError, match=r"480x640 px has no camera of its shape"):
        choose_camera(model, (480, 640), None)


def test_of_several_cameras_one_has_to_be_named():
    model = make_model(left=(640, 480), right=(320, 240))
    with pytest.raises(ValueError, match=r"several cameras of it .* --sensor"):
        choose_camera(model, (640, 480), None)
    assert choose_camera(model, (640, 480), "right")[0] == "right"
    with pytest.raises(ValueError, match="no camera 'middle': it has left, right"):
        choose_camera(model, (640, 480), "middle")


def test_a_model_that_is_not_there_is_named(catalog):
    with pytest.raises(ValueError, match="nowhere"):
        find_model(catalog, "nowhere")
