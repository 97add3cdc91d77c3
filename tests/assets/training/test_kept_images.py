"""Samples, batches and weights are the same whether images are decoded or read from the pixel cache."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from assets import samples as samples_module
from assets.image_forms import ForCrops, Shrunken
from assets.images import EncodedImage
from assets.pixel_cache import CacheRoom
from assets.samples import ReleaseImages, read_release
from assets.training.ray_train import Lesson, Listeners, learn
from models.augment.crop_plan import CropPlan
from models.augment.crops import draw_crop
from models.recipes import get_recipe
from models.tasks import TASKS
from models.training.batches import prepare_batches
from models.training.workers import Alone

AREA = (0.08, 1.0)
PLAN = CropPlan(32, AREA)
SPLITS = ["train"] * 6 + ["val"] * 2


def photograph(number: int, height: int, width: int, quality: int = 90) -> bytes:
    """A JPEG with its colours at half size, of blobs."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def png(number: int) -> bytes:
    image = np.random.default_rng(number).integers(0, 256, (70, 50, 3), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def release(store_release):
    """Six for training: JPEGs read at a half and whole, of odd sizes and long, and a PNG."""
    sizes = [(300, 400), (301, 399), (64, 96), (40, 900), (33, 31)]
    payloads = [photograph(n, *size) for n, size in enumerate(sizes)]
    payloads += [png(5), photograph(6, 64, 64), photograph(7, 64, 64)]
    catalog, release_id = store_release("recognition", SPLITS, payloads=payloads)
    return catalog, read_release(catalog, release_id, "recognition")


def room(folder: Path) -> CacheRoom:
    return CacheRoom(folder / "pixels", 2**24)


def open_for_crops(release, room: CacheRoom | None) -> ReleaseImages:
    return ReleaseImages(*release, "train", None, crops=PLAN, room=room)


def decode_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an image is decoded that is kept")

    monkeypatch.setattr(samples_module, "EncodedImage", refuse)


def read_all(images: ReleaseImages) -> list[tuple]:
    """What a sample says of its image; reading offers it to the cache."""
    found = [(s.frame_id, s.size_hw, s.target, *s.read(0.01)) for s in images]
    if images.pixels:
        images.pixels.settle()
    return found


def assert_same(found: list[tuple], expected: list[tuple]) -> None:
    assert len(found) == len(expected) > 0
    for (*facts, image, divisor), (*known, truth, truths_divisor) in zip(
        found, expected, strict=True
    ):
        assert (facts, divisor) == (known, truths_divisor)
        np.testing.assert_array_equal(image, truth)


def test_images_for_crops_are_the_same_from_the_cache(release, tmp_path, monkeypatch):
    expected = read_all(open_for_crops(release, None))
    assert sorted(divisor for *_, divisor in expected) == [1, 1, 1, 1, 2, 2]
    assert_same(read_all(open_for_crops(release, room(tmp_path))), expected)
    decode_nothing(monkeypatch)
    assert_same(read_all(open_for_crops(release, room(tmp_path))), expected)


@pytest.mark.parametrize(
    "task", ["detection", "segmentation", "instances", "keypoints"]
)
def test_shrunken_images_and_their_targets_are_the_same_from_the_cache(
    store_release, tmp_path, monkeypatch, task
):
    names = ("disc", "square", "grey") if task == "segmentation" else ("disc", "square")
    catalog, release_id = store_release(task, SPLITS, names)
    release = read_release(catalog, release_id, task)

    def open_images(room: CacheRoom | None) -> ReleaseImages:
        return ReleaseImages(catalog, release, "train", 48, cache_bytes=0, room=room)

    expected = list(open_images(None))
    filled = open_images(room(tmp_path))
    list(filled)
    filled.pixels.settle()
    decode_nothing(monkeypatch)
    for kept, decoded in zip(open_images(room(tmp_path)), expected, strict=True):
        assert kept.frame_id == decoded.frame_id
        np.testing.assert_array_equal(kept.image, decoded.image)
        assert kept.image.shape == (48, 48, 3)
        for name, values in vars(decoded.target).items():
            np.testing.assert_array_equal(getattr(kept.target, name), values)


def test_nothing_goes_to_disk_where_memory_holds_all(store_release, tmp_path):
    catalog, release_id = store_release("detection", SPLITS)
    release = read_release(catalog, release_id, "detection")
    num_bytes = 6 * 48 * 48 * 3
    held, spilt = (
        ReleaseImages(catalog, release, "train", 48, size, room=room(tmp_path))
        for size in (num_bytes, num_bytes - 1)
    )
    assert held.pixels is None and spilt.pixels is not None


def test_a_damaged_image_is_decoded_and_written_anew(release, tmp_path, caplog):
    images = open_for_crops(release, room(tmp_path))
    expected = read_all(images)
    content = bytearray(images.pixels.path.read_bytes())
    content[content.index(expected[1][3].tobytes()) + 17] ^= 4
    images.pixels.path.write_bytes(content)
    assert_same(read_all(images), expected)
    assert "decoded and written anew" in caplog.text
    caplog.clear()
    assert_same(read_all(open_for_crops(release, room(tmp_path))), expected)
    assert not caplog.records


def test_another_size_of_crops_has_a_file_of_its_own(release, tmp_path):
    read_all(open_for_crops(release, room(tmp_path)))
    other = ReleaseImages(
        *release, "train", None, crops=CropPlan(64, AREA), room=room(tmp_path)
    )
    assert other.pixels.find(0) is None
    assert len(list((tmp_path / "pixels").glob("*.pixels"))) == 2


def test_who_looks_closer_than_a_crop_gets_the_whole_image(release, tmp_path):
    images = open_for_crops(release, room(tmp_path))
    whole = ReleaseImages(*release, "train", None)
    for _ in range(2):
        for kept, stored in zip(images, whole, strict=True):
            assert kept.image_rgb.shape == stored.image_rgb.shape
        images.pixels.settle()


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_reads_images_as_fine_as_any_crop_needs(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in np.exp(rng.uniform(0, 8, 2)))
    low = float(rng.uniform(0.05, 0.9))
    plan = CropPlan(64, (low, 1.0))
    form = ForCrops(plan)
    for _ in range(200):
        crop = draw_crop(rng, (height, width), plan.area, True)
        assert form.suffices((height, width), 64 / min(crop.width, crop.height))


def test_a_cropped_image_is_read_no_finer_than_its_smallest_crop_needs():
    # the smallest crop has 0.08 * 3/4 = 0.06 of the area squared: 245 px, seven times 32
    stored = EncodedImage(photograph(0, 1000, 1000))
    assert ForCrops(PLAN).read(stored)[1] == 4
    # 122 px
    assert ForCrops(PLAN).read(EncodedImage(photograph(0, 500, 500)))[1] == 2


@pytest.mark.parametrize(
    "form", [Shrunken(100), ForCrops(PLAN), ForCrops(CropPlan(224, AREA))]
)
def test_real_photographs_have_the_size_that_was_foreseen(test_data, form):
    paths = sorted(test_data("detection").rglob("*.jpg"))[::40][:12]
    assert paths
    for path in paths:
        stored = EncodedImage(path.read_bytes())
        assert form.read(stored)[0].shape[:2] == form.find_shape(stored.size_hw, "jpeg")


def test_batches_are_the_same_from_the_cache_and_from_any_step_on(release, tmp_path):
    config = replace(
        get_recipe("tiny_recognition"),
        image_size_px=32,
        crop_area=AREA,
        batch_size=2,
        epochs=3,
    )

    def draw(room: CacheRoom | None, first_step: int) -> list[torch.Tensor]:
        images = open_for_crops(release, room)
        batches = prepare_batches(
            images,
            TASKS["recognition"],
            2,
            config,
            seed=1,
            first_step=first_step,
            workers=Alone(),
            device=torch.device("cpu"),
        )
        found = [batch.images for batch in islice(batches, 9 - first_step)]
        if images.pixels:
            images.pixels.settle()
        return found

    expected = draw(None, 0)
    assert len(expected) == 9
    for first_step in (0, 0, 4):
        found = draw(room(tmp_path), first_step)
        torch.testing.assert_close(found, expected[first_step:], rtol=0, atol=0)


def test_weights_are_the_same_with_and_without_a_cache(release, tmp_path):
    config = replace(
        get_recipe("tiny_recognition"),
        image_size_px=32,
        crop_area=AREA,
        batch_size=3,
        epochs=2,
    )
    lesson = Lesson(*release, config, seed=3, start=None)
    kept = replace(lesson, pixels=room(tmp_path))
    bare, first, second = (
        learn(one, Alone(), "cpu", Listeners(lambda _: None)).weights
        for one in (lesson, kept, kept)
    )
    assert os.listdir(tmp_path / "pixels") and bare
    for name, weights in bare.items():
        assert torch.equal(weights, first[name]) and torch.equal(weights, second[name])
