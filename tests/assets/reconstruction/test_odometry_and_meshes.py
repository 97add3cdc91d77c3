"""The path and the mesh of a session beside a known room: rows, nothing twice, lineage, and what cannot be done."""

from __future__ import annotations

import hashlib
import json

import cv2
import dagster as dg
import numpy as np
import pytest

from assets.partitions import sessions
from assets.ply import read_ply, write_ply
from assets.reconstruction.defs import mesh as mesh_asset
from assets.reconstruction.defs import odometry as odometry_asset
from assets.reconstruction.mesh_export import export_meshes
from assets.reconstruction.mesh_pictures import (
    draw_meshes,
    draw_path,
    list_meshes,
    list_path,
)
from assets.reconstruction.meshes import load_mesh, refresh_meshes
from assets.reconstruction.odometry import refresh_odometry, try_odometry
from assets.reconstruction.rgbd_streams import find_streams
from assets.retrieval.lineage import trace
from assets.retrieval.rerun_export import export_session
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.fusion.poses import from_numbers, invert, to_numbers
from models.geometry.camera_conventions import from_nerfstudio
from tests.models.fusion.conftest import CAMERA, WALLS, draw, walk

NUM = 6
CAPTURE = content_id("room")
VOXEL_M = 0.03


def store_room(
    catalog: Catalog,
    session: str = "room",
    kinds: tuple[str, ...] = ("depth", "color"),
    calibrated: bool = True,
    color_px: tuple[int, int] = (160, 120),
    m_per_unit: float | None = 0.001,
    blind: tuple[int, ...] = (),
    odd: int | None = None,
    given_scale: float = 1.0,
    count: int = NUM,
) -> Catalog:
    """Publish depth and colours of a walk without a clock, and its poses; `given_scale` of what these say of metres."""
    frames, signals = [], []
    poses = walk(count)
    for number, pose in enumerate(poses):
        depth_m, rgb = draw(pose)
        units = np.round(depth_m * 1000).astype(np.uint16)
        pictures = {
            "depth": np.zeros_like(units) if number in blind else units,
            "color": cv2.resize(rgb[..., ::-1], color_px),
        }
        for kind in kinds:
            payload = cv2.imencode(".png", pictures[kind])[1].tobytes()
            width, height = color_px if kind == "color" else CAMERA.size_px
            if kind == "depth" and number == odd:
                width, height = width // 2, height // 2
            facts = {
                "frame_id": content_id(session, kind, number),
                "capture_id": CAPTURE,
                "session": session,
                "sensor": kind,
                "kind": kind,
                "depth_m_per_unit": m_per_unit if kind == "depth" else None,
                "t_ns": None,
                "sequence": number,
                "width_px": width,
                "height_px": height,
                "encoding": "png",
                "payload": payload,
                "sha256": hashlib.sha256(payload).hexdigest(),
                "source_path": f"{kind}/{number}.png",
            }
            frames.append(plain_row("frames", {}) | facts)
        pose = pose.copy()
        pose[:3, 3] *= given_scale
        facts = {
            "signal_id": content_id(session, "pose", number),
            "capture_id": CAPTURE,
            "session": session,
            "sensor": "camera",
            "kind": "pose",
            "t_ns": None,
            "sequence": number,
            "values": to_numbers(pose),
            "frame_of_reference": "world",
            "child_frame": "camera",
        }
        signals.append(plain_row("signals", {}) | facts)
    calibrations = [
        plain_row("calibrations", {})
        | {
            "calibration_id": content_id(session, "calibration"),
            "capture_id": CAPTURE,
            "session": session,
            "sensor": "depth",
            "width_px": 160,
            "height_px": 120,
            "fx_px": 130.0,
            "fy_px": 130.0,
            "cx_px": 79.5,
            "cy_px": 59.5,
            "distortion_model": "none",
            "distortion": [],
            "rig_from_camera": None,
        }
    ] * calibrated
    tables = {"frames": frames, "signals": signals, "calibrations": calibrations}
    for name, rows in tables.items():
        catalog.merge(name, to_table(TABLES[name], rows))
        if rows:
            catalog.publish(name, session, catalog.latest_version(name))
    return catalog


@pytest.fixture
def room(catalog: Catalog) -> Catalog:
    return store_room(catalog)


def make_all(catalog: Catalog) -> tuple[list[dict], list[dict]]:
    path = refresh_odometry(catalog, "room").rows
    assert not stops_flow(gate_session(catalog, "odometry", "room"))
    meshes = refresh_meshes(catalog, "room", VOXEL_M).rows
    assert not stops_flow(gate_session(catalog, "meshes", "room"))
    return path, meshes


def test_path_and_mesh_of_a_room_are_what_they_are_and_nothing_is_done_twice(
    room, tmp_path
):
    path, (row,) = make_all(room)
    for number, (pose, found) in enumerate(zip(walk(NUM), path, strict=True)):
        off = invert(pose) @ from_numbers(found["world_from_camera"])
        assert np.linalg.norm(off[:3, 3]) < 0.004, number
        assert found["part"] == 0 and found["given_off_m"] < 0.004
        assert found["color_frame_id"] == content_id("room", "color", number)
        covariance = np.reshape(found["covariance"], (6, 6))
        assert np.isfinite(covariance).all() and np.allclose(covariance, covariance.T)
    mesh = load_mesh(room, row)
    off = np.abs(mesh.vertices[:, None] - WALLS[None]).min(axis=(1, 2))
    assert np.median(off) < 0.005
    assert row["num_triangles"] == len(mesh.triangles) and row["num_frames"] == NUM
    assert row["z_max_m"] == pytest.approx(WALLS[1, 2], abs=0.05)
    assert row["median_off_m"] < VOXEL_M / 2
    assert write_ply(read_ply(write_ply(mesh))) == write_ply(mesh)

    assert refresh_odometry(room, "room").num_made == 0
    assert refresh_meshes(room, "room", VOXEL_M).num_made == 0
    assert refresh_meshes(room, "room", 2 * VOXEL_M).num_made == 1
    assert refresh_meshes(room, "room", VOXEL_M).num_made == 1

    # traced to its frames, and back
    found = trace(room, "mesh", row["mesh_id"])["upstream"]
    assert len(found["poses"]) == NUM and len(found["frames"]) == 2 * NUM
    for kind in ("depth", "color"):
        after = trace(room, "frame", content_id("room", kind, 2))["downstream"]
        assert [m["mesh_id"] for m in after["meshes"]] == [row["mesh_id"]]

    # what other programs read
    export_meshes(room, "room", tmp_path / "ply", "ply")
    (file,) = (tmp_path / "ply").iterdir()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == row["blob_sha256"]
    counts = export_meshes(room, "room", tmp_path / "nerf", "nerfstudio")
    assert counts == {"meshes": 1, "images": NUM}
    whole = json.loads((tmp_path / "nerf" / "transforms.json").read_text())
    for stored, frame in zip(path, whole["frames"], strict=True):
        camera, pose = from_nerfstudio(whole | frame)
        assert camera.focal_px == (130.0, 130.0)
        assert pose == pytest.approx(from_numbers(stored["world_from_camera"]))
        assert cv2.imread(str(tmp_path / "nerf" / frame["file_path"])).shape == (
            120,
            160,
            3,
        )
        depth = cv2.imread(str(tmp_path / "nerf" / frame["depth_file_path"]), -1)
        assert depth.dtype == np.uint16 and depth.min() > 500
    export_meshes(room, "room", tmp_path / "colmap", "colmap")
    import pycolmap

    model = pycolmap.Reconstruction(str(tmp_path / "colmap" / "sparse" / "0"))
    assert model.num_reg_images() == NUM and model.num_points3D() > 1000
    capture = {"capture_id": CAPTURE, "session": "room", "path": "room"}
    row_of_capture = plain_row("captures", {}) | capture
    room.merge("captures", to_table(TABLES["captures"], [row_of_capture]))
    counts = export_session(room, "room", tmp_path / "room.rrd")
    assert counts["meshes"] == 1 and counts["depth_images"] == NUM
    # the path is another one by now
    room.delete("odometry", f"frame_id = '{content_id('room', 'depth', NUM - 1)}'")
    room.publish("odometry", "room", room.latest_version("odometry"))
    with pytest.raises(ValueError, match="not the one that its mesh was made of"):
        export_meshes(room, "room", tmp_path / "late", "colmap")
    assert refresh_odometry(room, "room").num_made == NUM
    with pytest.raises(ValueError, match="form 'obj' is not known"):
        export_meshes(room, "room", tmp_path / "obj", "obj")

    # a blob that is gone is made again
    room.blobs.folder.fs.rm(room.blobs._path(row["blob_sha256"]))
    assert refresh_meshes(room, "room", VOXEL_M).num_made == 1
    assert room.blobs.matches(row["blob_sha256"])


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"kinds": ("color",)}, "no depth image"),
        ({"calibrated": False}, "depth: the camera has no calibration"),
        ({"odd": 2}, "depth images of several sizes: 80 x 60, 160 x 120 px"),
        ({"m_per_unit": None}, "nobody says how many metres a unit of its depth is"),
        ({"color_px": (200, 150)}, "160 x 120 px, pictures of color 200 x 150 px"),
        ({"blind": tuple(range(NUM))}, "depth in only 0 % of the picture"),
    ],
)
def test_what_gives_no_path_has_rows_that_say_why_and_blocks(catalog, facts, reason):
    store_room(catalog, **facts)
    rows = refresh_odometry(catalog, "room").rows
    assert all(reason in r["reason"] and r["world_from_camera"] is None for r in rows)
    verdicts = gate_session(catalog, "odometry", "room")
    stops = [v.name for v in verdicts if v.stops]
    assert stops == ["every_depth_camera_has_a_path", "frames_are_tracked"]
    (mesh,) = refresh_meshes(catalog, "room").rows
    assert reason in mesh["reason"] and mesh["blob_sha256"] is None
    stops = [v.name for v in gate_session(catalog, "meshes", "room") if v.stops]
    assert stops == ["every_path_has_a_mesh"]
    assert draw_path(rows) is draw_meshes(catalog, [mesh]) is None
    assert reason in list_path(rows) and reason in list_meshes([mesh])


def test_depth_without_colours_has_a_path_and_a_mesh(catalog, tmp_path):
    store_room(catalog, kinds=("depth",))
    path, (row,) = make_all(catalog)
    assert {r["color_frame_id"] for r in path} == {None}
    assert row["num_triangles"] > 1000
    with pytest.raises(ValueError, match="no frame of the path has a picture"):
        export_meshes(catalog, "room", tmp_path / "out", "nerfstudio")
    assert not (tmp_path / "out").exists()


def test_a_stated_pose_without_a_turn_is_none_and_other_poses_make_it_anew(room):
    before = refresh_odometry(room, "room").rows
    where = f"signal_id = '{content_id('room', 'pose', 2)}'"
    (row,) = room.read("signals", where=where).to_pylist()
    lost = row | {"values": [0.0] * 7}
    room.upsert("signals", to_table(TABLES["signals"], [lost]))
    room.publish("signals", "room", room.latest_version("signals"))
    done = refresh_odometry(room, "room")
    assert done.num_made == NUM and before[2]["given_off_m"] is not None
    assert [r["given_off_m"] is None for r in done.rows] == [n == 2 for n in range(NUM)]


def test_stated_poses_of_another_scale_are_contradicted(catalog):
    store_room(catalog, given_scale=4.0, count=8)
    refresh_odometry(catalog, "room")
    verdicts = {v.name: v for v in gate_session(catalog, "odometry", "room")}
    failed = verdicts["path_agrees_with_given_poses"]
    assert not failed.passed and failed.figures["rms_off_m"] > 0.05


def test_frames_that_are_gone_take_their_poses_with_them_and_make_the_path_anew(room):
    refresh_odometry(room, "room")
    room.delete("frames", f"frame_id = '{content_id('room', 'depth', NUM - 1)}'")
    room.publish("frames", "room", room.latest_version("frames"))
    done = refresh_odometry(room, "room")
    assert len(done.rows) == done.num_made == NUM - 1


def test_a_try_keeps_nothing(room):
    rows, count = try_odometry(room, "room")
    assert len(rows) == count == NUM and rows[0]["part"] == 0
    assert not room.exists("odometry") or not len(room.read_latest("odometry"))


def test_a_sensor_without_a_path_has_one_row_which_is_written_once(room):
    where = "session = 'room' AND kind = 'depth'"
    columns = ["frame_id", "capture_id", "session", "sensor"]
    frames = room.read("frames", columns, where).to_pylist()
    rows = [
        plain_row("odometry", {**frame, "odometry_id": content_id(frame["frame_id"])})
        | {"part": None, "reason": "too few points"}
        for frame in frames
    ]
    room.upsert("odometry", to_table(TABLES["odometry"], rows))
    (lost,) = refresh_meshes(room, "room").rows
    assert lost["reason"] == "no path: too few points" and lost["part"] is None
    version = room.latest_version("meshes")
    assert refresh_meshes(room, "room").rows == [lost]
    assert room.latest_version("meshes") == version


def test_a_rectified_depth_beside_a_bent_picture_has_no_path_without_their_places(
    room,
):
    restate(room, color={"distortion_model": "plumb_bob", "distortion": [-0.2] + [0.0] * 4})  # fmt: skip
    (stream,) = find_streams(room, "room")
    assert stream.cameras is None and stream.color_sensor == "color"
    assert "color have another distortion than depth images of depth" in stream.reason
    restate(room, color={"distortion_model": "plumb_bob", "distortion": [0.0] * 5})
    (stream,) = find_streams(room, "room")
    assert stream.reason is None and stream.cameras.color is None, "laid on it"


def restate(catalog: Catalog, **by_sensor: dict) -> None:
    """The calibration of the depth camera for another sensor too, with some facts changed."""
    (depth,) = catalog.read("calibrations", where="sensor = 'depth'").to_pylist()
    rows = [
        depth | {"calibration_id": content_id(sensor), "sensor": sensor} | facts
        for sensor, facts in by_sensor.items()
    ]
    catalog.upsert("calibrations", to_table(TABLES["calibrations"], rows))
    catalog.publish("calibrations", "room", catalog.latest_version("calibrations"))


def test_given_poses_are_those_of_the_camera_in_the_frame_that_has_most(room):
    """One topic tells of a camera in two frames of reference, and of another body more often than both."""
    (first, *_) = room.read("signals", where="sequence = 0").to_pylist()
    rows = [
        first
        | {
            "signal_id": content_id(frame, body, n),
            "sequence": n,
            "values": [x_m, 0.0, 0, 0, 0, 0, 1],
            "frame_of_reference": frame,
            "child_frame": body,
        }
        for frame, body, count, x_m in [
            ("map", "camera", 2, 5.0),
            ("map", "drone", 6, 7.0),
        ]
        for n in range(count)
    ]
    room.upsert("signals", to_table(TABLES["signals"], rows))
    room.publish("signals", "room", room.latest_version("signals"))
    (stream,) = find_streams(room, "room")
    for frame, pose in zip(stream.frames, walk(NUM), strict=True):
        assert np.allclose(frame.given, pose, atol=1e-6)


def test_mistakes_are_told_with_a_remedy(room):
    with pytest.raises(ValueError, match="nowhere has no published frame"):
        refresh_odometry(room, "nowhere")
    with pytest.raises(ValueError, match="room has no path: materialise"):
        refresh_meshes(room, "room")
    with pytest.raises(ValueError, match=r"voxels of 0\.1 mm: give 0\.5 to 1000 mm"):
        refresh_meshes(room, "room", 0.0001)
    with pytest.raises(ValueError, match="no mesh that was written here"):
        read_ply(b"ply\nformat ascii 1.0\nend_header\n")


def test_the_assets_show_the_path_and_the_mesh_from_three_sides(room):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["room"])
        done = dg.materialize(
            [odometry_asset, mesh_asset],
            resources={"catalog": room},
            partition_key="room",
            instance=instance,
            run_config={
                "ops": {"reconstruction__mesh": {"config": {"voxel_mm": 40.0}}}
            },
        )
        (path,) = done.asset_materializations_for_node("reconstruction__odometry")
        (mesh,) = done.asset_materializations_for_node("reconstruction__mesh")
    assert "data:image/jpeg" in path.metadata["path from above"].value
    assert "data:image/jpeg" in mesh.metadata["from three sides"].value
    assert "6 of 6" in path.metadata["cameras"].value
    assert "| 40 |" in mesh.metadata["meshes"].value
    assert find_streams(room, "room")[0].color_sensor == "color"
