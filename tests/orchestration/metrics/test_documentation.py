"""The page on metrics lists those that there are."""

from __future__ import annotations

import re
from pathlib import Path

from orchestration.metrics.families import FAMILIES

HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to"


def test_the_page_lists_every_metric_with_its_labels_and_meaning() -> None:
    page = (HOW_TO / "watch-with-prometheus.md").read_text()
    rows = re.findall(r"^\| `(daguerre_\w+)` \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [
        (f.name, ", ".join(f"`{label}`" for label in f.labels), f.text)
        for f in FAMILIES
    ]
