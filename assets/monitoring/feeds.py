"""Which sensors have stopped to deliver: no recording for longer than their history makes likely.

A recording's time is that of its newest frame by the sensor's own clock, from the clock reports. A clock that tells no
date gives no feed that could stop, and neither does a sensor of few recordings, nor one that nobody has seen deliver:
recordings of an archive, or simulated ones, are old when they come. That is said, and is no alarm.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from assets.dated import FIRST_DATE_NS
from assets.tables.catalog import Catalog
from assets.tables.rows import FeedSightingRow
from assets.tables.schemas import TABLES, to_table

State = Literal["delivers", "stopped", "unknown"]
MIN_GAPS = 5
_REMEMBERED = 50  # gaps: what was usual a year ago is not any more
# of n gaps like each other the next is the longest of all once in n + 1 times; twice as long it hardly ever is
_ROOM = 2.0
_LEAST_NS = (
    3600 * 10**9
)  # recordings that follow each other at once do not make an hour's break an alarm
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Feed:
    """A sensor: when its newest recording ended (UTC), the longest break that is usual, and what follows."""

    sensor: str
    newest_ns: int | None
    usual_ns: int | None
    num_recordings: int
    state: State
    reason: str

    @property
    def limit_ns(self) -> int | None:
        """When it counts as stopped."""
        if self.newest_ns is None or self.usual_ns is None:
            return None
        return self.newest_ns + max(int(_ROOM * self.usual_ns), _LEAST_NS)


def note_delivering(catalog: Catalog, feeds: Iterable[Feed], now_ns: int) -> None:
    """Store of each feed that delivers that it was seen to, once: what was never seen to cannot stop."""
    known = _read_seen(catalog)
    new: list[FeedSightingRow] = [
        {"sensor": feed.sensor, "seen_ns": now_ns}
        for feed in feeds
        if feed.state == "delivers" and feed.sensor not in known
    ]
    if new:
        catalog.merge("feed_sightings", to_table(TABLES["feed_sightings"], new))


def read_feeds(catalog: Catalog, now_ns: int | None = None) -> list[Feed]:
    """All cameras of which there are clock reports, by name."""
    seen = _read_seen(catalog)
    where = "kind IN ('color', 'depth')"
    rows = catalog.read_latest("clock_reports", ["sensor", "end_ns"], where)
    ends: dict[str, list[int]] = {}
    for row in rows.to_pylist():
        ends.setdefault(row["sensor"], []).append(row["end_ns"])
    now = time.time_ns() if now_ns is None else now_ns
    return [judge_feed(s, ends[s], now, was_seen=s in seen) for s in sorted(ends)]


def judge_feed(
    sensor: str, ends_ns: Iterable[int | None], now_ns: int, *, was_seen: bool
) -> Feed:
    """One sensor, from when each of its recordings ended, and whether it was ever seen to deliver. Stamps before 2000,
    and of tomorrow, are no dates."""
    dated = sorted(
        {t for t in ends_ns if t is not None and FIRST_DATE_NS <= t <= now_ns + _DAY_NS}
    )
    if not dated:
        return Feed(sensor, None, None, 0, "unknown", "its clock tells no date")
    gaps = [b - a for a, b in pairwise(dated)][-_REMEMBERED:]
    if len(gaps) < MIN_GAPS:
        why = f"{len(dated)} recordings, {MIN_GAPS + 1} tell what is usual"
        return Feed(sensor, dated[-1], None, len(dated), "unknown", why)
    feed = Feed(sensor, dated[-1], max(gaps), len(dated), "delivers", "")
    limit_ns = feed.limit_ns
    assert limit_ns is not None
    age = _tell_span(now_ns - dated[-1])
    usual = f"the longest break of {len(gaps)} was {_tell_span(max(gaps))}"
    told = f"its newest recording is {age} old, {usual}"
    if now_ns <= limit_ns:
        return replace(feed, reason=told)
    if was_seen:
        return replace(feed, state="stopped", reason=told)
    why = f"{told}: it was never seen to deliver, as an archive or a simulation is not"
    return replace(feed, state="unknown", reason=why)


def _read_seen(catalog: Catalog) -> set[str]:
    rows = catalog.read_latest("feed_sightings", ["sensor"])
    return set(rows["sensor"].to_pylist())


def _tell_span(span_ns: int) -> str:
    hours = max(span_ns, 0) / 3.6e12
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
