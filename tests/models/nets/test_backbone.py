"""The folded backbone against the reference implementation with batch normalisation."""

from __future__ import annotations

import pytest
import torch

from assets.pretrained import read_imagenet
from models.embedding import build_embedder
from models.nets.backbone import (
    EfficientNetLite0,
    FeatureHead,
    freeze_stages,
    load_imagenet,
)


def test_folded_features_equal_those_of_timm():
    import timm

    source = read_imagenet()
    reference = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    reference.load_state_dict(
        dict(zip(reference.state_dict(), source.values(), strict=True))
    )
    backbone = EfficientNetLite0()
    head = FeatureHead()
    load_imagenet(backbone, head, source)
    pixels = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        wanted = reference.eval().global_pool(
            reference.forward_features(pixels / 127.5 - 1)
        )
        torch.testing.assert_close(
            head(backbone(pixels)[-1]), wanted, atol=1e-4, rtol=1e-4
        )


def test_maps_have_strides_8_16_and_32():
    maps = EfficientNetLite0()(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [
        (1, 40, 8, 12),
        (1, 112, 4, 6),
        (1, 320, 2, 3),
    ]


def test_foreign_weights_are_refused():
    with pytest.raises(ValueError, match="2 tensors are not EfficientNet-Lite0"):
        load_imagenet(
            EfficientNetLite0(), None, {"a": torch.zeros(1), "b": torch.zeros(1)}
        )
    wrong = {str(n): torch.zeros(1) for n in range(296)}
    with pytest.raises(ValueError, match="tensor 0 has shape"):
        load_imagenet(EfficientNetLite0(), None, wrong)


def test_frozen_stages_do_not_learn():
    net = EfficientNetLite0()
    freeze_stages(net, 2)
    assert not any(
        p.requires_grad
        for m in (net.stem, net.stages[0], net.stages[1])
        for p in m.parameters()
    )
    assert all(p.requires_grad for p in net.stages[2].parameters())


def test_embeddings_have_unit_length():
    with torch.inference_mode():
        vectors = build_embedder(read_imagenet())(torch.rand(2, 3, 224, 224) * 255)
    assert vectors.shape == (2, 1280)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
