"""torchvision's nets behind our tasks say what they say in torchvision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from models.nets.export import export_onnx
from models.nets.torchvision_classifier import TorchvisionClassifier
from models.nets.torchvision_detector import TorchvisionDetector, load_detector
from models.recipes import get_recipe
from models.suppression import keep_best
from models.tasks import TASKS

SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"
DETECTORS = [SMALL, "retinanet_resnet50_fpn_v2"]


@pytest.fixture(scope="module", params=DETECTORS)
def detector(request):
    """With statistics and scores of some spread, as in a net that has learnt."""
    torch.manual_seed(0)
    net = TorchvisionDetector(request.param, 3)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if "box_predictor" in name or "cls_logits.weight" in name:
                value.mul_(5)
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the mean of what was seen
        net.backbone(net.net.transform(_pixels(4))[0].tensors)
    return net.eval()


def _pixels(count, side=96):
    return 255 * torch.rand(
        count, 3, side, side, generator=torch.Generator().manual_seed(1)
    )


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "mobilenet_v3_large", "convnext_tiny"]
)
def test_features_are_those_of_torchvision_on_normalised_pixels(name):
    from torchvision.models import get_model

    net = TorchvisionClassifier(name, 3, 0.5).eval()
    published = get_model(name, weights=None).eval()
    published.load_state_dict(net.backbone.state_dict(), strict=False)
    head, layer = [
        (n, m) for n, m in published.named_modules() if isinstance(m, torch.nn.Linear)
    ][-1]
    layer.load_state_dict(
        {
            k: torch.cat([v] * (1000 // 3 + 1))[:1000]
            for k, v in net.classify.state_dict().items()
        }
    )
    pixels = _pixels(2, 64)
    mean = torch.tensor([0.485, 0.456, 0.406])
    std = torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        wanted = published((pixels / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1))[
            :, :3
        ]
        torch.testing.assert_close(net(pixels), wanted, atol=1e-4, rtol=1e-3)
    assert head not in dict(net.backbone.named_parameters())


def test_kept_candidates_are_torchvision_s_own_detections(detector):
    pixels = _pixels(2)
    with torch.inference_mode():
        wanted = detector.net(pixels)
        scores, boxes = detector(pixels)
    assert scores.shape[::2] == (2, 3) and boxes.shape == (2, scores.shape[1], 4)
    for number, one in enumerate(wanted):
        inside = boxes[number].clip(0, 96).numpy()
        found = keep_best(inside, scores[number].numpy(), min_score=0.05, max_iou=0.5)
        count = min(20, len(one["scores"]))
        assert count == 20
        np.testing.assert_allclose(
            found.scores[:count], one["scores"][:count], rtol=1e-4
        )
        np.testing.assert_allclose(
            found.boxes_xyxy[:count], one["boxes"][:count], atol=1e-2
        )
        assert (
            found.class_ids[:count].tolist()
            == (one["labels"] - detector.first_label)[:count].tolist()
        )


def test_candidates_of_an_image_do_not_depend_on_the_others(detector):
    pixels = _pixels(2)
    with torch.inference_mode():
        both = detector(pixels)
        alone = detector(pixels[1:])
    count = alone[0].shape[1]
    torch.testing.assert_close(both[0][1, :count], alone[0][0], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(both[1][1, :count], alone[1][0], atol=1e-2, rtol=1e-3)
    assert (both[0][1, count:] == 0).all()


def test_the_shipped_detector_finds_what_the_net_finds(detector):
    form, names = TASKS["detection"].deployed(detector, 96)
    content = export_onnx(
        form, torch.linspace(0, 255, 3 * 96 * 96).reshape(1, 3, 96, 96), names
    )
    pixels = _pixels(1)
    with torch.inference_mode():
        wanted = keep_best(*(v[0].numpy() for v in reversed(detector(pixels))))
    scores, boxes = onnxruntime.InferenceSession(content).run(
        ["scores", "boxes_xyxy"], {"pixels": pixels.numpy()}
    )
    found = keep_best(boxes[0], scores[0])
    np.testing.assert_allclose(found.scores[:10], wanted.scores[:10], rtol=1e-3)
    np.testing.assert_allclose(found.boxes_xyxy[:10], wanted.boxes_xyxy[:10], atol=0.05)


def test_the_shipped_classifier_takes_any_batch():
    config = replace(
        get_recipe("tiny_recognition"), net="resnet18", weights="none", frozen_stages=0
    )
    net, names = TASKS["recognition"].deployed(
        TASKS["recognition"].build(config, 3, None).eval(), 64
    )
    content = export_onnx(net, _pixels(1, 64), names)
    (values,) = onnxruntime.InferenceSession(content).run(
        None, {"pixels": _pixels(3, 64).numpy()}
    )
    assert values.shape == (3, 3)


def test_published_weights_of_a_detector_are_taken_but_for_their_classes():
    from torchvision.models import get_model

    published = get_model(SMALL, weights=None, weights_backbone=None, num_classes=91)
    net = TorchvisionDetector(SMALL, 2)
    load_detector(net.net, published.state_dict())
    mine = net.net.state_dict()
    theirs = published.state_dict()
    differing = [name for name in theirs if mine[name].shape != theirs[name].shape]
    assert len(differing) == 4 and all("box_predictor" in name for name in differing)
    assert all(
        torch.equal(mine[name], theirs[name])
        for name in theirs
        if name not in differing
    )
    with pytest.raises(ValueError, match="another detector"):
        load_detector(net.net, {"roi_heads.wing": torch.zeros(1)})
