"""A session calibrated from drawn pictures of a board: rows, lineage, nothing done twice, and what cannot be done."""

from __future__ import annotations

import hashlib

import cv2
import dagster as dg
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assets.partitions import sessions
from assets.reconstruction.board_pictures import (
    BoardPicture,
    choose_views,
    find_boards_of_folder,
)
from assets.reconstruction.defs import rig_calibration
from assets.reconstruction.rig_calibration import (
    calibrate_session,
    choose_plan,
    read_plan,
)
from assets.reconstruction.rig_fits import find_calibration, fit_session
from assets.reconstruction.rig_rows import make_rows, measure_coverage, measure_pattern
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.geometry.camera import Camera

SIZE_PX = (320, 240)
CAMERA = Camera(SIZE_PX, (260.0, 260.0), (159.5, 119.5))
BOARD = "chessboard:6x5:20mm"
BASELINE_M = 0.05
NUM_VIEWS = 6
PX_PER_M = 2000


def draw_view(camera_from_board: np.ndarray) -> bytes:
    """PNG of the board, 7x6 squares of 20 mm, where a pinhole camera would see it."""
    cells = np.indices((6, 7)).sum(axis=0) % 2
    side = round(0.02 * PX_PER_M)
    page = np.pad(
        np.kron(cells * 215 + 20, np.ones((side, side))), side, constant_values=235
    )
    # pixel centres of the page to metres, whose zero is the first inner corner, two sides in
    start = (0.5 - 2 * side) / PX_PER_M
    metres = np.array([[1 / PX_PER_M, 0, start], [0, 1 / PX_PER_M, start], [0, 0, 1]])
    plane = CAMERA.matrix @ camera_from_board[:3, [0, 1, 3]] @ metres
    image = cv2.warpPerspective(
        page.astype(np.uint8), plane, SIZE_PX, flags=cv2.INTER_AREA, borderValue=235
    )
    return cv2.imencode(".png", cv2.GaussianBlur(image, (3, 3), 0.7))[1].tobytes()


@pytest.fixture(scope="module")
def pictures() -> dict[tuple[str, int], bytes]:
    """PNGs by camera and view; the second camera sits 50 mm to the right."""
    rng = np.random.default_rng(3)
    drawn = {}
    for view in range(NUM_VIEWS):
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_rotvec(
            rng.uniform(-0.5, 0.5, 3) * [1, 1, 0.3]
        ).as_matrix()
        pose[:3, 3] = [
            rng.uniform(-0.09, 0.0),
            rng.uniform(-0.08, -0.01),
            rng.uniform(0.26, 0.34),
        ]
        drawn["left", view] = draw_view(pose)
        pose[0, 3] -= BASELINE_M
        drawn["right", view] = draw_view(pose)
    return drawn


@pytest.fixture
def stored(catalog: Catalog, frame_row, pictures) -> Catalog:
    """The pictures as a published session "board"."""
    rows = []
    for (sensor, view), payload in pictures.items():
        row = frame_row(f"{sensor} {view}", 0, "board")
        sha256 = hashlib.sha256(payload).hexdigest()
        facts = {
            "sensor": sensor,
            "sequence": view,
            "payload": payload,
            "sha256": sha256,
        }
        rows.append(
            row
            | facts
            | {
                "width_px": 320,
                "height_px": 240,
                "source_path": f"{sensor}{view:02}.png",
            }
        )
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "board", catalog.latest_version("frames"))
    return catalog


def test_a_drawn_rig_has_its_focal_length_and_baseline_and_its_rows_pass_the_gates(
    stored,
):
    done = calibrate_session(stored, "board", read_plan(BOARD, "none"))
    left, right = sorted(done.cameras, key=lambda c: c["sensor"])
    for camera in (left, right):
        assert camera["num_found"] == NUM_VIEWS and camera["rms_px"] < 0.25
        assert abs(camera["fx_px"] - 260) < 4 * camera["parameter_sigmas"][0] + 1.0
        names = camera["parameter_names"]
        assert (
            len(camera["covariance"])
            == len(names) ** 2
            == len(camera["parameter_sigmas"]) ** 2
        )
    assert np.linalg.norm(right["rig_from_camera"][:3]) == pytest.approx(
        BASELINE_M, rel=0.01
    )
    assert left["rig_from_camera"] == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    verdicts = [
        v
        for t in ("rig_calibrations", "board_views")
        for v in gate_session(stored, t, "board")
    ]
    assert not stops_flow(verdicts), [v.summary for v in verdicts if v.stops]
    assert len(stored.read("rig_calibrations")) == 2


def test_every_picture_has_a_row_that_names_its_frame_and_its_place(stored):
    calibrate_session(stored, "board", read_plan(BOARD, "none"))
    views = stored.read_latest("board_views").to_pylist()
    frames = set(stored.read_latest("frames", ["frame_id"])["frame_id"].to_pylist())
    assert {v["frame_id"] for v in views} == frames
    assert sorted(v["view"] for v in views) == sorted([*range(NUM_VIEWS)] * 2)
    for v in views:
        assert len(v["pixels"]) == len(v["residuals"]) == 2 * v["num_points"] == 60
        assert 0.2 < v["rig_from_board"][2] < 0.4 and len(v["board_sigmas"]) == 6


def test_what_is_done_is_not_done_again_until_pictures_or_board_change(stored):
    plan = read_plan(BOARD, "none")
    assert calibrate_session(stored, "board", plan).is_new
    version = stored.latest_version("rig_calibrations")
    again = calibrate_session(stored, "board", choose_plan(stored, "board", "", ""))
    assert not again.is_new and stored.latest_version("rig_calibrations") == version
    assert calibrate_session(stored, "board", read_plan(BOARD, "plumb_bob")).is_new
    assert len(stored.read_latest("rig_calibrations")) == 2


def test_a_session_without_the_board_has_rows_that_say_so_and_is_held(stored):
    done = calibrate_session(stored, "board", read_plan("chessboard:8x7:20mm"))
    assert {c["reason"] for c in done.cameras} == {
        "no picture shows the board chessboard:8x7:20mm"
    }
    assert all(c["fx_px"] is None and c["rms_px"] is None for c in done.cameras)
    assert stops_flow(gate_session(stored, "rig_calibrations", "board"))
    assert len(stored.read("rig_calibrations")) == 0


def test_what_cannot_be_asked_is_refused(catalog):
    with pytest.raises(ValueError, match="there is no session 'monday'"):
        calibrate_session(catalog, "monday", read_plan(BOARD))
    with pytest.raises(ValueError, match="there is no session 'monday'"):
        choose_plan(catalog, "monday", "", "")
    with pytest.raises(ValueError, match="lens 'fov' is not known: one of plumb_bob"):
        read_plan(BOARD, "fov")


def test_a_first_calibration_without_a_board_is_refused(stored):
    with pytest.raises(ValueError, match="nothing says which board board shows"):
        choose_plan(stored, "board", "", "")


def test_the_asset_shows_cameras_worst_views_and_residuals(stored):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["board"])
        config = {
            "ops": {
                "reconstruction__rig_calibration": {
                    "config": {"board": BOARD, "lens": "none"}
                }
            }
        }
        run = dg.materialize(
            [rig_calibration], resources={"catalog": stored}, instance=instance, partition_key="board",
            run_config=config, selection=[rig_calibration],
        )  # fmt: skip
    (made,) = run.asset_materializations_for_node("reconstruction__rig_calibration")
    assert (
        "left00.png" in str(made.metadata)
        or "left0" in made.metadata["worst views"].value
    )
    assert (
        "260" in made.metadata["cameras"].value
        or "25" in made.metadata["cameras"].value
    )
    for name in ("residuals by place", "residuals by view"):
        assert "data:image" in made.metadata[name].value


def test_a_folder_is_calibrated_without_being_taken_in(tmp_path, pictures):
    for (sensor, view), payload in pictures.items():
        (tmp_path / f"{sensor}{view:02}.png").write_bytes(payload)
    (tmp_path / "left99.png").write_bytes(pictures["left", 0][:200])
    folder = Folder(str(tmp_path))
    plan = read_plan(BOARD, "none")
    seen, refused = find_boards_of_folder(folder, list(folder.files()), plan.board)
    assert [r.path for r in refused] == ["left99.png"]
    left, right = make_rows(plan, seen).cameras
    assert (left["num_pictures"], left["num_found"], right["reason"]) == (
        NUM_VIEWS,
        NUM_VIEWS,
        None,
    )


def test_the_shared_chessboards_have_the_published_focal_length_and_the_known_baseline(
    test_data,
):
    """OpenCV publishes fx = 535.916 for the left camera; 3.34 squares were measured between both."""
    folder = Folder(str(test_data("calibration/opencv_stereo_chessboard")))
    files = [f for f in folder.files() if f.path.endswith(".jpg")]
    plan = read_plan("chessboard:9x6")
    seen, _ = find_boards_of_folder(folder, files, plan.board)
    left, right = make_rows(plan, seen).cameras
    assert (
        left["num_found"] == right["num_found"] == 13
        and left["length_unit"] == "square"
    )
    assert left["rms_alone_px"] <= 0.41 and left["rms_px"] <= 0.42
    assert left["fx_px"] == pytest.approx(535.916, rel=0.005)
    assert np.linalg.norm(right["rig_from_camera"][:3]) == pytest.approx(3.34, rel=0.01)


def picture(
    sensor: str, t_ns: int | None, path: str = "", size: tuple[int, int] = (4, 3)
) -> BoardPicture:
    return BoardPicture(f"{sensor}{t_ns}{path}", "one", sensor, t_ns, path, size, "")


def test_stamped_pictures_of_one_time_are_one_view_and_late_ones_their_own():
    ms = 1_000_000
    chosen = choose_views(
        [picture("left", t * ms) for t in (0, 100, 200)]
        # 20 ms is less than a quarter of the step of 100, 40 is more
        + [picture("right", t * ms) for t in (20, 140)]
    )
    assert [(p.view, p.sensor, p.t_ns // ms) for p in chosen] == [
        (0, "left", 0), (0, "right", 20), (1, "left", 100), (2, "right", 140), (3, "left", 200),
    ]  # fmt: skip


def test_pictures_without_a_time_are_of_one_view_by_their_paths():
    paths = {
        "left": ("left01.jpg", "left/02.jpg"),
        "right": ("right01.jpg", "right/02.jpg"),
    }
    chosen = choose_views(
        [picture(s, None, path) for s, found in paths.items() for path in found]
    )
    assert [(p.view, p.path) for p in chosen] == [
        (0, "left01.jpg"), (0, "right01.jpg"), (1, "left/02.jpg"), (1, "right/02.jpg"),
    ]  # fmt: skip


def test_pictures_of_another_size_are_left_out():
    odd = picture("left", 300, size=(8, 6))
    assert odd.name not in {
        p.name for p in choose_views([picture("left", 0), picture("left", 100), odd])
    }


def test_coverage_and_pattern_by_hand():
    # the middle of one part of 48
    assert measure_coverage(
        np.array([[10.0, 10.0], [12.0, 12.0]]), (80, 60)
    ) == pytest.approx(1 / 48)
    pixels = np.tile([[5.0, 5.0]], (20, 1))
    shared = np.tile([[0.3, -0.4]], (20, 1))
    assert measure_pattern(pixels, shared, (80, 60)) == pytest.approx(0.5)
    apart = np.tile([[0.5, 0.0], [-0.5, 0.0]], (10, 1))
    assert measure_pattern(pixels, apart, (80, 60)) == 0.0
    assert measure_pattern(pixels[:3], shared[:3], (80, 60)) is None


def test_the_newest_calibration_with_two_of_the_cameras_counts(stored):
    assert find_calibration(stored, {"left", "right"}) == []
    calibrate_session(stored, "board", read_plan(BOARD, "none"))
    gate_session(stored, "rig_calibrations", "board")
    assert [
        r["sensor"] for r in find_calibration(stored, {"left", "right", "top"})
    ] == ["left", "right"]
    assert find_calibration(stored, {"left"}) == []
    (row,) = fit_session(stored, "board")
    assert (row["sensor"], row["reason"]) == ("right", "these frames carry no time")
    assert row["rig_fit_id"] == content_id("rig fit", row["capture_id"], "right")
