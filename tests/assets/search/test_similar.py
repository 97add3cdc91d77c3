"""Frames that look alike are those that comparing all vectors finds."""

from __future__ import annotations

import numpy as np
import pytest

from assets.search.similar import FrameVectors, read_frame_vector
from assets.search.uploads import embed_picture
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from tests.assets.search.conftest import FRAMES, draw_vectors


def test_the_most_alike_come_first_and_the_frame_itself_before_all(embed, tmp_path):
    drawn = draw_vectors(60, num_groups=6)
    vectors = FrameVectors(embed(drawn), tmp_path)
    for asked in (7, 40):
        cosines = drawn @ drawn[asked]
        best = np.argsort(-cosines)[:5]
        found = vectors.find(drawn[asked], 5)
        assert [n.frame_id for n in found] == [content_id(f"frame {n}") for n in best]
        assert [n.similarity for n in found] == pytest.approx(cosines[best].tolist(), abs=1e-4)  # fmt: skip


def test_only_frames_of_the_session_that_readers_may_see_are_found(embed, tmp_path):
    drawn = draw_vectors(20, num_groups=2)
    catalog = embed(drawn)
    vectors = FrameVectors(catalog, tmp_path)
    assert {n.session for n in vectors.find(drawn[1], 8, ["mon*"])} == {"monday"}
    assert vectors.find(drawn[1], 8, ["friday"]) == []
    version = catalog.latest_version("frame_embeddings")
    catalog.hold("frame_embeddings", "tuesday", version, "bent")
    found = FrameVectors(catalog, tmp_path).find(drawn[1], 30)
    assert len(found) == 10 and {n.session for n in found} == {"monday"}


def test_a_home_without_vectors_finds_nothing(catalog, tmp_path):
    vectors = FrameVectors(catalog, tmp_path)
    assert vectors.encoder is None and vectors.find(draw_vectors(1)[0], 3) == []


def test_a_frame_that_is_not_there_or_has_no_vector_is_told_apart(asked):
    with pytest.raises(ValueError, match="there is no frame ff"):
        read_frame_vector(asked, "ff" * 16)
    with pytest.raises(ValueError, match="has no vector"):
        read_frame_vector(asked, FRAMES[0])


def test_a_picture_is_not_compared_with_vectors_of_another_encoder(embed, tmp_path):
    vectors = FrameVectors(embed(draw_vectors(3), encoder="1:other"), tmp_path)
    with pytest.raises(ValueError, match="made by encoder '1:other'"):
        embed_picture(Workspace(tmp_path), b"", vectors.encoder)


def test_a_file_that_is_no_picture_is_refused_with_its_remedy(catalog, tmp_path):
    none = FrameVectors(catalog, tmp_path)
    with pytest.raises(ValueError, match=r"no image in a format that is read.*export"):
        embed_picture(Workspace(tmp_path), b"plain words", none.encoder)
