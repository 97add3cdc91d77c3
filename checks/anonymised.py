"""Is what a privacy policy names covered, and the rest sealed? Every frame and recording of its session, and enough
faces of its probe set."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assets.privacy.policy import read_text
from checks.stored_rows import StoredRows
from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share


def no_policy(rows: StoredRows) -> str | None:
    """A session that is under no policy has no covered frames, nor has one without a frame."""
    if not rows.count("privacy_policies"):
        return "no privacy policy covers this session"
    return None if rows.count("frames") else "no frames in this session"


def no_recording(rows: StoredRows) -> str | None:
    """A session that is under no policy has no sealed recordings, nor has one of loose files."""
    if not rows.count("privacy_policies"):
        return "no privacy policy covers this session"
    hashes = rows.read("captures", ("sha256",))["sha256"]
    return None if len(hashes.drop_null()) else "no recordings in this session"


def frames_show_what_was_covered(
    frames: pa.Table, anonymised: pa.Table, sealed: pa.Table
) -> Verdict:
    """Every frame of a session under a privacy policy is sealed, and holds the picture that was covered."""
    place = pc.index_in(frames["frame_id"], value_set=anonymised["frame_id"])
    is_same = pc.fill_null(
        pc.equal(frames["sha256"], anonymised["sha256"].take(place)), False
    )
    is_sealed = pc.is_in(
        frames["frame_id"], value_set=sealed["frame_id"].combine_chunks()
    )
    is_wrong = pc.invert(pc.and_(is_same, is_sealed))
    return judge_share(
        "frames_show_what_was_covered",
        num_checked=len(frames),
        offenders=frames["frame_id"].filter(is_wrong).to_pylist(),
        of="frames",
        fault="are blank, or hold another picture than the one that was covered",
    )


def recordings_are_sealed(captures: pa.Table, sealed: pa.Table) -> Verdict:
    """Every recording of a session under a privacy policy is sealed as a whole."""
    recordings = captures.filter(pc.is_valid(captures["sha256"]))
    is_sealed = pc.is_in(
        recordings["sha256"], value_set=sealed["original_sha256"].combine_chunks()
    )
    return judge_share(
        "recordings_are_sealed",
        num_checked=len(recordings),
        offenders=recordings["capture_id"].filter(pc.invert(is_sealed)).to_pylist(),
        of="recordings",
        fault="lie among the blobs as they came: ingest the session again",
        empty_reason="no recordings in this session" if len(captures) else None,
    )


def depth_is_covered_where_colour_is(frames: pa.Table, anonymised: pa.Table) -> Verdict:
    """Of every depth image it is known which pixels show what is covered in colour.

    Others are covered whole.
    """
    depth = frames.filter(pc.equal(frames["kind"], "depth"))["frame_id"]
    is_whole = pc.equal(anonymised["covered_share"], 1.0)
    whole = anonymised["frame_id"].filter(is_whole)
    is_lost = pc.is_in(depth, value_set=whole.combine_chunks())
    return judge_share(
        "depth_is_covered_where_colour_is",
        num_checked=len(depth),
        offenders=depth.filter(is_lost).to_pylist(),
        of="depth images",
        fault="are covered whole, as nothing says which pixels show what is covered: record calibrations of both "
        "cameras, or state `depth: false`",
        tolerance=NEVER_BLOCKS,
        empty_reason="no depth images in this session" if len(frames) else None,
    )


def regions_are_of_sensors_that_are_there(
    frames: pa.Table, policies: pa.Table
) -> Verdict:
    """Every sensor whose regions the policy names has frames here: a name that is mistyped covers nothing."""
    named = [
        s for row in policies.to_pylist() for s in read_text(row["policy"]).regions
    ]
    known = sorted(frames["sensor"].unique().to_pylist())
    return judge_share(
        "regions_are_of_sensors_that_are_there",
        num_checked=len(named),
        offenders=sorted(set(named) - set(known)),
        of="sensors with regions",
        fault=f"have no frames here, so that nothing is covered for them: there are {', '.join(known)}",
        tolerance=NEVER_BLOCKS,
        empty_reason="the policy names no regions" if len(policies) else None,
    )


def faces_of_the_probe_set_are_covered(policies: pa.Table) -> Verdict:
    """Of the faces of the probe set the share that the policy states, or more, is covered to the last pixel, by the
    lower end of the interval."""
    name = "faces_of_the_probe_set_are_covered"
    rows = policies.to_pylist()
    if not rows:
        return Verdict(name, False, True, "no rows", 0)
    (row,) = rows
    probe = read_text(row["policy"]).probe
    if probe is None:
        reason = "the policy names no probe set: how many faces are missed is not known"
        return Verdict(name, True, True, reason, 0, empty_reason=reason)
    shortfall = probe.explain_shortfall(row)
    figures = {
        column: row[column]
        for column in ("num_probed", "found", "covered", "covered_low")
        if row[column] is not None
    }
    summary = shortfall or (
        f"{row['covered']:.3f} of {row['num_probed']} faces are covered, at least {row['covered_low']:.3f} of all such"
    )
    return Verdict(name, not shortfall, True, summary, row["num_probed"] or 0, figures)


ANONYMISED_RULES = (
    Rule(
        frames_show_what_was_covered,
        {
            "frames": ("frame_id", "sha256"),
            "anonymised_frames": ("frame_id", "sha256"),
            "sealed_frames": ("frame_id",),
        },
    ),
    Rule(
        recordings_are_sealed,
        {
            "captures": ("capture_id", "sha256"),
            "sealed_recordings": ("original_sha256",),
        },
    ),
    Rule(
        depth_is_covered_where_colour_is,
        {
            "frames": ("frame_id", "kind"),
            "anonymised_frames": ("frame_id", "covered_share"),
        },
    ),
    Rule(
        regions_are_of_sensors_that_are_there,
        {"frames": ("sensor",), "privacy_policies": ("policy",)},
    ),
    Rule(
        faces_of_the_probe_set_are_covered,
        {
            "privacy_policies": (
                *("policy", "num_probed", "found", "covered", "covered_low"),
                "why_not",
            )
        },
    ),
)
