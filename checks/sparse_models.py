"""Rules of sparse models: most pictures have a place, points lie where pictures see them, and scale is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from checks.gate import no_colour_frames
from checks.stored_rows import StoredRows
from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share

ENOUGH_REGISTERED, LEAST_REGISTERED = 0.9, 0.5
ENOUGH_REPROJECTION_PX, MOST_REPROJECTION_PX = 1.0, 2.0
ENOUGH_TRACK, LEAST_ANGLE_DEG = 2.5, 2.0
FLAT, MOST_FLAT_PAIRS = 0.02, 0.95
MOST_SCALE_SIGMA = 0.02


def sessions_have_a_sparse_model(sparse_models: pa.Table) -> Verdict:
    """The session's pictures make a model."""
    return judge_share(
        "sessions_have_a_sparse_model",
        num_checked=len(sparse_models),
        offenders=[
            f"{r['session']}: {r['reason']}"
            for r in sparse_models.to_pylist()
            if r["reason"]
        ],
        of="sessions",
        fault="have no sparse model",
    )


def most_images_are_registered(sparse_models: pa.Table) -> Verdict:
    """At least nine tenths of the pictures have a place in the model; below half it blocks."""
    rows = _modelled(sparse_models)
    return judge_share(
        "most_images_are_registered",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['num_registered']} of {r['num_images']} pictures, in the largest of {r['num_pieces']} "
            "pieces: look at `reason` in sparse_images, and record views between those that do not join"
            for r in rows
            if r["share_registered"] < ENOUGH_REGISTERED
        ],
        of="models",
        fault="lack pictures",
        tolerance=_block_if(
            any(r["share_registered"] < LEAST_REGISTERED for r in rows)
        ),
        figures={"least_share": min((r["share_registered"] for r in rows), default=0)},
        empty_reason=_why_no_model(sparse_models),
    )


def reprojection_errors_are_small(sparse_models: pa.Table) -> Verdict:
    """Features lie within 1 px of their points, on average; beyond 2 px it blocks."""
    rows = _modelled(sparse_models)
    return judge_share(
        "reprojection_errors_are_small",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['reprojection_px']:.2f} px: calibrate the cameras, or something moved in view"
            for r in rows
            if r["reprojection_px"] > ENOUGH_REPROJECTION_PX
        ],
        of="models",
        fault="leave more than a pixel",
        tolerance=_block_if(
            any(r["reprojection_px"] > MOST_REPROJECTION_PX for r in rows)
        ),
        figures={
            "worst_px": max((r["reprojection_px"] for r in rows), default=0.0),
        },
        empty_reason=_why_no_model(sparse_models),
    )


def points_rest_on_several_images(sparse_models: pa.Table) -> Verdict:
    """A point is seen in at least 2.5 pictures, on average, where there are more than two. Never blocks."""
    rows = [r for r in _modelled(sparse_models) if r["num_registered"] > 2]
    return judge_share(
        "points_rest_on_several_images",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['track_length']:.2f} pictures a point: more overlap between pictures helps"
            for r in rows
            if r["track_length"] < ENOUGH_TRACK
        ],
        of="models",
        fault="rest on too few pictures a point",
        tolerance=NEVER_BLOCKS,
        empty_reason=_why_no_model(sparse_models)
        or ("two pictures alone" if len(sparse_models) else None),
    )


def cameras_have_moved_sideways(sparse_models: pa.Table) -> Verdict:
    """The rays of a point are at least two degrees apart, in the middle: else depth, and with it scale, is chance."""
    rows = _modelled(sparse_models)
    return judge_share(
        "cameras_have_moved_sideways",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['angle_deg']:.2f} deg: the camera turned more than it moved; move it sideways"
            for r in rows
            if r["angle_deg"] < LEAST_ANGLE_DEG
        ],
        of="models",
        fault="rest on a camera that hardly moved",
        empty_reason=_why_no_model(sparse_models),
    )


def estimated_cameras_have_seen_depth(sparse_models: pa.Table) -> Verdict:
    """Of a model whose cameras are estimated, at least a twentieth of the pairs fit neither a turn nor a plane. Where
    its points are a plane it warns; where they are none it blocks: of a camera that only turned COLMAP makes models
    that look sound, with a wrong focal length and depth by chance."""
    rows = [
        r
        for r in _modelled(sparse_models)
        if r["num_estimated_cameras"] and r["share_flat_pairs"] is not None
    ]
    flat = [r for r in rows if r["share_flat_pairs"] > MOST_FLAT_PAIRS]
    return judge_share(
        "estimated_cameras_have_seen_depth",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: a turn or a plane explains {100 * r['share_flat_pairs']:.0f} % of the pairs, and "
            f"{r['num_estimated_cameras']} cameras have no calibration: calibrate them, or move the camera sideways"
            for r in flat
        ],
        of="models",
        fault="may be chance",
        tolerance=_block_if(
            any(r["flatness"] is None or r["flatness"] >= FLAT for r in flat)
        ),
        empty_reason=_why_no_model(sparse_models)
        or ("every camera is calibrated" if len(sparse_models) else None),
    )


def models_have_a_scale(sparse_models: pa.Table) -> Verdict:
    """Lengths are in metres, with a standard error of at most two per cent, which fewer than three stereo pairs do not
    show. Never blocks: shape needs no scale."""
    rows = _modelled(sparse_models)
    return judge_share(
        "models_have_a_scale",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['scale_reason']}"
            + (
                f", to {100 * r['scale_sigma']:.1f} %"
                if r["scale_sigma"] is not None
                else ", too few to tell how sure"
                if r["length_unit"] == "m"
                else ""
            )
            for r in rows
            if r["length_unit"] == "unknown"
            or r["scale_sigma"] is None
            or r["scale_sigma"] > MOST_SCALE_SIGMA
        ],
        of="models",
        fault="have no scale that is sure",
        tolerance=NEVER_BLOCKS,
        empty_reason=_why_no_model(sparse_models),
    )


def cameras_agree_with_gyroscopes(sparse_models: pa.Table) -> Verdict:
    """Between neighbouring pictures of a camera the model turns as the gyroscope did, to ten degrees: COLMAP at times
    joins parts the wrong way round, and no point is off."""
    from assets.reconstruction.sparse_imu import MOST_OFF_DEG  # seconds to load

    return _judge_seams(
        sparse_models,
        _Seam("gyroscope", "gyro_off_deg", MOST_OFF_DEG, "worst_deg"),
        lambda off_deg: (
            f"a camera turns by {off_deg:.0f} degrees more than its gyroscope"
        ),
    )


def cameras_agree_with_accelerometers(sparse_models: pa.Table) -> Verdict:
    """Between neighbouring pictures a camera's path leaps by no fiftieth of its size that its accelerometer did not
    feel: COLMAP at times joins parts a step aside, turned rightly, and no point is off."""
    from assets.reconstruction.sparse_imu import MOST_LEAP  # seconds to load

    return _judge_seams(
        sparse_models,
        _Seam("accelerometer", "leap", MOST_LEAP, "worst_leap"),
        lambda leap: (
            f"a camera's path leaps by {100 * leap:.0f} % of its size, which its accelerometer did not feel"
        ),
    )


def images_are_placed_or_say_why(sparse_images: pa.Table) -> Verdict:
    """Every picture has a place and the points that hold it, or a reason."""
    return judge_share(
        "images_are_placed_or_say_why",
        num_checked=len(sparse_images),
        offenders=[
            f"frame {r['frame_id']} of {r['sensor']}: {r['num_points']} points"
            for r in sparse_images.to_pylist()
            if (r["world_from_camera"] is None) == (r["reason"] is None)
            or (r["world_from_camera"] is not None and not r["num_points"])
        ],
        of="pictures",
        fault="have neither a place nor a reason",
    )


def one_rung_is_kept_if_any_has_a_model(sparse_rungs: pa.Table) -> Verdict:
    """Where a rung of the ladder has a model, that of exactly one is kept."""
    rows = sparse_rungs.to_pylist()
    able = sorted({r["session"] for r in rows if r["num_registered"]})
    return judge_share(
        "one_rung_is_kept_if_any_has_a_model",
        num_checked=len(able),
        offenders=[
            session
            for session in able
            if sum(r["is_kept"] for r in rows if r["session"] == session) != 1
        ],
        of="sessions",
        fault="keep none of their models, or several",
        empty_reason="no rung has a model" if len(sparse_rungs) else None,
    )


def nothing_was_tried(rows: StoredRows) -> str | None:
    """There are no rungs where the pictures gave nothing to try, which the model's row says."""
    bare = no_colour_frames(rows)
    if bare or not rows.count("sparse_models"):
        return bare
    found = rows.read("sparse_models", ("reason",)).to_pylist()
    reasons = [r["reason"] for r in found if r["reason"]]
    return "; ".join(reasons) or None


@dataclass(frozen=True)
class _Seam:
    """What a sensor tells of how the parts of a model are joined: the column, the most that it may be, and the name of
    the worst figure."""

    sensor: str
    column: str
    most: float
    worst: str


def _judge_seams(
    sparse_models: pa.Table, seam: _Seam, explain: Callable[[float], str]
) -> Verdict:
    """Models of which the sensor tells; `explain` says what a figure beyond the most is."""
    rows = [r for r in _modelled(sparse_models) if r[seam.column] is not None]
    joined = "parts of it are joined wrongly; record more views between them"
    return judge_share(
        f"cameras_agree_with_{seam.sensor}s",
        num_checked=len(rows),
        offenders=[
            f"{row['session']}: {explain(row[seam.column])}: {joined}"
            for row in rows
            if row[seam.column] > seam.most
        ],
        of="models",
        fault=f"contradict their {seam.sensor}s",
        figures={seam.worst: max((row[seam.column] for row in rows), default=0.0)},
        empty_reason=_why_no_model(sparse_models)
        or (f"no {seam.sensor} tells" if len(sparse_models) else None),
    )


def _block_if(is_far_off: bool) -> Tolerance:
    """Of a claim that warns, and blocks where it is missed by far."""
    return Tolerance(0.0, 0.0 if is_far_off else 1.0)


def _modelled(sparse_models: pa.Table) -> list[dict]:
    return [r for r in sparse_models.to_pylist() if r["reason"] is None]


def _why_no_model(sparse_models: pa.Table) -> str | None:
    """Why there is none, which `sessions_have_a_sparse_model` blocks; None where there are some."""
    reasons = sorted({r for r in sparse_models["reason"].to_pylist() if r})
    return "; ".join(reasons) or None


_MODEL = ("session", "reason")
SPARSE_RULES = (
    Rule(sessions_have_a_sparse_model, {"sparse_models": _MODEL}),
    Rule(
        most_images_are_registered,
        {
            "sparse_models": (
                *_MODEL,
                "num_registered",
                "num_images",
                "num_pieces",
                "share_registered",
            )
        },
    ),
    Rule(
        reprojection_errors_are_small, {"sparse_models": (*_MODEL, "reprojection_px")}
    ),
    Rule(
        points_rest_on_several_images,
        {"sparse_models": (*_MODEL, "num_registered", "track_length")},
    ),
    Rule(cameras_have_moved_sideways, {"sparse_models": (*_MODEL, "angle_deg")}),
    Rule(
        estimated_cameras_have_seen_depth,
        {
            "sparse_models": (
                *_MODEL,
                "num_estimated_cameras",
                "share_flat_pairs",
                "flatness",
            )
        },
    ),
    Rule(
        models_have_a_scale,
        {"sparse_models": (*_MODEL, "length_unit", "scale_sigma", "scale_reason")},
    ),
    Rule(cameras_agree_with_gyroscopes, {"sparse_models": (*_MODEL, "gyro_off_deg")}),
    Rule(cameras_agree_with_accelerometers, {"sparse_models": (*_MODEL, "leap")}),
)
SPARSE_IMAGE_RULES = (
    Rule(
        images_are_placed_or_say_why,
        {
            "sparse_images": (
                "frame_id",
                "sensor",
                "num_points",
                "world_from_camera",
                "reason",
            )
        },
    ),
)
SPARSE_RUNG_RULES = (
    Rule(
        one_rung_is_kept_if_any_has_a_model,
        {"sparse_rungs": ("session", "num_registered", "is_kept")},
    ),
)
