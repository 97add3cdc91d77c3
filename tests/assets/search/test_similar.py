"""Frames that look alike: exact block by block, and by codes the same where those choose what is read."""

from __future__ import annotations

import numpy as np
import pytest

from assets.search import similar
from assets.search.similar import FrameVectors, read_frame_vector
from assets.search.uploads import embed_picture
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from tests.assets.search.conftest import draw_vectors


@pytest.fixture
def vectors(embed, tmp_path) -> FrameVectors:
    return FrameVectors(embed(draw_vectors(300)), tmp_path)


def by_codes(monkeypatch, vectors: FrameVectors, tmp_path) -> FrameVectors:
    monkeypatch.setattr(similar, "EXACT_ROWS", 0)
    monkeypatch.setattr(similar, "_LEAST_READ", 40)
    monkeypatch.setattr(similar, "_READ_EACH", 4)
    return FrameVectors(vectors._catalog, tmp_path)


def test_the_most_alike_come_first_and_the_frame_itself_before_all(vectors):
    drawn = draw_vectors(300)
    found = vectors.find(drawn[7], 5)
    cosines = drawn @ drawn[7]
    best = np.argsort(-cosines)[:5]
    assert [n.frame_id for n in found] == [content_id(f"frame {n}") for n in best]
    assert [n.similarity for n in found] == pytest.approx(cosines[best].tolist())


def test_codes_find_what_all_vectors_find(vectors, monkeypatch, tmp_path):
    drawn = draw_vectors(300)
    exact = [[n.frame_id for n in vectors.find(v, 10)] for v in drawn[::30]]
    coded = by_codes(monkeypatch, vectors, tmp_path)
    found = [[n.frame_id for n in coded.find(v, 10)] for v in drawn[::30]]
    shared = sum(len({*a} & {*b}) for a, b in zip(exact, found, strict=True))
    assert shared >= 99
    assert np.abs(coded.measure(drawn[3]) - drawn @ drawn[3]).max() < 0.2


def test_only_the_frames_that_are_asked_for_are_found(vectors, monkeypatch, tmp_path):
    drawn = draw_vectors(300)
    among = np.arange(300) % 2 == 0
    coded = by_codes(monkeypatch, vectors, tmp_path)
    for some in (vectors, coded):
        assert {n.session for n in some.find(drawn[1], 8, among)} == {"monday"}
    assert vectors.find(drawn[1], 8, np.zeros(300, bool)) == []
    assert coded.find(drawn[1], 8, np.zeros(300, bool)) == []


def test_codes_are_kept_and_follow_the_frames(vectors, embed, monkeypatch, tmp_path):
    coded = by_codes(monkeypatch, vectors, tmp_path)
    coded.find(draw_vectors(300)[0], 3)
    (kept,) = (tmp_path / "search").iterdir()
    before = kept.read_bytes()
    again = FrameVectors(vectors._catalog, tmp_path)
    again.find(draw_vectors(300)[0], 3)
    assert kept.read_bytes() == before
    embed(draw_vectors(310))
    assert not again.is_current
    more = FrameVectors(vectors._catalog, tmp_path)
    assert more.find(draw_vectors(310)[305], 1)[0].frame_id == content_id("frame 305")
    with np.load(kept) as file:
        assert len(file["frame_ids"]) == 310


def test_codes_that_were_cut_off_are_made_again(vectors, monkeypatch, tmp_path):
    coded = by_codes(monkeypatch, vectors, tmp_path)
    first = coded.find(draw_vectors(300)[0], 3)
    (kept,) = (tmp_path / "search").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    again = FrameVectors(vectors._catalog, tmp_path)
    assert again.find(draw_vectors(300)[0], 3) == first


def test_a_home_without_vectors_finds_nothing(catalog, tmp_path):
    vectors = FrameVectors(catalog, tmp_path)
    assert len(vectors) == 0 and vectors.find(draw_vectors(1)[0], 3) == []


def test_vectors_of_two_encoders_are_refused(embed, tmp_path):
    catalog = embed(draw_vectors(3))
    embed(draw_vectors(2), encoder="1:other")
    with pytest.raises(ValueError, match="2 encoders"):
        FrameVectors(catalog, tmp_path)


def test_a_frame_that_is_not_there_or_has_no_vector_is_told_apart(asked):
    with pytest.raises(ValueError, match="there is no frame ff"):
        read_frame_vector(asked, "ff" * 16)
    frame = asked.read("frames", ["frame_id"])["frame_id"][0].as_py()
    with pytest.raises(ValueError, match="has no vector"):
        read_frame_vector(asked, frame)


def test_a_picture_is_not_compared_with_vectors_of_another_encoder(embed, tmp_path):
    vectors = FrameVectors(embed(draw_vectors(3), encoder="1:other"), tmp_path)
    with pytest.raises(ValueError, match="made by encoder '1:other'"):
        embed_picture(Workspace(tmp_path), b"", vectors)


def test_a_file_that_is_no_picture_is_refused_with_its_remedy(catalog, tmp_path):
    none = FrameVectors(catalog, tmp_path)
    with pytest.raises(ValueError, match=r"no image in a format that is read.*export"):
        embed_picture(Workspace(tmp_path), b"plain words", none)
