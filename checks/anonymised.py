"""Is what a privacy policy names covered? Every colour frame of its session, and enough faces of its probe set."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assets.privacy.policy import read_text
from checks.stored_rows import StoredRows
from checks.verdicts import Rule, Verdict, judge_share


def no_policy(rows: StoredRows) -> str | None:
    """A session that is under no policy has no covered frames, nor has one without a colour frame."""
    if not rows.count("privacy_policies"):
        return "no privacy policy covers this session"
    kinds = rows.read("frames", ("kind",))["kind"].to_pylist()
    return None if "color" in kinds else "no colour frames in this session"


def frames_show_what_was_covered(
    frames: pa.Table, anonymised: pa.Table, sealed: pa.Table
) -> Verdict:
    """Every colour frame of a session under a privacy policy is sealed, and holds the picture that was covered."""
    colour = frames.filter(pc.equal(frames["kind"], "color"))
    place = pc.index_in(colour["frame_id"], value_set=anonymised["frame_id"])
    is_same = pc.fill_null(
        pc.equal(colour["sha256"], anonymised["sha256"].take(place)), False
    )
    is_sealed = pc.is_in(
        colour["frame_id"], value_set=sealed["frame_id"].combine_chunks()
    )
    is_wrong = pc.invert(pc.and_(is_same, is_sealed))
    return judge_share(
        "frames_show_what_was_covered",
        num_checked=len(colour),
        offenders=colour["frame_id"].filter(is_wrong).to_pylist(),
        of="colour frames",
        fault="are blank, or hold another picture than the one that was covered",
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
            "frames": ("frame_id", "kind", "sha256"),
            "anonymised_frames": ("frame_id", "sha256"),
            "sealed_frames": ("frame_id",),
        },
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
