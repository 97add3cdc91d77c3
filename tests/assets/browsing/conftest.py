"""Two sessions of small pictures with figures, parts, labels and what a camera wrote, as people look at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from assets.browsing.browser import Browser
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from bench.synthetic_home import plain_row


def put(catalog: Catalog, table: str, rows: list[dict]) -> None:
    catalog.merge(table, to_table(TABLES[table], [plain_row(table, r) for r in rows]))


def name_frame(session: str, number: int) -> str:
    return content_id("frame", session, number)


@pytest.fixture
def looked_at(
    home: Path, catalog: Catalog, frame_rows: Callable[..., pa.Table]
) -> Callable[..., Browser]:
    """looked_at(): the browser of four frames of tuesday, then three of monday, as they were written."""

    def make() -> Browser:
        catalog.merge("frames", frame_rows(4, session="tuesday", sensor="left"))
        sensors = ["left", "right", "left"]
        catalog.merge("frames", frame_rows(3, session="monday", sensor=sensors))
        mondays = [name_frame("monday", n) for n in range(3)]
        tuesdays = [name_frame("tuesday", n) for n in range(4)]
        put(
            catalog,
            "frame_quality",
            [
                {"frame_id": name, "session": "tuesday", "sharpness": value}
                for name, value in zip(tuesdays, (0.5, 0.25, 1.0, 0.25), strict=True)
            ],
        )
        put(
            catalog,
            "splits",
            [{"frame_id": mondays[0], "session": "monday", "split": "test"}],
        )
        put(
            catalog,
            "labels",
            [
                {
                    "label_id": content_id("label", name),
                    "frame_id": name,
                    "capture_id": content_id("capture", session),
                    "session": session,
                    "task": "detection",
                    "class_name": kind,
                    "origin": "imported",
                    "x_min": 1.0,
                    "y_min": 2.0,
                    "x_max": 5.0,
                    "y_max": 4.0,
                }
                for name, session, kind in (
                    (mondays[0], "monday", "mug"),
                    (tuesdays[1], "tuesday", "mug"),
                    (tuesdays[2], "tuesday", "fork"),
                )
            ],
        )
        put(
            catalog,
            "frame_exif",
            [
                {
                    "frame_id": mondays[1],
                    "session": "monday",
                    "orientation": 6,
                    "latitude_deg": 48.125,
                    "longitude_deg": 11.5625,
                    "body_serial": "SERIAL-OF-A-CAMERA",
                    "taken_at": "2026-11-03T07:08:09",
                }
            ],
        )
        return Browser(catalog, Workspace(home))

    return make
