"""The IMU of simulated captures, whose truth is known: found, published, made once, drawn; and captures without one."""

from __future__ import annotations

import json

import dagster as dg
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from assets.capture.simulate import SimulationSpec, simulate
from assets.clocks.reports import read_gyro
from assets.partitions import sessions
from assets.reconstruction.defs import imu_mount
from assets.reconstruction.imu_mounts import mount_session, read_mounts
from assets.reconstruction.imu_rows import read_body
from assets.retrieval.lineage import trace
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.simulation.camera import RIG_FROM_OPTICAL
from orchestration.cli import app
from tests.assets.reconstruction.conftest import store_stereo


@pytest.fixture(scope="module")
def walk(tmp_path_factory, open_at):
    """A home with the published session "walk": four seconds of the simulator's rig."""
    home = tmp_path_factory.mktemp("imu")
    spec = SimulationSpec(1, 4.0, 5, width_px=192, height_px=144, is_labelled=False)
    simulate(home / "landing", spec)
    intake = open_at(home)
    intake.ingest(Folder(str(home / "landing")), "walk")
    for table in ("frames", "signals", "calibrations"):
        intake.catalog.publish(table, "walk", intake.catalog.latest_version(table))
    return home, intake.catalog


@pytest.fixture(scope="module")
def mounted(walk):
    return mount_session(walk[1], "walk")


def test_rotations_of_both_cameras_are_within_their_errors(mounted):
    assert [r["sensor"] for r in mounted.mounts] == ["left", "right"]
    for row in mounted.mounts:
        found = Rotation.from_quat(row["imu_from_camera"])
        truth = Rotation.from_matrix(RIG_FROM_OPTICAL)
        error = (found.inv() * truth).as_rotvec()
        weighed = error @ np.linalg.solve(np.reshape(row["covariance"], (3, 3)), error)
        # 16.3: one in a thousand of three numbers
        assert weighed < 16.3 and row["sigma_deg"] < 3
        assert abs(row["lag_ms"]) < 4 * row["lag_sigma_ms"] < 20
        assert row["stated_off_deg"] == pytest.approx(
            np.degrees(np.linalg.norm(error)), abs=1e-6
        )


def test_gravity_is_within_its_error(mounted):
    (row,) = mounted.gravities
    down = np.array(row["gravity_m_s2"]) / row["size_m_s2"]
    off_deg = float(np.degrees(np.arccos(-down[2])))
    assert off_deg < 4 * row["sigma_deg"] < 1.0
    assert row["size_m_s2"] == pytest.approx(9.81, abs=4 * row["size_sigma_m_s2"])


def test_what_has_not_changed_is_not_made_again(walk, mounted):
    assert mounted.num_made == 1
    again = mount_session(walk[1], "walk")
    assert again.num_made == 0 and again.mounts == mounted.mounts


def test_the_command_tells_publishes_and_keeps_nothing_of_a_try(
    walk, mounted, monkeypatch
):
    home, catalog = walk
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    done = CliRunner().invoke(app, ["calibrate", "walk", "--imu"])
    assert done.exit_code == 0, done.output
    assert "left: x (right) (" in done.stdout and "gravity: down is (" in done.stdout
    assert len(catalog.read("imu_mounts")) == 2 and len(catalog.read("gravities")) == 1
    before = catalog.latest_version("gravities")
    done = CliRunner().invoke(
        app, ["calibrate", "walk", "--imu", "--dry-run", "--json"]
    )
    facts = json.loads(done.stdout)
    assert not facts["kept"] and len(facts["mounts"]) == 2
    assert {c["name"] for c in facts["checks"]} >= {
        "imu_agrees_with_statement",
        "gravity_is_as_strong_as_on_earth",
    }
    assert catalog.latest_version("gravities") == before


def test_the_asset_shows_axes_and_figures(walk, mounted):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["walk"])
        done = dg.materialize(
            [imu_mount],
            partition_key="walk",
            instance=instance,
            resources={"catalog": walk[1]},
        )
    (event,) = done.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["made anew"].value == 0 and "down is" in metadata["found"].value
    assert metadata["axes"].value.startswith("![picture](data:image/png;base64,")


def test_a_capture_without_an_imu_has_rows_that_say_so_and_no_figure(catalog: Catalog):
    store_stereo(catalog)
    found = mount_session(catalog, "desk")
    reason = "the capture has no IMU with stamps"
    assert {r["reason"] for r in [*found.mounts, *found.gravities]} == {reason}
    assert {r["imu_from_camera"] for r in found.mounts} == {None}
    verdicts = [
        v for t in ("imu_mounts", "gravities") for v in gate_session(catalog, t, "desk")
    ]
    assert not stops_flow(verdicts)
    failed = {v.name for v in verdicts if not v.passed}
    assert failed == {"every_camera_has_an_imu_mount", "every_capture_has_gravity"}


def test_a_rig_that_stands_still_is_a_reason_and_no_number(catalog: Catalog):
    store_stereo(catalog)
    rng = np.random.default_rng(0)
    capture_id = catalog.read("frames", ["capture_id"])["capture_id"][0].as_py()
    rows = [
        row
        for i in range(400)
        for row in still_signals(capture_id, i, rng.normal(0, 1e-3, 6))
    ]
    catalog.merge("signals", to_table(TABLES["signals"], rows))
    catalog.publish("signals", "desk", catalog.latest_version("signals"))
    (gravity,) = mount_session(catalog, "desk").gravities
    assert "the rig stands still" in gravity["reason"]
    assert gravity["gravity_m_s2"] is None and gravity["sigma_deg"] is None


@pytest.mark.parametrize(
    ("frame", "is_known"),
    [("base", True), ("camera", True), (None, True), ("imu_link", False)],
)
def test_an_imu_in_a_frame_that_no_transform_knows_sits_nobody_knows_how(
    catalog: Catalog, frame, is_known
):
    rows = [
        row | {"frame_of_reference": frame}
        for i in range(60)
        for row in still_signals("0" * 32, i, np.zeros(6))
        if row["kind"] == "imu"
    ]
    transform = {
        "signal_id": content_id("transform"),
        "kind": "transform",
        "values": [0.0, 0, 0, 0, 0, 0, 1],
        "frame_of_reference": "base",
        "child_frame": "camera",
    }
    rows.append(rows[0] | transform)
    catalog.merge("signals", to_table(TABLES["signals"], rows))
    catalog.publish("signals", "desk", catalog.latest_version("signals"))
    gyro = read_gyro(catalog, "0" * 32)
    assert gyro is not None and (gyro.rig_from_gyro is not None) == is_known


def test_of_a_topic_with_several_bodies_the_one_with_most_poses_counts_alone(
    catalog: Catalog,
):
    ends = [("map", "rig", 5, 1.0), ("map", "drone", 9, 2.0), ("odom", "rig", 7, 3.0)]
    pose = still_signals("0" * 32, 0, np.zeros(6))[1]
    rows = [
        pose
        | {
            "signal_id": content_id(frame, body, i),
            "t_ns": 10_000 * i,
            "values": [x_m, 0.0, 0, 0, 0, 0, 1],
            "frame_of_reference": frame,
            "child_frame": body,
        }
        for frame, body, count, x_m in ends
        for i in range(count)
    ]
    rows[-1]["values"] = [0.0] * 7  # lost: no pose
    catalog.merge("signals", to_table(TABLES["signals"], rows))
    catalog.publish("signals", "desk", catalog.latest_version("signals"))
    body = read_body(catalog, "0" * 32)
    assert body is not None and len(body.t_ns) == 9
    assert set(body.position_m[:, 0]) == {2.0}


def still_signals(capture_id: str, i: int, noise: np.ndarray) -> list[dict]:
    """A sample of an IMU at rest and a pose of a body that stays, 5 ms after those before."""
    values = {
        "imu": (np.array([0, 0, 0, 0, 0, 9.81]) + noise).tolist(),
        "pose": [0.0, 0, 0, 0, 0, 0, 1],
    }
    return [
        plain_row("signals", {})
        | {
            "signal_id": content_id(kind, i),
            "capture_id": capture_id,
            "session": "desk",
            "sensor": kind,
            "kind": kind,
            "t_ns": 5_000_000 * i,
            "values": numbers,
        }
        for kind, numbers in values.items()
    ]


def test_a_session_that_is_not_there_is_a_mistake(catalog: Catalog):
    with pytest.raises(ValueError, match="monday has no published frame or signal"):
        mount_session(catalog, "monday")


def test_rows_of_a_capture_that_is_gone_go_with_it(catalog: Catalog):
    store_stereo(catalog)
    (row,) = mount_session(catalog, "desk").gravities
    other = {"gravity_id": content_id("other"), "capture_id": content_id("gone")}
    catalog.upsert("gravities", to_table(TABLES["gravities"], [row | other]))
    assert len(read_mounts(catalog, "desk").gravities) == 2
    assert mount_session(catalog, "desk").gravities == [row]


def test_lineage_leads_from_a_mount_to_its_capture_and_back(walk, mounted):
    row = mounted.mounts[0]
    found = trace(walk[1], "mount", row["imu_mount_id"])
    assert found["upstream"]["capture"]["capture_id"] == row["capture_id"]
    (gravity,) = mounted.gravities
    assert trace(walk[1], "gravity", gravity["gravity_id"])["upstream"]["capture"]
    after = trace(walk[1], "capture", row["capture_id"])["downstream"]
    assert {r["sensor"] for r in after["imu_mounts"]} == {"left", "right"}
    assert len(after["gravities"]) == 1
