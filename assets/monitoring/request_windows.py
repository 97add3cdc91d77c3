"""Windows of requests: days in which a champion answered enough different images to be judged by.

A window is a day, or so many days in a row, in UTC, as it takes for MIN_IMAGES. It begins where the one before ended,
and is whole: a day that is not over is in none. What was asked about a stored frame is left out, which is judged with
its session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ChampionRow

MIN_IMAGES = 30
_DAY_NS = 86_400 * 10**9
_LATE_NS = 600 * 10**9  # that a server may need to write what it sampled


@dataclass(frozen=True)
class Window:
    """From `start_ns` to before `end_ns`, UTC, both at midnight; so many different images were asked about."""

    start_ns: int
    end_ns: int
    num_images: int

    @property
    def name(self) -> str:
        """ "2026-11-30", or "2026-11-28 to 2026-11-30"."""
        first = _name_day(self.start_ns)
        last = _name_day(self.end_ns - _DAY_NS)
        return first if first == last else f"{first} to {last}"


def find_due(catalog: Catalog, champion: ChampionRow, now_ns: int) -> list[Window]:
    """The windows of the champion that are over and not judged yet, the oldest first."""
    mine = f"{is_in('model_name', [champion['model_name']])} AND model_version = {champion['model_version']}"
    stored = catalog.read_latest("request_windows", ["end_ns"], mine)
    begin_ns = max(stored["end_ns"].to_pylist(), default=0)
    where = f"{asked_of(champion)} AND at_ns >= {begin_ns} AND at_ns < {_last_midnight(now_ns)}"
    rows = catalog.read_latest("requests", ["at_ns", "image_sha256"], where).to_pylist()
    return divide((row["at_ns"], row["image_sha256"]) for row in rows)


def asked_of(champion: ChampionRow) -> str:
    """The rows of `requests` that say what the champion answered about images that are not stored, as SQL."""
    return (
        f"{is_in('model_sha256', [champion['model_sha256']])} AND {is_in('role', ['champion', 'canary'])} "
        "AND frame_id IS NULL"
    )


def divide(asked: Iterable[tuple[int, str]]) -> list[Window]:
    """Windows of images by when they were asked about (ns, UTC) and their hash; what is left over is in none."""
    images_of: dict[int, set[str]] = {}
    for at_ns, image in asked:
        images_of.setdefault(at_ns // _DAY_NS * _DAY_NS, set()).add(image)
    windows: list[Window] = []
    start_ns: int | None = None
    images: set[str] = set()
    for day_ns in sorted(images_of):
        start_ns = day_ns if start_ns is None else start_ns
        images |= images_of[day_ns]
        if len(images) >= MIN_IMAGES:
            windows.append(Window(start_ns, day_ns + _DAY_NS, len(images)))
            start_ns = None
            images = set()
    return windows


def _last_midnight(now_ns: int) -> int:
    return (now_ns - _LATE_NS) // _DAY_NS * _DAY_NS


def _name_day(t_ns: int) -> str:
    return f"{datetime.fromtimestamp(t_ns / 1e9, UTC):%Y-%m-%d}"
