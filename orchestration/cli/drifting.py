"""The verb that says how the world moves under the champions: drift, estimates, feeds, alarms."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from assets.wording import many
from orchestration.cli.chosen import Sessions, read_names
from orchestration.cli.output import Json, say, shorten
from orchestration.cli.tables import Wide, print_lines, print_table

_MORE = "daguerre drift --wide"


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
    for name in ("estimates", "feeds"):
        if facts[name]:
            print_table(facts[name], name, wide, _MORE)
    print_lines(_tell_alarms(facts), wide)


def _tell_readings(facts: Mapping[str, Any]) -> Iterator[str]:
    if not facts["readings"]:
        yield "no session has been judged yet: `daguerre status` says which champions there are"
    for reading in facts["readings"]:
        who = f"{reading['subject']} of {reading['session']} for {reading['model_name']} v{reading['model_version']}"
        yield f"{who}: {_tell_evidence(reading)}"


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
        share = f"evidence {row['evidence']:.3g} of {row['threshold']:.0f}"
    return f"{alarm}{share}; {shorten(row['verdict'], 160)}"


def _tell_alarms(facts: Mapping[str, Any]) -> Iterator[str]:
    alarms = facts["alarms"]
    yield f"alarms: {len(alarms) or 'none'}"
    for alarm in alarms:
        when = datetime.fromtimestamp(alarm["raised_ns"] / 1e9, UTC)
        yield f"  {when:%d %b %H:%M UTC} ({alarm['told']}): {alarm['summary']}"
        yield f"    {alarm['remedy']}"
