"""Frames are found by text that they show and by what they look like, and only where readers may see them."""

from __future__ import annotations

import pytest

from assets.inference.clip import NoClip, TextNet
from assets.search.asking import Documents
from assets.search.documents import refresh_documents
from assets.search.frames import find_frames_by_text, score_frames
from assets.search.seen import find_looking_like, find_shown
from tests.assets.inference.clip_files import write_clip
from tests.assets.search.conftest import FRAMES, SESSIONS

TEXTS = [
    ["EXIT 12", "mind the gap"],
    ["EXIT12"],
    [],
    ["exits here"],
    ["Ｅｘｉｔ １２"],
    ["the flexitime"],
]


@pytest.fixture(autouse=True)
def no_pages(monkeypatch):
    """The documentation of this checkout is not what is tested."""
    monkeypatch.setattr("assets.search.sources.list_pages", lambda: iter(()))


def publish(catalog, table: str, rows) -> None:
    catalog.merge(table, rows)
    for session in ("monday", "tuesday"):
        catalog.publish(table, session, catalog.latest_version(table))


@pytest.fixture
def read(asked, rows_of):
    """The six frames, with what they show."""
    rows = rows_of("frame_texts", 6, frame_id=FRAMES, session=SESSIONS, texts=TEXTS)
    publish(asked, "frame_texts", rows)
    return asked


@pytest.fixture
def open_documents(records, tmp_path):
    def open_(catalog) -> Documents:
        refresh_documents(catalog, records, None)
        return Documents(catalog, tmp_path / "cache", None)

    return open_


def test_words_are_found_at_their_begin_whatever_their_letters_and_rare_ones_first(
    read,
):
    found = find_shown(read, "the exit 12")
    # five frames have exit or a word that begins so, three of them 12 too
    ranks = {FRAMES.index(frame): rank for frame, rank in found.ranks.items()}
    assert ranks == {0: 1, 1: 1, 4: 1, 3: 2}
    assert found.tell(FRAMES[0]) == 'text "EXIT 12"'
    assert find_shown(read, "flexi").ranks == {FRAMES[5]: 1}
    assert find_shown(read, "gap or exit").ranks[FRAMES[0]] == 1
    for nothing in ("the of", "zebra"):
        assert find_shown(read, nothing).ranks == {}


def test_only_texts_with_a_word_that_begins_so_are_told(read, rows_of):
    texts = ["reflexive", "FLEX 2", "2021"]
    rows = rows_of("frame_texts", 1, frame_id=FRAMES[0], session="monday", texts=[texts])  # fmt: skip
    read.upsert("frame_texts", rows)
    read.publish("frame_texts", "monday", read.latest_version("frame_texts"))
    # the 2 of 2021 begins a number, and none begins with 1
    told = {word: find_shown(read, word) for word in ("flex", "2", "flex 21")}
    assert told["flex"].tell(FRAMES[0]) == 'text "FLEX 2"'
    assert told["2"].tell(FRAMES[0]) == 'text "FLEX 2", "2021"'
    assert told["flex 21"].tell(FRAMES[0]) == 'text "FLEX 2"'


def test_a_reason_is_written_for_the_frames_that_are_shown_alone(
    read, open_documents, monkeypatch
):
    told = []
    monkeypatch.setattr("assets.search.seen._tell", lambda *a: str(told.append(a)))
    documents = open_documents(read)
    assert len(find_frames_by_text(read, documents, "exit", 2, way="texts")) == 2
    assert len(told) == 2  # of five that show it


def test_a_frame_that_shows_a_text_is_found_beside_labelled_ones(read, open_documents):
    documents = open_documents(read)
    hits = find_frames_by_text(read, documents, "mind the bicycle", 10)
    assert {hit.frame_id: hit.why for hit in hits} == {
        FRAMES[5]: ("class bicycle",),
        FRAMES[0]: ('text "mind the gap"',),
    }
    hits = find_frames_by_text(read, documents, "mind the bicycle", 10, way="texts")
    assert [hit.frame_id for hit in hits] == [FRAMES[0]]
    assert hits[0].score == pytest.approx(1 / 61)
    hits = find_frames_by_text(read, documents, "exit", 10, ["tues*"], "texts")
    assert {hit.frame_id for hit in hits} == {FRAMES[3], FRAMES[4]}
    # what everybody may sort frames by knows nothing of it
    assert len(score_frames(read, documents, "mind the gap")) == 0


def test_text_of_a_session_that_is_held_or_of_a_frame_that_is_gone_is_not_found(read):
    read.hold("frame_texts", "monday", read.latest_version("frame_texts"), "bent")
    assert find_shown(read, "exit").ranks.keys() == {FRAMES[3], FRAMES[4]}
    read.delete_keys("frame_texts", [FRAMES[3]])
    read.publish("frame_texts", "tuesday", read.latest_version("frame_texts"))
    assert find_shown(read, "exit").ranks.keys() == {FRAMES[4]}


def test_a_text_finds_frames_that_look_like_it(
    asked, rows_of, open_documents, tmp_path
):
    net = TextNet(write_clip(tmp_path / "clip"))
    red, blue = [0.8, -0.6, 0.0], [0.0, -0.6, 0.8]
    rows = rows_of(
        "picture_vectors",
        3,
        frame_id=FRAMES[:3],
        session="monday",
        vector=[blue, red, red],
        code_version=[f"1:a-{net.version}", f"1:a-{net.version}", "1:another"],
    )
    publish(asked, "picture_vectors", rows)
    found = find_looking_like(asked, net, "something red")
    assert found.ranks == {FRAMES[1]: 1, FRAMES[0]: 2}
    # (0.8 + 0.6) / sqrt(3)
    assert found.tell(FRAMES[1]) == "picture 0.808"
    assert find_looking_like(asked, net, "red", ["tues*"]).ranks == {}
    documents = open_documents(asked)
    hits = find_frames_by_text(asked, documents, "blue", 2, way="pictures", net=net)
    assert [hit.frame_id for hit in hits] == [FRAMES[0], FRAMES[1]]
    both = find_frames_by_text(asked, documents, "blue", 9, net=net)
    (first,) = (hit for hit in both if hit.frame_id == FRAMES[0])
    assert first.why == ("class mug", "picture 0.808")
    assert FRAMES[3] in [hit.frame_id for hit in both]  # its label says that it is blue
    with pytest.raises(NoClip, match="no net that compares texts with pictures"):
        find_frames_by_text(asked, documents, "blue", 2, way="pictures")


def test_a_question_without_a_word_or_by_no_way_is_refused(asked, open_documents):
    documents = open_documents(asked)
    with pytest.raises(ValueError, match="no word to look for"):
        find_frames_by_text(asked, documents, "?!", 3, way="texts")
    with pytest.raises(ValueError, match="'smell' is no way to search frames"):
        find_frames_by_text(asked, documents, "cup", 3, way="smell")
