"""Rules of splats: they are there, and show what they did not learn from better than a guess that knows no space."""

from __future__ import annotations

import pyarrow as pa

from checks.verdicts import NEVER_BLOCKS, Rule, Tolerance, Verdict, judge_share

# mean over held-out views, in dB
ENOUGH_DB, LEAST_DB = 22.0, 15.0
MOST_GAP_DB = 6.0
FAR_BELOW_DB = 6.0


def sessions_have_splats(splats: pa.Table) -> Verdict:
    """The session's sparse model gave splats."""
    return judge_share(
        "sessions_have_splats",
        num_checked=len(splats),
        offenders=[
            f"{r['session']}: {r['reason']}" for r in splats.to_pylist() if r["reason"]
        ],
        of="sessions",
        fault="have no splats",
    )


def held_out_views_agree_with_splats(splats: pa.Table) -> Verdict:
    """Of views that were held out what is drawn has at least 22 dB, on average; below 15 dB it blocks."""
    rows = _made(splats)
    is_far_off = any(r["psnr_db"] < LEAST_DB for r in rows)
    return judge_share(
        "held_out_views_agree_with_splats",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['psnr_db']:.1f} dB over {r['num_held_out']} views: record more views between, or "
            "something moved or changed its light"
            for r in rows
            if r["psnr_db"] < ENOUGH_DB
        ],
        of="scenes",
        fault="look otherwise where nothing was learned",
        tolerance=Tolerance(0.0, 0.0 if is_far_off else 1.0),
        figures={"least_db": min((r["psnr_db"] for r in rows), default=0.0)},
        empty_reason=_why_none(splats),
    )


def splats_are_better_than_a_guess(splats: pa.Table) -> Verdict:
    """Held-out views come out better than by the nearest other picture, or by the mean colour of all."""
    rows = _made(splats)
    return judge_share(
        "splats_are_better_than_a_guess",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['psnr_db']:.1f} dB, the nearest picture {r['nearest_psnr_db']:.1f}, the mean colour "
            f"{r['mean_colour_psnr_db']:.1f}: the places of the pictures are wrong, or it was learned too short"
            for r in rows
            if r["psnr_db"] <= max(r["nearest_psnr_db"], r["mean_colour_psnr_db"])
        ],
        of="scenes",
        fault="are no better than a guess",
        figures={"least_gain_db": min(map(_find_gain_db, rows), default=0.0)},
        empty_reason=_why_none(splats),
    )


def splats_hold_where_they_did_not_learn(splats: pa.Table) -> Verdict:
    """Views that were learned from are at most 6 dB better than those that were held out. Never blocks."""
    rows = _made(splats)
    return judge_share(
        "splats_hold_where_they_did_not_learn",
        num_checked=len(rows),
        offenders=[
            f"{r['session']}: {r['learned_psnr_db']:.1f} dB where it learned, {r['psnr_db']:.1f} where it did not: "
            "more views help"
            for r in rows
            if r["learned_psnr_db"] - r["psnr_db"] > MOST_GAP_DB
        ],
        of="scenes",
        fault="know their pictures better than their space",
        tolerance=NEVER_BLOCKS,
        empty_reason=_why_none(splats),
    )


def no_held_out_view_is_far_below_the_others(splat_views: pa.Table) -> Verdict:
    """No held-out view is 6 dB worse than the mean of its session. Never blocks: look at it."""
    rows = [r for r in splat_views.to_pylist() if r["psnr_db"] is not None]
    means = {
        name: _mean([r["psnr_db"] for r in rows if r["session"] == name])
        for name in {r["session"] for r in rows}
    }
    return judge_share(
        "no_held_out_view_is_far_below_the_others",
        num_checked=len(rows),
        offenders=[
            f"frame {r['frame_id']} of {r['sensor']}: {r['psnr_db']:.1f} dB, the mean is {means[r['session']]:.1f}"
            for r in rows
            if r["psnr_db"] < means[r["session"]] - FAR_BELOW_DB
        ],
        of="held-out views",
        fault="are far below the others",
        tolerance=NEVER_BLOCKS,
        empty_reason="there are no splats" if len(splat_views) else None,
    )


def _made(splats: pa.Table) -> list[dict]:
    return [r for r in splats.to_pylist() if r["reason"] is None]


def _why_none(splats: pa.Table) -> str | None:
    """Why there are none, which `sessions_have_splats` blocks; None where there are some."""
    reasons = sorted({r for r in splats["reason"].to_pylist() if r})
    return "; ".join(reasons) or None


def _find_gain_db(row: dict) -> float:
    return float(
        row["psnr_db"] - max(row["nearest_psnr_db"], row["mean_colour_psnr_db"])
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


_SPLATS = ("session", "reason", "psnr_db")
SPLAT_RULES = (
    Rule(sessions_have_splats, {"splats": ("session", "reason")}),
    Rule(held_out_views_agree_with_splats, {"splats": (*_SPLATS, "num_held_out")}),
    Rule(
        splats_are_better_than_a_guess,
        {"splats": (*_SPLATS, "nearest_psnr_db", "mean_colour_psnr_db")},
    ),
    Rule(
        splats_hold_where_they_did_not_learn, {"splats": (*_SPLATS, "learned_psnr_db")}
    ),
)
SPLAT_VIEW_RULES = (
    Rule(
        no_held_out_view_is_far_below_the_others,
        {"splat_views": ("frame_id", "session", "sensor", "psnr_db")},
    ),
)
