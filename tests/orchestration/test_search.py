"""`daguerre search` and `daguerre similar`: what they find, and how they end."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from assets.search.pages import split_page
from orchestration.cli import app
from tests.assets.search.conftest import FRAMES, draw_vectors  # fmt: skip
from tests.assets.search.conftest import asked as asked
from tests.assets.search.conftest import embed as embed
from tests.assets.search.conftest import rows_of as rows_of


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setattr("assets.search.sources.list_pages", lambda: iter(()))
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


def test_a_text_finds_documents_with_what_to_follow(run, asked):
    done = run("search", "magic bytes", "--json")
    assert "the first question makes the table `documents`" in done.stderr
    assert re.search(r"documents: 6 new, .* in \d+\.\d s\n", done.stderr)
    (hit,) = json.loads(done.stdout)
    assert done.exit_code == 0 and hit["kind"] == "quarantine"
    assert (hit["id"], hit["session"]) == ("tuesday/broken.mcap", "tuesday")
    assert {*hit} == {"kind", "id", "session", "title", "snippet", "score"}
    done = run("search", "bicycle")
    assert done.stdout.startswith("class  bicycle\n") and done.exit_code == 0
    assert "the first question makes the table" not in done.stderr
    assert run("search", "zebra", "--json").stdout.strip() == "[]"
    assert run("search", "zebra").exit_code == 1


def test_an_empty_home_is_told_at_once_and_stays_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path / "nothing"))
    done = CliRunner().invoke(app, ["search", "mug"])
    assert done.exit_code == 1 and "nothing is indexed yet: `daguerre ingest PATH`" in done.stderr  # fmt: skip
    assert list((tmp_path / "nothing").iterdir()) == []


def test_an_excerpt_of_a_page_is_without_its_marks_and_commands(
    run, asked, monkeypatch
):
    table = "| a | b |\n|---|---|\n| x_y | 2 * 3 |"
    text = f"- see [the *page*](a.md)\n\n{table}\n\n```sh\nls *.md\n```"
    page = [*split_page("docs/a.md", f"# A\n\n## **Lenses** of `cv2`\n\n{text}")]
    monkeypatch.setattr("assets.search.sources.list_pages", lambda: iter(page))
    (hit,) = json.loads(run("search", "page", "--kind", "page", "--json").stdout)
    assert hit["title"] == "A: Lenses of cv2"
    assert hit["snippet"] == "see the page a b x_y 2 * 3"


def test_a_text_finds_frames(run, asked):
    done = run("search", "bicycle", "--frames", "--json", "--limit", 1)
    (hit,) = json.loads(done.stdout)
    assert hit["frame_id"] == FRAMES[5] and "class bicycle" in hit["why"]


def test_a_frame_finds_those_that_look_like_it(run, embed):
    embed(draw_vectors(8))
    done = run("similar", FRAMES[2], "--limit", 2, "--sessions", "monday", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 0 and found[0]["frame_id"] == FRAMES[2]
    assert [n["session"] for n in found] == ["monday"] * 2
    lines = run("similar", FRAMES[2], "--limit", 2).stdout.splitlines()
    assert lines[0] == "likeness (1: the same)  session  frame"
    assert lines[1].split() == ["1.000", "monday", FRAMES[2]] and len(lines) == 3
    begun = run(
        "similar", FRAMES[2][:12], "--limit", 2, "--sessions", "monday", "--json"
    )
    assert json.loads(begun.stdout) == found
    told = str(run("similar", FRAMES[2], "--sessions", "friday").exception)
    assert "no session 'friday' in this home: there are monday, tuesday" in told


def test_what_is_no_frame_and_no_file_is_told(run, asked, tmp_path):
    told = str(run("similar", "nowhere.png").exception)
    assert "'nowhere.png' is neither a file nor the id of a frame" in told
    assert "no frame begins with 123456" in str(run("similar", "123456").exception)
    assert "has no vector" in str(run("similar", FRAMES[0]).exception)
    page = tmp_path / "page.png"
    page.write_bytes(b"words")
    assert f"{page}: no image" in str(run("similar", page).exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mug", "--kind", "models"), "kind 'models'"),
        (("mug", "--way", "magic"), "'magic' is no way"),
        (("mug", "--frames", "--kind", "class"), "leave out --kind"),
        (("?",), "no word to look for"),
    ],
)
def test_questions_that_are_none_are_refused(run, asked, words, told):
    assert told in str(run("search", *words).exception)
