"""The ledger claims nothing that a power cut took from the tables, and the next intake takes it in again."""

from __future__ import annotations

import os

import pytest

from assets.capture.recovery import make_good
from assets.storage import Folder
from assets.tables import recovery


def _lose_newest(home, table, count=1):
    folder = home / f"tables/{table}.lance/_versions"
    for manifest in sorted(folder.glob("*.manifest"))[:count]:
        os.truncate(manifest, 0)
    recovery._checked.clear()


@pytest.mark.parametrize("table", ["frames", "captures", "labels", "quarantine"])
def test_rows_that_were_lost_are_taken_in_again(
    home, open_at, tmp_path, make_png, table
):
    landed = tmp_path / "landed"
    landed.mkdir()
    for number in range(3):
        (landed / f"{number}.png").write_bytes(make_png(number))
    (landed / "broken.png").write_bytes(make_png(9)[:40])
    (landed / "labels.json").write_text(
        '{"images": [{"id": 0, "file_name": "0.png", "width": 16, "height": 12}],'
        ' "categories": [{"id": 1, "name": "cup"}], "annotations": [{"id": 0, "image_id": 0,'
        ' "category_id": 1, "bbox": [2, 3, 4, 5], "area": 20, "iscrowd": 0}]}'
    )
    intake = open_at(home)
    intake.ingest(Folder(str(landed)), "monday")
    before = intake.catalog.read_latest(table)
    assert before.num_rows
    _lose_newest(home, table)
    assert make_good(intake.catalog, intake.ledger) > 0
    assert intake.catalog.read_latest(table).num_rows < before.num_rows
    intake.ingest(Folder(str(landed)), "monday")
    key = before.schema.names[0]
    after = intake.catalog.read_latest(table)
    assert after.sort_by(key).equals(before.sort_by(key))
    assert make_good(intake.catalog, intake.ledger) == 0


def test_file_that_was_added_in_a_lost_version_is_taken_in_again(
    home, open_at, tmp_path, make_png
):
    landed = tmp_path / "landed"
    landed.mkdir()
    (landed / "0.png").write_bytes(make_png(0))
    intake = open_at(home)
    intake.ingest(Folder(str(landed)), "monday")
    (landed / "1.png").write_bytes(make_png(1))
    intake.ingest(Folder(str(landed)), "monday")
    _lose_newest(home, "frames")
    _lose_newest(home, "frame_quality")
    _lose_newest(home, "captures")
    assert make_good(intake.catalog, intake.ledger) == 1
    assert intake.ingest(Folder(str(landed)), "monday").new == 1
    assert intake.catalog.read_latest("frames").num_rows == 2


def test_nothing_is_reopened_where_nothing_was_lost(home, open_at, tmp_path, make_png):
    landed = tmp_path / "landed"
    landed.mkdir()
    (landed / "0.png").write_bytes(make_png(0))
    intake = open_at(home)
    intake.ingest(Folder(str(landed)), "monday")
    recovery._checked.clear()
    assert make_good(intake.catalog, intake.ledger) == 0
    assert len(intake.ledger.outcomes("monday")) == 1
