"""Types of rows beside the schemas of their tables."""

from __future__ import annotations

from typing import Any, get_type_hints, is_typeddict

import pyarrow as pa
import pytest

from assets.tables import rows
from assets.tables.schemas import TABLES

TYPES = {
    name.removesuffix("Row"): found
    for name, found in vars(rows).items()
    if is_typeddict(found) and name.endswith("Row")
}


PYTHON = {
    pa.string(): str,
    pa.large_binary(): bytes,
    pa.bool_(): bool,
    pa.int64(): int,
    pa.float32(): float,
    pa.float64(): float,
}


def find_python_type(arrow: pa.DataType) -> Any:
    if pa.types.is_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return list[PYTHON[arrow.value_type]]  # type: ignore[misc]
    return PYTHON[arrow]


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_row_has_the_columns_of_its_table(name):
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    (table,) = (t for t in TABLES.values() if t.name in (f"{snake}s", snake))
    expected = {}
    for column in table.columns:
        kind = find_python_type(column.type)
        expected[column.name] = kind | None if column.nullable else kind
    found = get_type_hints(TYPES[name])
    assert found == expected
    assert list(found) == [column.name for column in table.columns]


def test_there_are_rows_to_compare():
    assert len(TYPES) >= 10
