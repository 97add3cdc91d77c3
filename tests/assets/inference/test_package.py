"""A model package proves its files, and predicts what the net predicts."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from assets.inference.checkpoint import hash_bytes
from assets.inference.onnx_model import OnnxModel
from assets.inference.package import (
    Refusal,
    _hash_row,
    describe,
    load_net,
    load_predictor,
    open_package,
    read_package,
    write_package,
)
from models.recipes import TrainConfig, get_recipe
from models.tasks import TASKS


def _write(models_dir, task, net="lite0"):
    config = replace(
        get_recipe(f"tiny_{task}"),
        image_size_px=64,
        weights="none",
        frozen_stages=0,
        net=net,
    )
    torch.manual_seed(1)
    net = TASKS[task].build(config, 2, None)
    facts = describe(
        config, ("disc", "square"), "0" * 32, 1, "v1", [{"epoch": 0, "train_loss": 1.0}]
    )
    return write_package(models_dir, net, task, facts), net


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return _write(tmp_path_factory.mktemp("models"), "recognition")


@pytest.fixture
def package(written, tmp_path):
    """A copy that a test may damage."""
    folder = tmp_path / written[0].folder.name
    shutil.copytree(written[0].folder, folder)
    return replace(written[0], folder=folder)


def test_package_reads_back_as_written(written):
    package, _ = written
    assert open_package(package.folder) == package
    assert package.hashes.keys() == {"model.safetensors", "model.onnx", "model.json"}
    assert package.folder.parts[-2:] == ("recognition", package.model_sha256[:16])
    assert sorted(p.name for p in package.folder.iterdir()) == [
        "model.json",
        "model.onnx",
        "model.safetensors",
    ]
    assert [p.name for p in package.folder.parent.iterdir()] == [package.folder.name]


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_one_changed_byte_is_found_and_named(package, name):
    content = bytearray((package.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (package.folder / name).write_bytes(bytes(content))
    with pytest.raises(ValueError, match=name):
        open_package(package.folder)


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_missing_file_is_named(package, name):
    (package.folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        open_package(package.folder)


def test_edited_fact_is_found(package):
    row = json.loads((package.folder / "model.json").read_text())
    (package.folder / "model.json").write_text(
        json.dumps({**row, "release_id": "1" * 32})
    )
    with pytest.raises(ValueError, match=r"model\.json has changed"):
        open_package(package.folder)


def rewrite(package, change) -> None:
    """Facts as another version writes them, with their hash."""
    path = package.folder / "model.json"
    row = json.loads(path.read_text())
    del row["facts_sha256"]
    change(row)
    path.write_text(json.dumps({**row, "facts_sha256": _hash_row(row)}, indent=1))


def test_a_package_with_older_facts_opens(package):
    def age(row: dict) -> None:
        del (
            row["starts_from"],
            row["config"]["weights"],
            row["config"]["net"],
            row["config"]["sharding"],
        )
        row["config"]["is_pretrained"] = False

    rewrite(package, age)
    opened = open_package(package.folder)
    assert (
        opened.facts.starts_from is None and opened.model_sha256 == package.model_sha256
    )
    config = TrainConfig.from_dict(opened.facts.config)
    assert (config.weights, config.net, config.sharding) == ("none", "lite0", "none")
    assert load_net(opened) is not None


def test_a_package_of_a_newer_version_is_refused_with_the_remedy(package):
    rewrite(package, lambda row: row.update(photographed_by="Nadar"))
    with pytest.raises(
        ValueError,
        match=r"photographed_by.* a newer Daguerre wrote it, update Daguerre here",
    ):
        open_package(package.folder)


def test_a_package_that_lacks_what_nothing_can_stand_for_is_refused(package):
    rewrite(package, lambda row: row.pop("seed"))
    with pytest.raises(ValueError, match=r"lacks \['seed'\]: .* train again"):
        open_package(package.folder)


def test_weights_under_another_name_are_refused(package):
    moved = package.folder.rename(package.folder.with_name("0" * 16))
    with pytest.raises(ValueError, match="named by its weights"):
        open_package(moved)
    assert read_package(moved).hashes == package.hashes


def test_bytes_other_than_those_known_from_elsewhere_are_refused(package):
    assert read_package(package.folder, package.hashes) == package
    with pytest.raises(Refusal, match=r"model\.json has changed"):
        read_package(package.folder, package.hashes | {"model.json": "0" * 64})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"release_id": None}, r"lacks \['release_id'\]"),
        ({"files": {}}, r"does not vouch for \['model\.onnx', 'model\.safetensors'\]"),
        ({"files": {"../secret": "0" * 64}}, "lie in its folder"),
    ],
)
def test_facts_that_do_not_say_what_they_must_are_refused(package, change, reason):
    rewrite(package, lambda row: row.update(change))
    with pytest.raises(Refusal, match=reason):
        read_package(package.folder)


def test_pickle_under_the_name_of_weights_is_refused(package):
    content = pickle.dumps({"w": [1.0] * 8})
    (package.folder / "model.safetensors").write_bytes(content)
    rewrite(
        package,
        lambda row: row["files"].update({"model.safetensors": hash_bytes(content)}),
    )
    with pytest.raises(Refusal, match="not a safetensors file"):
        read_package(package.folder)


def test_recognition_predictor_and_onnx_agree_with_the_net(written):
    package, net = written
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        wanted = net(pixels).softmax(1)[0].numpy()
    (answer,) = load_predictor(open_package(package.folder))([image])
    np.testing.assert_allclose(answer.values, wanted, atol=1e-5)
    session = onnxruntime.InferenceSession(package.folder / "model.onnx")
    np.testing.assert_allclose(
        session.run(["probabilities"], {"pixels": pixels.numpy()})[0][0],
        wanted,
        atol=1e-4,
    )
    both = OnnxModel(package).answer([image, image[:, ::-1]])
    np.testing.assert_allclose(both[0].values, wanted, atol=1e-4)
    assert not np.array_equal(both[1].values, both[0].values)


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_the_shipped_form_answers_as_the_net_does_on_a_square(tmp_path, task):
    config = replace(
        get_recipe(f"tiny_{task}"), image_size_px=64, weights="none", frozen_stages=0
    )
    torch.manual_seed(1)
    net = TASKS[task].build(config, 2, None)
    if task == "detection":  # from nothing at all to many boxes
        torch.nn.init.normal_(net.head.classify.weight, std=0.05)
        torch.nn.init.zeros_(net.head.classify.bias)
    facts = describe(config, ("disc", "square"), "0" * 32, 1, "v1", [])
    package = write_package(tmp_path, net, task, facts)
    images = [
        np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
        for seed in (0, 1)
    ]
    shipped = OnnxModel(package).answer(images)
    for one, other in zip(shipped, load_predictor(package)(images), strict=True):
        if task == "segmentation":
            same = one.map.class_ids == other.map.class_ids
            assert same.mean() > 0.98  # on edges the two interpolate differently
            np.testing.assert_allclose(one.confidences, other.confidences, atol=0.02)
            continue
        assert one.scores.shape == other.scores.shape and len(one.scores) > 5
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)
        np.testing.assert_allclose(one.boxes_xyxy, other.boxes_xyxy, atol=0.1)


def test_detection_onnx_takes_any_batch_and_gives_boxes_in_pixels(tmp_path):
    package, net = _write(tmp_path, "detection")
    session = onnxruntime.InferenceSession(package.folder / "model.onnx")
    scores, boxes = session.run(None, {"pixels": np.zeros((3, 3, 64, 64), np.float32)})
    # 8*8 + 4*4 + 2*2 points
    assert scores.shape == (3, 84, 2) and boxes.shape == (3, 84, 4)
    loaded = load_net(package)
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            loaded.state_dict().values(), net.state_dict().values(), strict=True
        )
    )
    assert (
        load_predictor(package)([np.zeros((48, 64, 3), np.uint8)])[0].boxes_xyxy.shape[
            1
        ]
        == 4
    )


def test_a_two_stage_detector_is_shipped_for_one_image_at_a_time(tmp_path):
    package, _ = _write(tmp_path, "detection", "fasterrcnn_mobilenet_v3_large_320_fpn")
    session = onnxruntime.InferenceSession(package.folder / "model.onnx")
    assert [i.shape for i in session.get_inputs()] == [[1, 3, 64, 64]]
    scores, boxes = session.run(
        ["scores", "boxes_xyxy"], {"pixels": np.zeros((1, 3, 64, 64), np.float32)}
    )
    assert scores.shape == (1, boxes.shape[1], 2) and boxes.shape == (
        1,
        scores.shape[1],
        4,
    )
    assert len(OnnxModel(package).answer([np.zeros((48, 64, 3), np.uint8)] * 2)) == 2
    (answer,) = load_predictor(open_package(package.folder))(
        [np.zeros((48, 64, 3), np.uint8)]
    )
    assert answer.boxes_xyxy.shape == (len(answer.scores), 4) and set(
        answer.class_ids
    ) <= {0, 1}
