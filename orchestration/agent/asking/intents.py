"""What may be asked in plain words: kinds of questions, and the tool and arguments that answer each.

Belongs here: one value a kind; its examples stand in `examples.toml`. Does not: finding names, and choosing.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from orchestration.agent.asking.count_sql import write_count
from orchestration.agent.asking.counting import read_count
from orchestration.agent.asking.names import Question

Make: TypeAlias = Callable[[Question], Mapping[str, Any]]
_EXAMPLES = Path(__file__).with_name("examples.toml")
_ANY = "<thing>"
_THINGS = ("prediction", "track", "frame", "capture", "release", "model")
_NEW_IN = re.compile(
    r"\b(?:new|added) (?:in|to) .*<release> .*\b(?:compared|since|relative|against|versus|vs) .*<release>"
    r"|<release> (?:differs?|deviates?) from .*<release>"
)
_TERMS_OF = ("release", "model", "session", "task")


def _ask_nothing(question: Question) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Intent:
    """One kind of question. `make` raises LookupError where a name is lacking.

    A question that names several things of a kind where examples have one is asked about each, unless `is_at_once`. One
    of which the grammar decides is never chosen by its examples: they tell what can be asked.
    """

    name: str
    tool: str
    make: Make = _ask_nothing
    is_at_once: bool = False

    @property
    def examples(self) -> tuple[str, ...]:
        """Ways to ask it, with a kind such as `<session>` for each name."""
        return _read_examples()[self.name]

    def list_repeated(self, question: Question) -> list[str]:
        """Kinds of which the question names more than any example does."""
        if self.is_at_once:
            return []
        most = {
            kind: max(text.count(f"<{kind}>") for text in self.examples)
            for kind in question.names
        }
        return [k for k, names in question.names.items() if 0 < most[k] < len(names)]


@cache
def _read_examples() -> dict[str, tuple[str, ...]]:
    told = tomllib.loads(_EXAMPLES.read_text())
    return {name: tuple(_say_of_all(texts)) for name, texts in told.items()}


def _say_of_all(texts: list[str]) -> Iterator[str]:
    for text in texts:
        kinds = _THINGS if _ANY in text else ("",)
        yield from (text.replace(_ANY, f"<{kind}>") for kind in kinds)


def _named(**arguments: str) -> Make:
    """Arguments by the kind of name that they are."""

    def make(question: Question) -> dict[str, str]:
        return {name: question.first(kind) for name, kind in arguments.items()}

    return make


def _two(kind: str) -> Make:
    def make(question: Question) -> dict[str, str]:
        found = [*question.names.get(kind, ()), *question.names.get("task", ())][:2]
        if len(found) < 2:
            raise LookupError(f"a second {kind}")
        return {"first": found[0], "second": found[1]}

    return make


def _compare_releases(question: Question) -> Mapping[str, str]:
    """The older one first: of "what is new in A compared with B" that is B."""
    found = _two("release")(question)
    is_backwards = _NEW_IN.search(" ".join(question.words))
    if not is_backwards:
        return found
    return {"first": found["second"], "second": found["first"]}


def _find_kind(question: Question, *kinds: str) -> str:
    for kind in kinds:
        if kind in question.names:
            return kind
    raise LookupError(kinds[-1])


def _trace(question: Question) -> dict[str, str]:
    kind = _find_kind(question, *_THINGS)
    return {"kind": kind, "id": question.first(kind)}


def _about(question: Question) -> dict[str, str]:
    return {"of": question.first(_find_kind(question, *_TERMS_OF))}


def _in_time(question: Question) -> dict[str, str]:
    since, _, before = question.first("time").partition("/")
    return {"since": since, "before": before} if since else {"before": before}


def _count(question: Question) -> dict[str, str]:
    count = read_count(question)
    statement = write_count(count, question.names) if count else None
    if statement is None:
        raise LookupError("count")
    return {"sql": statement}


_NEXT_TO_LABEL = "select task, rank, session, sensor, frame_id, told from label_queue where state = 'open'"
" order by rank, task"
_FAILED = {"status": "FAILURE"}
_SUCCEEDED = {"status": "SUCCESS"}
_RUNNING = {"status": "STARTED"}

# what is stored, counted or listed: read by its grammar, so that of its examples any mixture is
COUNTED = Intent("count", "sql", _count, is_at_once=True)
INTENTS = (
    COUNTED,
    Intent("status", "sessions"),
    Intent("status_of_session", "sessions", _named(session="session")),
    Intent("failed_checks", "failed_checks"),
    Intent("failed_checks_of_session", "failed_checks", _named(session="session")),
    Intent("failed_checks_of_asset", "failed_checks", _named(asset="asset")),
    Intent("quarantine", "quarantine"),
    Intent("quarantine_of_session", "quarantine", _named(session="session")),
    Intent("models", "models"),
    Intent("models_of_task", "models", _named(task="task")),
    Intent(
        "champion_of_task",
        "models",
        lambda asked: {"task": asked.first("task"), "only_champions": True},
    ),
    Intent("compare_models", "compare_models", _two("model")),
    Intent("compare_releases", "compare_releases", _compare_releases),
    Intent("lineage", "lineage", _trace),
    Intent("terms", "terms", _about),
    Intent("terms_of_all", "terms"),
    Intent("departures", "departures"),
    Intent("departures_of", "departures", _about),
    Intent("similar_frames", "similar_frames", _named(frame="frame")),
    Intent("stale", "stale"),
    Intent(
        "stale_of_session",
        "stale",
        lambda asked: {"sessions": [asked.first("session")]},
    ),
    Intent("stale_if_asset", "stale", lambda asked: {"select": [asked.first("asset")]}),
    Intent("cost_of_asset", "cost", _named(asset="asset")),
    Intent(
        "cost_of_training",
        "cost",
        lambda asked: {"asset": f"training/{asked.first('task')}"},
    ),
    Intent("costs", "cost"),
    Intent("drift", "drift"),
    Intent("drift_of_session", "drift", _named(session="session")),
    Intent("runs", "runs"),
    Intent("failed_runs", "runs", lambda asked: _FAILED),
    Intent("runs_of_time", "runs", _in_time),
    Intent("failed_runs_of_time", "runs", lambda asked: {**_FAILED, **_in_time(asked)}),
    Intent("successful_runs", "runs", lambda asked: _SUCCEEDED),
    Intent(
        "successful_runs_of_time",
        "runs",
        lambda asked: {**_SUCCEEDED, **_in_time(asked)},
    ),
    Intent("running_runs", "runs", lambda asked: _RUNNING),
    Intent("newest_runs", "runs", lambda asked: {"limit": int(asked.first("number"))}),
    Intent("why_run_failed", "run_log"),
    Intent("log_of_run", "run_log", _named(run="run")),
    Intent("triage", "triage"),
    Intent("triage_of_run", "triage", _named(what="run")),
    Intent("triage_of_session", "triage", _named(what="session")),
    Intent("label_next", "sql", lambda asked: {"sql": _NEXT_TO_LABEL}),
    Intent("morning", "morning"),
    Intent("tables", "tables"),
    Intent("columns_of_table", "tables", _named(table="table")),
    Intent("search", "search", _named(text="text")),
    Intent("decided_proposals", "proposals", lambda asked: {"is_open": False}),
    Intent("proposals", "proposals"),
    Intent("calls_of_time", "calls", _in_time),
    Intent("calls", "calls"),
)
