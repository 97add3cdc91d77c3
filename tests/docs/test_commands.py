"""The documentation is true: marked commands run, links lead somewhere, verbs and options exist.

A block of `sh` or `python` below the comment `<!-- test -->` is run. The marked blocks of one page run in order, in one
empty folder with one empty home; a Python block sees the Python blocks above it. A block of `text` below one is what it
prints, but for the numbers and ids.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from assets.ledger import Ledger
from assets.retrieval.query import run_query
from assets.tables.catalog import Catalog
from orchestration.cli import app
from tests.docs.printed import read_printed, require_shown

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    p
    for p in [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]
    if p.is_file()
)
BLOCK_TIMEOUT_S = 120  # a block takes seconds; a busy machine some more
_BLOCK = re.compile(
    r"^(?P<mark><!-- test -->\n+)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(
    r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|<(?:img|a)\s[^>]*?(?:src|href)=\"([^\"]+)\""
)
_QUERY = re.compile(r'daguerre query "([^"$]+)"')
_ELSEWHERE = ("http://", "https://", "mailto:")
_DAGUERRE = re.compile(r"^(?:\S*/)?daguerre$")


def name_page(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


def read_blocks(page: Path, *, is_marked: bool = False) -> list[tuple[str, str]]:
    """(language, body) of the fenced blocks of a page."""
    found = _BLOCK.finditer(page.read_text())
    return [(m["language"], m["body"]) for m in found if m["mark"] or not is_marked]


def list_commands(page: Path) -> list[list[str]]:
    """The words of every command in the page's `sh` blocks, without variables before it and comments behind it."""
    text = "\n".join(
        body for language, body in read_blocks(page) if language == "sh"
    ).replace("\\\n", " ")
    text = re.sub(r"(^|\s)# .*$", "", text, flags=re.MULTILINE)
    commands = []
    for line in re.split(r"\n|\||;|&&|\$\(", text):
        try:
            words = shlex.split(line)
        except ValueError:  # cut inside a quotation: its first words are enough
            words = line.split()
        while words and re.match(r"^\w+=", words[0]):
            words = words[1:]
        if words:
            commands.append(words)
    return commands


@pytest.mark.parametrize(
    "page", [p for p in PAGES if read_blocks(p, is_marked=True)], ids=name_page
)
def test_marked_blocks_run(page: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / ".venv").symlink_to(sys.prefix)  # pages may say .venv/bin/daguerre
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DAGUERRE_")}
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    environment |= {"DAGUERRE_HOME": str(tmp_path / "home"), "PATH": path}
    printed = read_printed(page)
    above = ""
    for language, body in read_blocks(page, is_marked=True):
        assert language in ("sh", "python"), (
            f"{name_page(page)}: a marked block of {language!r} cannot be run"
        )
        command = ["bash", "-euo", "pipefail", "-c", body]
        if language == "python":
            above += body + "\n"
            command = [sys.executable, "-c", _hoist_future(above)]
        done = subprocess.run(
            command,
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, (
            f"{name_page(page)}:\n{body}\n{done.stdout}\n{done.stderr}"
        )
        if body in printed:
            require_shown(done.stdout, printed[body])


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    broken = [
        target for target in _list_links(page) if not _leads_somewhere(page, target)
    ]
    assert not broken, f"{name_page(page)} links to what is not there: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_verbs_options_and_make_targets_exist(page: Path) -> None:
    options = _list_options(typer.main.get_command(app))
    targets = set(
        re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    )
    unknown = []
    for first, *words in list_commands(page):
        if first == "make":
            unknown += [
                f"make {w}"
                for w in words
                if re.fullmatch("[a-z]+", w) and w not in targets
            ]
        elif _DAGUERRE.match(first) and words and not words[0].startswith("-"):
            is_group = words[0] in {name.split()[0] for name in options if " " in name}
            # a group that is a verb too has options of its own
            is_itself = words[0] in options and words[1:2] != [] and words[1][0] == "-"
            is_itself |= words[0] in options and len(words) == 1
            verb = " ".join(words[:2]) if is_group and not is_itself else words[0]
            known = options.get(verb)
            if known is None:
                unknown.append(f"daguerre {verb}")
            else:
                given = {w.split("=")[0] for w in words if w.startswith("--")}
                unknown += [f"daguerre {verb} {o}" for o in sorted(given - known)]
    assert not unknown, f"{name_page(page)} names what does not exist: {unknown}"


@pytest.mark.parametrize(
    "page", [p for p in PAGES if _QUERY.search(p.read_text())], ids=name_page
)
def test_queries_name_tables_and_columns_that_exist(
    page: Path, catalog: Catalog
) -> None:
    text = "".join(body for language, body in read_blocks(page) if language == "sh")
    for sql in _QUERY.findall(text):
        # raises where one does not
        assert run_query(catalog, Ledger("sqlite://"), sql).rows.schema.names


def test_pages_name_no_machine_and_no_absolute_path() -> None:
    """Paths in the documentation are relative, or start at a variable."""
    homes = re.compile(r"(?<![\w$}.])/(?:home|root|work|tmp|mnt|Users)/\S*")
    found = {
        name_page(p): hits for p in PAGES if (hits := homes.findall(p.read_text()))
    }
    assert not found, found


def _list_options(group: Any, prefix: str = "") -> dict[str, set[str]]:
    """Verb, or group and verb, -> its options."""
    options: dict[str, set[str]] = {}
    for name, verb in group.commands.items():
        is_group = hasattr(verb, "commands")
        if is_group:
            options |= _list_options(verb, f"{prefix}{name} ")
        if not is_group or verb.invoke_without_command:
            options[prefix + name] = {
                "--help",
                *(o for p in verb.params for o in [*p.opts, *p.secondary_opts]),
            }
    return options


def _list_links(page: Path) -> list[str]:
    text = _BLOCK.sub("", page.read_text())
    text = re.sub(r"`[^`\n]*`", "", text)
    return [a or b for a, b in _LINK.findall(text)]


def _leads_somewhere(page: Path, target: str) -> bool:
    if target.startswith(_ELSEWHERE):
        return True
    path, _, heading = target.partition("#")
    place = (page.parent / path).resolve() if path else page
    if not place.exists():
        return False
    return not heading or place.suffix != ".md" or heading in _list_anchors(place)


def _list_anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    headings = re.findall(
        r"^#+\s+(.*?)\s*$", _BLOCK.sub("", page.read_text()), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def _hoist_future(source: str) -> str:
    """`from __future__` must be the first statement: the docstring and blocks above it may stay."""
    line = "from __future__ import annotations\n"
    return line + source.replace(line, "") if line in source else source
