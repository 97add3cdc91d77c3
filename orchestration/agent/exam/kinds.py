"""The kinds of questions of the exam: the tool that answers one, its arguments, and what is right.

Belongs here: one value a kind. Does not: how people put it, which stands in `questions/`.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.agent.exam import conditions, truths
from orchestration.agent.exam.truths import FindTruth

ANYTHING = "*"
MAYBE = "?"
_BEGIN_OF_DAY = "{day}T00:00:00Z"
UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Kind:
    """One kind.

    `arguments`: what the tool is given, with `{session}` for a name of the question; what is `MAYBE` may be left out.
    Of `sql` any statement that has the names is right, as what it answers is counted. Without `tools` nothing answers
    it.
    """

    tools: tuple[str, ...]
    arguments: Mapping[str, object] = field(default_factory=dict)
    truth: FindTruth | None = None


def _sql(truth: FindTruth) -> Kind:
    return Kind(("sql",), truth=truth)


def _of(tool: str, truth: FindTruth | None = None, **arguments: object) -> Kind:
    return Kind((tool,), arguments, truth)


KINDS: dict[str, Kind] = {
    "count_frames": _sql(truths.number_of("frames")),
    "count_frames_of_session": _sql(truths.number_of("frames", session="session")),
    "count_frames_of_sensor": _sql(truths.number_of("frames", sensor="sensor")),
    "count_frames_by_session": _sql(truths.counts_by("frames", "session")),
    "count_frames_by_sensor": _sql(truths.counts_by("frames", "sensor")),
    "frames_of_sensor_of_session": _sql(
        truths.number_of("frames", sensor="sensor", session="session")
    ),
    "frames_not_of_session": _sql(
        conditions.number_of_others("frames", "session", "session")
    ),
    "frames_without_labels": _sql(conditions.frames_without_labels),
    "frames_without_labels_of_session": _sql(conditions.frames_without_labels),
    "frames_with_two_classes": _sql(conditions.frames_with_both_classes),
    "average_frames_of_session": _sql(conditions.average_of_session("frames")),
    "average_labels_of_session": _sql(conditions.average_of_session("labels")),
    "average_labels_of_frame": _sql(conditions.average_labels_of_frame),
    "largest_session": _sql(truths.largest),
    "smallest_session": _sql(conditions.fewest("frames", "session")),
    "sessions_with_more_frames": _sql(
        conditions.sessions_by_number("frames", operator.gt)
    ),
    "sessions_with_fewer_labels": _sql(
        conditions.sessions_by_number("labels", operator.lt)
    ),
    "session_with_most_labels": _sql(conditions.most("labels", "session")),
    "session_with_most_labels_of_class": _sql(
        conditions.most("labels", "session", class_name="class")
    ),
    "sessions_with_class": _sql(
        truths.names_in("labels", "session", class_name="class")
    ),
    "frames_of_two_sessions": _sql(truths.frames_of_both),
    "count_sessions": _sql(truths.number_of_different("captures", "session")),
    "count_sensors": _sql(truths.number_of_different("frames", "sensor")),
    "count_labels": _sql(truths.number_of("labels")),
    "count_labels_of_class": _sql(truths.number_of("labels", class_name="class")),
    "count_labels_of_session": _sql(truths.number_of("labels", session="session")),
    "count_labels_of_class_of_session": _sql(
        truths.number_of("labels", class_name="class", session="session")
    ),
    "count_labels_by_session": _sql(truths.counts_by("labels", "session")),
    "labels_not_of_class": _sql(
        conditions.number_of_others("labels", "class_name", "class")
    ),
    "labels_of_class_of_sensor": _sql(conditions.labels_of_class_of_sensor),
    "count_classes": _sql(truths.number_of_different("labels", "class_name")),
    "commonest_class": _sql(conditions.most("labels", "class_name")),
    "rarest_class": _sql(conditions.fewest("labels", "class_name")),
    "classes_of_session": _sql(
        truths.names_in("labels", "class_name", session="session")
    ),
    "list_classes": _sql(truths.counts_by("labels", "class_name")),
    "list_sensors_of_session": _sql(
        truths.counts_by("frames", "sensor", session="session")
    ),
    "list_releases": _sql(truths.names_in("releases", "release_id")),
    "count_frames_of_release": _sql(
        truths.number_of("release_frames", release_id="release")
    ),
    "frames_of_test_part": _sql(conditions.frames_of_test_part),
    "list_parts_of_release": _sql(
        truths.counts_by("release_frames", "split", release_id="release")
    ),
    "count_open_questions": _sql(truths.open_questions),
    "count_models": _sql(truths.number_of("models")),
    "models_of_release": _sql(truths.number_of("models", release_id="release")),
    "status": _of("sessions", truths.names_in("captures", "session")),
    "status_of_session": _of(
        "sessions",
        truths.names_in("captures", "session", session="session"),
        session="{session}",
    ),
    "failed_checks": _of("failed_checks", truths.held_sessions),
    "failed_checks_of_session": _of(
        "failed_checks", truths.held_sessions, session="{session}"
    ),
    "failed_checks_of_asset": _of("failed_checks", asset="{asset}"),
    "quarantine": _of("quarantine"),
    "quarantine_of_session": _of("quarantine", session="{session}"),
    "models": _of("models", truths.names_in("models", "model_sha256")),
    "models_of_task": _of(
        "models", truths.names_in("models", "model_sha256", task="task"), task="{task}"
    ),
    "champion_of_task": _of(
        "models", truths.champion, task="{task}", only_champions=True
    ),
    "compare_models": _of("compare_models", first="{model}", second="{model2}"),
    "compare_releases": _of(
        "compare_releases",
        truths.frames_between,
        first="{release}",
        second="{release2}",
    ),
    "lineage": _of("lineage", truths.whole_id, kind=ANYTHING, id=ANYTHING),
    "similar_frames": _of("similar_frames", frame="{frame}"),
    "search": _of("search", text=ANYTHING, kinds=MAYBE, sessions=MAYBE),
    "terms": _of("terms", of=ANYTHING),
    "all_terms": _of("terms"),
    "departures": _of("departures"),
    "stale": _of("stale"),
    "stale_of_session": _of("stale", sessions=["{session}"]),
    "stale_if_asset": _of("stale", select=["{asset}"]),
    "cost_of_asset": _of("cost", asset="{asset}"),
    "cost_of_training": _of("cost", asset="training/{task}"),
    "costs": _of("cost"),
    "drift": _of("drift"),
    "drift_of_session": _of("drift", session="{session}"),
    "runs": _of("runs"),
    "failed_runs": _of("runs", status="FAILURE"),
    "failed_runs_since": _of("runs", status="FAILURE", since=ANYTHING, before=MAYBE),
    "successful_runs": _of("runs", status="SUCCESS"),
    "runs_since": _of("runs", since=ANYTHING, before=ANYTHING),
    "runs_of_late": _of("runs", since=ANYTHING, before=MAYBE),
    "runs_of_day": _of("runs", since=_BEGIN_OF_DAY, before=ANYTHING),
    "runs_since_day": _of("runs", since=_BEGIN_OF_DAY, before=MAYBE),
    "runs_before_day": _of("runs", before=_BEGIN_OF_DAY),
    "why_run_failed": _of("run_log"),
    "triage": _of("triage"),
    "triage_of_session": _of("triage", what="{session}"),
    "morning": _of("morning"),
    "tables": _of("tables", truths.all_tables),
    "columns_of_table": _of("tables", truths.shown_columns, table="{table}"),
    "proposals": _of("proposals"),
    "decided_proposals": _of("proposals", is_open=False),
    "calls": _of("calls"),
    "calls_since": _of("calls", since=ANYTHING, before=MAYBE),
    "two_questions": Kind(("failed_checks", "tables"), truth=truths.held_sessions),
    UNANSWERED: Kind(()),
}
