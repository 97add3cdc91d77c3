"""Which frames show which class, of all that label files and versions say.

A frame of which a version stands counts with what stands there; any other with what its files say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.browsing.frame_ids import FrameIds
from assets.current_labels import read_said
from assets.tables.catalog import Catalog, TableMissing

_AT_ONCE = 65_536
_LOOKS = ["frame_id", "capture_id", "sha256"]


def read_classes(
    catalog: Catalog, ids: FrameIds, num_frames: int
) -> Mapping[str, NDArray[np.int32]]:
    """Positions, ascending, by class name."""
    spoken = catalog.read_latest("label_versions", ["frame_id"])["frame_id"].unique()
    has_version = np.zeros(num_frames, bool)
    places = ids.find(spoken)
    has_version[places[places >= 0]] = True
    parts: dict[str, list[NDArray[np.int32]]] = defaultdict(list)
    for name, found in _read_files(catalog, ids):
        parts[name].append(found[~has_version[found]])
    for name, found in _read_standing(catalog, ids, spoken):
        parts[name].append(found)
    merged = {name: np.unique(np.concatenate(parts[name])) for name in sorted(parts)}
    return {name: found for name, found in merged.items() if len(found)}


def _read_files(catalog: Catalog, ids: FrameIds) -> list[tuple[str, NDArray[np.int32]]]:
    try:
        dataset = catalog.dataset("labels")
    except TableMissing:
        return []
    found = []
    for batch in dataset.scanner(
        columns=["frame_id", "class_name"], batch_size=_AT_ONCE, batch_readahead=2
    ).to_batches():
        places = ids.find(batch["frame_id"])
        names = batch["class_name"].dictionary_encode()
        codes = np.asarray(names.indices)
        for code, name in enumerate(names.dictionary.to_pylist()):
            mine = places[(codes == code) & (places >= 0)]
            found.append((name, np.unique(mine)))
    return found


def _read_standing(
    catalog: Catalog, ids: FrameIds, spoken: pa.Array
) -> list[tuple[str, NDArray[np.int32]]]:
    """What stands on frames that somebody spoke of."""
    if not len(spoken):
        return []
    frames = catalog.read_of("frames", _LOOKS, "frame_id", pc.drop_null(spoken))
    said = read_said(catalog, frames.to_pylist())
    named = [
        (label["class_name"], frame_id)
        for (frame_id, _), what in said.items()
        for label in what.labels
    ]
    places = ids.find([frame_id for _, frame_id in named])
    found: dict[str, list[int]] = defaultdict(list)
    for (name, _), place in zip(named, places.tolist(), strict=True):
        if place >= 0:
            found[name].append(place)
    return [(name, np.array(mine, np.int32)) for name, mine in found.items()]
