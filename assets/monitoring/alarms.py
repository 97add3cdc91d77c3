"""Alarms: what happened that a person should know of, stored once, and told at most once a cause and cool-down.

Each event, such as a session at which the evidence sufficed, has one row. Where its cause was told within the cool-down
the row says so, and nobody is told again: what flaps a hundred times is told once. A person is told in the log, and by
a webhook where there is one; a row is stored first, so that a process that ends in between loses none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from assets.monitoring.control import SUBJECTS, Reading, Subject, follow
from assets.monitoring.estimates import has_fallen, is_seen_fallen
from assets.monitoring.event import Event
from assets.monitoring.feeds import Feed, note_delivering, read_feeds
from assets.monitoring.pending import champions
from assets.monitoring.rigs import find_moved
from assets.monitoring.served import find_in_requests, find_served
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import AlarmRow, ChampionRow, EstimateRow
from assets.tables.schemas import TABLES, content_id, to_table

COOLDOWN_S = 24 * 3600
MAX_TRIES = 8  # of telling the webhook, one a look
_log = logging.getLogger("daguerre.alarms")


def raise_alarms(
    catalog: Catalog,
    tell: Callable[[str], bool] | None = None,
    now_ns: int | None = None,
    has_verdicts: bool = True,
) -> list[AlarmRow]:
    """Look at all that may alarm, store what is new, and tell who is to be told; returns the alarms told right now.

    `tell` hands a text to people elsewhere and returns whether it arrived; None where there is no such way. Verdicts
    are not looked at where `has_verdicts` says that none is new.
    """
    now = time.time_ns() if now_ns is None else now_ns
    stored: list[AlarmRow] = catalog.read_latest("alarms").to_pylist()
    events = [*find_stopped(catalog, now), *find_served(catalog)]
    if has_verdicts:
        events += [*find_events(catalog), *find_moved(catalog)]
    new = choose_new(events, stored, now, tell is not None)
    if new:
        catalog.merge("alarms", to_table(TABLES["alarms"], new))
    for row in new:
        if row["is_told"]:
            _log.warning(describe(row))
    if tell is not None:
        _tell_pending(catalog, [*stored, *new], tell)
    return [row for row in new if row["is_told"]]


def find_stopped(catalog: Catalog, now_ns: int) -> list[Event]:
    """The feeds that have stopped; of those that deliver it is stored that they were seen to."""
    feeds = read_feeds(catalog, now_ns)
    note_delivering(catalog, feeds, now_ns)
    return [_of_feed(feed) for feed in feeds if feed.state == "stopped"]


def find_events(catalog: Catalog) -> list[Event]:
    """All that verdicts and estimates for champions have to tell, old and new."""
    found: list[Event] = []
    for champion in champions(catalog):
        for subject in SUBJECTS:
            readings = follow(catalog, champion, subject)
            found += [_of_reading(champion, subject, r) for r in readings if r.is_alarm]
        found += find_in_requests(catalog, champion)
        mine = (
            f"{is_in('model_name', [champion['model_name']])} "
            f"AND model_version = {champion['model_version']}"
        )
        rows: list[EstimateRow] = catalog.read_latest(
            "estimates", where=mine
        ).to_pylist()
        found += [
            _of_estimate(row)
            for row in rows
            if has_fallen(row["value"], row["error"], row["reference"])
            or is_seen_fallen(row)
        ]
    return found


def choose_new(
    events: Iterable[Event], stored: Sequence[AlarmRow], now_ns: int, has_webhook: bool
) -> list[AlarmRow]:
    """Rows of the events that have none yet; of those of one cause one at most is to be told in a cool-down."""
    known = {row["alarm_id"] for row in stored}
    told_ns = {
        row["cause"]: row["raised_ns"]
        for row in sorted(stored, key=lambda row: row["raised_ns"])
        if row["is_told"]
    }
    rows: list[AlarmRow] = []
    for event in events:
        alarm_id = content_id("alarm", event.cause, event.name)
        if alarm_id in known:
            continue
        known.add(alarm_id)
        last_ns = told_ns.get(event.cause)
        is_told = last_ns is None or now_ns - last_ns >= COOLDOWN_S * 10**9
        if is_told:
            told_ns[event.cause] = now_ns
        rows.append(
            {
                "alarm_id": alarm_id,
                "kind": event.kind,
                "cause": event.cause,
                "task": event.task,
                "session": event.session,
                "summary": event.summary,
                "remedy": event.remedy,
                "raised_ns": now_ns,
                "is_told": is_told,
                "num_tries": 0,
                "told": _name_state(is_told, has_webhook),
            }
        )
    return rows


def describe(row: AlarmRow) -> str:
    """One line for a person."""
    return f"{row['summary']}. {row['remedy']}"


def _tell_pending(
    catalog: Catalog, rows: Sequence[AlarmRow], tell: Callable[[str], bool]
) -> None:
    """Try once each that waits for the webhook; what fails MAX_TRIES times is given up, and stays in the table."""
    for row in rows:
        if row["told"] != "pending":
            continue
        num_tries = row["num_tries"] + 1
        given_up = "failed" if num_tries >= MAX_TRIES else "pending"
        state = "webhook" if tell(describe(row)) else given_up
        changed = {**row, "num_tries": num_tries, "told": state}
        catalog.upsert("alarms", to_table(TABLES["alarms"], [changed]))


def _name_state(is_told: bool, has_webhook: bool) -> str:
    if not is_told:
        return "none"
    return "pending" if has_webhook else "log"


def _of_reading(champion: ChampionRow, subject: Subject, reading: Reading) -> Event:
    name, version = champion["model_name"], champion["model_version"]
    who = f"{name} version {version}"
    what = "Images" if subject == "images" else f"Answers of {who}"
    # the world of the images is one, whichever champion looks at it; answers are of one task
    cause = reading.sensor if subject == "images" else champion["task"]
    return Event(
        subject,
        f"{subject}/{cause}",
        f"{name}/{version}/{reading.session}",
        f"{what} have drifted at session {reading.session}: {reading.statistic} of {reading.sensor} "
        f"{reading.distance:+.1f} sd from what {who} knows",
        "`daguerre drift` has all figures; label frames of it and train, or look after the sensor",
        None if subject == "images" else champion["task"],
        reading.session,
    )


def _of_estimate(row: EstimateRow) -> Event:
    who = f"{row['model_name']} version {row['model_version']}"
    return Event(
        "estimate",
        f"estimate/{row['task']}",
        f"{row['model_name']}/{row['model_version']}/{row['session']}",
        f"The {row['metric']} of {who} on session {row['session']} {_tell_fall(row)}, "
        f"after {row['reference']:.2f} on the test part of its release",
        "Label frames of the session: the truth then stands beside the estimate in `daguerre drift`",
        row["task"],
        row["session"],
    )


def _tell_fall(row: EstimateRow) -> str:
    if has_fallen(row["value"], row["error"], row["reference"]):
        return f"is estimated at {row['value']:.2f}"
    return f"is {row['truth']:.2f} by labels of {row['num_labelled']} of its answers"


def _of_feed(feed: Feed) -> Event:
    return Event(
        "feed",
        f"feed/{feed.sensor}",
        str(feed.newest_ns),
        f"The sensor {feed.sensor} has stopped: {feed.reason}",
        "Look after the sensor, its clock, and the way of its recordings to the landing zone",
    )
