"""The files of the page: what they may not do, and that each names only files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "orchestration" / "browse" / "page"
FILES = sorted(PAGE.iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
# what makes elements, addresses or code of a text
READS_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|DOMParser|createContextualFragment"
    r"|srcdoc|\beval\b|new Function|javascript:|setTimeout\(\s*['\"`]"
)
IMPORTED = re.compile(r"(?:from|import\()\s*'(\./[^']+)'")
NAMED = re.compile(r'(?:href|src)="([^"]+)"')
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_reads_markup(path: Path):
    assert READS_MARKUP.search(path.read_text()) is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_asks_another_server(path: Path):
    text = path.read_text().replace(SVG_NAMESPACE, "")
    assert re.search(r"https?://|url\((?!#)|@import|//cdn", text) is None


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_each_script_says_what_it_is_and_imports_what_is_there(path: Path):
    text = path.read_text()
    assert text.startswith("/** ")
    for name in IMPORTED.findall(text):
        assert (PAGE / name).is_file(), f"{path.name} imports {name}"


def test_the_front_page_has_no_script_or_style_of_its_own():
    text = (PAGE / "index.html").read_text()
    assert re.search(r"<style|style=|\son\w+=", text) is None
    assert re.findall(r"<script[^>]*>(.*?)</script>", text) == [""]
    for name in NAMED.findall(text):
        assert (PAGE / name.removeprefix("/page/")).is_file(), name


def test_every_file_is_reached_from_the_front_page():
    reached = {"index.html"}
    waiting = [
        name.removeprefix("/page/")
        for name in NAMED.findall((PAGE / "index.html").read_text())
    ]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        if name.endswith(".js"):
            found = IMPORTED.findall((PAGE / name).read_text())
            waiting += [one.removeprefix("./") for one in found]
    assert reached == {path.name for path in FILES}
