"""Likeness of frames by short vectors: what whole vectors say; and the map that they make."""

from __future__ import annotations

import os

import numpy as np
import pytest

from assets.browsing.browser import Browser
from assets.browsing.frame_index import build_index
from assets.browsing.frame_map import find_inside, list_ids, tell_map
from assets.browsing.questions import Question, QuestionError
from assets.browsing.short_codes import (
    BLOCK_ROWS,
    cut_question,
    make_block,
    measure_block,
    turn,
)
from assets.browsing.short_files import ShortFile, list_places, read_blocks
from assets.browsing.vectors import open_short
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM
from assets.workspace import Workspace
from bench.peers.camera_frames import write_home
from tests.assets.browsing.conftest import name_frame, put

COUNT = 60
OTHER = 5  # whose vector is by another encoder


@pytest.fixture
def vectors() -> np.ndarray:
    """(N, D) of unit length: three kinds of pictures, which differ among themselves."""
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((3, EMBEDDING_DIM))
    own = rng.standard_normal((COUNT, EMBEDDING_DIM))
    mixed = kinds[np.arange(COUNT) % 3] + 0.5 * own
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def browser(home, catalog: Catalog, frame_rows, vectors) -> Browser:
    catalog.merge("frames", frame_rows(COUNT + 1))
    rows = [
        {
            "frame_id": name_frame("monday", n),
            "session": "monday",
            "vector": vectors[n].tolist(),
            "code_version": "other" if n == OTHER else "1",
        }
        for n in range(COUNT)
    ]
    # two fragments, so that the order of files counts
    put(catalog, "frame_embeddings", rows[:40])
    put(catalog, "frame_embeddings", rows[40:])
    return Browser(catalog, Workspace(home))


def test_the_nearest_of_few_frames_are_those_of_the_whole_vectors(browser, vectors):
    cosines = vectors @ vectors[7]
    cosines[OTHER] = -2
    best = np.argsort(-cosines, kind="stable")
    short = browser.likeness.open(browser.index)
    for limit in (1, 5, 30):
        found, values = short.find_nearest(vectors[7], limit)
        assert found.tolist() == best[:limit].tolist()
        assert values == pytest.approx(cosines[best[:limit]], abs=1e-5)
    among = np.zeros(COUNT + 1, bool)
    among[best[3:20:2]] = True
    found, _ = short.find_nearest(vectors[7], 100, among)
    assert found.tolist() == best[3:20:2].tolist()
    alone = np.arange(COUNT + 1) == 11
    assert short.find_nearest(vectors[7], 5, alone)[0].tolist() == [11]
    found, values = short.find_nearest(vectors[7], 5, np.zeros(COUNT + 1, bool))
    assert len(found) == len(values) == 0


def test_short_vectors_tell_distances(browser, vectors):
    short = browser.likeness.open(browser.index)
    true = ((vectors - vectors[11]) ** 2).sum(axis=1)
    question, rows = short.ask(vectors[11]), np.arange(COUNT)
    told = short.estimate(question, rows)
    # lengths of 1, two bits: the product of two differences is off by 1 / sqrt(D), 0.03, of a third of them
    assert told == pytest.approx(true, abs=0.1)
    assert np.corrcoef(told, true)[0, 1] > 0.98
    some = np.array([3, 11, 39, 40, 41, 59])  # of both files
    assert short.estimate(question, some).tolist() == told[some].tolist()
    by_signs = short.estimate(question, rows, num_planes=1)
    assert by_signs == pytest.approx(true, abs=0.2)
    assert np.corrcoef(by_signs, true)[0, 1] > 0.95


def test_turned_vectors_are_as_far_apart(vectors):
    turned = turn(vectors)
    assert turned @ turned.T == pytest.approx(vectors @ vectors.T, abs=1e-5)
    assert abs(turned - vectors).max() > 0.01


def test_a_vector_at_the_centre_of_its_block_is_at_its_distance():
    one = np.full((1, EMBEDDING_DIM), 0.5, np.float32)
    centre, block = make_block(one)
    assert block.steps.tolist() == [[0], [0]]
    question = cut_question(turn(np.zeros_like(one))[0], centre[None])
    assert block.estimate(question, 0) == pytest.approx([EMBEDDING_DIM / 4])


@pytest.mark.parametrize("rows", [1, 5, BLOCK_ROWS + 3])
def test_short_vectors_are_read_as_they_were_written(tmp_path, rows):
    vectors = np.random.default_rng(0).random((rows, EMBEDDING_DIM), np.float32)
    blocks = np.split(vectors, range(BLOCK_ROWS, rows, BLOCK_ROWS))
    file = ShortFile(tmp_path / "short", rows)
    assert not file.is_whole
    file.write((block.copy(), block[:, :2]) for block in blocks)
    assert file.is_whole
    assert (file.read_places() == vectors[:, :2]).all()
    for num_planes in (1, 2):
        found = read_blocks(list_places([file]), num_planes)
        for place, read in found:
            centre, made = make_block(blocks[place.number].copy())
            assert (file.read_centres()[place.number] == centre).all()
            assert (read.squares == made.squares).all()
            assert (read.steps == made.steps).all()
            assert (read.planes == made.planes[:num_planes]).all()
    os.truncate(file.path, measure_block(rows))
    assert not file.is_whole
    with pytest.raises(EOFError, match="ends early"):
        list(read_blocks(list_places([file]), 2))


def test_of_many_frames_those_that_are_compared_hold_the_nearest(home, catalog, lower):
    """Ten of each: recall against all whole vectors, when one frame in five is told by all of its bits, and one in ten
    is compared."""
    from assets.browsing import vectors as module

    write_home(home, 1_500)  # of a camera that stands, and pictures
    lower(module, _MOST_READ=150)
    lower(module, _MOST_SIFTED=300)
    index = build_index(catalog)
    short = open_short(catalog, index, home / "cache")
    stored = catalog.read_latest("frame_embeddings", ["frame_id", "vector"])
    whole = np.array(stored["vector"].to_pylist(), np.float32)
    places = index.find(stored["frame_id"])
    hits = 0
    asked = range(0, 1_500, 75)
    for row in asked:
        best = places[np.argsort(-(whole @ whole[row]), kind="stable")[:10]]
        found, _ = short.find_nearest(whole[row], 10)
        hits += len(np.intersect1d(found, best))
    assert hits / (10 * len(asked)) >= 0.99


def test_no_more_frames_are_compared_than_can_be_among_the_nearest(
    browser, vectors, lower, monkeypatch
):
    """Of three kinds of twenty pictures ten are compared at a time, until those of the other kinds are left."""
    from assets.browsing import vectors as module

    lower(module, _READ_ROWS=10)
    compared: list[int] = []
    read = module.read_vectors
    monkeypatch.setattr(
        module,
        "read_vectors",
        lambda dataset, rows: compared.extend(rows.tolist()) or read(dataset, rows),
    )
    short = browser.likeness.open(browser.index)
    compared.clear()
    found, _ = short.find_nearest(vectors[7], 5)
    best = np.argsort(-(vectors @ vectors[7]), kind="stable")[:5]
    assert found.tolist() == best.tolist()
    assert len(compared) <= 30


def test_frames_are_listed_by_likeness_within_a_filter(browser, vectors):
    wanted = name_frame("monday", 7)
    asked = Question(sort=f"similar:{wanted}", where="sequence % 2 = 1")
    page = browser.list_frames(asked, 0, 3)
    assert page.frames[0]["frame_id"] == wanted
    assert page.frames[0]["score"] == pytest.approx(1, abs=1e-5)
    assert page.total == COUNT // 2 - 1, "odd ones, without that of another encoder"
    for name in (name_frame("monday", COUNT), "0" * 32, name_frame("monday", OTHER)):
        with pytest.raises(QuestionError):
            browser.list_frames(Question(sort=f"similar:{name}"), 0, 3)


def test_what_is_kept_is_read_again_and_what_came_is_added(
    browser, catalog, home, frame_rows, vectors
):
    first = browser.likeness.open(browser.index)
    names = {file.path.name for file in first.files}
    put(
        catalog,
        "frame_embeddings",
        [
            {
                "frame_id": name_frame("monday", COUNT),
                "session": "monday",
                "vector": vectors[7].tolist(),
                "code_version": "1",
            }
        ],
    )
    times = {file.path: file.path.stat().st_mtime_ns for file in first.files}
    assert browser.refresh()
    second = open_short(catalog, browser.index, home / "cache")
    assert {file.path.name for file in second.files} > names
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert sorted(second.find_nearest(vectors[7], 2)[0].tolist()) == [7, COUNT]


def test_an_outline_on_the_map_holds_the_frames_inside(browser):
    index = browser.index
    short = browser.likeness.open(index)
    told = tell_map(index, short)
    assert told["num"] == told["num_frames"] == COUNT - 1
    ids = list_ids(index, short, 0, 100)
    assert len(ids) == COUNT - 1 and name_frame("monday", OTHER) not in ids
    inside = find_inside(short, [(-9, -9), (9, -9), (9, 9), (-9, 9)])
    assert inside.tolist() == [n for n in range(COUNT) if n != OTHER]
    x, y = short.places[7].tolist()
    near = [(x - 1e-4, y - 1e-4), (x + 1e-4, y - 1e-4), (x, y + 1e-4)]
    assert find_inside(short, near).tolist() == [7]
    # a notch that goes around it: inside of the box, outside of the outline
    notched = [
        (-9, -9),
        (9, -9),
        (9, 9),
        (x + 1e-4, 9),
        (x, y - 1e-4),
        (x - 1e-4, 9),
        (-9, 9),
    ]
    assert 7 not in find_inside(short, notched).tolist()
    with pytest.raises(QuestionError, match="3 to 500 corners"):
        find_inside(short, [(0, 0), (1, 1)])
