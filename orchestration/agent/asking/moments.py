"""Words for a stretch of time in a question: "yesterday", "last week", "the past 3 days", "before 2026-11-29".

Belongs here: finding them, and what they mean in UTC. Does not: what is asked about that time.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

TIME = "<time>"
_UNITS = {
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 30 * 86_400,
    "year": 365 * 86_400,
}
_BACK = ("last", "past", "previous", "this")
_EVENING, _MORNING = timedelta(hours=6), timedelta(hours=6)  # from and to midnight
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# words before a time that make it another
_BOUNDS = {
    **{word: word for word in ("since", "after", "before")},
    **{word: "until" for word in ("until", "till", "by", "to", "through")},
}
_AROUND = ("in", "on", "the", "of", "during", "within", "over", "for", "from", *_BOUNDS)
_UNREAD = "<unknown>"


def find_time(words: Sequence[str], now: datetime) -> tuple[list[str], str]:
    """The words with `<time>` for the stretch of time, and that as "since/before", each ISO 8601 or ""; "" for none.

    Several times, such as "between", are not read: `<unknown>` stands for them.

    Last night is from 18 to 6 o'clock. Yesterday and a date are days of UTC. A week is the seven days until now, a
    month thirty days.
    """
    for at in range(len(words)):
        found = _read(words[at:], now)
        if found:
            length, since, before = found
            start = at
            while start and words[start - 1] in _AROUND:
                start -= 1
            after = words[at + length :]
            bounds = {_BOUNDS[word] for word in words[start:at] if word in _BOUNDS}
            is_read = len(bounds) < 2 and words[start - 1 : start] != ["day"]
            if not is_read or find_time(after, now)[0] != list(after):
                return [*words[:start], _UNREAD, *after], ""
            rest = [*words[:start], TIME, *after]
            return rest, _tell_period(since, before, now, *bounds)
    return list(words), ""


def _tell_period(
    since: datetime, before: datetime, now: datetime, bound: str = ""
) -> str:
    """The time itself, or what lies before or behind it."""
    told = {
        "since": (since, now),
        "after": (before, now),
        "before": (None, since),
        "until": (None, before),
    }
    begin, end = told.get(bound, (since, before))
    return f"{_tell(begin) if begin else ''}/{_tell(end)}"


def _read(words: Sequence[str], now: datetime) -> tuple[int, datetime, datetime] | None:
    """How many words say a time, when it begins and when it ends."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    if words[0] in ("today", "tonight"):
        return 1, today, now
    if words[0] == "yesterday":
        return 1, today - day, today
    if tuple(words[:2]) == ("last", "night"):
        return 2, today - _EVENING, today + _MORNING
    if _DATE.fullmatch(words[0]) and _is_date(words[0]):
        start = datetime.fromisoformat(words[0]).replace(tzinfo=UTC)
        return 1, start, start + day
    return _read_span(words, now)


def _read_span(
    words: Sequence[str], now: datetime
) -> tuple[int, datetime, datetime] | None:
    is_back = words[0] in _BACK
    rest = list(words[1:3] if is_back else words[:3])
    count = int(rest.pop(0)) if rest and re.fullmatch(r"\d{1,4}", rest[0]) else 1
    unit = rest[0].removesuffix("s") if rest else ""
    is_ago = not is_back and rest[1:2] == ["ago"]
    if unit not in _UNITS or not (is_back or is_ago):
        return None
    length = is_back + (len(words[1:3] if is_back else words[:3]) - len(rest)) + 1
    since = now - timedelta(seconds=count * _UNITS[unit])
    return length + is_ago, since, now


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _tell(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
