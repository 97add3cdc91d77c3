"""Where each frame lies in an index, found by its id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Positions = NDArray[np.int32]
_AT_ONCE = 65_536


class FrameIds:
    """Ids of frames, found by the first half of their digits: half of what a dictionary of them would take."""

    def __init__(self, ids: pa.StringArray) -> None:
        """`ids` (N) have 32 hexadecimal digits each."""
        self._ids = ids
        keys = _to_keys(ids)
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys = keys[self._order]

    def find(self, wanted: Sequence[str] | pa.Array | pa.ChunkedArray) -> Positions:
        """(M,) int32; -1 for what is no id, or that of no frame."""
        asked = _to_strings(wanted)
        if not len(asked) or not len(self._keys):
            return np.full(len(asked), -1, np.int32)
        is_id = pc.match_substring_regex(asked, "^[0-9a-f]{32}$").fill_null(False)
        plain = pc.if_else(is_id, asked, "0" * 32)
        places = np.searchsorted(self._keys, _to_keys(plain)).clip(
            0, len(self._keys) - 1
        )
        found = self._order[places]
        is_same = pc.equal(self._ids.take(pa.array(found)), asked).fill_null(False)
        found[~np.asarray(is_same)] = -1
        return found


def _to_strings(names: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.StringArray:
    if isinstance(names, pa.ChunkedArray):
        return names.combine_chunks()
    return names if isinstance(names, pa.Array) else pa.array(names, pa.string())


def _to_keys(ids: pa.StringArray) -> NDArray[np.uint64]:
    """(N,) the first 16 of 32 hexadecimal digits of each."""
    digits = np.frombuffer(ids.buffers()[2] or b"", np.uint8)
    text = digits[ids.offset * 32 : (ids.offset + len(ids)) * 32].reshape(-1, 32)
    keys = np.empty(len(ids), np.uint64)
    for start in range(0, len(ids), _AT_ONCE):
        halves = text[start : start + _AT_ONCE, :16].tobytes().decode()
        keys[start : start + _AT_ONCE] = np.frombuffer(bytes.fromhex(halves), ">u8")
    return keys
