"""The verb that says how the world moves under the champions: drift, estimates, feeds, alarms."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from assets.wording import many
from orchestration.cli.chosen import Sessions, read_names
from orchestration.cli.output import Json, say, shorten
from orchestration.cli.tables import Wide, print_lines


def drift(
    sessions: Sessions = None,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Say what champions make of sessions and of requests: drift of images and answers, evidence of a change over all
    of them, how good answers are estimated to be and were, which feeds stopped, which alarms were raised. Changes
    nothing.

    Alarms are raised by alarm_sensor of `daguerre ui`, and told by DAGUERRE_ALARM_WEBHOOK, in the form of Slack's.
    """
    from assets.retrieval.drift import read_drift
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    facts = read_drift(build_catalog(load_settings()), read_names(sessions))
    if as_json:
        return say(True, facts, "")
    print_lines(_tell_readings(facts), wide)
    print_lines(_tell_requests(facts), wide)
    print_lines(_tell_estimates(facts), wide)
    print_lines(_tell_feeds(facts), wide)
    print_lines(_tell_alarms(facts), wide)


def _tell_readings(facts: Mapping[str, Any]) -> Iterator[str]:
    if not facts["readings"]:
        yield "no session has been judged yet: `daguerre status` says which champions there are"
    models: dict[tuple[str, str], list[str]] = {}  # of which the same is said
    for reading in facts["readings"]:
        what = f"{reading['subject']} of {reading['session']}"
        model = f"{reading['model_name']} v{reading['model_version']}"
        models.setdefault((what, _tell_evidence(reading)), []).append(model)
    for (what, evidence), named in models.items():
        yield f"{what} for {', '.join(named)}: {evidence}"


def _tell_requests(facts: Mapping[str, Any]) -> Iterator[str]:
    for row in facts["requests"]:
        subject = row["subject"].removeprefix("request_")
        who = f"{subject} of requests of {row['window']} for {row['model_name']} v{row['model_version']}"
        yield f"{who}: {_tell_evidence(row)}"
        if subject == "answers":
            yield f"  {many(row['num_images'], 'image')}; {row['estimate_reason']}"


def _tell_evidence(row: Mapping[str, Any]) -> str:
    alarm = "ALARM, " * row["is_alarm"]
    share = "no evidence"
    if row["evidence"] is not None:
        evidence = row["evidence"]
        rounded = f"{evidence:.3g}" if evidence < 100 else f"{evidence:,.0f}"
        share = f"evidence {rounded} of {row['threshold']:.0f}"
    return f"{alarm}{share}; {shorten(row['verdict'], 160)}"


def _tell_estimates(facts: Mapping[str, Any]) -> Iterator[str]:
    """What is expected without labels, or why nothing is, and what labels say where there are any."""
    for row in facts["estimates"]:
        line = f"{row['task']} v{row['model_version']} on {row['session']}: {row['reason']}"
        if row["truth"] is not None:
            line += f"; by labels {row['truth']:.3f} of {row['num_labelled']} answers are right"
            if row["value_of_labelled"] is not None:
                line += f", {row['value_of_labelled']:.3f} were expected"
        if row["reference"] is not None:
            line += f"; {row['reference']:.3f} on the test part"
        yield line


def _tell_feeds(facts: Mapping[str, Any]) -> Iterator[str]:
    for feed in facts["feeds"]:
        yield f"feed {feed['sensor']}: {feed['state']}, {feed['reason']}"


def _tell_alarms(facts: Mapping[str, Any]) -> Iterator[str]:
    alarms = facts["alarms"]
    yield f"alarms raised: {len(alarms) or 'none'}"
    if not alarms and any(reading["is_alarm"] for reading in facts["readings"]):
        yield "  what is marked ALARM is raised by alarm_sensor, while `daguerre ui` runs"
    for alarm in alarms:
        yield f"  {_tell_time(alarm['raised_ns'])} ({alarm['told']}): {alarm['summary']}"
        yield f"    {alarm['remedy']}"


def _tell_time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / 1e9, UTC):%d %b %H:%M UTC}"
