"""Embeddings: unit length, alike for alike images, converted once; by ImageNet's weights or by a model package."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from assets.inference.embed import Embedder, name_version
from assets.inference.package import (
    describe,
    load_predictor,
    open_package,
    write_package,
)
from assets.pretrained import read_imagenet
from models.embedding import build_embedder
from models.recipes import get_recipe
from models.tasks.pretraining import Pretraining


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def _photos():
    from skimage import data

    return [data.astronaut(), data.coffee(), data.chelsea()]


def test_vectors_have_unit_length_and_are_those_of_the_net(cache_dir):
    photo = np.ascontiguousarray(_photos()[0][:224, :224])
    (vector,) = Embedder(cache_dir, num_threads=1).embed([photo])
    with torch.inference_mode():
        wanted = build_embedder(read_imagenet())(
            torch.from_numpy(photo).permute(2, 0, 1)[None].float()
        )[0].numpy()
    np.testing.assert_allclose(vector, wanted, atol=1e-4)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_darker_copy_is_nearer_than_another_photo(cache_dir):
    photos = _photos()
    vectors = Embedder(cache_dir, num_threads=1).embed(
        [*photos, (photos[0] * 0.8).astype(np.uint8)]
    )
    cosine = vectors @ vectors.T
    assert cosine[0, 3] > 0.9 > 0.5 > cosine[0, 1:3].max()


def test_a_batch_gives_what_single_images_give(cache_dir):
    embedder = Embedder(cache_dir, num_threads=1)
    photos = _photos() * 4
    np.testing.assert_allclose(
        embedder.embed(photos)[7], embedder.embed([photos[7]])[0], atol=1e-5
    )


def test_more_threads_give_the_same_vectors_for_the_same_processor_time(cache_dir):
    photos = _photos() * 8
    embedders = [Embedder(cache_dir, num_threads=n) for n in (1, 4)]
    spent_s: list[list[float]] = [[], []]
    vectors = []
    for embedder, times_s in zip(embedders * 3, spent_s * 3, strict=True):
        start_s = time.process_time()
        vectors.append(embedder.embed(photos))
        times_s.append(time.process_time() - start_s)
    assert all(np.array_equal(found, vectors[0]) for found in vectors)
    # threads that wait for each other at full load take twice as much, and more
    assert min(spent_s[1]) < 1.5 * min(spent_s[0])


def test_no_image_is_no_vector(cache_dir):
    assert Embedder(cache_dir, num_threads=1).embed([]).shape == (0, 1280)


def test_conversion_is_kept_and_leaves_nothing_else(cache_dir):
    Embedder(cache_dir, num_threads=1)
    (path,) = cache_dir.iterdir()
    before = path.stat().st_mtime_ns
    Embedder(cache_dir, num_threads=1)
    assert path.stat().st_mtime_ns == before


def test_a_package_gives_its_own_vectors_and_its_name_to_the_version(
    cache_dir, encoder
):
    photos = _photos()
    embedder = Embedder(cache_dir, encoder, num_threads=1)
    wanted = np.stack([e.values for e in load_predictor(open_package(encoder))(photos)])
    np.testing.assert_allclose(embedder.embed(photos), wanted, atol=1e-4)
    assert embedder.version == name_version(encoder) == f"1:{encoder.name}"
    assert Embedder(cache_dir, num_threads=1).version == name_version(None) == "1"


class _Means(torch.nn.Module):
    """Pixels (B, 3, S, S) -> (B, `length`)."""

    def __init__(self, length):
        super().__init__()
        self.layer = torch.nn.Linear(3, length)

    def forward(self, pixels):
        return self.layer(pixels.mean((2, 3)))


@pytest.mark.parametrize(
    ("name", "length", "message"),
    [
        (
            "probabilities",
            1280,
            "holds a pretraining model, which gives probabilities and no vectors: point DAGUERRE_",
        ),
        (
            "vectors",
            2048,
            "whose vectors have 2048 values, and the table takes 1280: point DAGUERRE_ENCODER at a pack",
        ),
    ],
)
def test_a_package_that_gives_no_such_vectors_is_refused(
    tmp_path, monkeypatch, name, length, message
):
    with pytest.raises(ValueError, match=message):
        Embedder(tmp_path, _pack(tmp_path, monkeypatch, name, length))


def test_shorter_vectors_are_filled_with_zeros(tmp_path, monkeypatch):
    vectors = Embedder(
        tmp_path, _pack(tmp_path, monkeypatch, "vectors", 8), num_threads=1
    ).embed(_photos())
    assert (
        vectors.shape == (3, 1280)
        and vectors[:, :8].any(1).all()
        and not vectors[:, 8:].any()
    )


def _pack(folder, monkeypatch, name, length):
    """A package whose ONNX form gives `length` values called `name`."""
    monkeypatch.setattr(
        Pretraining, "deployed", lambda self, net, side_px: (net, (name,))
    )
    facts = describe(get_recipe("tiny_pretraining"), (), "0" * 32, 1, "1", [])
    return write_package(folder, _Means(length), "pretraining", facts).folder


def test_a_folder_that_is_no_package_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"model\.json is missing: .* is not a model package"
    ):
        Embedder(tmp_path, tmp_path)
