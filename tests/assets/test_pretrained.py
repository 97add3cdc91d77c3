"""Weights are found, proven and read, or refused with what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from assets.inference.checkpoint import hash_bytes
from assets.pretrained import find_weights, read_imagenet, read_weights
from models.recipes import get_recipe


def _config(net="lite0", **changes):
    return replace(get_recipe("tiny_recognition"), net=net, frozen_stages=0, **changes)


def test_packaged_weights_are_those_of_the_package():
    found = find_weights(_config())
    assert found is not None and "ImageNet" in found.origin and "Apache-2.0" in found.origin
    mine, theirs = read_weights(found), read_imagenet()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def test_none_is_none():
    assert find_weights(_config(weights="none")) is None


def test_a_file_is_known_by_its_bytes(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({"backbone.weight": torch.arange(3.0)}, path)
    found = find_weights(_config(weights=str(path)))
    assert (
        found is not None and found.sha256 == hash_bytes(path.read_bytes()) and found.origin == "file mine.safetensors"
    )
    assert read_weights(found)["backbone.weight"].tolist() == [0, 1, 2]
    save_file({"backbone.weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"mine\.safetensors has changed"):
        read_weights(found)


def test_a_file_that_is_missing_or_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    config = _config(weights=str(path))
    with pytest.raises(ValueError, match="there is no file"):
        find_weights(config)
    path.write_bytes(b"pickle")
    found = find_weights(config)
    assert found is not None
    with pytest.raises(ValueError, match="is not a safetensors file"):
        read_weights(found)


def test_the_hub_out_of_reach_tells_where_to_put_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth cannot be had .*bring it to .*checkpoints/resnet18-"):
        find_weights(_config("resnet18", weights="hub"))
    kept = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    kept.write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth is damaged: .* remove it"):
        find_weights(_config("resnet18", weights="hub"))
