"""Do signals and scans tell no more than the privacy policy of their session lets them? What does is not published."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assets.privacy.policy import PrivacyPolicy, read_text
from assets.privacy.positions import tells_place
from checks.stored_rows import RowStream
from checks.verdicts import Rule, Verdict, judge_share

_AGAIN = "ingest the session again"


def signals_keep_to_the_privacy_policy(
    signals: RowStream | pa.Table, policies: pa.Table
) -> Verdict:
    """Signals of a session whose privacy policy hides positions tell no place on Earth, or a cell of its grid."""
    by_session = _read(policies)
    hiding = {name: p for name, p in by_session.items() if p.position != "keep"}
    num_checked = 0
    offenders = []
    for batch in signals.to_batches() if hiding else ():
        mine = pc.is_in(batch["session"], value_set=pa.array(hiding))
        is_motion = pc.is_in(batch["kind"], value_set=pa.array(["imu", "acceleration"]))
        for row in batch.filter(pc.and_not(mine, is_motion)).to_pylist():
            num_checked += 1
            frames = row["frame_of_reference"], row["child_frame"]
            position = hiding[row["session"]].position
            if tells_place(row["kind"], row["values"], frames, position):
                offenders.append(row["signal_id"])
    return judge_share(
        "signals_keep_to_the_privacy_policy",
        num_checked=num_checked,
        offenders=offenders,
        of="signals with a place",
        fault=f"tell it more exactly than the privacy policy lets them: {_AGAIN}",
        empty_reason="no privacy policy hides a position that is here"
        if len(signals)
        else None,
    )


def scans_are_held_where_the_policy_says(
    scans: pa.Table, policies: pa.Table
) -> Verdict:
    """No scan of a session whose privacy policy holds scans is in the tables."""
    held = [name for name, policy in _read(policies).items() if policy.scans == "hold"]
    is_wrong = pc.is_in(scans["session"], value_set=pa.array(held, pa.string()))
    return judge_share(
        "scans_are_held_where_the_policy_says",
        num_checked=len(scans) if held else 0,
        offenders=scans["scan_id"].filter(is_wrong).to_pylist(),
        of="scans",
        fault=f"are in the tables, and the privacy policy holds them: {_AGAIN}",
        empty_reason="no privacy policy holds scans" if len(scans) else None,
    )


def _read(policies: pa.Table) -> dict[str, PrivacyPolicy]:
    return {row["session"]: read_text(row["policy"]) for row in policies.to_pylist()}


_POLICIES = {"privacy_policies": ("session", "policy")}
POSITION_RULES = (
    Rule(
        signals_keep_to_the_privacy_policy,
        {
            "signals": (
                *("signal_id", "session", "kind", "values"),
                *("frame_of_reference", "child_frame"),
            ),
            **_POLICIES,
        },
        by_batch="signals",
    ),
)
HELD_SCAN_RULES = (
    Rule(
        scans_are_held_where_the_policy_says,
        {"scans": ("scan_id", "session"), **_POLICIES},
    ),
)
