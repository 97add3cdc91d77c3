"""What a table's schema expects of its rows, and what Arrow alone can prove met.

An expectation bears the name that Great Expectations has for it, and is asked there where no proof is found here. A
proof is one-sided: what is proven holds in Great Expectations too; what is not proven may still hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.tables.schemas import Column, Table

COLUMNS_MATCH = "ExpectTableColumnsToMatchSet"
ROW_COUNT = "ExpectTableRowCountToBeBetween"
UNIQUE = "ExpectColumnValuesToBeUnique"
NOT_NULL = "ExpectColumnValuesToNotBeNull"
BETWEEN = "ExpectColumnValuesToBeBetween"
IN_SET = "ExpectColumnValuesToBeInSet"
MATCH_REGEX = "ExpectColumnValuesToMatchRegex"


@dataclass(frozen=True)
class Expected:
    """One expectation: its class in `great_expectations.expectations`, the column ("" for the whole table), and its
    further arguments."""

    kind: str
    column: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def expected_of(table: Table) -> list[Expected]:
    """What follows from the schema: columns, row count, nulls, key, ranges, allowed values, patterns."""
    names = [c.name for c in table.columns]
    expected = [
        Expected(COLUMNS_MATCH, arguments={"column_set": names, "exact_match": True}),
        Expected(ROW_COUNT, arguments={"min_value": 1}),
        Expected(UNIQUE, table.key),
    ]
    for column in table.columns:
        expected += _expected_of_column(column, is_key=column.name == table.key)
    return expected


def is_proven(expected: Expected, table: Table, lengths: pa.Table) -> bool:
    """Whether Arrow shows that rows, as `to_lengths` makes them, meet it. False says nothing of them."""
    if expected.kind == COLUMNS_MATCH:
        return sorted(lengths.column_names) == sorted(expected.arguments["column_set"])
    if expected.kind == ROW_COUNT:
        return len(lengths) >= int(expected.arguments["min_value"])
    if expected.column not in table.schema.names or not _has_its_type(
        expected.column, table, lengths
    ):
        return False
    return _PROOFS[expected.kind](lengths[expected.column], expected.arguments)


def to_lengths(rows: pa.Table) -> pa.Table:
    """`rows` with every column of bytes or lists replaced by their length, null where it was null."""
    for index, column in enumerate(rows.schema):
        if is_list(column.type):
            lengths = pc.list_value_length(rows[column.name]).cast(pa.int64())
            rows = rows.set_column(index, column.name, lengths)
    return lengths_of_payloads(rows)


def lengths_of_payloads(rows: pa.Table) -> pa.Table:
    """`rows` with every column of bytes replaced by the number of bytes, null where it was null."""
    for index, column in enumerate(rows.schema):
        if is_bytes(column.type):
            lengths = pc.binary_length(rows[column.name]).cast(pa.int64())
            rows = rows.set_column(index, column.name, lengths)
    return rows


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column holds bytes."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def is_list(kind: pa.DataType) -> bool:
    """Whether a column holds lists."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def _expected_of_column(column: Column, is_key: bool) -> list[Expected]:
    found = []
    if is_key or not column.nullable:
        found.append(Expected(NOT_NULL, column.name))
    # a payload of no bytes is no payload
    low = 1 if is_bytes(column.type) else column.low
    if low is not None or column.high is not None:
        bounds = {"min_value": low, "max_value": column.high}
        found.append(Expected(BETWEEN, column.name, bounds))
    if column.values:
        allowed = {"value_set": list(column.values)}
        found.append(Expected(IN_SET, column.name, allowed))
    if column.regex:
        found.append(Expected(MATCH_REGEX, column.name, {"regex": column.regex}))
    return found


def _has_its_type(name: str, table: Table, lengths: pa.Table) -> bool:
    if name not in lengths.column_names:
        return False
    declared = table.column(name).type
    if is_bytes(declared) or is_list(declared):
        declared = pa.int64()
    return bool(lengths.schema.field(name).type == declared)


def _is_unique(values: pa.ChunkedArray, _: Mapping[str, Any]) -> bool:
    num_values = len(values) - values.null_count
    return bool(pc.count_distinct(values, mode="only_valid").as_py() == num_values)


def _has_no_null(values: pa.ChunkedArray, _: Mapping[str, Any]) -> bool:
    # pandas takes NaN for a null
    return not pc.any(pc.is_null(values, nan_is_null=True), min_count=0).as_py()


def _lies_between(values: pa.ChunkedArray, bounds: Mapping[str, Any]) -> bool:
    extremes = pc.min_max(values).as_py()
    lowest, highest = extremes["min"], extremes["max"]
    if lowest is None:  # nothing but nulls
        return True
    low, high = bounds["min_value"], bounds["max_value"]
    return (low is None or lowest >= low) and (high is None or highest <= high)


def _is_in_set(values: pa.ChunkedArray, allowed: Mapping[str, Any]) -> bool:
    value_set = pa.array(allowed["value_set"], values.type)
    return bool(pc.all(pc.is_in(values.drop_null(), value_set), min_count=0).as_py())


def _matches(values: pa.ChunkedArray, pattern: Mapping[str, Any]) -> bool:
    found = pc.match_substring_regex(values.drop_null(), pattern["regex"])
    return bool(pc.all(found, min_count=0).as_py())


_PROOFS = {
    UNIQUE: _is_unique,
    NOT_NULL: _has_no_null,
    BETWEEN: _lies_between,
    IN_SET: _is_in_set,
    MATCH_REGEX: _matches,
}
