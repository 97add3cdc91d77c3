"""The kinds of questions of the exam: the tool that answers one, its arguments, and what is right.

Belongs here: one value a kind. Does not: how people put it, which stands in `questions/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.agent.exam import truths
from orchestration.agent.exam.truths import FindTruth

ANYTHING = "*"
UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Kind:
    """One kind. `arguments`: what the tool is given, with `{session}` for a name of the question. Of `sql` any
    statement that has the names is right, as what it answers is counted. Without `tools` nothing answers it."""

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
    "largest_session": _sql(truths.largest),
    "frames_of_two_sessions": _sql(truths.frames_of_both),
    "count_sessions": _sql(truths.number_of_different("captures", "session")),
    "count_labels": _sql(truths.number_of("labels")),
    "count_labels_of_class": _sql(truths.number_of("labels", class_name="class")),
    "count_labels_of_session": _sql(truths.number_of("labels", session="session")),
    "count_labels_of_class_of_session": _sql(
        truths.number_of("labels", class_name="class", session="session")
    ),
    "list_classes": _sql(truths.counts_by("labels", "class_name")),
    "list_sensors_of_session": _sql(
        truths.counts_by("frames", "sensor", session="session")
    ),
    "list_releases": _sql(truths.names_in("releases", "release_id")),
    "count_frames_of_release": _sql(
        truths.number_of("release_frames", release_id="release")
    ),
    "list_parts_of_release": _sql(
        truths.counts_by("release_frames", "split", release_id="release")
    ),
    "count_open_questions": _sql(truths.open_questions),
    "count_models": _sql(truths.number_of("models")),
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
    "terms": _of("terms", of=ANYTHING),
    "stale": _of("stale"),
    "stale_of_session": _of("stale", sessions=["{session}"]),
    "cost_of_asset": _of("cost", asset="{asset}"),
    "cost_of_training": _of("cost", asset="training/{task}"),
    "costs": _of("cost"),
    "drift": _of("drift"),
    "drift_of_session": _of("drift", session="{session}"),
    "runs": _of("runs"),
    "failed_runs": _of("runs", status="FAILURE"),
    "runs_since": _of("runs", since=ANYTHING, before=ANYTHING),
    "why_run_failed": _of("run_log"),
    "triage": _of("triage"),
    "triage_of_session": _of("triage", what="{session}"),
    "morning": _of("morning"),
    "tables": _of("tables", truths.all_tables),
    "columns_of_table": _of("tables", truths.shown_columns, table="{table}"),
    "proposals": _of("proposals"),
    "calls": _of("calls"),
    "two_questions": Kind(("failed_checks", "tables"), truth=truths.held_sessions),
    UNANSWERED: Kind(()),
}
