"""The points of a stored scan, as a structured array: read from the blob that holds them, held against their hash."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from assets.formats.messages.containers import read_message
from assets.formats.points.encodings import decode_scan
from assets.storage import BlobStore
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.rows import ScanRow

_COLUMNS = (
    "scan_id",
    "encoding",
    "size_bytes",
    "sha256",
    "blob_sha256",
    "source_offset",
    "source_inner_offset",
)


def read_points(catalog: Catalog, scan_id: str) -> NDArray[np.void]:
    """The points of one scan of the table `scans`, (n,), in the order of the sensor.

    A field a name: `x`, `y`, `z` are metres in the sensor's own frame (`frame_of_reference` of the row), NaN where
    nothing came back; the others, such as `intensity`, `reflectance`, `ring` and `time`, are in the recorder's unit.
    `pa.Table.from_pandas(pd.DataFrame(points))` makes an Arrow table of it. The table's newest rows are looked at,
    checked or not. Raises KeyError for an id that no scan has, and ValueError for bytes that are not those of the row.
    """
    where = f"scan_id = {repr_sql(scan_id)}"
    rows = catalog.read_latest("scans", list(_COLUMNS), where).to_pylist()
    if not rows:
        raise KeyError(f"no scan has the id {scan_id}: `daguerre query` lists them")
    return points_of(catalog.blobs, rows[0])


def points_of(blobs: BlobStore, row: ScanRow) -> NDArray[np.void]:
    """The points of a row of `scans`, as `read_points` gives them. Raises ValueError for bytes that are not its own."""
    with blobs.open(row["blob_sha256"]) as stream:
        data = (
            stream.read()
            if row["blob_sha256"] == row["sha256"]
            else read_message(
                stream,
                row["source_offset"],
                row["source_inner_offset"],
                row["size_bytes"],
            )
        )
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise ValueError(
            f"scan {row['scan_id']} is not what blob {row['blob_sha256'][:12]}… holds: run `daguerre verify`"
        )
    return decode_scan(row["encoding"], data).points
