"""Delete what was made of pictures and recordings of a session that are not stored any more.

Belongs here: which tables rest on which rows, and how much of them goes. Does not: the rows of files themselves, and
what is bound to a release, which keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from assets.tables.catalog import Catalog, is_in, session_is

# per session; of a session without a frame they say nothing
_VERDICTS = ("drift", "answer_drift", "estimates", "documents")
# what labels of all sessions say together; it is read anew with the next question
_WORDS = "session IS NULL AND kind IN ('class', 'attribute')"


@dataclass(frozen=True)
class _Rests:
    """Rows of `listing` name frames or captures, one or more of which may be gone. With them goes, of `others` and of
    `listing` itself: the same row ("row", of `listing` alone), all of its recording, or all of the session."""

    listing: str
    keys: tuple[str, ...] = ("frame_id",)
    goes: Literal["row", "capture_id", "session"] = "row"
    others: tuple[str, ...] = ()
    where: str = ""


_ON_FRAMES = (
    _Rests("board_views", goes="session", others=("rig_calibrations",)),
    _Rests("splat_views", goes="session", others=("splats",)),
    _Rests(
        "sparse_images",
        goes="session",
        others=("sparse_rungs", "splat_views", "splats", "sparse_models"),
    ),
    _Rests("odometry", ("frame_id", "color_frame_id"), "capture_id", ("meshes",)),
    _Rests("object_views", goes="capture_id", others=("object_boxes",)),
    _Rests(
        "tracks",
        goes="capture_id",
        others=("object_boxes", "object_views", "tracked_recordings"),
    ),
    _Rests("depth_maps", ("frame_id", "other_frame_id")),
    # those of an exam belong to its release
    _Rests("predictions", where="purpose = 'monitoring'"),
)
_ON_CAPTURES = tuple(
    _Rests(name, ("capture_id",), "capture_id")
    for name in (
        *("rig_fits", "depth_maps", "odometry", "meshes"),
        *("imu_mounts", "gravities", "tracked_recordings", "tracks"),
        *("object_boxes", "object_views"),
    )
)


@dataclass(frozen=True)
class Derived:
    """What rests on the stored frames and captures of one session, as they are now."""

    catalog: Catalog
    session: str

    def drop(self) -> None:
        """Delete what rests on rows that are gone. What lists them goes last: who is killed before finds it again."""
        for one in _ON_FRAMES:
            self._drop(one, self._frames)
        for one in _ON_CAPTURES:
            self._drop(one, self._captures)
        self._drop_unseen()
        self._delete("documents", _WORDS)
        if not self._frames:
            for name in _VERDICTS:
                self._delete(name, session_is(self.session))

    @cached_property
    def _frames(self) -> frozenset[str]:
        return frozenset(self._list_ids("frames", "frame_id"))

    @cached_property
    def _captures(self) -> frozenset[str]:
        return frozenset(self._list_ids("captures", "capture_id"))

    def _list_ids(self, name: str, key: str) -> Iterator[str]:
        rows = self.catalog.read_latest(name, [key], session_is(self.session))
        yield from rows[key].to_pylist()

    def _drop(self, one: _Rests, there: frozenset[str]) -> None:
        lost = self._find_lost(one, there)
        if not lost:
            return
        if one.goes == "row":
            for key in one.keys:
                gone = sorted({row[key] for row in lost} - there - {None})
                if gone:
                    self._delete(one.listing, self._narrow(one, is_in(key, gone)))
            return
        where = session_is(self.session)
        if one.goes == "capture_id":
            captures = {row["capture_id"] for row in lost}
            where = f"{where} AND {is_in('capture_id', sorted(captures))}"
        for name in (*one.others, one.listing):
            self._delete(name, where)

    def _drop_unseen(self) -> None:
        """Objects without a box have no view: nothing tells which frames the reason is of, so it goes with any."""
        mine = session_is(self.session)
        key = ["object_box_id"]
        boxes = self.catalog.read_latest("object_boxes", key, mine)
        views = self.catalog.read_latest("object_views", key, mine)
        unseen = {*boxes[key[0]].to_pylist()} - {*views[key[0]].to_pylist()}
        if unseen:
            self.catalog.delete_keys("object_boxes", sorted(unseen))

    def _find_lost(self, one: _Rests, there: frozenset[str]) -> list[dict[str, Any]]:
        """Rows that name something that is gone."""
        if not self.catalog.exists(one.listing):
            return []
        columns = {*one.keys, *({one.goes} - {"row", "session"})}
        rows = self.catalog.read_latest(one.listing, sorted(columns), self._narrow(one))
        known = there | {None}
        return [
            row
            for row in rows.to_pylist()
            if not known.issuperset(row[key] for key in one.keys)
        ]

    def _narrow(self, one: _Rests, *more: str) -> str:
        return " AND ".join(
            [session_is(self.session), *filter(None, [one.where]), *more]
        )

    def _delete(self, name: str, where: str) -> None:
        if self.catalog.exists(name):
            self.catalog.delete(name, where)
