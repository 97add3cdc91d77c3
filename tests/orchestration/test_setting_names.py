"""Every setting has a name that is known, and any other one is told."""

from __future__ import annotations

import re
from pathlib import Path

from orchestration.setting_names import SETTING_NAMES, explain_unknown

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "operate.md"


def test_the_names_are_those_of_the_page():
    cells = re.findall(r"^\| (`DAGUERRE_[^|]*) \|", PAGE.read_text(), re.MULTILINE)
    told = set[str]()
    for cell in cells:
        first, *others = re.findall(r"`(\w+)`", cell)
        stem = first.rpartition("_")[0]
        told |= {first}
        told |= {f"{stem}{o}" if o.startswith("_") else o for o in others}
    assert told == set(SETTING_NAMES)


def test_only_what_looks_like_a_setting_is_looked_at():
    others = {"PATH": "x", "DAGUERRE_TEST_DATA": "x", "DAGUERRE_HOME": "x"}
    assert explain_unknown(others) == []
    assert explain_unknown({**others, "DAGUERRE_QQQ": "x"}) == [
        "DAGUERRE_QQQ is no setting, and does nothing: docs/how-to/operate.md lists them"
    ]
