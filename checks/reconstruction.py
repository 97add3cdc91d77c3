"""The gates of reconstruction, and the rules of rigs and of depth from two cameras.

Rules of what else is reconstructed have files of their own beside this one.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from assets.moved_rigs import MAX_TILT_DEG, find_angle_deg, has_moved
from checks.fused_depth import MESH_RULES, ODOMETRY_RULES
from checks.gate import Gate, no_colour_frames
from checks.imu_mounts import GRAVITY_RULES, MOUNT_RULES
from checks.sparse_models import (
    SPARSE_IMAGE_RULES,
    SPARSE_RULES,
    SPARSE_RUNG_RULES,
    nothing_was_tried,
)
from checks.splats import SPLAT_RULES, SPLAT_VIEW_RULES
from checks.verdicts import (
    MAX_EXAMPLES,
    NEVER_BLOCKS,
    Rule,
    Tolerance,
    Verdict,
    judge_share,
    nothing_checked,
)

# share of the parts of an image that hold a point
ENOUGH_COVERAGE, LEAST_COVERAGE = 0.5, 0.2
# what is left, in px: more is another lens, another board, or blur
MOST_RMS_PX, MOST_PATTERN_PX = 1.0, 0.3
MOST_DISAGREEMENT = 1.5  # what all cameras leave together, by what one leaves alone
MOST_FOCAL_SIGMA = 0.005
OUTSTANDING = 3.0
# of a depth map
ENOUGH_DEPTH, LEAST_AGREEMENT = 0.4, 0.6
MOST_OFF_PX = 1.0  # of disparity, from what a depth camera measured
SOME_MAPS = Tolerance(0.1, 0.5)


def every_camera_is_calibrated(rig_calibrations: pa.Table) -> Verdict:
    """Every camera of the session has a calibration, whose numbers the views determine."""
    offenders = [
        f"{r['sensor']}: {r['reason'] or 'the views do not determine its numbers: tilt the board more'}"
        for r in rig_calibrations.to_pylist()
        if r["reason"] or r["parameter_sigmas"] is None
    ]
    return judge_share(
        "every_camera_is_calibrated",
        num_checked=len(rig_calibrations),
        offenders=offenders,
        of="cameras",
        fault="have no calibration that is determined",
    )


def boards_cover_the_image(rig_calibrations: pa.Table) -> Verdict:
    """Points of the board lie in at least half of 48 parts of each image; below a fifth it blocks."""
    rows = _done(rig_calibrations)
    thin = [r for r in rows if r["coverage"] < ENOUGH_COVERAGE]
    is_far_too_thin = any(r["coverage"] < LEAST_COVERAGE for r in rows)
    return judge_share(
        "boards_cover_the_image",
        num_checked=len(rows),
        offenders=[
            f"{r['sensor']}: {100 * r['coverage']:.0f} % of the image; show the board at its edges"
            for r in thin
        ],
        of="cameras",
        fault="saw the board in too little of their image",
        tolerance=Tolerance(0.0, 0.0 if is_far_too_thin else 1.0),
        figures={"least_coverage": min((r["coverage"] for r in rows), default=0.0)},
        empty_reason=_why_none(rig_calibrations),
    )


def residuals_are_noise(rig_calibrations: pa.Table) -> Verdict:
    """What a calibration leaves is noise: at most 1 px root mean square, and no more than 0.3 px that a part of the
    image shares."""
    rows = _done(rig_calibrations)
    offenders = [
        f"{r['sensor']}: {r['rms_px']:.2f} px left, {_tell(r['pattern_px'])} px shared by parts of the image, noise "
        f"{r['noise_px']:.2f} px: try another lens, or look at the worst views"
        for r in rows
        if r["rms_px"] > MOST_RMS_PX or (r["pattern_px"] or 0.0) > MOST_PATTERN_PX
    ]
    return judge_share(
        "residuals_are_noise",
        num_checked=len(rows),
        offenders=offenders,
        of="cameras",
        fault="leave more than noise",
        figures={"worst_rms_px": max((r["rms_px"] for r in rows), default=0.0)},
        empty_reason=_why_none(rig_calibrations),
    )


def cameras_agree_on_the_board(rig_calibrations: pa.Table) -> Verdict:
    """All cameras together leave at most half again of what each leaves alone: pictures of a view are of one time, and
    the rig is stiff."""
    rows = _done(rig_calibrations)
    return judge_share(
        "cameras_agree_on_the_board",
        num_checked=len(rows),
        offenders=[
            f"{r['sensor']}: {r['rms_alone_px']:.2f} px alone, {r['rms_px']:.2f} px with the others: hold board and "
            "rig still, or trigger the cameras together"
            for r in rows
            if r["rms_px"] > MOST_DISAGREEMENT * r["rms_alone_px"]
        ],
        of="cameras",
        fault="contradict the others",
        empty_reason=_why_none(rig_calibrations),
    )


def focal_lengths_are_sure(rig_calibrations: pa.Table) -> Verdict:
    """The standard error of a focal length is at most half a per cent. Never blocks."""
    rows = [r for r in _done(rig_calibrations) if r["parameter_sigmas"] is not None]
    return judge_share(
        "focal_lengths_are_sure",
        num_checked=len(rows),
        offenders=[
            f"{r['sensor']}: {r['fx_px']:.1f} +- {r['parameter_sigmas'][0]:.1f} px: more views, tilted by 30 degrees"
            for r in rows
            if max(r["parameter_sigmas"][:2]) > MOST_FOCAL_SIGMA * r["fx_px"]
        ],
        of="cameras",
        fault="have a focal length that is not sure",
        tolerance=NEVER_BLOCKS,
        empty_reason=_why_none(rig_calibrations)
        or ("no standard errors" if len(rig_calibrations) else None),
    )


def no_view_stands_out(board_views: pa.Table) -> Verdict:
    """No picture leaves three times what the middle one of its camera leaves. Never blocks: look at it, and take it out
    if it is blurred or its points are wrong."""
    rows = [r for r in board_views.to_pylist() if r["rms_px"] is not None]
    sensors = sorted({r["sensor"] for r in rows})
    middle = {
        s: float(np.median([r["rms_px"] for r in rows if r["sensor"] == s]))
        for s in sensors
    }
    return judge_share(
        "no_view_stands_out",
        num_checked=len(rows),
        offenders=[
            f"frame {r['frame_id']} of {r['sensor']}, view {r['view']}: {r['rms_px']:.2f} px, where the middle is "
            f"{middle[r['sensor']]:.2f}"
            for r in rows
            if r["rms_px"] > OUTSTANDING * middle[r["sensor"]]
        ],
        of="pictures of the board",
        fault="leave three times as much as the others",
        tolerance=NEVER_BLOCKS,
        empty_reason="no picture of the board is part of a calibration"
        if len(board_views)
        else None,
    )


def rig_is_as_calibrated(rig_fits: pa.Table) -> Verdict:
    """What cameras see together fits their newest calibration, to half a degree; where it is proven not to, calibrate
    again."""
    name = "rig_is_as_calibrated"
    if not len(rig_fits):
        return nothing_checked(name, "rigs")
    rows = [r for r in rig_fits.to_pylist() if r["tilt_deg"] is not None]
    if not rows:
        why = "; ".join(sorted({r for r in rig_fits["reason"].to_pylist() if r}))
        return Verdict(
            name,
            True,
            True,
            f"no verdict: {why}",
            0,
            empty_reason=why or "nothing to compare",
        )
    moved = [r for r in rows if has_moved(r)]
    examples = tuple(
        f"{r['sensor']} of capture {r['capture_id']}: turned by {r['tilt_deg']:.2f} +- {r['tilt_sigma_deg']:.2f} deg "
        f"since {r['calibrated_in']}, matches lie {r['epipolar_px']:.2f} px off: `daguerre calibrate` a new recording "
        "of the board"
        for r in moved[:MAX_EXAMPLES]
    )
    return Verdict(
        name,
        not moved,
        True,
        f"{len(moved)} of {len(rows)} cameras have moved by more than {MAX_TILT_DEG} deg since they were calibrated",
        len(rows),
        {"worst_deg": max(map(find_angle_deg, rows)), "num_moved": len(moved)},
        examples,
    )


def every_capture_has_depth(depth_maps: pa.Table) -> Verdict:
    """Every capture has at least one pair of cameras with depth."""
    rows = depth_maps.to_pylist()
    able = {r["capture_id"] for r in rows if r["reason"] is None}
    why = {r["capture_id"]: r["reason"] for r in rows if r["capture_id"] not in able}
    return judge_share(
        "every_capture_has_depth",
        num_checked=len(able) + len(why),
        offenders=[f"capture {name}: {reason}" for name, reason in why.items()],
        of="captures",
        fault="have no depth",
    )


def depth_covers_the_image(depth_maps: pa.Table) -> Verdict:
    """At least two fifths of each image have a depth; where more than half of the maps have less, it blocks."""
    rows = _measured(depth_maps)
    return judge_share(
        "depth_covers_the_image",
        num_checked=len(rows),
        offenders=[
            f"{_name_map(r)}: {100 * r['coverage']:.0f} %: too little light or structure, too near, or the rig has "
            "moved since it was calibrated"
            for r in rows
            if r["coverage"] < ENOUGH_DEPTH
        ],
        of="depth maps",
        fault="cover too little of their image",
        tolerance=SOME_MAPS,
        figures={"least_coverage": min((r["coverage"] for r in rows), default=0.0)},
        empty_reason=_why_none(depth_maps),
    )


def both_sides_agree_on_depth(depth_maps: pa.Table) -> Verdict:
    """Of the pixels that were matched from both sides at least three fifths agree to a pixel."""
    rows = [r for r in _measured(depth_maps) if r["agreement"] is not None]
    return judge_share(
        "both_sides_agree_on_depth",
        num_checked=len(rows),
        offenders=[
            f"{_name_map(r)}: {100 * r['agreement']:.0f} % agree: pictures of two times, or a rig that has moved; "
            "`daguerre calibrate SESSION --check` tells"
            for r in rows
            if r["agreement"] < LEAST_AGREEMENT
        ],
        of="depth maps",
        fault="were matched otherwise from the other side",
        tolerance=SOME_MAPS,
        empty_reason=_why_none(depth_maps)
        or ("nothing was matched from both sides" if len(depth_maps) else None),
    )


def depth_agrees_with_the_sensor(depth_maps: pa.Table) -> Verdict:
    """Where a depth camera looked too, the middle difference is at most 1 px of disparity."""
    rows = [r for r in _measured(depth_maps) if r["sensor_off_px"] is not None]
    return judge_share(
        "depth_agrees_with_the_sensor",
        num_checked=len(rows),
        offenders=[
            f"{_name_map(r)}: {r['sensor_off_px']:.2f} px off, {r['sensor_bias_px']:+.2f} px on the whole, which is "
            f"{_to_depth_m(r):.3f} m at {r['median_depth_m']:.2f} m: calibrate again, or look at the sensor's scale"
            for r in rows
            if r["sensor_off_px"] > MOST_OFF_PX
        ],
        of="depth maps",
        fault="contradict the depth camera",
        tolerance=SOME_MAPS,
        figures={"worst_off_px": max((r["sensor_off_px"] for r in rows), default=0.0)},
        empty_reason=_why_none(depth_maps)
        or (
            "no depth camera of known place looked at the same"
            if len(depth_maps)
            else None
        ),
    )


def _measured(depth_maps: pa.Table) -> list[dict]:
    return [r for r in depth_maps.to_pylist() if r["reason"] is None]


def _name_map(row: dict) -> str:
    return f"frame {row['frame_id']} of {row['sensor']}"


def _to_depth_m(row: dict) -> float:
    """z^2 / (f B) of what is off."""
    return float(
        row["median_depth_m"] ** 2
        / (row["focal_px"] * row["baseline_m"])
        * row["sensor_off_px"]
    )


def _done(rig_calibrations: pa.Table) -> list[dict]:
    return [r for r in rig_calibrations.to_pylist() if r["reason"] is None]


def _why_none(rig_calibrations: pa.Table) -> str | None:
    """Why none is calibrated, which `every_camera_is_calibrated` blocks; None where some are."""
    reasons = sorted({r for r in rig_calibrations["reason"].to_pylist() if r})
    return "; ".join(reasons) or None


def _tell(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


_WHO = ("sensor", "reason")
CALIBRATION_RULES = (
    Rule(every_camera_is_calibrated, {"rig_calibrations": (*_WHO, "parameter_sigmas")}),
    Rule(boards_cover_the_image, {"rig_calibrations": (*_WHO, "coverage")}),
    Rule(
        residuals_are_noise,
        {"rig_calibrations": (*_WHO, "rms_px", "pattern_px", "noise_px")},
    ),
    Rule(
        cameras_agree_on_the_board,
        {"rig_calibrations": (*_WHO, "rms_px", "rms_alone_px")},
    ),
    Rule(
        focal_lengths_are_sure,
        {"rig_calibrations": (*_WHO, "fx_px", "parameter_sigmas")},
    ),
)
VIEW_RULES = (
    Rule(
        no_view_stands_out,
        {"board_views": ("frame_id", "sensor", "view", "rms_px")},
    ),
)
FIT_RULES = (
    Rule(
        rig_is_as_calibrated,
        {
            "rig_fits": (
                "capture_id",
                "sensor",
                "calibrated_in",
                "tilt_deg",
                "tilt_sigma_deg",
                "epipolar_px",
                "focal_px",
                "reason",
            )
        },
    ),
)
_MAP = ("frame_id", "sensor", "reason")
DEPTH_RULES = (
    Rule(every_capture_has_depth, {"depth_maps": ("capture_id", "reason")}),
    Rule(depth_covers_the_image, {"depth_maps": (*_MAP, "coverage")}),
    Rule(both_sides_agree_on_depth, {"depth_maps": (*_MAP, "agreement")}),
    Rule(
        depth_agrees_with_the_sensor,
        {
            "depth_maps": (
                *_MAP,
                "sensor_off_px",
                "sensor_bias_px",
                "median_depth_m",
                "focal_px",
                "baseline_m",
            )
        },
    ),
)
GATES = (
    Gate("rig_calibrations", CALIBRATION_RULES),
    Gate("board_views", VIEW_RULES),
    Gate("rig_fits", FIT_RULES, no_colour_frames),
    Gate("depth_maps", DEPTH_RULES, no_colour_frames),
    Gate("sparse_models", SPARSE_RULES, no_colour_frames),
    Gate("sparse_images", SPARSE_IMAGE_RULES, no_colour_frames),
    Gate("sparse_rungs", SPARSE_RUNG_RULES, nothing_was_tried),
    Gate("splats", SPLAT_RULES, no_colour_frames),
    Gate("splat_views", SPLAT_VIEW_RULES, no_colour_frames),
    Gate("odometry", ODOMETRY_RULES, no_colour_frames),
    Gate("meshes", MESH_RULES, no_colour_frames),
    Gate("imu_mounts", MOUNT_RULES, no_colour_frames),
    Gate("gravities", GRAVITY_RULES),
)
SESSION_ASSETS = {
    "rig_calibration": ("rig_calibrations", "board_views"),
    "rig_fit": ("rig_fits",),
    "depth": ("depth_maps",),
    "sparse_model": ("sparse_models", "sparse_images", "sparse_rungs"),
    "splats": ("splats", "splat_views"),
    "odometry": ("odometry",),
    "mesh": ("meshes",),
    "imu_mount": ("imu_mounts", "gravities"),
}
