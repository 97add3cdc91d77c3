"""Embeddings: unit length, alike for alike images, converted once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from assets.curation.embed import Embedder
from assets.pretrained import read_imagenet
from models.embedding import build_embedder


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def _photos():
    from skimage import data

    return [data.astronaut(), data.coffee(), data.chelsea()]


def test_vectors_have_unit_length_and_are_those_of_the_net(cache_dir):
    photo = np.ascontiguousarray(_photos()[0][:224, :224])
    (vector,) = Embedder(cache_dir, 1).embed([photo])
    with torch.inference_mode():
        wanted = build_embedder(read_imagenet())(torch.from_numpy(photo).permute(2, 0, 1)[None].float())[0].numpy()
    np.testing.assert_allclose(vector, wanted, atol=1e-4)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_darker_copy_is_nearer_than_another_photo(cache_dir):
    photos = _photos()
    vectors = Embedder(cache_dir, 1).embed([*photos, (photos[0] * 0.8).astype(np.uint8)])
    cosine = vectors @ vectors.T
    assert cosine[0, 3] > 0.9 > 0.5 > cosine[0, 1:3].max()


def test_a_batch_gives_what_single_images_give(cache_dir):
    embedder, photos = Embedder(cache_dir, 1), _photos() * 4
    np.testing.assert_allclose(embedder.embed(photos)[7], embedder.embed([photos[7]])[0], atol=1e-5)


def test_no_image_is_no_vector(cache_dir):
    assert Embedder(cache_dir, 1).embed([]).shape == (0, 1280)


def test_conversion_is_kept_and_leaves_nothing_else(cache_dir):
    Embedder(cache_dir, 1)
    (path,) = cache_dir.iterdir()
    before = path.stat().st_mtime_ns
    Embedder(cache_dir, 1)
    assert path.stat().st_mtime_ns == before
