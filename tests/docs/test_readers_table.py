"""The table of readers names every reader, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from assets.formats import READERS

PAGE = (
    Path(__file__).resolve().parents[2] / "docs" / "how-to" / "bring-your-own-data.md"
)


def test_every_reader_has_its_row() -> None:
    section = PAGE.read_text().split("## What is read")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(
        r.name for r in READERS
    )
