"""What was read of a version is remembered for that version alone."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from assets.tables import memo as of_memo
from assets.tables.memo import Memo


@pytest.fixture
def stored(catalog, frame_rows):
    catalog.merge("frames", frame_rows(2))
    return catalog


def ask(memo: Memo, dataset, question="count") -> int:
    """The number of rows, and whether it was read for this."""
    read = []

    def count():
        read.append(True)
        return np.array([dataset.count_rows()])

    return int(memo.recall(dataset, question, count)[0]), len(read)


def test_a_version_is_read_once_and_the_next_one_again(stored, frame_rows):
    memo = Memo()
    first = stored.dataset("frames")
    assert ask(memo, first) == (2, 1)
    assert ask(memo, stored.dataset("frames")) == (2, 0)
    assert ask(memo, first, "another question") == (2, 1)
    stored.merge("frames", frame_rows(3))
    assert ask(memo, stored.dataset("frames")) == (3, 1)
    assert ask(memo, first) == (2, 0)


def test_a_table_made_anew_under_its_path_is_another(stored, frame_rows, home):
    import shutil

    memo = Memo()
    version = stored.dataset("frames").version
    assert ask(memo, stored.dataset("frames")) == (2, 1)
    shutil.rmtree(home / "tables" / "frames.lance")
    stored.merge("frames", frame_rows(3))
    assert stored.dataset("frames").version == version
    assert ask(memo, stored.dataset("frames")) == (3, 1)


def test_what_is_large_and_what_was_not_asked_for_lately_is_let_go(stored, monkeypatch):
    monkeypatch.setattr(of_memo, "_MOST", 2)
    memo = Memo()
    dataset = stored.dataset("frames")
    for question in ("a", "b", "a", "c"):
        ask(memo, dataset, question)
    assert ask(memo, dataset, "a") == (2, 0)
    assert ask(memo, dataset, "b") == (2, 1)
    monkeypatch.setattr(of_memo, "_MOST_BYTES", 4)
    assert ask(memo, dataset, "d") == (2, 1)
    assert ask(memo, dataset, "d") == (2, 1)


def test_answers_are_not_sent_along(stored):
    memo = Memo()
    dataset = stored.dataset("frames")
    ask(memo, dataset)
    assert ask(pickle.loads(pickle.dumps(memo)), dataset) == (2, 1)
