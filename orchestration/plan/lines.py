"""The values of a plan: lines, changes of code, costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FOLLOWS = "follows"
RECIPE = "another recipe"
OTHER_SETTINGS = "other settings"
_MOST_NAMED = 4  # definitions of a change


@dataclass(frozen=True)
class Cost:
    """Device-hours by recorded runs: by their median, their least and their most; money where an hour has a price."""

    device_hours: float
    least: float
    most: float
    num_runs: int
    money: float | None = None


@dataclass(frozen=True)
class Line:
    """One asset and reason. `rows` by session, of "rows" or "files"; a training is one.

    Not `is_exact`: what runs before it decides, so `num_rows` is the most that it can be, or not known (None).
    """

    asset: str
    reason: str
    why: str
    unit: str
    num_rows: int | None
    sessions: Mapping[str, int | None]
    is_exact: bool
    cost: Cost | None = None


@dataclass(frozen=True)
class Change:
    """A maker whose code differs between a commit and here. Equal versions: people said that rows are the same."""

    maker: str
    table: str
    before: str
    after: str
    definitions: tuple[str, ...]
    because: str

    @property
    def is_same(self) -> bool:
        """Whether its rows stay."""
        return self.before == self.after


@dataclass(frozen=True)
class Plan:
    """Everything stale. `changes`: code since `base`; `said_same`: code that people said makes the rows of before.

    `code` names all code that makes rows, as it was when the plan was made.
    """

    base: str
    code: str
    lines: tuple[Line, ...]
    changes: tuple[Change, ...] = ()
    said_same: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cost: Cost | None = None  # of the lines that have one
    num_without_cost: int = 0


def name_change(change: Change) -> str:
    """One line on a maker that differs, for people."""
    named = ", ".join(change.definitions[:_MOST_NAMED])
    more = len(change.definitions) - _MOST_NAMED
    where = f"{named}{f' and {more} more' if more > 0 else ''}"
    if change.is_same:
        return f"{change.maker}: other code, the same rows ({change.because or 'as listed'}): {where}"
    return f"{change.maker}: version {change.before or 'none'} becomes {change.after or 'none'}: {where}"
