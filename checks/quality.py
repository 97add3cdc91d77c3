"""What frames must look like: not black, burnt out or blurred beyond use; and each is measured and embedded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.tables.schemas import EMBEDDING_DIM
from checks.verdicts import Rule, Tolerance, Verdict, judge_share

POOR_IMAGES = Tolerance(warn_above=0.05, block_above=0.5)
BRIGHTNESS = (0.04, 0.96)  # mean luma outside of which hardly a structure is left
MAX_CLIPPED = 0.9  # share of pixels that are black or white
MIN_SHARPNESS = 2e-5  # variance of the Laplacian of luma in [0, 1]; 1.3 in 8-bit units
# against the session's median: one blurred frame among sharp ones
MIN_SHARPNESS_OF_MEDIAN = 0.1


def exposure_is_bounded(frame_quality: pa.Table) -> Verdict:
    """Frames are neither black nor burnt out."""
    rows = frame_quality.to_pylist()
    poor = [
        _describe(r, "brightness", "clipped_dark", "clipped_bright")
        for r in rows
        if _is_badly_exposed(r)
    ]
    return judge_share(
        "exposure_is_bounded",
        num_checked=len(rows),
        offenders=poor,
        of="frames",
        fault="are black or burnt out",
        tolerance=POOR_IMAGES,
        figures=_range_of(frame_quality, "brightness"),
    )


def blur_is_bounded(frame_quality: pa.Table) -> Verdict:
    """Frames are sharp enough, alone and beside the session's median."""
    rows = frame_quality.to_pylist()
    limit = MIN_SHARPNESS
    if rows:
        limit = max(
            limit,
            MIN_SHARPNESS_OF_MEDIAN * float(np.median([r["sharpness"] for r in rows])),
        )
    poor = [_describe(r, "sharpness") for r in rows if not r["sharpness"] >= limit]
    return judge_share(
        "blur_is_bounded",
        num_checked=len(rows),
        offenders=poor,
        of="frames",
        fault=f"are less sharp than {limit:.2g}",
        tolerance=POOR_IMAGES,
        figures={**_range_of(frame_quality, "sharpness"), "min_sharpness": limit},
    )


def every_frame_is_measured(frame_quality: pa.Table, frames: pa.Table) -> Verdict:
    """Every colour frame of the session has its quality figures."""
    return judge_coverage(
        "every_frame_is_measured", frame_quality, frames, "have no quality figures"
    )


def every_frame_is_embedded(frame_embeddings: pa.Table, frames: pa.Table) -> Verdict:
    """Every colour frame of the session has its embedding."""
    return judge_coverage(
        "every_frame_is_embedded", frame_embeddings, frames, "have no embedding"
    )


def embeddings_have_unit_length(frame_embeddings: pa.Table) -> Verdict:
    """Every embedding has length 1, so that a product of two is their cosine."""
    vectors = frame_embeddings["vector"].combine_chunks()
    lengths = np.linalg.norm(
        vectors.flatten().to_numpy().reshape(len(vectors), EMBEDDING_DIM), axis=1
    )  # (N,)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))
    ids = frame_embeddings["frame_id"].to_pylist()
    return judge_share(
        "embeddings_have_unit_length",
        num_checked=len(ids),
        offenders=[f"{ids[i]}: {lengths[i]:.4f}" for i in wrong],
        of="embeddings",
        fault="do not have length 1",
    )


_FRAMES = ("frame_id", "kind")
QUALITY_RULES = (
    Rule(
        exposure_is_bounded,
        {"frame_quality": ("frame_id", "brightness", "clipped_dark", "clipped_bright")},
    ),
    Rule(blur_is_bounded, {"frame_quality": ("frame_id", "sharpness")}),
    Rule(every_frame_is_measured, {"frame_quality": ("frame_id",), "frames": _FRAMES}),
)
EMBEDDING_RULES = (
    Rule(embeddings_have_unit_length, {"frame_embeddings": ("frame_id", "vector")}),
    Rule(
        every_frame_is_embedded, {"frame_embeddings": ("frame_id",), "frames": _FRAMES}
    ),
)


def judge_coverage(name: str, rows: pa.Table, frames: pa.Table, fault: str) -> Verdict:
    """Whether each colour frame has a row. Of no rows at all nothing is checked, also where there are no frames."""
    colour = frames.filter(pc.equal(frames["kind"], "color"))["frame_id"]
    lost = colour.filter(
        pc.invert(pc.is_in(colour, value_set=rows["frame_id"].combine_chunks()))
    ).to_pylist()
    return judge_share(
        name, num_checked=len(colour), offenders=lost, of="colour frames", fault=fault
    )


def _is_badly_exposed(row: dict[str, Any]) -> bool:
    is_clipped = (
        row["clipped_dark"] > MAX_CLIPPED or row["clipped_bright"] > MAX_CLIPPED
    )
    return is_clipped or not BRIGHTNESS[0] <= row["brightness"] <= BRIGHTNESS[1]


def _describe(row: dict[str, Any], *columns: str) -> str:
    return f"{row['frame_id']}: " + ", ".join(f"{c} {row[c]:.4g}" for c in columns)


def _range_of(rows: pa.Table, column: str) -> dict[str, float | int | str]:
    if not len(rows):
        return {}
    values = rows[column].to_numpy()
    return {
        f"{column}_min": float(values.min()),
        f"{column}_median": float(np.median(values)),
        f"{column}_max": float(values.max()),
    }
