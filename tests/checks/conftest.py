"""Rows that meet a table's schema, to be bent one column at a time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, Column, Table, content_id, to_table
from models.task_names import DATASET_NAMES

RowsOf = Callable[..., pa.Table]


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


@pytest.fixture(scope="session")
def rows_of() -> RowsOf:
    """rows_of("frames", 3, t_ns=[1, 2, 3], sensor="cam"): rows in the schema; a list is one value a row."""

    def build(name: str, count: int = 3, **columns: Any) -> pa.Table:
        table = TABLES[name]
        rows = []
        for index in range(count):
            row = {c.name: _value(table, c, index) for c in table.columns}
            row |= {
                c: v[index] if isinstance(v, list) else v for c, v in columns.items()
            }
            rows.append(row)
        return to_table(table, rows)

    return build


@pytest.fixture(scope="session")
def image_rows(rows_of) -> RowsOf:
    """image_rows(3): frames whose payloads are 16 x 12 PNG images of noise, with their hashes."""

    def build(count: int = 3, **columns: Any) -> pa.Table:
        payloads = [png_of(index) for index in range(count)]
        facts = {
            "payload": payloads,
            "sha256": [hashlib.sha256(p).hexdigest() for p in payloads],
            "width_px": 16,
            "height_px": 12,
            "encoding": "png",
            "t_ns": [1_000_000 * i for i in range(count)],
            "sequence": list(range(count)),
            "capture_id": content_id("capture"),
        }
        return rows_of("frames", count, **(facts | columns))

    return build


def png_of(seed: int, height_px: int = 12, width_px: int = 16) -> bytes:
    image = np.random.default_rng(seed).integers(
        0, 256, (height_px, width_px, 3), dtype=np.uint8
    )
    return bytes(cv2.imencode(".png", image)[1])


def _value(table: Table, column: Column, index: int) -> Any:
    if column.name == "session":
        return f"monday-{index}" if table.key == "session" and index else "monday"
    if column.nullable:
        return None
    if column.values:
        return column.values[
            index % len(column.values) if column.name == table.key else 0
        ]
    if column.name == "task":  # a word, for all that can be trained
        return DATASET_NAMES[index]
    if column.regex:
        digits = hashlib.sha256(
            f"{table.name} {column.name} {index}".encode()
        ).hexdigest()
        letters = "a" * (index + 1)
        values = (digits[:32], digits, digits[:16], f"release/{letters}", letters)
        return next(value for value in values if re.search(column.regex, value))
    if pa.types.is_string(column.type):
        return f"{column.name} {index}" if column.name == table.key else column.name
    if pa.types.is_boolean(column.type):
        return False
    if pa.types.is_large_binary(column.type):
        return b"bytes"
    if pa.types.is_fixed_size_list(column.type):
        return [1.0] + [0.0] * (column.type.list_size - 1)
    if pa.types.is_list(column.type):
        return []
    number = max(column.low or 0, 1) if column.high is None else column.high
    return int(number) if pa.types.is_integer(column.type) else float(number)
