"""Bring the covered pictures of one session up to date with its policy, and let readers see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.code_versions import version_of
from assets.label_versions import read_versions, to_rows
from assets.privacy.covered import Covering, Stream
from assets.privacy.depth import find_depth_boxes
from assets.privacy.keys import SealKeys
from assets.privacy.policy import PrivacyPolicy, read_text
from assets.privacy.probe import bring_up_to_date
from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import SIDES
from assets.tables.seals import seal_tables
from models.faces.found import Floats
from models.faces.tiles import Detector, in_tiles

Row = dict[str, Any]
Holding = Callable[[str], AbstractContextManager[Any]]
_COLUMNS = (
    *("frame_id", "capture_id", "session", "sensor", "kind", "t_ns", "sequence"),
    *("sha256", "width_px", "height_px"),
)


@dataclass(frozen=True)
class Anonymised:
    """What was done: frames under the policy, and of them those that were covered anew. `held` says why none was."""

    num_frames: int = 0
    num_done: int = 0
    held: str = ""

    @property
    def summary(self) -> str:
        """One line for people."""
        done = f"{self.num_done} covered anew, {self.num_frames} under a privacy policy"
        return f"{done}; HELD: {self.held}" if self.held else done


def anonymise_session(
    catalog: Catalog,
    session: str,
    keys: SealKeys | None,
    holding: Holding,
    on_progress: Callable[[int, int], None] | None = None,
) -> Anonymised:
    """Cover what is due. `holding` keeps others from writing or deleting rows of a capture meanwhile.

    Where the probe set says that too few faces are covered, none is shown: frames stay blank. Raises SealKeyMissing
    without the key, FileNotFoundError where a detector is not installed, ValueError for a probe set that is none.
    """
    policy = _read_policy(catalog, session)
    if policy is None:
        return Anonymised()
    if keys is None:
        raise ValueError(
            f"session '{session}' is sealed, and there is no key to open it by"
        )
    held = bring_up_to_date(catalog, session, policy)
    streams = _list_streams(catalog, session, policy)
    num_frames = sum(len(stream.frames) for stream in streams)
    if held:
        return Anonymised(num_frames, 0, held)
    made_by = name_maker(policy)
    covering = Covering(catalog, keys, policy, _load(policy), made_by)
    looks = _Looks(on_progress)
    num_done = 0
    for is_depth in (False, True):  # what is covered in colour is covered in depth
        if is_depth:
            streams = _list_streams(catalog, session, policy)
        due = _choose_due(catalog, session, streams, made_by)
        due = [stream for stream in due if stream.is_depth == is_depth]
        # colour is looked at to find, and again to cover
        looks.expect(due, 2 if policy.looks and not is_depth else 1)
        for stream in due:
            capture_id = stream.frames[0]["capture_id"]
            num_done += covering.cover_stream(stream, holding(capture_id), looks.tell)
    if num_done:
        _let_see(catalog, session)
    return Anonymised(num_frames, num_done)


@dataclass
class _Looks:
    """At frames: how many were done, of how many that are known of."""

    on_progress: Callable[[int, int], None] | None
    done: int = 0
    total: int = 0

    def expect(self, streams: Sequence[Stream], num_looks: int) -> None:
        """So many more at each frame of these."""
        self.total += sum(len(stream.frames) for stream in streams) * num_looks

    def tell(self, count: int) -> None:
        """So many were done."""
        self.done += count
        if self.on_progress:
            self.on_progress(self.done, self.total)


@dataclass(frozen=True)
class DueSession:
    """A session with frames to cover: how many, what made the rows that there are of it, and what would make them."""

    session: str
    num_frames: int
    made_by: frozenset[str]
    version: str  # "" on a machine without detectors


def find_unanonymised(catalog: Catalog) -> set[str]:
    """Sessions under a policy of which a sealed frame is not covered as the policy and the code of today do it."""
    return {due.session for due in list_due(catalog)}


def list_due(
    catalog: Catalog, sessions: Collection[str] | None = None, is_all: bool = False
) -> list[DueSession]:
    """What is to be covered anew, session by session; with `is_all` what is covered as it is to be, too."""
    found = []
    for row in catalog.read_latest(
        "privacy_policies", ["session", "policy"]
    ).to_pylist():
        session, policy = row["session"], read_text(row["policy"])
        if sessions is not None and session not in sessions:
            continue
        version = _name_maker_here(policy)
        streams = _list_streams(catalog, session, policy)
        due = streams if is_all else _choose_due(catalog, session, streams, version)
        if due:
            mine = session_is(session)
            made = catalog.read_latest("anonymised_frames", ["code_version"], mine)
            made_by = frozenset(made["code_version"].to_pylist())
            count = sum(len(stream.frames) for stream in due)
            found.append(DueSession(session, count, made_by, version or ""))
    return found


def _name_maker_here(policy: PrivacyPolicy) -> str | None:
    """None where no detector is installed: a machine that covers nothing does not say what is out of date."""
    try:
        return name_maker(policy)
    except FileNotFoundError:
        return None


def name_maker(policy: PrivacyPolicy) -> str:
    """The `code_version` of covered frames: code, detectors where there are any, and what is covered."""
    from assets.privacy.detectors import name_detectors
    from assets.privacy.plates import name_plates

    parts = [version_of("anonymised_frames")]
    parts += [name_detectors()] if policy.faces else []
    parts += [name_plates(policy.plates)] if policy.plates else []
    return " ".join([*parts, policy.digest])


def _load(policy: PrivacyPolicy) -> tuple[Detector, ...]:
    """What looks at frames: none where nothing is to be found."""
    from assets.privacy.detectors import load_detectors
    from assets.privacy.plates import load_plates

    lookers = [in_tiles(load_detectors())] if policy.faces else []
    lookers += [load_plates(policy.plates)] if policy.plates else []
    return tuple(lookers)


def _read_policy(catalog: Catalog, session: str) -> PrivacyPolicy | None:
    rows = catalog.read_latest("privacy_policies", ["policy"], session_is(session))
    return read_text(rows["policy"][0].as_py()) if len(rows) else None


def _list_streams(
    catalog: Catalog, session: str, policy: PrivacyPolicy
) -> list[Stream]:
    """The session's sealed frames, by capture and sensor."""
    mine = session_is(session)
    columns = ["frame_id", "original_sha256", "encoding"]
    sealed = catalog.read_latest("sealed_frames", columns, mine).to_pydict()
    originals = dict(zip(sealed["frame_id"], sealed["original_sha256"], strict=True))
    encodings = dict(zip(sealed["frame_id"], sealed["encoding"], strict=True))
    frames = [
        frame
        for frame in catalog.read_latest("frames", list(_COLUMNS), mine).to_pylist()
        if frame["frame_id"] in originals
    ]
    given = _read_given(catalog, session, frames, policy)
    by_stream: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for frame in sorted(frames, key=lambda f: (f["sequence"], f["frame_id"])):
        name = frame["capture_id"], frame["kind"], frame["sensor"]
        by_stream[name].append(frame)
    return [
        Stream(found, encodings, originals, given)
        for _, found in sorted(by_stream.items())
    ]


def _read_given(
    catalog: Catalog, session: str, frames: Sequence[Row], policy: PrivacyPolicy
) -> dict[str, Floats]:
    """Frame id -> boxes that nobody has to find, as `Stream.given`."""
    color = [frame for frame in frames if frame["kind"] == "color"]
    depth = [frame for frame in frames if frame["kind"] == "depth"]
    given: dict[str, Floats] = {}
    if policy.classes:
        ids = [frame["frame_id"] for frame in color]
        given |= _read_labelled(catalog, ids, policy.classes)
    if policy.depth and depth:
        given |= find_depth_boxes(catalog, session, depth, color)
    return given


def _read_labelled(
    catalog: Catalog, frame_ids: Sequence[str], classes: Sequence[str]
) -> dict[str, Floats]:
    """The boxes of these classes, whoever said them and whether it still stands: what is covered once stays covered."""
    rows: list[Any] = catalog.read_of(
        "labels", ["frame_id", "class_name", *SIDES], "frame_id", list(frame_ids)
    ).to_pylist()
    for version in read_versions(catalog, frame_ids):
        rows += to_rows(version)[0]
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    for row in rows:
        corners = [row[side] for side in SIDES]
        if row["class_name"] in classes and None not in corners:
            boxes[row["frame_id"]].append(corners)
    return {
        frame_id: np.unique(np.array(found, np.float64), axis=0)
        for frame_id, found in boxes.items()
    }


def _choose_due(
    catalog: Catalog, session: str, streams: Sequence[Stream], made_by: str | None
) -> list[Stream]:
    """Those with a frame that is not as it is to be: all of a stream is done anew, since frames are followed. With None
    whoever covered them did well."""
    columns = ["frame_id", "input_sha256", "code_version", "sha256"]
    rows = catalog.read_latest("anonymised_frames", columns, session_is(session))
    have = {row["frame_id"]: row for row in rows.to_pylist()}

    def is_current(stream: Stream, frame: Row) -> bool:
        row = have.get(frame["frame_id"])
        return row is not None and (
            row["input_sha256"] == stream.name_input(frame["frame_id"])
            and made_by in (None, row["code_version"])
            and row["sha256"] == frame["sha256"]
        )

    return [
        stream
        for stream in streams
        if not all(is_current(stream, frame) for frame in stream.frames)
    ]


def _let_see(catalog: Catalog, session: str) -> None:
    """Readers of a session that is published see its pictures; one that was held stays so. The gate of `frames` has
    passed the same rows: what is new of them is a picture of the same size, under its hash."""
    version = catalog.latest_version("frames")
    judged = [d for d in catalog.publications("frames") if d["session"] == session]
    if judged and not judged[0]["is_held"]:
        catalog.publish("frames", session, version)
    seal_tables(catalog, ["frames", "publications"])
