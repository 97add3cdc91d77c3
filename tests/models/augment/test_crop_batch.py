"""Crops that a device cuts together are those that are cut one after the other; what it cannot decode is not lost.

The device is the CPU here: the same decoder's CPU form, and the same products of matrices.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import torchvision.io
from torch.nn import functional as F

from assets.images import EncodedImage
from models.augment import crop_batch
from models.augment.crop_batch import cut_crops
from models.augment.crops import Crop, cut_crop, draw_crop
from models.types import Sample

pytestmark = pytest.mark.filterwarnings(
    "ignore:The image decoding and encoding capabilities of TorchVision"
)
SIDE = 48


def sample(number: int, height: int, width: int, suffix: str = ".jpg") -> Sample:
    """Blobs, as rough as a photograph, that a device decodes."""
    rng = np.random.default_rng(number)
    image = sum(
        cv2.resize(rng.normal(0, 1, (height // s, width // s, 3)), (width, height))
        * s**0.7
        for s in (4, 16)
    )
    image = ((image - image.min()) / np.ptp(image) * 255).astype(np.uint8)
    return Sample(
        f"frame-{number}",
        EncodedImage(cv2.imencode(suffix, image)[1].tobytes(), gpu="cpu"),
        number,
    )


def alone(sample: Sample) -> Sample:
    """The same image, which is decoded whole and by itself."""
    return replace(sample, image=sample.image_rgb)


@pytest.fixture
def samples() -> list[Sample]:
    return [
        sample(0, 96, 128),
        sample(1, 97, 129),
        sample(2, 96, 128),
        sample(3, 80, 64, ".png"),
        sample(4, 96, 128),
    ]


def draw(samples: list[Sample], num_views: int) -> list[list[Crop]]:
    rng = np.random.default_rng(5)
    return [
        [draw_crop(rng, s.size_hw, (0.05, 1.0), True) for _ in range(num_views)]
        for s in samples
    ]


@pytest.mark.parametrize("chunk_pixels", [2**24, 1])
def test_every_view_of_every_image_is_the_one_that_is_cut_alone(
    samples, monkeypatch, chunk_pixels
):
    monkeypatch.setattr(crop_batch, "_CHUNK_PIXELS", chunk_pixels)
    assert [s.image.device for s in samples] == ["cpu", "cpu", "cpu", None, "cpu"]
    crops = [views for _ in range(8) for views in draw(samples, 2)]
    found = cut_crops(samples * 8, crops, SIDE)
    assert found.shape == (40, 2, 3, SIDE, SIDE) and found.dtype == torch.uint8
    for views, one, wanted in zip(found, samples * 8, crops, strict=True):
        for view, crop in zip(views, wanted, strict=True):
            truth = cut_crop(alone(one), crop, SIDE).astype(int)
            # which is rounded twice
            assert np.abs(view.permute(1, 2, 0).numpy() - truth).max() <= 2


def test_weights_are_those_of_interpolate():
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (1, 3, 60, 90), dtype=np.uint8)
    )
    for crop in (
        Crop(0, 0, 90, 60),
        Crop(7, 11, 70, 40),
        Crop(30, 20, 20, 17),
        Crop(89, 59, 1, 1),
    ):
        part = images[
            ..., crop.top : crop.top + crop.height, crop.left : crop.left + crop.width
        ].float()
        truth = (
            F.interpolate(part, (SIDE, SIDE), mode="bilinear", antialias=True)
            .round()
            .clamp(0, 255)
        )
        found = crop_batch._resample(
            images, [[crop, replace(crop, is_mirrored=True)]], SIDE
        )[0].permute(0, 3, 1, 2)
        assert (found[0].float() - truth[0]).abs().max() <= 1 and (
            found[0] != truth[0]
        ).float().mean() < 0.001
        assert torch.equal(found[1], found[0].flip(2))


def test_a_batch_that_no_device_decodes_is_cut_on_the_cpu(samples):
    crops = draw(samples, 1)
    here = [replace(s, image=EncodedImage(s.image.payload)) for s in samples]
    found = cut_crops(here, crops, SIDE)[:, 0]
    assert found.is_contiguous(memory_format=torch.channels_last)
    for square, one, (crop,) in zip(found, here, crops, strict=True):
        np.testing.assert_array_equal(
            square.permute(1, 2, 0), cut_crop(one, crop, SIDE)
        )


def test_images_that_the_device_refuses_are_decoded_on_the_cpu_and_it_is_said_once(
    samples, monkeypatch, caplog
):
    def refuse(*_):
        raise RuntimeError("nvJPEG does not know this")

    crops = draw(samples, 1)
    crop_batch._warn_once.cache_clear()
    expected = cut_crops(samples, crops, SIDE)
    monkeypatch.setattr(torchvision.io, "decode_jpeg", refuse)
    for _ in range(2):
        assert (cut_crops(samples, crops, SIDE).int() - expected.int()).abs().max() <= 2
    assert [r.message for r in caplog.records] == [
        "cpu does not decode some JPEGs, the CPU does so in its place: nvJPEG does not know this"
    ]


def test_a_device_that_is_out_of_memory_says_so(samples, monkeypatch):
    def refuse(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torchvision.io, "decode_jpeg", refuse)
    with pytest.raises(torch.OutOfMemoryError):
        cut_crops(samples, draw(samples, 1), SIDE)


def test_grey_jpegs_and_other_formats_are_not_for_the_device():
    grey = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes()
    assert EncodedImage(grey, gpu="cuda:0").device is None
    assert sample(0, 32, 32, ".png").image.device is None
    assert sample(0, 32, 32).image.device == "cpu"
    assert EncodedImage(sample(0, 32, 32).image.payload).device is None
