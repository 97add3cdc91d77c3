"""Depth of a session's stereo pairs: rows beside a known truth, nothing done twice, and what cannot be done."""

from __future__ import annotations

import io

import dagster as dg
import numpy as np
import pytest
from PIL import Image as Pillow

from assets.images import decode_depth
from assets.inference.stereo_net import StereoNet
from assets.partitions import sessions
from assets.reconstruction.defs import depth
from assets.reconstruction.depth_maps import read_figures, refresh_depth, try_depth
from assets.reconstruction.depth_pictures import (
    draw_depth,
    draw_epipolar_lines,
    list_depth,
    paint_depth,
)
from assets.reconstruction.stereo_pairs import find_pairs
from assets.retrieval.lineage import trace
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.workspace import Workspace
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from checks.verdicts import stops_flow
from tests.assets.inference.tiny_stereo_net import write_stereo_net
from tests.assets.reconstruction.conftest import (
    BASELINE_M,
    CAPTURE,
    FOCAL_PX,
    NUM_VIEWS,
    pinhole,
    store_stereo,
)


@pytest.fixture
def desk(catalog: Catalog) -> Catalog:
    return store_stereo(catalog)


def store_board(catalog: Catalog, unit: str, right_x: float) -> None:
    """A published calibration from a board, with the right camera so far to the right."""
    rows = [
        plain_row("rig_calibrations", {})
        | pinhole(sensor)
        | {
            "calibration_id": content_id("board", unit, sensor),
            "session": f"board-{unit}",
            "sensor": sensor,
            "reference_sensor": "left",
            "length_unit": unit,
            "rig_from_camera": [x, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            "input_sha256": "0" * 64,
        }
        for sensor, x in (("left", 0.0), ("right", right_x))
    ]
    catalog.merge("rig_calibrations", to_table(TABLES["rig_calibrations"], rows))
    catalog.publish(
        "rig_calibrations", f"board-{unit}", catalog.latest_version("rig_calibrations")
    )


def test_a_wall_and_a_square_before_it_are_where_they_are(desk):
    done = refresh_depth(desk, "desk")
    assert done.num_made == NUM_VIEWS and len(done.rows) == NUM_VIEWS
    rows = desk.read_latest("depth_maps").to_pylist()
    for row in rows:
        found = decode_depth(row["payload"]) * row["depth_m_per_unit"]
        # half a px of 12 at 1 m, and of 24 at 0.5 m
        assert np.median(found[90:115, 40:150]) == pytest.approx(1.0, abs=0.04)
        assert np.median(found[35:75, 85:125]) == pytest.approx(0.5, abs=0.01)
        assert row["coverage"] == pytest.approx((found > 0).mean())
        # 16 bits reach to f B = 12 m, a disparity of 1 px
        assert 65535 * row["depth_m_per_unit"] == pytest.approx(12.0)
        assert row["coverage"] > 0.75 and row["agreement"] > 0.9
        assert row["sensor_off_px"] < 0.3 and row["num_sensor_points"] > 10_000
        sure = np.asarray(Pillow.open(io.BytesIO(row["confidence_payload"])))
        assert not sure[found == 0].any()
        assert np.median(sure[found > 0]) / 255 == pytest.approx(
            row["median_confidence"], abs=0.01
        )
        # z^2 / (f B) of a quarter of a px
        least = 0.25 * row["median_depth_m"] ** 2 / (FOCAL_PX * BASELINE_M)
        assert least * 0.9 < row["median_sigma_m"] < 2 * least
    assert not stops_flow(gate_session(desk, "depth_maps", "desk"))
    assert len(desk.read("depth_maps")) == NUM_VIEWS


def test_what_is_up_to_date_is_not_made_again_and_a_new_board_makes_all_anew(desk):
    refresh_depth(desk, "desk")
    assert refresh_depth(desk, "desk").num_made == 0
    # a board whose lengths nobody gave says nothing of metres
    store_board(desk, "square", 4.0)
    assert refresh_depth(desk, "desk").num_made == 0
    store_board(desk, "m", 0.2)
    done = refresh_depth(desk, "desk")
    assert done.num_made == NUM_VIEWS
    assert {r["calibrated_in"] for r in done.rows} == {"board-m"}
    # twice the baseline, twice the depth: the depth camera contradicts
    verdicts = gate_session(desk, "depth_maps", "desk")
    failed = [v.name for v in verdicts if not v.passed]
    assert failed == ["depth_agrees_with_the_sensor"] and stops_flow(verdicts)


def test_pictures_that_are_gone_take_their_depth_with_them(desk):
    refresh_depth(desk, "desk")
    desk.delete("frames", f"frame_id = '{content_id('desk', 'left', 1)}'")
    desk.publish("frames", "desk", desk.latest_version("frames"))
    (row,) = refresh_depth(desk, "desk").rows
    assert row["frame_id"] == content_id("desk", "left", 0)


def test_a_try_keeps_nothing(desk):
    rows, num_pairs = try_depth(desk, "desk")
    assert len(rows) == num_pairs == NUM_VIEWS
    assert rows[0]["coverage"] > 0.75 and not read_figures(desk, "desk")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"calibrated": ()}, "left: the camera has no calibration"),
        ({"sensors": ("left",)}, "one camera alone: depth needs two"),
        ({"rig_from_camera": None}, "left: the camera's place on the rig is not known"),
        ({"rig_from_camera": [0.0] * 6 + [1.0]}, "both cameras are at one place"),
        ({"height_px": 160}, "the calibration is for images of 160 x 160 px"),
        ({"late_ns": 40_000_000}, "no picture of right is of the time of one of left"),
    ],
)
def test_what_gives_no_depth_has_a_row_that_says_why_and_blocks(catalog, facts, reason):
    store_stereo(catalog, **facts)
    (row,) = refresh_depth(catalog, "desk").rows
    assert reason in row["reason"] and row["coverage"] is None
    verdicts = gate_session(catalog, "depth_maps", "desk")
    assert [v.name for v in verdicts if v.stops] == ["every_capture_has_depth"]
    assert reason in verdicts[1].examples[0]
    assert draw_depth(catalog, "desk") is None
    assert reason in list_depth([row])


def test_a_session_without_pictures_is_a_mistake(catalog):
    with pytest.raises(ValueError, match="nowhere has no published colour picture"):
        refresh_depth(catalog, "nowhere")


def test_images_without_structure_have_depth_nowhere_and_no_nan(catalog):
    blank = {s: np.full((120, 160), 128, np.uint8) for s in ("left", "right")}
    store_stereo(catalog, sensors=("left", "right"), draw=lambda *_: blank)
    for row in refresh_depth(catalog, "desk").rows:
        assert row["coverage"] == 0 and row["reason"] is None
        assert row["median_depth_m"] is row["median_confidence"] is None
    verdicts = {v.name: v for v in gate_session(catalog, "depth_maps", "desk")}
    assert verdicts["depth_covers_the_image"].stops


def test_rows_that_do_not_match_cover_little_and_the_gate_says_so(catalog):
    store_stereo(catalog, apart_px=5)
    refresh_depth(catalog, "desk")
    verdicts = {v.name: v for v in gate_session(catalog, "depth_maps", "desk")}
    assert verdicts["depth_covers_the_image"].stops


def test_a_sensor_with_another_scale_is_told_in_px_of_disparity(catalog):
    """1100 mm where there is 1 m: 12 px of disparity are 10.9 there."""
    store_stereo(catalog, m_per_unit=0.0011)
    for row in refresh_depth(catalog, "desk").rows:
        assert row["sensor_bias_px"] == pytest.approx(12 - 12 / 1.1, abs=0.3)


def test_the_reference_of_the_board_is_the_camera_whose_depth_it_is(desk):
    store_board(desk, "m", BASELINE_M)
    rows = desk.read_latest("rig_calibrations").to_pylist()
    newer = [r | {"reference_sensor": "right"} for r in rows]
    desk.upsert("rig_calibrations", to_table(TABLES["rig_calibrations"], newer))
    desk.publish("rig_calibrations", "board-m", desk.latest_version("rig_calibrations"))
    stereo = find_pairs(desk, "desk")
    assert {p.first.sensor for p in stereo.pairs} == {"right"}
    rows = refresh_depth(desk, "desk").rows
    assert {r["sensor"] for r in rows} == {"right"}
    assert np.median([r["median_depth_m"] for r in rows]) == pytest.approx(1, abs=0.1)


def test_depth_is_traced_to_its_pictures_and_calibration_and_back(desk):
    (row, _) = refresh_depth(desk, "desk").rows
    found = trace(desk, "depth", row["depth_map_id"])["upstream"]
    frames = {content_id("desk", sensor, 0) for sensor in ("left", "right")}
    assert {f["frame_id"] for f in found["frames"]} == frames
    assert {c["calibration_id"] for c in found["calibrations"]} == {
        content_id("stated", "desk", sensor) for sensor in ("left", "right")
    }
    for frame_id in frames:
        (map_,) = trace(desk, "frame", frame_id)["downstream"]["depth_maps"]
        assert map_["depth_map_id"] == row["depth_map_id"] and "payload" not in map_


def test_near_is_red_far_is_blue_and_unknown_is_dark():
    painted = paint_depth(np.array([[500, 1000, 0]], np.uint16))
    near, far, unknown = painted[0].astype(int)
    assert near[0] > near[2] and far[2] > far[0] and unknown.max() < 40


def test_the_asset_shows_depth_beside_the_image_and_epipolar_lines(desk, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["desk"])
        done = dg.materialize(
            [depth],
            resources={"catalog": desk, "workspace": Workspace(tmp_path)},
            partition_key="desk",
            instance=instance,
            selection=[depth],
        )
        (made,) = done.asset_materializations_for_node("reconstruction__depth")
    for name in ("depth beside the image", "epipolar lines"):
        assert "data:image/jpeg" in made.metadata[name].value
    assert made.metadata["made anew"].value == NUM_VIEWS
    assert "left, right" in made.metadata["cameras"].value
    shown = Pillow.open(io.BytesIO(draw_epipolar_lines(desk, "desk")))
    assert shown.size[0] == 960
    assert {r["capture_id"] for r in read_figures(desk, "desk")} == {CAPTURE}


def test_a_net_takes_the_place_of_semi_global_matching_until_it_is_named_no_more(
    desk, tmp_path
):
    """12 px at 1 m, 24 px at 0.5 m: whole numbers, as the net knows no others."""
    net = StereoNet(write_stereo_net(tmp_path / "net.onnx"))
    done = refresh_depth(desk, "desk", net=net)
    assert done.num_made == NUM_VIEWS
    for row in desk.read_latest("depth_maps").to_pylist():
        assert (row["net_sha256"], row["num_disparities"]) == (net.sha256, None)
        found = decode_depth(row["payload"]) * row["depth_m_per_unit"]
        assert np.median(found[90:115, 40:150]) == pytest.approx(1.0, abs=1e-3)
        assert np.median(found[35:75, 85:125]) == pytest.approx(0.5, abs=1e-3)
        assert row["sensor_off_px"] < 0.01 and row["median_confidence"] > 0.9
    assert not stops_flow(gate_session(desk, "depth_maps", "desk"))
    assert refresh_depth(desk, "desk", net=net).num_made == 0
    done = refresh_depth(desk, "desk")
    assert done.num_made == NUM_VIEWS
    assert {r["net_sha256"] for r in done.rows} == {None}
