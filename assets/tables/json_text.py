"""Columns as JSON: of each value the text that `json.dumps` writes, without a Python object a value."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

# what Arrow and Python write alike, but for the ".0" of whole numbers
_LEAST_PLAIN = 1e-4
_MOST_PLAIN = 1e9
_PLAIN_TEXT = (
    r"^[ !#-\[\]-~]*$"  # ASCII without quote, backslash and control characters
)


def write_json(values: pa.Array) -> pa.Array:
    """(N,) texts of N numbers, texts or lists of those; "null" for a null. Raises TypeError for another type."""
    kind = values.type
    if pa.types.is_list(kind):
        texts = _write_lists(values)
    elif pa.types.is_floating(kind):
        texts = _write_floats(values)
    elif pa.types.is_integer(kind):
        texts = values.cast(pa.string())
    elif pa.types.is_string(kind):
        texts = _write_texts(values)
    else:
        raise TypeError(f"no JSON is written of {kind}")
    return pc.fill_null(texts, "null")


def join_json(*texts: pa.Array) -> pa.Array:
    """(N,) texts of N arrays, of values that are JSON already, one a column."""
    return _embrace(pc.binary_join_element_wise(*texts, ", "))


def _embrace(inner: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise("[", inner, "]", "")


def _write_lists(lists: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(lengths.cast(pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    texts = pa.ListArray.from_arrays(offsets, write_json(lists.flatten()))
    joined = _embrace(pc.binary_join(texts, ", "))
    return pc.if_else(pc.is_valid(lists), joined, pa.scalar(None, pa.string()))


def _write_floats(numbers: pa.Array) -> pa.Array:
    texts = numbers.cast(pa.string())
    size = pc.abs(numbers)
    is_small = pc.less(size, _MOST_PLAIN)
    is_whole = pc.and_(is_small, pc.equal(pc.floor(numbers), numbers))
    whole = pc.binary_join_element_wise(texts.filter(is_whole), ".0", "")
    texts = pc.replace_with_mask(texts, pc.fill_null(is_whole, False), whole)
    is_plain = pc.or_(is_whole, pc.and_(is_small, pc.greater_equal(size, _LEAST_PLAIN)))
    return _write_in_python(numbers, texts, pc.invert(is_plain))


def _write_texts(values: pa.Array) -> pa.Array:
    is_plain = pc.match_substring_regex(values, _PLAIN_TEXT)
    texts = pc.binary_join_element_wise('"', values, '"', "")
    return _write_in_python(values, texts, pc.invert(is_plain))


def _write_in_python(values: pa.Array, texts: pa.Array, is_odd: pa.Array) -> pa.Array:
    is_odd = pc.fill_null(is_odd, False)
    odd = values.filter(is_odd)
    if not len(odd):
        return texts
    written = pa.array([json.dumps(value) for value in odd.to_pylist()], pa.string())
    return pc.replace_with_mask(texts, is_odd, written)
