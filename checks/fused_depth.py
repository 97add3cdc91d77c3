"""Rules of what depth images are fused to: paths that are tracked, whose loops close, and surfaces that are sharp."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share

# of a path: drift by the path between the ends of a loop, and what it is off where the data state poses
MOST_DRIFT, DRIFT_FLOOR_M = 0.02, 0.01
MOST_GIVEN_OFF_M = 0.05
SOME_FRAMES = Tolerance(0.02, 0.2)
MOST_OFF_VOXELS = 1.0
SOME_POSES = Tolerance(0.1, 0.5)


def every_depth_camera_has_a_path(odometry: pa.Table) -> Verdict:
    """Of every capture and depth camera at least one frame has a pose."""
    rows = odometry.to_pylist()
    cameras = sorted({(r["capture_id"], r["sensor"]) for r in rows})
    offenders = []
    for capture, sensor in cameras:
        mine = [r for r in rows if (r["capture_id"], r["sensor"]) == (capture, sensor)]
        if all(r["part"] is None for r in mine):
            why = "; ".join(sorted({r["reason"] or "" for r in mine})[:2])
            offenders.append(f"{sensor} of capture {capture}: {why}")
    return judge_share(
        "every_depth_camera_has_a_path",
        num_checked=len(cameras),
        offenders=offenders,
        of="depth cameras",
        fault="have no path",
    )


def frames_are_tracked(odometry: pa.Table) -> Verdict:
    """At most 2 % of the depth images have no pose; from a fifth on it blocks."""
    rows = odometry.to_pylist()
    lost = [r for r in rows if r["part"] is None]
    return judge_share(
        "frames_are_tracked",
        num_checked=len(rows),
        offenders=[
            f"frame {r['frame_id']} of {r['sensor']}: {r['reason']}" for r in lost
        ],
        of="depth images",
        fault="have no pose: move slower, keep what has shape or marks in view",
        tolerance=SOME_FRAMES,
        figures={"share_tracked": 1 - len(lost) / max(len(rows), 1)},
    )


def path_is_of_one_piece(odometry: pa.Table) -> Verdict:
    """The poses of a depth camera share one frame of reference. Never blocks: each part has a mesh of its own."""
    rows = [r for r in odometry.to_pylist() if r["part"] is not None]
    cameras = sorted({(r["capture_id"], r["sensor"]) for r in rows})
    parts = {
        camera: {r["part"] for r in rows if (r["capture_id"], r["sensor"]) == camera}
        for camera in cameras
    }
    return judge_share(
        "path_is_of_one_piece",
        num_checked=len(cameras),
        offenders=[
            f"{sensor} of capture {capture}: {len(parts[capture, sensor])} parts"
            for capture, sensor in cameras
            if len(parts[capture, sensor]) > 1
        ],
        of="depth cameras",
        fault="lost their place and did not find it again: film the gap, or come back to where the parts meet",
        tolerance=NEVER_BLOCKS,
        empty_reason=_why_no_path(odometry),
    )


def loops_agree_with_odometry(odometry: pa.Table) -> Verdict:
    """Where the camera came back, odometry alone was off by at most 2 % of the path between, or 1 cm. Never blocks: the
    path that is stored has its loops closed."""
    rows = [r for r in odometry.to_pylist() if r["loop_drift_m"] is not None]
    return judge_share(
        "loops_agree_with_odometry",
        num_checked=len(rows),
        offenders=[
            f"frame {r['frame_id']} of {r['sensor']}: {100 * r['loop_drift_m']:.1f} cm and "
            f"{r['loop_drift_deg']:.1f} deg over {r['loop_path_m']:.2f} m"
            for r in rows
            if r["loop_drift_m"] > max(MOST_DRIFT * r["loop_path_m"], DRIFT_FLOOR_M)
        ],
        of="frames that close a loop",
        fault="were far off before it was closed",
        tolerance=NEVER_BLOCKS,
        figures={"worst_drift_m": max((r["loop_drift_m"] for r in rows), default=0.0)},
        empty_reason=_why_no_path(odometry)
        or ("the camera never came back to a place" if len(odometry) else None),
    )


def path_agrees_with_given_poses(odometry: pa.Table) -> Verdict:
    """Where the recording states poses, the path lies within 5 cm of them, once laid on them as one piece."""
    rows = [r for r in odometry.to_pylist() if r["given_off_m"] is not None]
    squares = [r["given_off_m"] ** 2 for r in rows]
    return judge_share(
        "path_agrees_with_given_poses",
        num_checked=len(rows),
        offenders=[
            f"frame {r['frame_id']} of {r['sensor']}: {100 * r['given_off_m']:.1f} cm and "
            f"{r['given_off_deg']:.1f} deg off"
            for r in rows
            if r["given_off_m"] > MOST_GIVEN_OFF_M
        ],
        of="poses",
        fault="contradict the recorded ones: one of them is wrong, or the scale of depth is",
        tolerance=SOME_POSES,
        figures={"rms_off_m": float(np.sqrt(np.mean(squares))) if squares else 0.0},
        empty_reason=_why_no_path(odometry)
        or ("the recording states no poses of this camera" if len(odometry) else None),
    )


def every_path_has_a_mesh(meshes: pa.Table) -> Verdict:
    """Every part of a path gave a surface."""
    rows = meshes.to_pylist()
    return judge_share(
        "every_path_has_a_mesh",
        num_checked=len(rows),
        offenders=[
            f"{r['sensor']} of capture {r['capture_id']}: {r['reason']}"
            for r in rows
            if r["reason"] is not None
        ],
        of="paths",
        fault="have no mesh",
    )


def surfaces_are_sharp(meshes: pa.Table) -> Verdict:
    """The middle distance of measured points from the surface is at most a voxel: else poses or depth contradict."""
    rows = [r for r in meshes.to_pylist() if r["reason"] is None]
    reasons = sorted({r for r in meshes["reason"].to_pylist() if r})
    return judge_share(
        "surfaces_are_sharp",
        num_checked=len(rows),
        offenders=[
            f"{r['sensor']} of capture {r['capture_id']}, part {r['part']}: {_to_mm(r['median_off_m'])} off at voxels "
            f"of {1000 * r['voxel_m']:g} mm"
            for r in rows
            if r["median_off_m"] is None
            or r["median_off_m"] > MOST_OFF_VOXELS * r["voxel_m"]
        ],
        of="meshes",
        fault="are smeared",
        empty_reason="; ".join(reasons) or None,
    )


def _why_no_path(odometry: pa.Table) -> str | None:
    """Why nothing has a pose, which `every_depth_camera_has_a_path` blocks; None where something has."""
    if any(part is not None for part in odometry["part"].to_pylist()):
        return None
    return (
        "; ".join(sorted({r for r in odometry["reason"].to_pylist() if r})[:2]) or None
    )


def _to_mm(length_m: float | None) -> str:
    return "unknown" if length_m is None else f"{1000 * length_m:.1f} mm"


_POSE = ("frame_id", "capture_id", "sensor", "part", "reason")
ODOMETRY_RULES = (
    Rule(every_depth_camera_has_a_path, {"odometry": _POSE}),
    Rule(frames_are_tracked, {"odometry": _POSE}),
    Rule(path_is_of_one_piece, {"odometry": _POSE}),
    Rule(
        loops_agree_with_odometry,
        {"odometry": (*_POSE, "loop_drift_m", "loop_drift_deg", "loop_path_m")},
    ),
    Rule(
        path_agrees_with_given_poses,
        {"odometry": (*_POSE, "given_off_m", "given_off_deg")},
    ),
)
_MESH = ("capture_id", "sensor", "part", "reason")
MESH_RULES = (
    Rule(every_path_has_a_mesh, {"meshes": _MESH}),
    Rule(surfaces_are_sharp, {"meshes": (*_MESH, "median_off_m", "voxel_m")}),
)
