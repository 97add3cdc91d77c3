"""Tools on the world around a home: drift and its causes, alarms, runs and what they said, sessions at a glance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import Field

from assets.retrieval.drift import read_drift
from assets.retrieval.run_history import list_runs, read_log
from assets.retrieval.status import Home, read_status
from assets.tables.catalog import repr_sql
from assets.tables.schemas.monitoring import WHOLE_SESSION
from orchestration.agent.answer import (
    Answer,
    Fact,
    Sentence,
    Source,
    plain,
    say,
    say_masked,
    take,
    unknown,
)
from orchestration.agent.call_log import CallLog
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World

_MOST_RUNS = 50
_MOST_CALLS = 5000  # that are looked at for those of a time
_MOST_MOVED = 3  # in a sentence
_OF_WHO_ASKED = ("who", "arguments")  # of a call


class Drift(Listing):
    """Of which session."""

    session: str = Field("", max_length=64, description="One session, or a pattern.")


def tell_drift(world: World, asked: Drift) -> Answer:
    """Verdicts by champions, the statistics that moved most, alarms."""
    catalog = world.catalog
    names = (asked.session,) if asked.session else ()
    told = read_drift(catalog, names)
    source = Source("drift", asked.session or "*")
    readings = [
        {
            "session": row["session"],
            "model": f"{row['model_name']}/{row['model_version']}",
            "subject": row["subject"],
            "is_drifted": row["is_drifted"],
            "p_value": row["p_value"],
            "evidence": row["evidence"],
            "is_alarm": row["is_alarm"],
            "says": row["verdict"],
        }
        for row in told["readings"]
    ]
    drifted = sorted({row["session"] for row in readings if row["is_drifted"]})
    alarms = [
        {"alarm": row["alarm_id"], "says": row["summary"]} for row in told["alarms"]
    ]
    facts = (
        Fact("judged", len({row["session"] for row in readings}), source),
        Fact("drifted", len(drifted), source),
        Fact("sessions", ", ".join(drifted) or None, source),
        Fact("alarms", len(alarms), Source("alarm", "all")),
    )
    words = "{drifted} of {judged} sessions that champions judged have drifted: {sessions}. {alarms} alarms are told."
    causes = _list_causes(world, drifted, asked.session)
    rows = (
        take("causes", causes, asked.limit, source, key="session", key_kind="drift"),
        take(
            "readings", readings, asked.limit, source, key="session", key_kind="drift"
        ),
        take(
            "alarms",
            alarms,
            asked.limit,
            Source("alarm", "all"),
            key="alarm",
            key_kind="alarm",
        ),
    )
    told_rows = tuple(r for r in rows if r.rows)
    if asked.session and not readings:
        said = say(
            "No champion has judged {asked}: {judged} verdicts on drift. {alarms} alarms are told.",
            Fact("asked", asked.session, source),
            *(fact for fact in facts if fact.name in ("judged", "alarms")),
        )
        return Answer((said,), told_rows, more=facts)
    moved = [tell_moved(causes, source)] if len(drifted) == 1 and causes else []
    return Answer((say(words, *facts), *moved), told_rows)


def tell_moved(causes: Sequence[Mapping[str, Any]], source: Source) -> Sentence:
    """What moved most, each statistic of a sensor once, by the champion that saw it move most."""
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in causes:
        first.setdefault((row["sensor"], row["statistic"]), row)
    shown = list(first.values())[:_MOST_MOVED]
    facts = [
        Fact(f"{name}_{number}", row[name], source)
        for number, row in enumerate(shown)
        for name in ("sensor", "statistic", "value")
    ]
    told = ", ".join(
        f"{{statistic_{n}}} of {{sensor_{n}}} {{value_{n}}}" for n in range(len(shown))
    )
    return say(f"Moved, in standard deviations: {told}.", *facts)


def _list_causes(
    world: World, drifted: list[str], pattern: str
) -> list[dict[str, Any]]:
    """What moved in sessions that drifted, the most likely first; all of one that is asked about and has not."""

    def is_asked(row: Mapping[str, Any]) -> bool:
        return bool(pattern) and fnmatchcase(row["session"], pattern)

    where = f"statistic <> {repr_sql(WHOLE_SESSION)}"
    rows = world.catalog.read_latest("drift", where=where).to_pylist()
    asked = [
        row
        for row in rows
        if (row["is_drifted"] if row["session"] in drifted else is_asked(row))
    ]
    asked.sort(
        key=lambda r: (r["session"], 1.0 if r["p_value"] is None else r["p_value"])
    )
    names = ("session", "model_name", "model_version", "sensor", "statistic")
    numbers = ("value", "reference", "distance", "p_value", "is_drifted")
    return [{n: row[n] for n in (*names, *numbers) if n in row} for row in asked]


_MOMENT = r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)?$"
Moment = Annotated[
    str, Field(pattern=_MOMENT, description="In UTC, as 2026-11-29T00:00:00Z.")
]


def _is_in(at: str, asked: "Runs | Calls") -> bool:
    """Whether an ISO 8601 time of UTC lies between those that are asked for."""
    moment = at[:19]
    return asked.since[:19] <= moment and (
        not asked.before or moment < asked.before[:19]
    )


class Runs(Listing):
    """Which runs."""

    status: str = Field("", max_length=20, description="FAILURE, SUCCESS, STARTED ...")
    since: Moment = ""
    before: Moment = ""
    limit: int = Field(20, ge=1, le=_MOST_RUNS, description="Runs at most.")


def tell_runs(world: World, asked: Runs) -> Answer:
    """The newest runs of Dagster."""
    settings = world.settings
    is_timed = bool(asked.since or asked.before)
    newest = list_runs(
        settings.dagster_home,
        settings.dagster_url,
        _MOST_RUNS if is_timed else asked.limit,
        status=asked.status.upper(),
    )
    found = [run for run in newest if _is_in(run.created, asked)][: asked.limit]
    source = Source("runs", "newest")
    states = Counter(run.status for run in found)
    facts = (
        Fact("runs", len(found), source),
        Fact("failed", states["FAILURE"], source),
    )
    rows = [vars(run) for run in found]
    sentences = [say("{runs} runs, the newest first; {failed} of them failed.", *facts)]
    if is_timed:
        sentences = [_say_time(asked, facts, len(newest) == _MOST_RUNS)]
    if found:
        own = Source("run", found[0].run_id)
        named = (
            Fact("run", found[0].run_id, own),
            Fact("job", found[0].job, own),
            Fact("status", found[0].status, own),
        )
        sentences.append(say("The newest is {run} of {job}: {status}.", *named))
    listed = take(
        "runs",
        rows,
        asked.limit,
        source,
        units={"seconds": "s"},
        key="run_id",
        key_kind="run",
    )
    return Answer(tuple(sentences), (listed,) if rows else ())


def _say_time(asked: Runs, facts: tuple[Fact, ...], is_cut: bool) -> Sentence:
    """How many runs a time has."""
    source = Source("runs", "newest")
    since = Fact("since", asked.since or None, source)
    before = Fact("before", asked.before or None, source)
    bounds = [fact for fact in (since, before) if fact.value]
    when = " and ".join(f"{fact.name} {{{fact.name}}}" for fact in bounds)
    words = f"{{runs}} runs {when}; {{failed}} of them failed"
    if not is_cut:
        return say(f"{words}.", *facts, *bounds)
    most = Fact("most", _MOST_RUNS, source)
    return say(f"{words}, of the newest {{most}} of all.", *facts, *bounds, most)


class Log(Listing):
    """Of which run."""

    run: str = Field(
        "",
        max_length=40,
        pattern=r"^[0-9a-f-]*$",
        description="A run's id or a beginning of it; none: the newest that failed.",
    )
    level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="The least."
    )


_ORDER = ("debug", "info", "warning", "error", "critical")


def tell_log(world: World, asked: Log) -> Answer:
    """What a run said last, and its error where it failed."""
    settings = world.settings
    place = (settings.dagster_home, settings.dagster_url)
    status = "" if asked.run else "FAILURE"
    found = list_runs(*place, 2, asked.run, status)
    if not found:
        if asked.run:
            raise ValueError(
                f"no run begins with {asked.run!r}: the tool `runs` lists the newest"
            )
        return unknown("No run has failed, so that none is told of.")
    if asked.run and len(found) > 1:
        raise ValueError(f"several runs begin with {asked.run!r}: give more of the id")
    run = found[0]
    least = _ORDER.index(asked.level)
    lines = [
        vars(line)
        for line in read_log(*place, run.run_id)
        if _ORDER.index(line.level) >= least
    ]
    errors = [line["says"] for line in lines if line["level"] == "error"]
    own = Source("run", run.run_id)
    facts = (
        Fact("run", run.run_id, own),
        Fact("job", run.job, own),
        Fact("status", run.status, own),
        Fact("errors", len(errors), own),
    )
    sentences = [say("Run {run} of {job}: {status}, {errors} errors.", *facts)]
    if errors:
        sentences.append(say("The last: {error}.", Fact("error", errors[-1], own)))
    newest = list(reversed(lines))
    return Answer(
        tuple(sentences), (take("lines, the newest first", newest, asked.limit, own),)
    )


class Sessions(Listing):
    """Which session."""

    session: str = Field("", max_length=64, description="One session; none: all.")


def tell_sessions(world: World, asked: Sessions) -> Answer:
    """What is landed, stored, held and waiting, by session, and which models are champion."""
    home = Home(
        world.catalog, world.zone, world.settings.home, world.settings.dagster_url
    )
    told = read_status(home)
    names = (
        "session",
        "state",
        "files",
        "ingested",
        "quarantined",
        "waiting",
        "frames",
    )
    rows = [
        {name: row[name] for name in names}
        | {"held": plain(row["held"]), "size_bytes": row["size_bytes"]}
        for row in told["sessions"]
        if asked.session in ("", row["session"])
    ]
    if asked.session and not rows:
        raise ValueError(
            f"there is no session '{asked.session}': `daguerre status` lists them"
        )
    source = Source("home", "status")
    states = Counter(row["state"] for row in rows)
    frames = sum(row["frames"] for row in rows)
    facts = [Fact("sessions", len(rows), source), Fact("frames", frames, source)]
    words = "{sessions} sessions with {frames} stored frames"
    for state, count in sorted(states.items()):
        facts.append(Fact(state, count, source))
        words += f", {{{state}}} {state}"
    listed = take(
        "sessions",
        rows,
        asked.limit,
        source,
        units={"size_bytes": "byte"},
        key="session",
        key_kind="session",
    )
    sentences = [say(f"{words}.", *facts)]
    sentences += [
        say(
            "Retraining of {task} is asked for: {reason}.",
            Fact("task", row["task"], source),
            Fact("reason", row["reason"], source),
        )
        for row in told["retraining_requests"][:_MOST_RUNS]
        if not asked.session
    ]
    return Answer(tuple(sentences), (listed,) if rows else ())


class Calls(Listing):
    """How many, and of when."""

    since: Moment = ""
    before: Moment = ""


def tell_calls(world: World, asked: Calls) -> Answer:
    """Who asked which tool what; of others only which tool, and how much came back."""
    is_timed = bool(asked.since or asked.before)
    read = CallLog(world.settings.home).read(_MOST_CALLS if is_timed else asked.limit)
    rows = [row for row in read if _is_in(row["at"], asked)][: asked.limit]
    source = Source("calls", "newest")
    known = [world.may_know(row["who"]) for row in rows]
    shown = [_show_call(row, known[number]) for number, row in enumerate(rows)]
    count = Fact("calls", len(shown), source)
    return Answer(
        (
            say("The newest {calls} calls.", count),
            *say_masked(known.count(False), source),
        ),
        (take("calls", shown, asked.limit, source),) if shown else (),
    )


def _show_call(row: Mapping[str, Any], is_known: bool) -> dict[str, Any]:
    masked = () if is_known else _OF_WHO_ASKED
    return {k: None if k in masked else plain(v) for k, v in row.items()}


DRIFT = Tool(
    "drift",
    "Which sessions have drifted from what champions learnt, what moved, the evidence and the alarms.",
    Drift,
    tell_drift,
)
RUNS = Tool(
    "runs", "The newest runs of the graph, and how they ended.", Runs, tell_runs
)
RUN_LOG = Tool(
    "run_log",
    "What a run said, and why it failed; without an id the newest that failed.",
    Log,
    tell_log,
)
SESSIONS = Tool(
    "sessions",
    "Sessions at a glance: files, frames, what is held, quarantined or waits.",
    Sessions,
    tell_sessions,
)
CALLS = Tool("calls", "Who asked which tool what, newest first.", Calls, tell_calls)
