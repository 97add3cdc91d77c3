"""Which pictures are compared, by a rule that is stated."""

from __future__ import annotations

import numpy as np

from assets.reconstruction.sparse_pairs import ALL_UNTIL, FAR, NEAR, choose_pairs


def test_few_pictures_are_all_compared():
    rule, pairs = choose_pairs(range(ALL_UNTIL), None)
    assert rule == "all" and len(pairs) == ALL_UNTIL * (ALL_UNTIL - 1) // 2
    assert choose_pairs([0], None).pairs == ()


def test_many_are_compared_with_their_neighbours_in_time_and_at_powers_of_two():
    rule, pairs = choose_pairs(range(100), None)
    assert rule == "time"
    assert {b for a, b in pairs if a == 0} == {*range(1, NEAR + 1), *FAR}
    assert len(pairs) == sum(100 - away for away in (*range(1, NEAR + 1), *FAR))


def test_pictures_of_one_time_are_compared_with_each_other_and_both_neighbours():
    steps = [step for step in range(40) for _ in ("left", "right")]
    _, pairs = choose_pairs(steps, None)
    assert (0, 1) in pairs and {(0, 2), (0, 3), (1, 2), (1, 3)} <= set(pairs)
    assert all(a < b for a, b in pairs)


def test_pictures_that_look_alike_close_a_loop():
    vectors = np.zeros((200, 200), np.float32)
    vectors[np.arange(200), np.arange(200)] = 1
    # the last is where the first was
    vectors[199] = vectors[0]
    vectors[7] = np.nan
    rule, pairs = choose_pairs(range(200), vectors)
    assert rule == "time and likeness" and (0, 199) in pairs
    rule, pairs = choose_pairs([None] * 200, vectors)
    assert rule == "likeness" and (0, 199) in pairs
    assert not any(7 in pair for pair in pairs)


def test_many_pictures_of_which_nobody_knows_anything_are_all_compared():
    rule, pairs = choose_pairs([None] * 70, None)
    assert rule == "all" and len(pairs) == 70 * 69 // 2
