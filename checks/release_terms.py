"""What must hold of the terms of a release: every session of it may be used as the team uses releases."""

from __future__ import annotations

import pyarrow as pa

from checks.verdicts import Rule, Verdict, judge_share


def released_sessions_may_be_used(
    release_terms: pa.Table, release_frames: pa.Table
) -> Verdict:
    """Nothing that the policy refuses stands against a session of a release: no consent that has ended, no purpose that
    is not allowed, no licence that may not be mixed, and nothing unknown where the team refuses that.

    What is unknown and not refused is counted, and warned of when the release is made.
    """
    rows = release_terms.to_pylist()
    refused = [row for row in rows if row["is_refused"]]
    known = {(row["release_id"], row["session"]) for row in rows}
    silent = [
        f"{session}: its terms were not looked at"
        for release_id, session in _list_sessions(release_frames)
        if (release_id, session) not in known
    ]
    told = [f"{_name(row)}: {row['objection']}" for row in refused]
    num_unknown = sum(row["consent_id"] is None for row in rows)
    return judge_share(
        "released_sessions_may_be_used",
        num_checked=len(rows) + len(silent),
        offenders=[*told, *silent],
        of="sessions and captures of the release",
        fault="may not be used in it",
        figures={
            "num_unknown": num_unknown,
            "num_refused_frames": sum(row["num_frames"] for row in refused),
        },
    )


def _list_sessions(release_frames: pa.Table) -> list[tuple[str, str]]:
    pairs = release_frames.group_by(["release_id", "session"]).aggregate([])
    return sorted((r["release_id"], r["session"]) for r in pairs.to_pylist())


def _name(row: dict[str, str]) -> str:
    return "/".join(filter(None, (row["session"], row["path"])))


RELEASE_TERM_RULES = (
    Rule(
        released_sessions_may_be_used,
        {
            "release_terms": (
                "release_id",
                "session",
                "path",
                "num_frames",
                "consent_id",
                "objection",
                "is_refused",
            ),
            "release_frames": ("release_id", "session"),
        },
    ),
)
