"""Great Expectations suites derived from the table schemas, and the verdict of running one on rows.

Lists and bytes go into the suite as their length, so that presence and nullness of every column are checked without
copying payloads and vectors; what pandas cannot tell (exact types, numbers that are not finite) is compared in Arrow.
What Arrow proves met (`expected.py`) is not asked again: Great Expectations judges the rest, and names the rows.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from assets.tables.schemas import TABLES, Table
from checks.expected import (
    Expected,
    expected_of,
    is_bytes,
    is_list,
    is_proven,
    to_lengths,
)
from checks.verdicts import MAX_EXAMPLES, Verdict, nothing_checked, passed_over, raised

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuite, ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.datasource.fluent.pandas_datasource import DataFrameAsset

_THREAD = threading.local()


def name_schema_check(table: Table) -> str:
    """The claim that `validate` judges."""
    return f"{table.name}_rows_match_schema"


def suite_of(table: Table, expected: Sequence[Expected]) -> ExpectationSuite:
    """The suite of Great Expectations that asks for what is expected of a table's rows."""
    gx, gxe = _import_expectations()
    made = [
        getattr(gxe, e.kind)(
            **({"column": e.column} if e.column else {}), **e.arguments
        )
        for e in expected
    ]
    return gx.ExpectationSuite(name=table.name, expectations=made)


def validate(table: Table, rows: pa.Table, may_be_empty: str | None = None) -> Verdict:
    """The verdict on `rows` (payload columns may be given as `lengths_of_payloads` makes them).

    Fails on no rows (unless `may_be_empty` says why that is right), on a missing or unknown column, on a type that
    differs, on an expectation that is not met, was not evaluated or raised.
    """
    name = name_schema_check(table)
    if not len(rows):
        return (
            passed_over(name, may_be_empty)
            if may_be_empty
            else nothing_checked(name, f"rows of {table.name}")
        )
    try:
        expected = expected_of(table)
        failures = _compare_types(table, rows) + _find_not_finite(table, rows)
        lengths = to_lengths(rows)
        unproven = [e for e in expected if not is_proven(e, table, lengths)]
        if unproven:
            failures += _run_suite(table, unproven, lengths)
    except Exception as error:  # an expectation that raised is a failure
        return raised(name, error)
    num_expectations = len(expected) + len(table.columns)
    summary = f"{len(rows)} rows of {table.name} meet {num_expectations} expectations"
    if failures:
        shown = "; ".join(failures[:3])
        summary = (
            f"{len(failures)} of {num_expectations} expectations fail on {len(rows)} rows "
            f"of {table.name}: {shown}"
        )
    figures = {
        "num_rows": len(rows),
        "num_expectations": num_expectations,
        "num_failed": len(failures),
    }
    return Verdict(
        name,
        not failures,
        True,
        summary,
        len(rows),
        figures,
        tuple(failures[:MAX_EXAMPLES]),
    )


def _run_suite(
    table: Table, expected: Sequence[Expected], lengths: pa.Table
) -> list[str]:
    """What is wrong. Only of an expectation that fails are rows looked for: naming costs as much as counting."""
    gx, _ = _import_expectations()
    frame = lengths.to_pandas()
    asset = _open_asset()
    batch = asset.get_batch(asset.build_batch_request({"dataframe": frame}))
    suite = suite_of(table, expected)
    labelled = {_identify(e.configuration): e for e in suite.expectations}
    found = _validate(batch, suite, "BASIC")
    failed = [e for label, e in labelled.items() if not _is_met(found.get(label))]
    if failed:
        again = gx.ExpectationSuite(name=suite.name, expectations=failed)
        found |= _validate(batch, again, "SUMMARY")
    return [
        failure
        for label in labelled
        for failure in _read_result(label, found.get(label), table, frame)
    ]


def _open_asset() -> DataFrameAsset:
    """What makes batches of frames in this thread. To make a new one costs as much as to judge a table."""
    if not hasattr(_THREAD, "asset"):
        gx, _ = _import_expectations()
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        _THREAD.asset = context.data_sources.pandas_default.add_dataframe_asset("rows")
    asset: DataFrameAsset = _THREAD.asset
    return asset


def _validate(
    batch: Batch, suite: ExpectationSuite, result_format: Literal["BASIC", "SUMMARY"]
) -> dict[str, ExpectationValidationResult]:
    """Results by what `_identify` calls them."""
    results = batch.validate(suite, result_format=result_format).results
    return {_identify(r.expectation_config): r for r in results}


def _is_met(result: ExpectationValidationResult | None) -> bool:
    return result is not None and bool(result.success)


def _read_result(
    label: str,
    result: ExpectationValidationResult | None,
    table: Table,
    frame: pd.DataFrame,
) -> list[str]:
    """What is wrong with one result: nothing when it was evaluated on every row and met."""
    if result is None:
        return [f"{label}: was not evaluated"]
    message = _find_exception(result.exception_info)
    if message:
        return [f"{label}: raised {message}"]
    counted = result.result.get("element_count")
    if counted is not None and counted != len(frame):
        return [f"{label}: looked at {counted} of {len(frame)} rows"]
    if result.success:
        return []
    if "unexpected_count" not in result.result:
        return [f"{label}: found {result.result.get('observed_value')}"]
    rows = result.result.get("partial_unexpected_index_list") or []
    keys = (
        [str(frame[table.key].iloc[i]) for i in rows[:3]] if table.key in frame else []
    )
    return [
        f"{label}: {result.result['unexpected_count']} rows, e.g. {table.key} {', '.join(keys)}"
    ]


def _find_exception(info: dict[str, Any] | None) -> str | None:
    """Great Expectations nests the exception one level down when a metric raised."""
    if not info:
        return None
    entries = [info] if "raised_exception" in info else list(info.values())
    return next(
        (str(e["exception_message"]) for e in entries if e["raised_exception"]), None
    )


def _identify(configuration: Any) -> str:
    column = configuration.kwargs.get("column")
    return configuration.type if column is None else f"{column} {configuration.type}"


def _compare_types(table: Table, rows: pa.Table) -> list[str]:
    """Columns whose Arrow type is not the declared one; bytes may come as their length."""
    failures = []
    for column in table.columns:
        if column.name not in rows.column_names:
            failures.append(f"{column.name}: the column is missing")
            continue
        given = rows.schema.field(column.name).type
        if given != column.type and not (is_bytes(column.type) and given == pa.int64()):
            failures.append(f"{column.name}: type {given}, declared {column.type}")
    return failures


def _find_not_finite(table: Table, rows: pa.Table) -> list[str]:
    """Columns with NaN or an infinity, or with a null inside a list."""
    failures = []
    for column in (c for c in table.columns if c.name in rows.column_names):
        values = rows[column.name]
        if is_list(values.type):
            values = values.combine_chunks().flatten()
            if values.null_count:
                failures.append(
                    f"{column.name}: {values.null_count} nulls inside lists"
                )
        if pa.types.is_floating(values.type):
            numbers = np.asarray(values.drop_null())
            num_bad = int(np.count_nonzero(~np.isfinite(numbers)))
            if num_bad:
                failures.append(f"{column.name}: {num_bad} numbers are not finite")
    return failures


def _import_expectations() -> tuple[Any, Any]:
    """Great Expectations, with its usage reports off: they are sent at import unless this is set before."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # of what it imports in turn
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        import great_expectations.expectations as gxe

    return gx, gxe


assert all(table.key in {c.name for c in table.columns} for table in TABLES.values()), (
    "a table's key is no column"
)
