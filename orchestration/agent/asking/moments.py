"""Words for a stretch of time in a question: "yesterday", "last week", "the past 3 days", "since Monday".

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
_NUMBERS = {
    word: number
    for number, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        1,
    )
} | {"a": 1, "an": 1, "couple": 2, "few": 3}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")  # fmt: skip
_PARTS_OF_DAY = {
    "morning": (0, 12),
    "afternoon": (12, 18),
    "evening": (18, 24),
}  # hours
_DAY = timedelta(days=1)
TIME_WORDS = frozenset(
    {*_UNITS, *(f"{unit}s" for unit in _UNITS), *_NUMBERS, *WEEKDAYS, *_PARTS_OF_DAY, *_BACK}
    | {"since", "until", "today", "tonight", "yesterday", "weekend", "ago"}
)  # fmt: skip
_EVENING, _MORNING = timedelta(hours=6), timedelta(hours=6)  # from and to midnight
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")  # fmt: skip
_MONTH = "|".join(dict.fromkeys(m for name in _MONTHS for m in (name, name[:3])))
# "1 November 2026", "1st of November", "Nov 1 2026"
_WRITTEN = re.compile(
    rf"(?:(?P<day>\d\d?)(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})"
    rf"|(?P<first>{_MONTH}) (?P<behind>\d\d?)(?:st|nd|rd|th)?)(?: (?P<year>20\d\d))?(?!\w)"
)
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

    Last night is from 18 to 6 o'clock. Yesterday, a date and the name of a weekday (the newest before today) are days
    of UTC, a weekend two. A week is the seven days until now, a month thirty days; few are three.
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
            if len(bounds) > 1 or find_time(after, now)[0] != list(after):
                return [*words[:start], _UNREAD, *after], ""
            rest = [*words[:start], TIME, *after]
            return rest, _tell_period(since, before, now, *bounds)
    return list(words), ""


def tell_period(period: str) -> str:
    """A stretch of time, "since/before", in words."""
    since, _, before = period.partition("/")
    if not since:
        return f"before {before}"
    return f"between {since} and {before}" if before else f"since {since}"


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
    if words[0] in ("today", "tonight"):
        return 1, today, now
    if tuple(words[:2]) == ("last", "night"):
        return 2, today - _EVENING, today + _MORNING
    if words[0] == "this" and words[1:2] and words[1] in _PARTS_OF_DAY:
        begin, end = (today + timedelta(hours=h) for h in _PARTS_OF_DAY[words[1]])
        return 2, begin, min(end, max(begin, now))
    return _read_day(words, today) or _read_span(words, now)


def _read_day(
    words: Sequence[str], today: datetime
) -> tuple[int, datetime, datetime] | None:
    """One day; that of a weekday's name is the newest before today."""
    if words[0] == "yesterday":
        return 1, today - _DAY, today
    if tuple(words[:3]) == ("day", "before", "yesterday"):
        return 3, today - 2 * _DAY, today - _DAY
    is_last = words[0] == "last"
    name = words[is_last] if len(words) > is_last else ""
    if name in WEEKDAYS:
        num_back = (today.weekday() - WEEKDAYS.index(name)) % 7 or 7
        return 1 + is_last, today - num_back * _DAY, today - (num_back - 1) * _DAY
    if name == "weekend":
        monday = today - (today.weekday() % 7) * _DAY
        return 1 + is_last, monday - 2 * _DAY, monday
    written = _read_written(words, today)
    if written:
        length, start = written
        return length, start, start + _DAY
    if _DATE.fullmatch(words[0]) and _is_date(words[0]):
        start = datetime.fromisoformat(words[0]).replace(tzinfo=UTC)
        return 1, start, start + _DAY
    return None


def _read_written(words: Sequence[str], today: datetime) -> tuple[int, datetime] | None:
    """How many words say a day, and which; without a year the newest such day."""
    match = _WRITTEN.match(" ".join(words[:4]))
    if match is None:
        return None
    day, month = match["day"] or match["behind"], match["month"] or match["first"]
    year = int(match["year"] or today.year)
    number = next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(month))
    if not _is_date(f"{year:04}-{number:02}-{int(day):02}"):
        return None
    start = today.replace(year=year, month=number, day=int(day))
    if not match["year"] and start > today:
        start = start.replace(year=year - 1)
    return len(match.group().split()), start


def _read_span(
    words: Sequence[str], now: datetime
) -> tuple[int, datetime, datetime] | None:
    """ "The last 3 days", "two hours ago", "a couple of weeks ago"."""
    is_back = words[0] in _BACK
    length, count = _read_number(words[is_back:])
    length += is_back
    rest = words[length : length + 2]
    unit = _UNITS.get(rest[0].removesuffix("s")) if rest else None
    is_ago = not is_back and rest[1:] == ["ago"]
    if unit is None or not (is_back or is_ago):
        return None
    return length + 1 + is_ago, now - timedelta(seconds=count * unit), now


def _read_number(words: Sequence[str]) -> tuple[int, int]:
    """How many words say a number, and which; 1 where none does."""
    start = 1 if words[:1] == ["a"] and words[1:2] in (["couple"], ["few"]) else 0
    word = words[start] if len(words) > start else ""
    if re.fullmatch(r"\d{1,4}", word):
        return 1, int(word)
    if word not in _NUMBERS:
        return 0, 1
    return start + 1 + (words[start + 1 : start + 2] == ["of"]), _NUMBERS[word]


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _tell(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
