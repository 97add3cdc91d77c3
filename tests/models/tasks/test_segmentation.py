"""Maps come back in the pixels of their images, and tasks are listed in one place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from models.nets.export import export_onnx
from models.recipes import get_recipe
from models.task_names import DATASET_NAMES
from models.tasks import TASKS
from models.tasks import segmentation as module
from models.training.seed import sample_rng
from models.types import IGNORE, Sample, SemanticMap


class _Bright(nn.Module):
    """A net of no parameters but one: class 1 where a cell of 4 px is bright, class 0 elsewhere."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.1))

    def forward(self, pixels):
        grey = nn.functional.avg_pool2d(pixels.mean(1, keepdim=True), 4) - 127.5
        return torch.cat([-grey, grey], 1) * self.gain


def test_every_name_is_a_task():
    assert sorted(TASKS) == sorted(DATASET_NAMES)


@pytest.mark.parametrize("height, width", [(96, 128), (200, 64), (37, 61), (300, 480)])
def test_a_prediction_lies_where_the_image_shows_it(height, width):
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 4 : height // 2, width // 3 :] = 255
    config = replace(get_recipe("tiny_segmentation"), image_size_px=256)
    with torch.inference_mode():
        (found,) = TASKS["segmentation"].predict(_Bright(), [image], config)
    assert found.map.class_ids.shape == (height, width)
    # what the net cannot tell apart
    cell_px = int(np.ceil(4 * max(height, width) / 256))
    truth = image[..., 0] > 127
    around = np.pad(truth, cell_px, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, (2 * cell_px + 1,) * 2)
    is_far_from_edges = windows.all((2, 3)) | ~windows.any((2, 3))
    np.testing.assert_array_equal(
        found.map.class_ids[is_far_from_edges], truth[is_far_from_edges]
    )
    assert (found.confidences > 0.9).all()


def test_large_images_are_read_out_in_bands_with_the_same_answer(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    config = get_recipe("tiny_segmentation")
    task = TASKS["segmentation"]
    with torch.inference_mode():
        (whole,) = task.predict(_Bright(), [image], config)
        monkeypatch.setattr(module, "_BAND_VALUES", 7 * 120 * 2)
        (bands,) = task.predict(_Bright(), [image], config)
    np.testing.assert_array_equal(whole.map.class_ids, bands.map.class_ids)
    np.testing.assert_allclose(whole.confidences, bands.confidences, rtol=1e-5)


def test_a_batch_of_mixed_sizes_ignores_what_lies_outside_its_images():
    samples = [
        Sample(
            str(n),
            np.full((h, w, 3), 200, np.uint8),
            SemanticMap(np.zeros((h, w), np.uint8)),
        )
        for n, (h, w) in enumerate([(64, 128), (128, 64)])
    ]
    config = replace(
        get_recipe("tiny_segmentation"),
        image_size_px=128,
        zoom=(1.0, 1.0),
        shift_share=0.0,
    )
    batch = TASKS["segmentation"].make_batch(
        samples, 1, config, [sample_rng(0, 0, n) for n in range(2)]
    )
    assert batch.images.shape == (2, 3, 128, 128) and batch.targets.shape == (
        2,
        128,
        128,
    )
    assert (batch.targets == 0).float().mean((1, 2)).tolist() == [0.5, 0.5]
    assert ((batch.targets == IGNORE) == (batch.images[:, 0] == 128)).all()


def test_frames_without_a_labelled_pixel_cannot_choose_a_checkpoint():
    blank = SemanticMap(np.full((32, 32), IGNORE, np.uint8))
    with torch.inference_mode():
        found = TASKS["segmentation"].predict(
            _Bright(),
            [np.zeros((32, 32, 3), np.uint8)],
            get_recipe("tiny_segmentation"),
        )
    with pytest.raises(
        ValueError, match="none of 1 validation frames has a labelled pixel"
    ):
        TASKS["segmentation"].score(found, [blank])


def test_the_shipped_net_gives_probabilities_of_every_pixel():
    torch.manual_seed(0)
    config = replace(
        get_recipe("tiny_segmentation"),
        image_size_px=64,
        weights="none",
        frozen_stages=0,
    )
    net, names = TASKS["segmentation"].deployed(
        TASKS["segmentation"].build(config, 3, None), 64
    )
    content = export_onnx(
        net, torch.linspace(0, 255, 3 * 64 * 64).reshape(1, 3, 64, 64), names
    )
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 3, 64, 64)).astype(np.float32)
    (probabilities,) = onnxruntime.InferenceSession(content).run(
        None, {"pixels": pixels}
    )
    assert probabilities.shape == (2, 3, 64, 64)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
