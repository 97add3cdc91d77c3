"""Number plates under a privacy policy: found by the net that the policy names, covered, and drawn to be learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from assets.capture.session import anonymise
from assets.images import decode_rgb
from assets.privacy import plates
from assets.privacy.keys import SealKeys
from assets.privacy.plate_learning import Drawn, configure, learn
from assets.privacy.plates import load_plates, name_plates
from assets.privacy.policy import PrivacyPolicy, read_text
from assets.storage import Folder
from models.faces.covering import FILL_RGB
from models.simulation.plate_scenes import MIN_HEIGHT_PX, PlateWorld, draw_scene
from models.simulation.plates import (
    FONTS,
    LAYOUTS,
    PLATE_HEIGHT_PX,
    UNSEEN_FONTS,
    UNSEEN_LAYOUTS,
    draw_plate,
)

SIDE = 64
BOX = (16.0, 16.0, 48.0, 32.0)
WORLD = PlateWorld(
    LAYOUTS, FONTS, {"grey": np.full((64, 64, 3), 120, np.uint8)}, (160, 160), (24, 60)
)


def write_net(path: Path, outputs: tuple[str, str] = ("scores", "boxes_xyxy")) -> str:
    """A net that is as sure of BOX as the green of its picture is bright."""
    pixels = helper.make_tensor_value_info("pixels", 1, ["b", 3, SIDE, SIDE])
    constants = {
        "at": (TensorProto.INT64, [1], [1]),
        "range": (TensorProto.FLOAT, [1], [255.0]),
        "axes": (TensorProto.INT64, [2], [2, 3]),
        "box": (TensorProto.FLOAT, [1, 1, 4], list(BOX)),
    }
    nodes = [
        helper.make_node("Gather", ["pixels", "at"], ["green"], axis=1),
        helper.make_node("ReduceMean", ["green", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "range"], ["share"]),
        helper.make_node("Unsqueeze", ["share", "at"], [outputs[0]]),
        helper.make_node("Identity", ["box"], [outputs[1]]),
    ]
    answers = [
        helper.make_tensor_value_info(outputs[0], 1, ["b", 1, 1]),
        helper.make_tensor_value_info(outputs[1], 1, ["b", 1, 4]),
    ]
    kept = [helper.make_tensor(name, *of) for name, of in constants.items()]
    graph = helper.make_graph(nodes, "plates", [pixels], answers, kept)
    net = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    path.write_bytes(net.SerializeToString())
    return str(path)


def paint(green: int) -> np.ndarray:
    return np.stack([np.full((SIDE, SIDE), v, np.uint8) for v in (10, green, 10)], -1)


def test_what_the_net_of_the_policy_finds_is_covered(tmp_path, intake, home):
    """Green pictures show a plate, black ones none; a margin of 0.35 of its sides is covered too."""
    path = write_net(tmp_path / "plates.onnx")
    folder = tmp_path / "in"
    (folder / "cam0").mkdir(parents=True)
    policy = f"privacy: {{faces: false, plates: {path}}}\n"
    (folder / "daguerre.yaml").write_text(policy)
    for number, green in enumerate((200, 10)):
        content = cv2.imencode(".png", paint(green)[..., ::-1])[1].tobytes()
        (folder / "cam0" / f"{number}.png").write_bytes(content)
    sealing = replace(intake, keys=SealKeys(home))
    sealing.ingest(Folder(str(folder)), "street")
    anonymise("street", sealing)
    rows = sealing.catalog.read_latest("frames").sort_by("sequence").to_pylist()
    green, black = (decode_rgb(row["payload"]) for row in rows)
    assert (green[16:32, 16:48] == FILL_RGB).all() and (green[:8, :4] != FILL_RGB).any()
    assert (black == paint(10)).all()
    made = sealing.catalog.read_latest("anonymised_frames").to_pylist()
    assert sorted(row["num_found"] for row in made) == [0, 1]
    assert all(name_plates(path) in row["code_version"] for row in made)


def test_in_a_large_picture_plates_are_found_where_they_are_in_each_tile(tmp_path):
    """The whole, and 3 tiles of 48 px at 0, 36 and 72 of its length of 120 px: each is green."""
    found = load_plates(write_net(tmp_path / "plates.onnx"))(
        np.tile(paint(250), (1, 2, 1))[:, :120]
    )
    assert len(found) == 4
    assert found.boxes_xyxy[:, 0].min() >= 0 and found.boxes_xyxy[:, 2].max() <= 120


def test_a_file_that_is_too_large_is_not_read(tmp_path, lower):
    path = write_net(tmp_path / "plates.onnx")
    lower(plates, MAX_FILE_BYTES=100)
    with pytest.raises(ValueError, match="more than 100"):
        load_plates(path)


@pytest.mark.parametrize("content", [b"no net", b""])
def test_a_file_that_is_no_net_is_named_with_the_remedy(tmp_path, content):
    path = tmp_path / "plates.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="learn-plates"):
        load_plates(str(path))


def test_a_net_of_another_form_is_named_with_what_it_gives(tmp_path):
    path = write_net(tmp_path / "plates.onnx", ("logits", "corners"))
    with pytest.raises(ValueError, match="gives logits, corners"):
        load_plates(path)


def test_a_file_that_is_not_there_is_named_with_what_writes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="learn-plates --out"):
        name_plates(str(tmp_path / "plates.onnx"))


def test_a_policy_of_plates_alone_reads_back():
    policy = PrivacyPolicy(False, plates="/data/plates.onnx")
    assert read_text(policy.text) == policy and policy.summary == "plates"
    assert policy.looks


@pytest.mark.parametrize("layout", [*LAYOUTS, *UNSEEN_LAYOUTS])
def test_a_plate_has_its_ground_and_its_ink(layout):
    plate = draw_plate(layout, FONTS[0], np.random.default_rng(0))
    assert plate.shape == (PLATE_HEIGHT_PX, round(PLATE_HEIGHT_PX * layout.aspect), 3)
    for colour in (layout.ground_rgb, layout.ink_rgb):
        assert (plate == colour).all(-1).mean() > 0.02


def test_a_picture_is_drawn_alike_by_its_seed_and_boxes_are_around_what_is_seen():
    first, again, other = (draw_scene(WORLD, seed) for seed in (7, 7, 8))
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    boxes = np.concatenate(
        [draw_scene(WORLD, seed).target.boxes_xyxy for seed in range(20)]
    )
    assert len(boxes) > 20
    assert boxes.min() >= 0 and boxes.max() <= 160
    assert (boxes[:, 3] - boxes[:, 1] >= MIN_HEIGHT_PX).all()


def test_what_is_measured_on_shares_no_layout_and_no_letters_with_what_is_learnt():
    assert not {one.name for one in LAYOUTS} & {one.name for one in UNSEEN_LAYOUTS}
    assert not set(FONTS) & set(UNSEEN_FONTS)
    drawn = Drawn(WORLD, 5, 3)
    assert len(drawn) == 3 and np.array_equal(
        drawn[1].image, draw_scene(WORLD, 6).image
    )
    with pytest.raises(IndexError):
        drawn[3]


def test_what_is_learnt_is_a_net_that_a_policy_takes(tmp_path):
    """From four pictures it learns nothing; the file is of the form, and states the size of its tiles."""
    config = replace(
        configure(), image_size_px=64, batch_size=2, weights="none", frozen_stages=0
    )
    learnt = learn(dict(WORLD.photos), config, 4, num_scored=2, side_px=SIDE)
    path = tmp_path / "plates.onnx"
    path.write_bytes(learnt.onnx)
    assert (
        onnx.load(path).graph.input[0].type.tensor_type.shape.dim[2].dim_value == SIDE
    )
    load_plates(str(path))(paint(200))
    assert 0 <= learnt.map50 <= 1
