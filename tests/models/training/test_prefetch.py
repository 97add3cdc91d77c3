"""What is prepared ahead arrives in order, errors where they belong, and nothing runs on after the end."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from models.training.prefetch import prefetch


def test_results_keep_the_order_of_the_items_though_the_first_is_ready_last():
    others_done = threading.Event()
    done = []

    def prepare(item):
        if item == 0:
            assert others_done.wait(30)
        done.append(item)
        if item == 2:
            others_done.set()
        return item * 10

    assert list(prefetch(range(5), prepare, 3)) == [0, 10, 20, 30, 40]
    assert done.index(0) > done.index(2)


def test_an_error_is_raised_where_its_result_was_due():
    def prepare(item):
        if item == 2:
            raise ValueError("item 2 is bad")
        return item

    results = prefetch(range(5), prepare, 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="item 2 is bad"):
        next(results)


def test_closing_drops_what_has_not_begun():
    begun = []
    with closing(prefetch(range(1000), begun.append, 2)) as results:
        next(results)
    assert len(begun) <= 4  # the one that was taken, two threads, and one that waits
