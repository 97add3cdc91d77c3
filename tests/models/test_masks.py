"""Run lengths and their text, written by hand after the code of the COCO API."""

from __future__ import annotations

import numpy as np
import pytest

from models.masks import decode_counts, decode_mask, encode_mask


def test_a_number_is_five_bits_a_character_and_the_fourth_is_a_difference():
    # 3 | 2 | 40 = 8 + 32 * 1 -> 8 and "goes on", then 1 | 2 + 5 | 40 - 33 = -33 -> 31, "goes on", then -2
    assert decode_counts("32X15oN") == [3, 2, 40, 7, 7]


def test_nothing_is_no_run():
    assert decode_counts("") == []


@pytest.mark.parametrize(
    "text", ["3/", "3p", "3é", "3\x00"], ids=["below", "above", "accent", "zero"]
)
def test_other_characters_are_refused(text):
    with pytest.raises(ValueError, match="no run-length code"):
        decode_counts(text)


@pytest.mark.parametrize("text", ["3X", "X", "O"], ids=["cut", "all cut", "negative"])
def test_numbers_that_end_early_or_are_negative_are_refused(text):
    with pytest.raises(ValueError, match="end early or go backwards"):
        decode_counts(text)


def test_a_run_that_no_picture_has_is_refused():
    longest = "PPPPPP`0"  # 2^34 in seven characters: 16 * 32^6 is the sign of the seventh, so there is an eighth
    with pytest.raises(ValueError, match="run-length"):
        decode_counts(longest)


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_is_itself_again(seed):
    mask = np.random.default_rng(seed).random((17, 300)) < 0.02
    np.testing.assert_array_equal(decode_mask(encode_mask(mask), 17, 300), mask)
