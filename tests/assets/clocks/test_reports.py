"""Clock reports of stored captures: simulated ones with and without a fault, and folders that have no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from assets.capture.defs import clock_reports
from assets.capture.intake import Intake
from assets.capture.simulate import SimulationSpec, simulate
from assets.clocks.reports import describe_evidence, read_cameras, refresh_clock_reports
from assets.partitions import sessions
from assets.storage import Folder
from assets.tables.catalog import Catalog
from checks.clocks import CLOCK_RULES
from checks.gates import gate_session
from checks.verdicts import Verdict, stops_flow

SECONDS = 2.0


@dataclass
class Taken:
    """One simulated session and its catalog."""

    catalog: Catalog
    rows: dict[str, dict]
    verdicts: dict[str, Verdict]


def take_in(source: Path, intake: Intake) -> Taken:
    intake.ingest(Folder(str(source)), "monday")
    for table in ("frames", "signals", "calibrations"):
        if intake.catalog.exists(table):
            intake.catalog.publish(
                table, "monday", intake.catalog.latest_version(table)
            )
    refresh_clock_reports(intake.catalog, "monday")
    found = intake.catalog.read_latest("clock_reports")
    verdicts = {rule.name: rule({"clock_reports": found}) for rule in CLOCK_RULES}
    return Taken(intake.catalog, {r["sensor"]: r for r in found.to_pylist()}, verdicts)


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory, open_at) -> Callable[..., Taken]:
    """take("late_clock"): a simulated capture with that shift (or fault), each made once."""
    made: dict[tuple[str | None, str | None], Taken] = {}

    def build(shift: str | None = None, fault: str | None = None) -> Taken:
        if (shift, fault) not in made:
            home = tmp_path_factory.mktemp("clocks")
            simulate(
                home / "landing",
                SimulationSpec(1, SECONDS, 3, shift=shift, fault=fault),
            )
            made[(shift, fault)] = take_in(home / "landing", open_at(home))
        return made[(shift, fault)]

    return build


def failed(taken: Taken) -> list[str]:
    return [name for name, verdict in taken.verdicts.items() if not verdict.passed]


def test_a_sound_capture_has_one_row_a_sensor_and_no_alarm(take):
    taken = take()
    assert sorted(taken.rows) == ["depth", "imu", "left", "rig", "right"]
    assert failed(taken) == []
    assert taken.rows["imu"]["rate_hz"] == pytest.approx(200.0) and taken.rows["left"][
        "rate_hz"
    ] == pytest.approx(10.0)
    right = taken.rows["right"]
    assert (
        abs(right["imu_offset_ms"]) < 5
        and abs(right["camera_offset_ms"]) < 5
        and right["tilt_deg"] < 0.3
    )
    assert right["reference_sensor"] == "left" and right["stamp_offset_ms"] == 0.0
    # only pictures in colour are looked at
    assert taken.rows["depth"]["imu_offset_ms"] is None


def test_a_late_clock_is_found_and_measured(take):
    taken = take("late_clock")
    assert failed(taken) == ["cameras_keep_the_time_of_the_imu"]
    # the simulator draws 20 to 45 ms
    assert 15 < taken.rows["left"]["imu_offset_ms"] < 50


def test_a_late_clock_holds_what_rests_on_clocks_and_not_the_pictures(take):
    sound = take().catalog
    late = take("late_clock").catalog
    assert not stops_flow(gate_session(sound, "clock_reports", "monday"))
    assert len(sound.read("clock_reports")) == 5
    assert stops_flow(gate_session(late, "clock_reports", "monday"))
    assert len(late.read("clock_reports")) == 0 and len(late.read("frames")) > 0


def test_a_knocked_camera_is_found_and_measured(take):
    taken = take("miscalibrated")
    assert failed(taken) == ["cameras_sit_where_calibrations_say"]
    # the simulator draws 1.2 to 2 degrees
    assert 1.1 < taken.rows["right"]["tilt_deg"] < 2.1


def test_dropped_frames_are_counted_and_are_no_late_clock(take):
    taken = take(fault="dropped_frames")
    assert failed(taken) == [] and taken.rows["left"]["num_dropped"] > 0


def test_what_has_not_changed_is_not_done_again(take):
    taken = take()
    done = refresh_clock_reports(taken.catalog, "monday")
    assert (done.new, done.stale, done.removed, done.total) == (0, 0, 0, 5)


def test_the_evidence_is_shown_with_its_error_or_its_reason(take):
    lines = describe_evidence(take().catalog, "monday").splitlines()
    assert (
        len(lines) == 4
        and "| left |" in lines[2]
        and "±" in lines[2]
        and lines[3].count("±") == 3
    )


def test_the_asset_says_what_it_did_and_what_it_found(take):
    catalog = take().catalog
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["monday"])
        done = dg.materialize(
            [clock_reports],
            partition_key="monday",
            instance=instance,
            resources={"catalog": catalog},
        )
    (event,) = done.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["dagster/row_count"].value == 5
    assert metadata["rows"].value == "0 new, 0 stale, 0 removed, 5 in all; computed: 0"
    assert "late on the IMU" in metadata["evidence"].value


def test_images_without_a_clock_have_rows_without_figures(
    intake, write_files, make_png
):
    folder = write_files({f"{k}.png": make_png(k) for k in range(3)})
    taken = take_in(folder, intake)
    (row,) = taken.rows.values()
    assert row["num_samples"] == 3 and row["num_stamped"] == 0
    assert row["rate_hz"] is row["imu_offset_ms"] is row["tilt_deg"] is None
    assert row["imu_reason"] == "these frames carry no time"
    assert all(
        v.passed and v.num_checked == 0 and not v.figures
        for v in taken.verdicts.values()
    )


def test_real_frames_without_a_clock_have_no_verdict(intake, test_data):
    taken = take_in(test_data("domain_shift/leuven_light"), intake)
    (row,) = taken.rows.values()
    assert row["num_samples"] == 2 and row["rate_hz"] is None
    assert {v.summary for v in taken.verdicts.values()} == {
        "no verdict: these frames carry no time"
    }


FRAMES = [
    {
        "frame_id": str(k),
        "sensor": "left",
        "kind": "color",
        "t_ns": k,
        "sequence": k,
        "width_px": 320,
        "height_px": 240,
    }
    for k in range(2)
]
CALIBRATION = {
    "sensor": "left",
    "width_px": 320,
    "height_px": 240,
    "fx_px": 480.0,
    "fy_px": 480.0,
    "cx_px": 319.5,
    "cy_px": 239.5,
    "distortion_model": "plumb_bob",
    "distortion": [],
    "rig_from_camera": [0.0] * 6 + [1.0],
    "source_path": "a.mcap",
    "source_offset": 0,
    "calibration_id": "",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, "has no calibration"),
        ({"rig_from_camera": None}, "place on the rig is not known"),
        (
            {"width_px": 640, "height_px": 360},
            "for images of 640 x 360 px, these have 320 x 240",
        ),
        (
            {"distortion_model": "spherical", "distortion": [0.1]},
            "'spherical' is not known",
        ),
    ],
)
def test_a_camera_that_is_not_calibrated_says_so(change, reason):
    (stream,) = read_cameras(FRAMES, [] if change is None else [CALIBRATION | change])
    assert reason in stream.unknown and (
        stream.camera is None or stream.rig_from_camera is None
    )


def test_a_calibration_for_twice_the_size_is_scaled():
    (stream,) = read_cameras(
        FRAMES, [CALIBRATION | {"width_px": 640, "height_px": 480}]
    )
    assert stream.camera is not None and stream.camera.size_px == (320, 240)
    assert (stream.camera.focal_px, stream.camera.centre_px) == (
        (240.0, 240.0),
        (159.5, 119.5),
    )
    np.testing.assert_array_equal(stream.rig_from_camera, np.eye(4))
