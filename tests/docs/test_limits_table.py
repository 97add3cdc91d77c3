"""The limits on their page are those of the code, and the tests that it names are there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "limits.md").read_text()
ROWS = re.findall(
    r"^\| `(\S+)\.py` `(\S+)` \| ([\d,.]+)( [KMG]iB)? \| .* \| `(\S+)` \|$",
    PAGE,
    re.MULTILINE,
)
UNITS = {"": 1, " KiB": 1 << 10, " MiB": 1 << 20, " GiB": 1 << 30}


def test_every_row_of_a_table_of_limits_is_understood():
    begun = [line for line in PAGE.splitlines() if re.match(r"\| `\S+\.py` ", line)]
    assert len(ROWS) == len(begun) > 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}.{row[1]}")
def test_a_limit_has_the_default_that_is_stated_and_a_test(row):
    path, name, number, unit, test = row
    value: object = importlib.import_module(f"assets.{path.replace('/', '.')}")
    for part in name.split("."):
        value = getattr(value, part)
    assert value == float(number.replace(",", "")) * UNITS[unit]
    assert (CHECKOUT / "tests" / "assets" / test).is_file()
