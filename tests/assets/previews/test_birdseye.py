"""Scans seen from above: x up, y to the left, the sensor in the middle."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from assets.previews.birdseye import draw_from_above, scans_from_above_png
from assets.storage import Folder

GROUND = (22, 21, 19)


def test_a_point_ahead_is_up_and_one_to_the_left_is_left():
    positions = np.array([(10, 0, 5), (0, 10, -5), (0, 10, 0), (np.nan, 0, 0)], float)
    picture, reach_m = draw_from_above(positions, 21)
    assert reach_m == 10
    seen = np.argwhere((picture != GROUND).any(axis=2)).tolist()
    assert seen == [[0, 10], [10, 0]], "row, column"
    assert picture[10, 0].sum() > picture[0, 10].sum(), "two points are brighter"


def test_a_scan_without_points_is_dark_and_far_points_do_not_shrink_the_others():
    picture, reach_m = draw_from_above(np.zeros((0, 3)), 8)
    assert reach_m == 1 and (picture == GROUND).all()
    near = np.tile([(5.0, 5.0, 0.0)], (999, 1))
    _, reach_m = draw_from_above(np.vstack([near, [(900.0, 0.0, 0.0)]]), 8)
    assert reach_m == 5


def test_scans_of_a_session_become_one_picture(intake, write_files):
    scan = struct.pack("<8f", 1, 2, 3, 0.5, -4, 5, 6, 0.5)
    root = write_files({f"velodyne/{n}.bin": scan for n in range(6)})
    assert scans_from_above_png(intake.catalog, "session = 'monday'") is None
    intake.ingest(Folder(str(root)), "monday")
    png = scans_from_above_png(intake.catalog, "session = 'monday'")
    sheet = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape[1] > 4 * 240 and sheet.shape[0] < 2 * 240
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 2
