"""Texts become the numbers that BERT's vocabulary gives them."""

import pytest

from models.wordpiece import WordPieces, split_words

# numbers                 0        1        2       3      4       5     6    7      8    9
PIECES = WordPieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "run", "##ning", "-", "cafe", "中", "s"])  # fmt: skip


def test_words_are_cut_into_the_longest_known_pieces():
    assert PIECES.number("Running", 8) == [2, 4, 5, 3]
    # "runs" is run and ##s, which the vocabulary has at the front of a word alone
    assert PIECES.number("runs", 8) == [2, 1, 3]


def test_case_and_accents_do_not_count_and_marks_are_words():
    assert split_words("Café-RUN\tx\u200b") == ["cafe", "-", "run", "x"]
    assert PIECES.number("CAFÉ-run", 8) == [2, 7, 6, 4, 3]


def test_chinese_characters_are_words_each():
    assert PIECES.number("中中", 8) == [2, 8, 8, 3]


def test_what_is_too_long_is_cut_off_before_the_end_mark():
    assert PIECES.number("run run run run", 4) == [2, 4, 4, 3]
    assert PIECES.number("r" * 101, 4) == [2, 1, 3]


def test_a_vocabulary_without_an_end_mark_is_refused():
    with pytest.raises(KeyError, match="SEP"):
        WordPieces(["[UNK]", "[CLS]"])
