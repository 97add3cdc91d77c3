"""The statement that answers a question which counts or lists what is stored.

Belongs here: tables, their columns by kind of name, statements. Does not: reading questions. Rows that a check holds
back count, and the columns say "stored" then.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from assets.tables.catalog import is_in
from orchestration.agent.asking.counting import Count

Names: TypeAlias = Mapping[str, Sequence[str]]

# columns by the kinds of their names
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "frames": {"session": "session", "sensor": "sensor"},
    "captures": {"session": "session"},
    "labels": {"session": "session", "class": "class_name", "task": "task"},
    "release_frames": {"session": "session", "sensor": "sensor", "release": "release_id", "part": "split"},
    "releases": {"release": "release_id", "task": "task"},
    "models": {"release": "release_id", "task": "task"},
    "label_queue": {"session": "session", "sensor": "sensor", "task": "task"},
}  # fmt: skip
# where a noun is counted, the first that has all columns; how; and how the number is called
_PLACES: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "frame": (
        ("frames", "count(*)", "stored_frames"),
        ("release_frames", "count(*)", "frames"),
        ("labels", "count(distinct frame_id)", "labelled_frames"),
    ),
    "label": (("labels", "count(*)", "stored_labels"),),
    "session": (
        ("captures", "count(distinct session)", "stored_sessions"),
        ("frames", "count(distinct session)", "stored_sessions"),
        ("labels", "count(distinct session)", "labelled_sessions"),
        ("release_frames", "count(distinct session)", "sessions"),
    ),
    "sensor": (
        ("frames", "count(distinct sensor)", "sensors"),
        ("release_frames", "count(distinct sensor)", "sensors"),
    ),
    "class": (("labels", "count(distinct class_name)", "labelled_classes"),),
    "capture": (("captures", "count(*)", "stored_captures"),),
    "release": (("releases", "count(*)", "releases"),),
    "model": (("models", "count(*)", "models"),),
}
_ROWS = {
    "release": "release_id, task, num_frames",
    "model": "model_sha256, task, recipe",
    "frame": "frame_id, session, sensor",
    "session": "distinct session",
}
_IDS = {"frame": "frame_id", "session": "session"}
_LEAST, _MOST = "", " desc"


def write_count(count: Count, names: Names) -> str | None:
    """None where no table has all that it asks for."""
    names = {kind: some for kind, some in names.items() if kind != "number"}
    if count.is_open:
        return _write_open(names)
    by = count.by or next((k for k, some in names.items() if len(some) > 1), "")
    if count.without == by:
        by = count.by
    kinds = {*names, by} - {""} - ({"class"} if _is_apart(count) else set())
    for table, number, called in _PLACES[count.noun]:
        is_meant = not count.is_labelled or table == "labels" or count.noun == "label"
        if is_meant and kinds <= _COLUMNS[table].keys():
            where = " and ".join(_list_conditions(count, names, table))
            where = f" where {where}" if where else ""
            if count.is_list:
                return _write_list(count, table, where)
            called = f"{count.noun}s_without_labels" if count.is_labelled is False else called  # fmt: skip
            if not by:
                return f"select {number} as {called} from {table}{where}"
            return _write_groups(count, table, (number, called, by), where)
    return None


def _is_apart(count: Count) -> bool:
    """Whether a class is left out that frames or sessions may have beside others."""
    return count.without == "class" and count.noun in _IDS


def _list_conditions(count: Count, names: Names, table: str) -> Iterator[str]:
    for kind, some in names.items():
        if kind == "class" and _is_apart(count):
            yield _write_absence(count.noun, is_in("class_name", list(some)))
        else:
            inside = is_in(_COLUMNS[table][kind], list(some))
            yield f"not ({inside})" if kind == count.without else inside
    if count.is_labelled is False:
        yield _write_absence(count.noun, "")


def _write_absence(noun: str, where: str) -> str:
    column = _IDS.get(noun, "frame_id")
    of = f" where {where}" if where else ""
    return f"{column} not in (select {column} from labels{of})"


def _write_list(count: Count, table: str, where: str) -> str | None:
    columns = _ROWS.get(count.noun)
    return columns and f"select {columns} from {table}{where} order by all"


def _write_groups(
    count: Count, table: str, counted: tuple[str, str, str], where: str
) -> str:
    number, called, by = counted
    column = _COLUMNS[table][by]
    rows = f"select {column}, {number} as {called} from {table}{where} group by all"
    if by == "session" and (count.order == "least" or count.than):
        rows = (
            f"select session, coalesce({called}, 0) as {called} from (select distinct session from captures) "
            f"left join ({rows}) using (session)"
        )
    if count.order:
        direction = _MOST if count.order == "most" else _LEAST
        return f"select * from ({rows}) qualify rank() over (order by {called}{direction}) = 1 order by all"
    if count.than:
        sign, least = count.than
        return f"select * from ({rows}) where {called} {sign} {least} order by all"
    return f"{rows} order by {called} desc, {column}"


def _write_open(names: Names) -> str | None:
    columns = _COLUMNS["label_queue"]
    if not names.keys() <= columns.keys():
        return None
    named = [is_in(columns[kind], list(some)) for kind, some in names.items()]
    where = " and ".join(["state = 'open'", *named])
    return f"select count(*) as open_frames from label_queue where {where}"
