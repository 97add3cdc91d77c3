"""Each claim of the threat model names a test that there is."""

from __future__ import annotations

import re

from tests.docs.test_commands import CHECKOUT

PAGE = CHECKOUT / "docs" / "threat-model.md"


def read_rows() -> list[list[str]]:
    """The cells of the table of what holds, without its head."""
    table = PAGE.read_text().split("## What holds")[1].split("## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def list_tests() -> set[str]:
    files = (CHECKOUT / "tests").rglob("test_*.py")
    found = (
        re.findall(r"^\s*(?:async )?def (test_\w+)", f.read_text(), re.M) for f in files
    )
    return {name for names in found for name in names}


def test_every_claim_names_a_test():
    rows = read_rows()
    assert len(rows) >= 15
    assert [claim for _, claim, shown in rows if "`test_" not in shown] == []


def test_every_named_test_is_there():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(named) >= 20
    assert sorted(named - list_tests()) == []
