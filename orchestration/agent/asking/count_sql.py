"""The statement that answers a question which counts or lists what is stored.

Belongs here: statements. Does not: reading questions, and what tables have. Rows that a check holds back count, and the
columns say "stored" then.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from assets.tables.catalog import is_in
from orchestration.agent.asking.counting import Count
from orchestration.agent.asking.stored import (
    TABLES,
    Place,
    find_place,
    may_have_several,
)

Names: TypeAlias = Mapping[str, Sequence[str]]
T = TypeVar("T")

_LISTED = {
    "release": "release_id, task, num_frames",
    "model": "model_sha256, task, recipe",
    "frame": "frame_id, session, sensor",
    "session": "distinct session",
}
# what may have none of what is counted, and where all of it stand
_ALL_OF = {"session": "captures", "frame": "frames"}
# in SQL, and how it is told of a number for each thing
_FIGURES = {
    "average": ("avg", "on_average"),
    "median": ("median", "as_median"),
    "most": ("max", "at_most"),
    "least": ("min", "at_least"),
}
_DIRECTIONS = {"most": " desc", "least": ""}


class _NotTold(Exception):
    """No table has what is asked for."""


def write_count(count: Count, names: Names) -> str | None:
    """None where no table has all that it asks for."""
    names = {kind: some for kind, some in names.items() if kind != "number"}
    try:
        return _write_open(names) if count.is_open else _write(count, names)
    except _NotTold:
        return None


def _write(count: Count, names: Names) -> str:
    by = count.by or _find_repeated(count, names)
    kinds = [kind for kind in (*names, by) if kind and not _is_apart(count, kind)]
    place = find_place(count.noun, kinds)
    is_contrary = count.is_labelled is False and "class" in names
    is_of_labels = count.is_labelled is not None or "class" in names
    if is_contrary or ("release" in names and is_of_labels):
        raise _NotTold  # a release has the labels of its day
    if count.share_of:
        return _write_share(count, names, place)
    where = _where(_list_conditions(count, names, place))
    if count.is_list:
        columns = _need(_LISTED.get(count.noun))
        return f"select {columns} from {place.table}{where} order by all"
    called = _call(count, place)
    if not by:
        return f"select {place.number} as {called} from {place.table}{where}"
    source, column = _need(place.join(by))
    rows = (
        f"select {column}, {place.number} as {called} from {source}{where} group by all"
    )
    return _write_groups(count, _Groups(by, column, called, rows), names)


def _need(found: T | None) -> T:
    if found is None:
        raise _NotTold
    return found


def _find_repeated(count: Count, names: Names) -> str:
    """The kind of which several are named, for each of which the number is told."""
    kind = next((kind for kind, some in names.items() if len(some) > 1), "")
    return "" if kind in (count.without, count.together_of) else kind


def _is_apart(count: Count, kind: str) -> bool:
    """Whether names are conditions of the whole thing, which may have others beside them, and not of its row."""
    is_of_all = kind in (count.without, count.together_of, count.share_of)
    return is_of_all and may_have_several(count.noun, kind)


def _list_conditions(count: Count, names: Names, place: Place) -> Iterator[str]:
    yield from _list_of_all(count, names, place)
    if count.is_labelled is not None:
        yield _negate_if(not count.is_labelled, place.be_labelled())


def _list_of_all(count: Count, names: Names, place: Place) -> Iterator[str]:
    for kind, some in names.items():
        yield from _list_of_names(count, kind, some, place)


def _list_of_names(
    count: Count, kind: str, some: Sequence[str], place: Place
) -> Iterator[str]:
    is_apart = _is_apart(count, kind)
    have = place.ever_have if is_apart else place.have
    kept = some[: count.num_kept] if kind == count.without else some
    if kind == count.without:
        yield _negate_if(True, _need(have(kind, some[count.num_kept :])))
    if kept and is_apart and kind == count.together_of:
        yield from (_need(have(kind, [name])) for name in kept)
    elif kept:
        yield _need(have(kind, kept))
    if kind == count.together_of and count.is_only:
        others = _need(place.ever_have(kind, kept, is_other=True))
        yield _negate_if(True, others)


def _negate_if(is_negated: bool, condition: str) -> str:
    return f"not ({condition})" if is_negated else condition


def _where(conditions: Iterable[str]) -> str:
    told = " and ".join(conditions)
    return f" where {told}" if told else ""


def _call(count: Count, place: Place) -> str:
    if count.is_labelled is None:
        return place.called
    if count.is_labelled:
        return f"labelled_{count.noun}s"
    return f"{count.noun}s_without_labels"


@dataclass(frozen=True)
class _Groups:
    """Numbers for each of something: `rows` is the statement of those that have any."""

    by: str
    column: str
    called: str
    rows: str

    def with_empty(self, names: Names) -> str:
        """The statement that has those with none, too, of the sessions and sensors that are named."""
        table = _ALL_OF.get(self.by)
        if table is None:
            return self.rows
        own = TABLES[table]
        named = (is_in(own[k], list(some)) for k, some in names.items() if k in own)
        everyone = f"select distinct {self.column} from {table}{_where(named)}"
        return (
            f"select {self.column}, coalesce({self.called}, 0) as {self.called} from ({everyone}) "
            f"left join ({self.rows}) using ({self.column})"
        )


def _write_groups(count: Count, groups: _Groups, names: Names) -> str:
    column, called = groups.column, groups.called
    if count.figure:
        function, told = _FIGURES[count.figure]
        of = f"{called}_of_a_{groups.by}_{told}"
        everyone = groups.with_empty(names)
        return f"select {function}({called}) as {of} from ({everyone})"
    if count.order:
        rows = groups.with_empty(names) if count.order == "least" else groups.rows
        direction = _DIRECTIONS[count.order]
        is_first = f"rank() over (order by {called}{direction}) <= {count.limit}"
        return f"select * from ({rows}) qualify {is_first} order by {called}{direction}, {column}"
    if count.than:
        sign, number = count.than
        rows = f"({groups.with_empty(names)}) where {called} {sign} {number}"
        if count.is_counted:
            ending = "es" if groups.by.endswith("s") else "s"
            return f"select count(*) as {groups.by}{ending} from {rows}"
        return f"select * from {rows} order by all"
    return f"{groups.rows} order by {called} desc, {column}"


def _write_share(count: Count, names: Names, place: Place) -> str:
    """The percentage that has one of the conditions, of what has the others; or that each of something is of all."""
    if count.by:
        source, column = _need(place.join(count.by))
        where = _where(_list_conditions(count, names, place))
        share = f"100.0 * {place.number} / sum({place.number}) over ()"
        return f"select {column}, {share} as percent from {source}{where} group by all order by percent desc, {column}"
    whole = {kind: some for kind, some in names.items() if kind != count.share_of}
    part = {kind: some for kind, some in names.items() if kind == count.share_of}
    told = " and ".join(_list_conditions(count, part, place))
    where = _where(_list_of_all(count, whole, place))
    share = f"100.0 * {place.number} filter (where {told}) / {place.number}"
    return f"select {share} as percent_of_{place.called} from {place.table}{where}"


def _write_open(names: Names) -> str:
    columns = TABLES["label_queue"]
    if not names.keys() <= columns.keys():
        raise _NotTold
    named = [is_in(columns[kind], list(some)) for kind, some in names.items()]
    where = _where(["state = 'open'", *named])
    return f"select count(*) as open_frames from label_queue{where}"
