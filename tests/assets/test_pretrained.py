"""Weights are found, proven and read, or refused with what to do."""

from __future__ import annotations

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
import torchvision.models
from safetensors.torch import save_file
from torchvision.models import Weights, WeightsEnum, resnet18

from assets.inference.checkpoint import hash_bytes
from assets.pretrained import find_weights, read_imagenet, read_weights
from models.recipes import get_recipe


def _config(net="lite0", **changes):
    return replace(get_recipe("tiny_recognition"), net=net, frozen_stages=0, **changes)


def test_packaged_weights_are_those_of_the_package():
    found = find_weights(_config())
    assert (
        found is not None
        and "ImageNet" in found.origin
        and "Apache-2.0" in found.origin
    )
    mine = read_weights(found)
    theirs = read_imagenet()
    assert mine.keys() == theirs.keys() and all(
        torch.equal(mine[k], theirs[k]) for k in mine
    )


def test_none_is_none():
    assert find_weights(_config(weights="none")) is None


def test_a_file_is_known_by_its_bytes(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({"backbone.weight": torch.arange(3.0)}, path)
    found = find_weights(_config(weights=str(path)))
    assert (
        found is not None
        and found.sha256 == hash_bytes(path.read_bytes())
        and found.origin == "file mine.safetensors"
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
    with pytest.raises(
        ValueError,
        match=r"resnet18-f37072fd\.pth cannot be had .*bring it to .*checkpoints/resnet18-",
    ):
        find_weights(_config("resnet18", weights="hub"))
    kept = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    kept.write_bytes(b"half a file")
    with pytest.raises(
        ValueError, match=r"resnet18-f37072fd\.pth is damaged: .* remove it"
    ):
        find_weights(_config("resnet18", weights="hub"))


def test_published_weights_are_downloaded_once(tmp_path, monkeypatch):
    """From a server on loopback; the name that is published ends in the first digits of the hash of the file."""
    published = resnet18(weights=None).state_dict()
    torch.save(published, tmp_path / "weights.pth")
    content = (tmp_path / "weights.pth").read_bytes()
    name = f"resnet18-{hash_bytes(content)[:8]}.pth"
    asked = []

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Serve) as server:
        Thread(target=server.serve_forever, daemon=True).start()

        class Published(WeightsEnum):
            DEFAULT = Weights(
                f"http://127.0.0.1:{server.server_port}/{name}",
                transforms=object,
                meta={},
            )

        monkeypatch.setattr(
            torchvision.models, "get_model_weights", lambda net: Published
        )
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        found = [find_weights(_config("resnet18", weights="hub")) for _ in range(2)]
        server.shutdown()
    assert asked == [f"/{name}"] and found[0] == found[1] and found[0] is not None
    read = read_weights(found[0])
    assert read.keys() == published.keys() and all(
        torch.equal(read[k], published[k]) for k in read
    )
