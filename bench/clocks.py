"""How often do the clock checks find a late clock or a turned camera, and how often do they alarm on a sound capture?

Each seed is a simulated capture, read by the MCAP reader and judged by the rules of the gate. Late clocks and turned
cameras come from the simulator (20 to 45 ms, 1.2 to 2 degrees), and, at exactly the size that must be found, by moving
the stamps of the second camera by 20 ms or its stated pose by 1 degree about a random axis. Found: the check warns or
blocks; blocked: it stops what rests on clocks. Run: python bench/clocks.py [--seeds 50] [--seconds 4] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assets.capture.simulate import SimulationSpec, simulate
from assets.clocks.evidence import CameraStream, Gray, Gyro, gather_evidence
from assets.clocks.reports import read_cameras
from assets.formats import plan_session, read_capture
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    SignalObservation,
)
from assets.images import decode_luma
from assets.storage import Folder
from assets.tables.schemas import TABLES, content_id, to_table
from checks.clocks import CLOCK_RULES
from checks.verdicts import Verdict

IMU, CAMERA, POSE = (rule.name for rule in CLOCK_RULES)
LATE_NS = 20_000_000
TURN_DEG = 1.0
Outcome = tuple[dict[str, Verdict], list[float | int | str | None]]
Change = Callable[[list[CameraStream], np.random.Generator], list[CameraStream]]


def _keep(cameras: list[CameraStream], rng: np.random.Generator) -> list[CameraStream]:
    return cameras


def _delay_second(
    cameras: list[CameraStream], rng: np.random.Generator
) -> list[CameraStream]:
    first, second = cameras
    return [
        first,
        replace(second, t_ns=second.t_ns + int(rng.choice([-1, 1])) * LATE_NS),
    ]


def _turn_second(
    cameras: list[CameraStream], rng: np.random.Generator
) -> list[CameraStream]:
    first, second = cameras
    axis = rng.normal(size=3)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(
        np.radians(TURN_DEG) * axis / np.linalg.norm(axis)
    ).as_matrix()
    assert second.rig_from_camera is not None
    return [first, replace(second, rig_from_camera=second.rig_from_camera @ turn)]


@dataclass(frozen=True)
class Fault:
    """What is done to captures of a simulated world, and which check must find it (None: it must not alarm)."""

    name: str
    shift: str | None
    must_find: str | None = None
    change: Change = _keep


FAULTS = (
    Fault("clean", None),
    Fault("late_clock (20-45 ms)", "late_clock", IMU),
    Fault("miscalibrated (1.2-2 deg)", "miscalibrated", POSE),
    Fault("second camera 20 ms off", None, CAMERA, _delay_second),
    Fault("second camera 1.0 deg off", None, POSE, _turn_second),
    Fault("dusk", "dusk"),
    Fault("sensor_noise", "sensor_noise"),
    Fault("motion_blur", "motion_blur"),
)


@dataclass(frozen=True)
class Taken:
    """One capture as its reader gives it."""

    cameras: list[CameraStream]
    gyro: Gyro
    payloads: dict[str, bytes]

    def load(self, frame_ids: Sequence[str], width_px: int) -> list[Gray]:
        """Luma of frames; simulated ones are small enough as they are."""
        return [decode_luma(self.payloads[frame_id]) for frame_id in frame_ids]


def study(seed: int, seconds: float, faults: Sequence[Fault]) -> dict[str, Outcome]:
    """What became of each fault in the world of one seed."""
    outcomes: dict[str, Outcome] = {}
    taken: dict[str | None, Taken] = {}
    for fault in faults:
        if fault.shift not in taken:
            taken[fault.shift] = _take(
                SimulationSpec(1, seconds, 1000 + seed, shift=fault.shift)
            )
        capture = taken[fault.shift]
        cameras = fault.change(capture.cameras, np.random.default_rng(seed))
        figures = gather_evidence(cameras, capture.gyro, capture.load)
        outcomes[fault.name] = (
            _judge(figures),
            [f.get("imu_offset_ms") for f in figures.values()],
        )
    return outcomes


def summarise(
    fault: Fault, outcomes: Sequence[Outcome], seconds: float
) -> dict[str, object]:
    """Rates: of the fault, and of alarms by the checks that have no reason to."""
    verdicts = [verdict for verdict, _ in outcomes]
    others = [
        name
        for name in (IMU, CAMERA, POSE)
        if name != fault.must_find and not _follows(fault, name)
    ]
    row: dict[str, object] = {
        "fault": fault.name,
        "seeds": len(outcomes),
        "seconds": seconds,
    }
    if fault.must_find:
        mine = [v[fault.must_find] for v in verdicts]
        row |= {
            "found": _rate(not v.passed for v in mine),
            "blocked": _rate(v.stops for v in mine),
        }
    row |= {
        "false_alarms": _rate(any(not v[n].passed for n in others) for v in verdicts),
        "falsely_blocked": _rate(any(v[n].stops for n in others) for v in verdicts),
        "no_verdict": _rate(
            any(v[n].num_checked == 0 for n in (IMU, CAMERA, POSE)) for v in verdicts
        ),
    }
    if fault.must_find is None:
        offsets = np.abs(
            [float(o) for _, found in outcomes for o in found if o is not None]
            or [np.nan]
        )
        row |= {
            "imu_offset_p50_ms": round(float(np.median(offsets)), 2),
            "imu_offset_max_ms": round(offsets.max(), 2),
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument(
        "--only", default="", help="comma-separated beginnings of the names of faults"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    faults = [f for f in FAULTS if f.name.startswith(tuple(arguments.only.split(",")))]
    studies = []
    with suppress(KeyboardInterrupt):  # what is done by then is reported
        for done in range(arguments.seeds):
            studies.append(
                study(arguments.first_seed + done, arguments.seconds, faults)
            )
            print(
                f"seed {done + 1} of {arguments.seeds}",
                end="\r",
                file=sys.stderr,
                flush=True,
            )
    rows = [
        summarise(fault, [s[fault.name] for s in studies], arguments.seconds)
        for fault in faults
    ]
    if arguments.json:
        print(json.dumps({"faults": rows}, indent=1))
        return
    for row in rows:
        print("  ".join(f"{k} {v}" for k, v in row.items()))


def _take(spec: SimulationSpec) -> Taken:
    frames: list[dict[str, object]] = []
    calibrations = []
    samples = []
    payloads = {}
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder), spec)
        source = Folder(folder)
        (plan,), _ = plan_session(source.files(), source.open)
        for observation in read_capture(plan, source.open):
            match observation:
                case FrameObservation(kind="color"):
                    frame_id = f"{observation.sensor} {observation.sequence}"
                    payloads[frame_id] = bytes(observation.payload)
                    size = {"width_px": spec.width_px, "height_px": spec.height_px}
                    frames.append(
                        {
                            "frame_id": frame_id,
                            "sensor": observation.sensor,
                            "kind": "color",
                            "t_ns": observation.t_ns,
                            "sequence": observation.sequence,
                            **size,
                        }
                    )
                case CalibrationObservation():
                    place = {
                        "source_path": "",
                        "source_offset": observation.source.offset,
                        "calibration_id": "",
                    }
                    calibrations.append({**vars(observation), **place})
                case SignalObservation(kind="imu"):
                    samples.append((observation.t_ns, *observation.values[:3]))
    frames.sort(key=lambda r: (r["sensor"], r["sequence"]))
    t_ns = np.array([s[0] for s in samples], np.int64)
    gyro = Gyro("imu", t_ns, np.array([s[1:] for s in samples]), np.eye(3))
    return Taken(read_cameras(frames, calibrations), gyro, payloads)


def _judge(figures: Mapping[str, Mapping[str, object]]) -> dict[str, Verdict]:
    capture_id = content_id("bench")
    facts = {
        "capture_id": capture_id,
        "session": "bench",
        "kind": "color",
        "num_samples": 0,
        "num_stamped": 0,
        "input_sha256": "0" * 64,
        "code_version": "bench",
    }
    rows = to_table(
        TABLES["clock_reports"],
        [
            {"report_id": content_id(capture_id, s), "sensor": s, **facts, **found}
            for s, found in figures.items()
        ],
    )
    return {rule.name: rule({"clock_reports": rows}) for rule in CLOCK_RULES}


def _follows(fault: Fault, name: str) -> bool:
    """A second camera whose own clock is off is rightly off on the IMU's clock too."""
    return fault.must_find == CAMERA and name == IMU


def _rate(hits: object) -> float:
    return round(float(np.mean(list(hits))), 4)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
