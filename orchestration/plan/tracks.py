"""Which tracks would be made anew: those that are missing or stale, and those whose answers will be others.

Belongs here: lines on `tracking/tracks`. Does not: finding out what is stale.
"""

from collections.abc import Iterator, Sequence

from assets.retrieval.stale_reasons import CODE, SELECTED
from assets.tables.catalog import Catalog
from assets.tracking.due import DueTracks, list_due
from orchestration.plan.lines import FOLLOWS, Line
from orchestration.plan.tasks import Asked

_TRACKS = "tracking/tracks"
_SUMMARIES = "tracked_recordings"  # whose code is that of tracks, and more
_ANSWERS = "monitoring/predictions"
_OTHERS = "their answers may come out otherwise"


def list_tracks(
    catalog: Catalog, lines: Sequence[Line], asked: Asked
) -> tuple[list[Line], bool]:
    """The lines, and whether inputs were compared too; `lines` are those of all before."""
    if _TRACKS in asked.selected:
        return [_select(catalog, asked)], True
    due, is_compared = list_due(catalog, asked.sessions)
    groups: dict[tuple[str, str], list[DueTracks]] = {}
    for one in due if not asked.selected else ():
        is_of_code = asked.counts_code(_SUMMARIES)
        is_wanted = is_of_code if one.reason == CODE else asked.counts_home
        if is_wanted:
            groups.setdefault((one.reason, one.why), []).append(one)
    found = [_draw(reason, why, members) for (reason, why), members in groups.items()]
    return [*found, *_follow(lines, {one.session for one in due})], is_compared


def _draw(reason: str, why: str, members: Sequence[DueTracks]) -> Line:
    """How many boxes come of it, what is found decides; of those that are there, about as many."""
    rows = {one.session: one.num_rows for one in members}
    known = [count for count in rows.values() if count is not None]
    total = sum(known) if len(known) == len(rows) else None
    return Line(_TRACKS, reason, why, "rows", total, rows, False)


def _follow(lines: Sequence[Line], due: set[str]) -> Iterator[Line]:
    """Of sessions about which models will be asked."""
    sessions = {s for n in lines if n.asset == _ANSWERS for s in n.sessions}
    if rows := dict.fromkeys(sorted(sessions - due)):
        yield Line(_TRACKS, FOLLOWS, _OTHERS, "rows", None, rows, False)


def _select(catalog: Catalog, asked: Asked) -> Line:
    """As if they had to be made anew: those that there are."""
    counts = catalog.read_latest("tracks", ["session"])["session"].value_counts()
    rows = {one["values"]: one["counts"] for one in counts.to_pylist()}
    if asked.sessions is not None:
        rows = {s: n for s, n in rows.items() if s in asked.sessions}
    return Line(_TRACKS, SELECTED, "", "rows", sum(rows.values()), rows, False)
