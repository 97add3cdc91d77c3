"""What an alarm asks people for: frames that explain it, within the labels of a day."""

from __future__ import annotations

from dataclasses import dataclass

from assets.annotation.queue.stored import count_open
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import AlarmRow

DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True)
class Explained:
    """An alarm, and the sessions whose frames explain it: its own, and those of alarms of its cause that were not told
    because it was."""

    alarm_id: str
    task: str | None  # None: of all that have a champion
    sessions: tuple[str, ...]


def read_explained(catalog: Catalog, alarm_id: str) -> Explained:
    """Raises ValueError, with the remedy, for an alarm that there is not."""
    rows: list[AlarmRow] = catalog.read_latest(
        "alarms", where=is_in("alarm_id", [alarm_id])
    ).to_pylist()
    if not rows:
        raise ValueError(
            f"there is no alarm {alarm_id}: `daguerre drift` lists those that there are"
        )
    alarm = rows[0]
    where = (
        f"cause = {repr_sql(alarm['cause'])} AND raised_ns >= {alarm['raised_ns']} AND "
        f"(alarm_id = {repr_sql(alarm_id)} OR NOT is_told)"
    )
    kin = catalog.read_latest("alarms", ["session"], where)["session"].drop_null()
    return Explained(alarm_id, alarm["task"], tuple(sorted(set(kin.to_pylist()))))


def count_asked(catalog: Catalog, task: str, now_ns: int) -> int:
    """How many frames alarms have asked for the task within a day."""
    where = (
        f"task = {repr_sql(task)} AND alarm_id IS NOT NULL "
        f"AND made_ns > {now_ns - DAY_NS}"
    )
    return len(catalog.read_latest("label_queue", ["row_id"], where))


def find_budget(catalog: Catalog, task: str, labels_a_day: int, now_ns: int) -> int:
    """How many frames may be open at once, so that alarms ask no more than so many within a day."""
    left = max(0, labels_a_day - count_asked(catalog, task, now_ns))
    return min(labels_a_day, count_open(catalog, task) + left)
