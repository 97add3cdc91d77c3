"""What must hold of the newest exams of the agent: enough is asked, held-out questions are known, no number is its own.

Belongs here: rules on stored marks. Does not: asking and marking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from checks.stored_rows import StoredRows
from checks.verdicts import Rule, Tolerance, Verdict, judge_share

RULES = "rules"
HELD_OUT = "seventh"  # the set whose questions nobody who makes rules has read
_LEAST_KINDS = 20
_LEAST_QUESTIONS = 400  # of all sets of a rung together
_MAY_MISS = Tolerance(0.1, 0.1)  # of held-out questions
_NEWEST = ("rung", "question_set", "examined_ns")


def nobody_was_examined(rows: StoredRows) -> str | None:
    """There may be no exam."""
    is_there = rows.count("agent_exams")
    return None if is_there else "nobody has examined the agent: `daguerre exam` does"


def no_number_is_invented(agent_exams: pa.Table) -> Verdict:
    """No answer has a number in its words that is no fact of it."""
    return _judge_sum(
        "no_number_is_invented",
        agent_exams,
        ("num_invented", "num_numbers"),
        "numbers in answers",
        "are invented",
    )


def every_number_is_traced(agent_exams: pa.Table) -> Verdict:
    """Every number of an answer is found again where the answer says that it is from."""
    return _judge_sum(
        "every_number_is_traced",
        agent_exams,
        ("num_lost", "num_traced"),
        "facts with numbers",
        "are not where their source says",
    )


def exams_ask_enough(agent_exams: pa.Table) -> Verdict:
    """A rung was asked 400 questions or more, of 20 kinds or more."""
    rungs: dict[str, list[Mapping[str, Any]]] = {}
    for row in _list_newest(agent_exams):
        rungs.setdefault(row["rung"], []).append(row)
    few = [
        f"{rung}: {sum(r['num_questions'] for r in rows)} questions, {max(r['num_kinds'] for r in rows)} kinds"
        for rung, rows in rungs.items()
        if sum(r["num_questions"] for r in rows) < _LEAST_QUESTIONS
        or max(r["num_kinds"] for r in rows) < _LEAST_KINDS
    ]
    return judge_share(
        "exams_ask_enough",
        num_checked=len(rungs),
        offenders=few,
        of="rungs",
        fault=f"were asked fewer than {_LEAST_QUESTIONS} questions, or {_LEAST_KINDS} kinds",
        tolerance=Tolerance(0.0, 1.0),
    )


def rules_know_held_out_questions(
    agent_marks: pa.Table, agent_exams: pa.Table
) -> Verdict:
    """Of questions that were kept from whoever made the rules, at least 90 % get the right tool with its arguments,
    the right answer, and, where none is, a refusal."""
    wanted = {
        row["exam_id"]
        for row in _list_newest(agent_exams)
        if (row["rung"], row["question_set"]) == (RULES, HELD_OUT)
    }
    mine = [row for row in agent_marks.to_pylist() if row["exam_id"] in wanted]
    totals = [row for row in mine if row["kind"] == "all"]
    worst = min(totals, key=lambda row: float(row["value"]), default=None)
    by_kind = [
        row
        for row in mine
        if worst and row["kind"] != "all" and row["mark"] == worst["mark"]
    ]
    return judge_share(
        "rules_know_held_out_questions",
        num_checked=worst["num_asked"] if worst else 0,
        offenders=[
            r["kind"] for r in by_kind for _ in range(r["num_asked"] - r["num_right"])
        ],
        of="held-out questions",
        fault=f"miss {worst['mark'] if worst else ''}".strip(),
        tolerance=_MAY_MISS,
        figures={row["mark"]: row["value"] for row in totals},
        empty_reason="the rules were not asked held-out questions"
        if len(agent_exams) and not wanted
        else None,
    )


def _judge_sum(
    name: str, exams: pa.Table, columns: tuple[str, str], of: str, fault: str
) -> Verdict:
    bad, whole = columns
    rows = _list_newest(exams)
    offenders = [
        f"{r['rung']}, {r['question_set']}" for r in rows for _ in range(r[bad])
    ]
    num_checked = sum(row[whole] for row in rows)
    return judge_share(
        name, num_checked=num_checked, offenders=offenders, of=of, fault=fault
    )


def _list_newest(exams: pa.Table) -> list[dict[str, Any]]:
    """The exam of each rung and set that was sat last."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(exams.to_pylist(), key=lambda row: int(row["examined_ns"])):
        found[row["rung"], row["question_set"]] = row
    return list(found.values())


EXAM_RULES = (
    Rule(
        no_number_is_invented,
        {"agent_exams": (*_NEWEST, "num_invented", "num_numbers")},
    ),
    Rule(every_number_is_traced, {"agent_exams": (*_NEWEST, "num_lost", "num_traced")}),
    Rule(exams_ask_enough, {"agent_exams": (*_NEWEST, "num_questions", "num_kinds")}),
)
MARK_RULES = (
    Rule(
        rules_know_held_out_questions,
        {
            "agent_marks": (
                *("exam_id", "kind", "mark", "value"),
                *("num_asked", "num_right"),
            ),
            "agent_exams": ("exam_id", *_NEWEST),
        },
    ),
)
