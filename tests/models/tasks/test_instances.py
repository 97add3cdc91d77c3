"""Objects with masks: what a batch holds, masks in the pixels of their images, and a net that learns them."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from assets.pretrained import read_imagenet
from models.masks import decode_mask, find_box
from models.nets.export import export_onnx
from models.nets.instance_segmenter import InstanceSegmenter, SeededSampler
from models.recipes import get_recipe
from models.tasks.instances import InstanceSegmentation, paste_mask
from models.training.fit import Splits, fit
from models.training.seed import sample_rng
from models.types import InstanceDetections, InstanceSet, Sample

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = InstanceSegmentation()
CONFIG = replace(get_recipe("tiny_instances"), image_size_px=96, batch_size=4)
PLAIN = replace(CONFIG, weights="none", frozen_stages=0, head_width=16)


def _draw(number: int, height: int = 96, width: int = 96) -> Sample:
    """Two objects beside each other: discs (0, blue) and squares (1, red)."""
    rng = np.random.default_rng(number)
    image = rng.integers(80, 100, (height, width, 3), dtype=np.uint8)
    masks = []
    class_ids = []
    for left in (0, width // 2):
        class_id = int(rng.integers(2))
        radius = int(rng.integers(10, width // 4 - 2))
        x, y = left + width // 4, int(rng.integers(radius, height - radius))
        mask = np.zeros((height, width), np.uint8)
        if class_id:
            mask[y - radius : y + radius, x - radius : x + radius] = 1
        else:
            cv2.circle(mask, (x, y), radius, 1, -1)
        image[mask > 0] = (220, 60, 40) if class_id else (40, 90, 230)
        masks.append(mask > 0)
        class_ids.append(class_id)
    boxes = np.array([find_box(mask) for mask in masks], np.float32)
    return Sample(
        f"frame {number}",
        image,
        InstanceSet(boxes, np.array(class_ids), np.array(masks)),
    )


def _empty(number: int) -> Sample:
    none = InstanceSet(
        np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, 96, 96), bool)
    )
    return Sample(f"empty {number}", np.full((96, 96, 3), 90, np.uint8), none)


def _batch(samples, config=CONFIG):
    return TASK.make_batch(
        samples, 2, config, [sample_rng(0, 0, n) for n in range(len(samples))]
    )


def _build(config=PLAIN):
    torch.manual_seed(0)
    return TASK.build(config, 2, None)


def test_a_batch_of_mixed_sizes_holds_objects_where_their_pixels_are():
    batch = _batch([_draw(0), _draw(1, 96, 192), _empty(2)])
    assert batch.images.shape == (3, 3, 96, 96)
    for pixels, target in zip(batch.images.float(), batch.targets, strict=True):
        assert target.masks.shape[1:] == (96, 96) and len(target.masks) == len(
            target.class_ids
        )
        for box, class_id, mask in zip(
            target.boxes_xyxy, target.class_ids, target.masks, strict=True
        ):
            assert find_box(mask.numpy()) == tuple(box.tolist())
            # red squares, blue discs
            assert pixels[0 if class_id else 2][mask].median() > 200
    assert len(batch.part(1, 3).targets) == 2


def test_it_learns_masks_of_two_classes():
    samples = [_draw(n, 64, 64) for n in range(4)]
    config = replace(
        CONFIG, image_size_px=64, epochs=28, score_every=28, lr=3e-3, head_width=32
    )
    torch.manual_seed(0)
    net = TASK.build(config, 2, read_imagenet())
    result = fit(net, TASK, Splits(samples, samples, 2), config, 0)
    net.load_state_dict(result.weights)
    with torch.inference_mode():
        figures = TASK.examine(net.eval(), samples, samples, config)
    assert (
        figures["map50"] == pytest.approx(result.metric) and figures["map50"] > 0.8
    ), figures
    assert figures["box_map50"] > 0.8 and 0.4 < figures["map"] <= figures["map50"]


def test_what_is_sampled_of_an_image_is_its_own_draw():
    rng = np.random.default_rng(0)
    labels = [torch.from_numpy(rng.choice([-1, 0, 0, 0, 1, 2], 500)) for _ in range(3)]
    sampler = SeededSampler(64, 0.25)
    sampler.seeds = [5, 6, 7]
    positives, negatives = sampler(labels)
    assert [int(p.sum()) for p in positives] == [16] * 3 and [
        int(n.sum()) for n in negatives
    ] == [48] * 3
    assert all(
        (of[p] > 0).all() and (of[n] == 0).all()
        for of, p, n in zip(labels, positives, negatives, strict=True)
    )
    assert (sampler.num_drawn, sampler.num_positive) == (192, 48)
    sampler.seeds = [6]
    alone = sampler(labels[1:2])
    assert torch.equal(alone[0][0], positives[1]) and torch.equal(
        alone[1][0], negatives[1]
    )
    few = sampler([torch.tensor([1, 0, -1, 0])])
    assert few[0][0].tolist() == [True, False, False, False] and few[1][0].tolist() == [
        False,
        True,
        False,
        True,
    ]


def test_the_loss_of_a_batch_is_what_its_seeds_say_whatever_was_drawn_before():
    net = _build()
    batch = _batch([_draw(n) for n in range(3)], PLAIN)
    losses = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        losses.append(TASK.loss(net, batch).item())
    other = replace(
        batch,
        targets=[target._replace(seed=target.seed + 1) for target in batch.targets],
    )
    assert losses[0] == losses[1] != TASK.loss(net, other).item()


def test_images_without_objects_are_learnt_from():
    net = _build()
    loss = TASK.loss(net, _batch([_empty(0), _empty(1)], PLAIN))
    loss.backward()
    gradients = [p.grad for p in net.parameters() if p.requires_grad]
    assert torch.isfinite(loss) and all(
        g is not None and torch.isfinite(g).all() for g in gradients
    )


@pytest.mark.parametrize("height, width", [(96, 128), (200, 64), (37, 61), (300, 480)])
def test_a_mask_of_ones_covers_the_pixels_whose_centres_lie_in_the_box(height, width):
    rng = np.random.default_rng(height)
    for _ in range(20):
        corners = rng.uniform(-0.2, 1.2, (2, 2)) * (width, height)
        box = np.concatenate([corners.min(0), corners.max(0)])
        mask = decode_mask(
            paste_mask(torch.ones(28, 28), box, (height, width)), height, width
        )
        x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
        np.testing.assert_array_equal(
            mask, (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
        )


@pytest.mark.parametrize("seed", range(5))
def test_pasted_masks_are_torchvisions_up_to_its_rounding_of_boxes(seed):
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    rng = np.random.default_rng(seed)
    size = (120, 160)
    y, x = np.mgrid[:28, :28]
    probabilities = torch.from_numpy(
        1 / (1 + np.exp(((x - 13.5) / 9) ** 2 + ((y - 13.5) / 12) ** 2 - 1) ** 4)
    ).float()
    corner = rng.uniform(5, 40, 2)
    box = np.concatenate([corner, corner + rng.uniform(40, 70, 2)])
    mine = decode_mask(paste_mask(probabilities, box, size), *size)
    theirs = (
        paste_masks_in_image(
            probabilities[None, None], torch.tensor(box[None]).float(), size
        )[0, 0].numpy()
        >= 0.5
    )
    # boxes are cut to whole pixels there
    assert (mine & theirs).sum() / (mine | theirs).sum() > 0.93
    thick = cv2.dilate(theirs.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    thin = cv2.erode(theirs.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (thin <= mine).all() and (mine <= thick).all()


def test_a_hundred_masks_of_a_large_image_stay_small():
    size = (3000, 4000)
    box = np.array([500.3, 400.7, 900.1, 800.9])
    tracemalloc.start()
    texts = [paste_mask(torch.ones(28, 28), box + n, size) for n in range(100)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # one mask as pixels is 12 MB, a hundred are 1.2 GB
    assert len(set(texts)) == 100 and peak < 2**25


def test_predictions_lie_in_pixels_of_their_images_with_masks_inside_their_boxes():
    net = _build().eval()
    images = [_draw(0, 96, 192).image_rgb, _draw(1, 150, 60).image_rgb]
    with torch.inference_mode():
        found = TASK.predict(net, images, PLAIN)
    for image, one in zip(images, found, strict=True):
        height, width = image.shape[:2]
        assert (
            one.size_hw == (height, width) and len(one.scores) == len(one.mask_rles) > 0
        )
        assert (np.diff(one.scores) <= 0).all() and set(one.class_ids) <= {0, 1}
        assert (one.boxes_xyxy >= 0).all() and (
            one.boxes_xyxy <= [width, height, width, height]
        ).all()
        for text, box in zip(one.mask_rles, one.boxes_xyxy, strict=True):
            if (mask := decode_mask(text, height, width)).any():
                x0, y0, x1, y1 = find_box(mask)
                assert (
                    x0 >= box[0] - 0.51
                    and y0 >= box[1] - 0.51
                    and x1 <= box[2] + 0.51
                    and y1 <= box[3] + 0.51
                )


def test_a_split_without_objects_is_no_figure():
    nothing = InstanceDetections(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros(0, np.int64),
        (),
        (96, 96),
    )
    with pytest.raises(ValueError, match="none of 1 validation frames has an object"):
        TASK.score([nothing], [_empty(0).target])
    with (
        torch.inference_mode(),
        pytest.raises(ValueError, match="none of 2 test frames has an object"),
    ):
        TASK.examine(_build().eval(), [], [_empty(0), _empty(1)], PLAIN)


def test_the_shipped_net_finds_what_the_net_finds():
    net = _build().eval()
    form, names = TASK.deployed(net, 96)
    content = export_onnx(
        form, torch.linspace(0, 255, 3 * 96 * 96).reshape(1, 3, 96, 96), names
    )
    pixels = torch.from_numpy(_draw(3).image_rgb).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        wanted = [v.numpy() for v in form(pixels)]
    found = onnxruntime.InferenceSession(content).run(
        ["scores", "boxes_xyxy", "masks"], {"pixels": pixels.numpy()}
    )
    assert (
        found[0].shape == (1, 100, 2)
        and found[1].shape == (1, 100, 4)
        and found[2].shape == (1, 100, 28, 28)
    )
    best = [
        np.argsort(-values[0][0].max(1), kind="stable")[:10]
        for values in (wanted, found)
    ]
    for one, other, tolerance in zip(wanted, found, (1e-4, 0.05, 1e-3), strict=True):
        np.testing.assert_allclose(one[0][best[0]], other[0][best[1]], atol=tolerance)


def test_a_net_of_torchvision_learns_and_answers_behind_the_same_verbs():
    config = replace(PLAIN, net="maskrcnn_resnet50_fpn", image_size_px=64)
    net = _build(config)
    loss = TASK.loss(net, _batch([_draw(0), _draw(1)], config))
    loss.backward()
    assert torch.isfinite(loss) and net.backbone.conv1.weight.grad.abs().sum() > 0
    with torch.inference_mode():
        (found,) = TASK.predict(net.eval(), [_draw(2).image_rgb], config)
    assert found.size_hw == (96, 96)


def test_published_weights_are_taken_but_for_their_classes():
    from torchvision.models import get_model

    name = "maskrcnn_resnet50_fpn_v2"
    published = get_model(
        name, weights=None, weights_backbone=None, num_classes=91
    ).state_dict()
    net = TASK.build(
        replace(CONFIG, net=name, weights="hub", frozen_stages=0), 2, published
    )
    assert isinstance(net, InstanceSegmenter)
    mine = net.net.state_dict()
    differing = [n for n in published if mine[n].shape != published[n].shape]
    assert len(differing) == 6 and all(
        "box_predictor" in n or "mask_fcn_logits" in n for n in differing
    )
    assert all(
        torch.equal(mine[n], published[n]) for n in published if n not in differing
    )


def test_a_backbone_comes_from_the_package_of_another_task():
    encoder = InstanceSegmenter("lite0", 2, 64)
    weights = {
        f"backbone.{n}": torch.full_like(v, 0.01)
        for n, v in encoder.backbone.state_dict().items()
    }
    net = TASK.build(replace(CONFIG, weights="other.safetensors"), 2, weights)
    assert all((value == 0.01).all() for value in net.backbone.parameters())
    assert not next(net.backbone.stem.parameters()).requires_grad
