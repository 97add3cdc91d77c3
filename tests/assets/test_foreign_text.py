"""Text from outside is shown as it is written: a Markdown reader finds no markup in it, a terminal no control."""

from __future__ import annotations

import pytest

from assets.foreign_text import for_line, for_markdown, for_plot, from_markdown
from tests.orchestration.test_strangers import find_markup, read_text

MARKERS = (
    "[click](http://example.invalid/x)",
    "![look](x) ![look][x]",
    "<b>marker</b> &lt;b&gt; <http://example.invalid>",
    "www.example.invalid, x@example.invalid|`http://example.invalid`",
    "`code` ``more`` \\`",
    "*em* _em_ __strong__ ~~gone~~",
    "# title",
    "1. one",
    "- one",
    "+ one",
    "---",
    "> said",
    "a | b \\| c \\",
)


@pytest.mark.parametrize("marker", MARKERS)
@pytest.mark.parametrize("around", ["{}", "- {}", "- a\n- {}\n- b"])
def test_markdown_shows_what_is_written_and_makes_nothing_of_it(
    marker: str, around: str
) -> None:
    page = around.format(for_markdown(marker))
    assert find_markup(page) == set()
    assert marker in read_text(page)


@pytest.mark.parametrize("marker", MARKERS)
def test_a_cell_stays_one_cell(marker: str) -> None:
    page = f"| a | b |\n| --- | --- |\n| {for_markdown(marker)} | end |"
    assert find_markup(page) == set()
    assert read_text(page) == f"a\nb\n{marker}\nend"


def test_lines_and_controls_become_one_line() -> None:
    assert for_line("a\nb\x1b[31mred\u202e") == "a\\nb\\x1b[31mred\\u202e"
    assert read_text(for_markdown("a\nb\x1b[31mred")) == "a b\\x1b[31mred"


def test_usual_names_and_numbers_stay_as_they_are() -> None:
    for text in ("left", "2 of 3 (0.04 %) have none", "-5.0", "1.5 m", "a-b.jpg"):
        assert for_markdown(text) == text == for_plot(text)


@pytest.mark.parametrize(
    "text",
    [
        "a_b*c",
        "a <b> & c",
        "see https://host.example/a_b",
        "1. first",
        "- x",
        "back\\slash",
        "&lt;",
    ],
)
def test_words_come_back_from_markdown(text):
    assert from_markdown(for_markdown(text)) == text
