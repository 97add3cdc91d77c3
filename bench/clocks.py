"""How often do the clock checks find a late clock or a turned camera, and how often do they alarm on a sound capture?

Each seed is a simulated capture, read by the MCAP reader and judged by the rules of the gate. Late clocks and turned
cameras come from the simulator (20 to 45 ms, 1.2 to 2 degrees), and, at exactly the size that must be found, by moving
the stamps of the second camera by 20 ms or its stated pose by 1 degree about a random axis. Found: the check warns or
blocks; blocked: it stops what rests on clocks.

With `--against`, a former build judges the same captures in turns: `ratio_today` is the median, over the seeds, of its
processor time by this one's, without the time to load Python and to read the capture, and `num_other_verdicts` counts
the faults of which a check says something else.

Run: `python -m bench.clocks [--seeds 50] [--seconds 4] [--against CHECKOUT] [--json]`
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from assets.capture.simulate import SimulationSpec, simulate
from assets.clocks.evidence import gather_evidence
from assets.clocks.reports import read_cameras
from assets.clocks.streams import CameraStream, Gray, Gyro
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


@dataclass(frozen=True)
class Outcome:
    """What became of one fault in the world of one seed."""

    verdicts: dict[str, Verdict]
    imu_offsets_ms: list[float | int | str | None]
    cpu_s: float


def study(
    folder: Path, seed: int, seconds: float, faults: Sequence[Fault]
) -> dict[str, Outcome]:
    """What became of each fault in the world of one seed, whose captures are simulated into `folder` where they are
    not there yet."""
    outcomes: dict[str, Outcome] = {}
    taken: dict[str | None, Taken] = {}
    for fault in faults:
        if fault.shift not in taken:
            spec = SimulationSpec(1, seconds, 1000 + seed, shift=fault.shift)
            taken[fault.shift] = take_capture(folder / str(fault.shift), spec)
        capture = taken[fault.shift]
        if not outcomes:  # modules are loaded, and libraries have begun
            gather_evidence(capture.cameras, capture.gyro, capture.load)
        cameras = fault.change(capture.cameras, np.random.default_rng(seed))
        start = time.process_time()
        figures = gather_evidence(cameras, capture.gyro, capture.load)
        cpu_s = time.process_time() - start
        offsets_ms = [f.get("imu_offset_ms") for f in figures.values()]
        outcomes[fault.name] = Outcome(judge(figures), offsets_ms, cpu_s)
    return outcomes


def compare(former: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Both builds on the same captures, each in a process of its own."""
    ratios = []
    num_verdicts = num_others = 0
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
            mine, theirs = (
                _run_study(checkout, Path(folder), seed, arguments)
                for checkout in (Path.cwd(), former.resolve())
            )
        ratios.append(
            sum(t["cpu_s"] for t in theirs.values())
            / sum(m["cpu_s"] for m in mine.values())
        )
        num_verdicts += sum(len(m["verdicts"]) for m in mine.values())
        num_others += sum(
            mine[fault]["verdicts"][check] != verdict
            for fault, found in theirs.items()
            for check, verdict in found["verdicts"].items()
        )
    return {
        "ratio_today": round(median(ratios), 3),
        "num_verdicts": num_verdicts,
        "num_other_verdicts": num_others,
    }


def summarise(
    fault: Fault, outcomes: Sequence[Outcome], seconds: float
) -> dict[str, object]:
    """Rates: of the fault, and of alarms by the checks that have no reason to."""
    verdicts = [outcome.verdicts for outcome in outcomes]
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
            [float(o) for one in outcomes for o in one.imu_offsets_ms if o is not None]
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
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    parser.add_argument("--study", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    faults = [f for f in FAULTS if f.name.startswith(tuple(arguments.only.split(",")))]
    if arguments.study:
        found = study(arguments.study, arguments.first_seed, arguments.seconds, faults)
        print(json.dumps({name: _tell(outcome) for name, outcome in found.items()}))
        return
    if arguments.against:
        figures = compare(arguments.against, arguments)
        print(json.dumps(figures) if arguments.json else figures)
        return
    studies = []
    with suppress(KeyboardInterrupt):  # what is done by then is reported
        for done in range(arguments.seeds):
            seed = arguments.first_seed + done
            with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
                studies.append(study(Path(folder), seed, arguments.seconds, faults))
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


def _run_study(
    checkout: Path, folder: Path, seed: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """In a process of its own, by the code of a checkout."""
    facts = {
        "study": folder,
        "first-seed": seed,
        "seconds": arguments.seconds,
        "only": arguments.only,
    }
    done = subprocess.run(
        [sys.executable, __file__, *(f"--{k}={v}" for k, v in facts.items())],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _tell(outcome: Outcome) -> dict[str, object]:
    verdicts = {
        name: [v.passed, v.stops, v.num_checked] for name, v in outcome.verdicts.items()
    }
    return {"cpu_s": outcome.cpu_s, "verdicts": verdicts}


def take_capture(folder: Path, spec: SimulationSpec) -> Taken:
    """The capture in a folder, which is simulated where it is not there yet."""
    if not folder.exists():
        simulate(folder, spec)
    frames: list[dict[str, object]] = []
    calibrations = []
    samples = []
    payloads = {}
    source = Folder(str(folder))
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


def judge(figures: Mapping[str, Mapping[str, object]]) -> dict[str, Verdict]:
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
