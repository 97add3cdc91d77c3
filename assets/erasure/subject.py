"""What is to be erased: whole sessions, captures and frames, their copies by content, and every id and name of theirs.

It is found once, before anything changes, and kept in a folder of the home until the erasure is done: who goes on with
it finds there what the tables do not know any more.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from assets.capture.forgetting import Target
from assets.disk import make_folder, sync, write_synced
from assets.erasure.certificates import FOLDER, UNDER_WAY, list_leftovers
from assets.exclusions import WHOLE, Exclusion, index_by_session
from assets.formats.observations import outer_path
from assets.tables.catalog import Catalog, is_in

if TYPE_CHECKING:
    from assets.ledger import Ledger

_STORED = ("frame_id", "capture_id", "session", "source_path", "sha256")
_FRAMES = (*_STORED, "original_sha256")
_FILES = ("session", "path", "version", "size_bytes", "capture_id", "sha256")
_HASHES = ("sha256", "original_sha256")  # as it is shown, and as it came
_SCHEMA = {name: pa.string() for name in (*_FRAMES, *_FILES)}
_SCHEMA["size_bytes"] = pa.int64()
_FACTS = "subject.json"


@dataclass(frozen=True)
class Subject:
    """What goes. `sessions` go wholly, `captures` too, be they of these or of others; `frames` are all that go."""

    erasure_id: str
    targets: tuple[tuple[str, str], ...]  # session and path, as a person named them
    because: str
    by: str
    at: str  # UTC, ISO 8601
    sessions: tuple[str, ...]
    captures: tuple[str, ...]
    frames: pa.Table  # of `_FRAMES`; hashes that a frame which stays shows too are null
    files: pa.Table  # of `_FILES`: rows of the ledger
    releases: tuple[str, ...] = ()  # that held some of it

    @property
    def exclusions(self) -> list[Exclusion]:
        """What hides it from intake while it is being erased."""
        return [
            Exclusion(session, path, False, self.because, self.by, self.at)
            for session, path in self.targets
        ]

    @cached_property
    def frame_ids(self) -> pa.Array:
        """Ids of the frames that go."""
        return self.frames["frame_id"].combine_chunks()

    @cached_property
    def hashes(self) -> pa.Array:
        """sha256 of the pictures that go, as they are shown and as they came, and of the containers they came in."""
        pictures = (self.frames[name] for name in _HASHES)
        return _unite(*pictures, self.containers["sha256"])

    @cached_property
    def containers(self) -> pa.Table:
        """The files that are captures of their own."""
        mine = pa.array(self.captures, pa.string())
        return self.files.filter(pc.is_in(self.files["capture_id"], value_set=mine))

    @cached_property
    def places(self) -> pa.Array:
        """`session/path` of the files of sessions of which others stay."""
        rows = self.files.filter(
            pc.is_in(
                self.files["session"], value_set=pa.array(self.touched, pa.string())
            )
        )
        named = {f"{s}/{p}" for s, p in self.targets if p}
        pairs = list_pairs(rows, "session", "path")
        return pa.array(sorted({*named, *(f"{s}/{p}" for s, p in pairs)}), pa.string())

    @property
    def named(self) -> set[str]:
        """Sessions that are meant, or that a file of the subject is of."""
        return {session for session, _ in self.targets} | set(
            self.files["session"].unique().to_pylist()
        )

    @property
    def touched(self) -> list[str]:
        """Sessions of which something goes and something stays."""
        parts = [self.frames["session"], self.files["session"]]
        found = {name for part in parts for name in part.unique().to_pylist()}
        found |= {session for session, _ in self.targets}
        return sorted(found - set(self.sessions))

    def list_names(self, catalog: Catalog) -> set[str]:
        """Session names, and paths of files, that nothing which stays has too."""
        paths = set(self.frames["source_path"].to_pylist())
        paths |= set(self.files["path"].to_pylist())
        rows = catalog.read_latest("frames", ["frame_id", "source_path"])
        is_mine = pc.is_in(rows["frame_id"], value_set=self.frame_ids)
        kept = set(rows["source_path"].filter(pc.invert(is_mine)).to_pylist())
        mine = {p for p in paths - kept if "/" in p or "." in p}
        pairs = list_pairs(self.files, "session", "path")
        return {*self.sessions, *mine, *(f"{s}/{p}" for s, p in pairs)}

    def list_ids(self) -> set[str]:
        """Ids and hashes of frames, captures and files."""
        found = {*self.captures, *self.hashes.to_pylist()}
        for rows, name in ((self.frames, "frame_id"), (self.containers, "capture_id")):
            found |= set(rows[name].drop_null().to_pylist())
        return found


def find_subject(
    catalog: Catalog,
    ledger: Ledger,
    targets: Sequence[Target],
    erasure_id: str,
    because: str,
    by: str,
    at: str,
) -> Subject:
    """What the targets are of, with every picture elsewhere that has the bytes of one of theirs.

    Raises ValueError for a picture that lies inside a container: its bytes go with that alone.
    """
    whole = sorted({t.session for t in targets if t.path == WHOLE})
    named = [
        Exclusion(t.session, t.path, False, because, by, at)
        for t in targets
        if t.path != WHOLE
    ]
    files = _find_files(ledger, whole, named)
    newest = _read_frames(catalog)
    frames = _find_frames(catalog, newest, whole, named)
    copies = _find_copies(newest, frames)
    _require_loose(catalog, copies)
    frames = pa.concat_tables([frames, copies])
    frames = _drop_shared(newest, frames)
    captures = list(_find_captures(catalog, whole, files))
    more = _find_files_of(ledger, copies, captures)
    files = _drop_known(pa.concat_tables([files, more]))
    return Subject(
        erasure_id,
        tuple((t.session, t.path) for t in targets),
        because,
        by,
        at,
        tuple(whole),
        tuple(captures),
        frames,
        files,
        _find_releases(catalog, whole, frames),
    )


def find_frame(catalog: Catalog, named: str) -> Target | None:
    """The file that a frame or a capture lies in, named by its id; None where no such id is stored.

    Raises ValueError for a frame of a container that holds others.
    """
    where = is_in("frame_id", [named])
    columns = ["session", "source_path", "capture_id"]
    for row in catalog.read_latest("frames", columns, where).to_pylist():
        path = outer_path(row["source_path"])
        mine = f"{is_in('capture_id', [row['capture_id']])} AND sha256 IS NOT NULL"
        for capture in catalog.read_latest("captures", ["path"], mine).to_pylist():
            raise ValueError(
                f"frame {named} lies in {row['session']}/{capture['path']}, whose bytes hold others too: "
                f"name that file, or cut it at its source and ingest what is left"
            )
        return Target(row["session"], path)
    where = is_in("capture_id", [named])
    columns = ["session", "path"]
    for row in catalog.read_latest("captures", columns, where).to_pylist():
        return Target(row["session"], row["path"] if row["path"] != "." else WHOLE)
    return None


# ---- kept while it is being erased -----------------------------------------------------------------------------------


def keep(subject: Subject, folder: Path) -> None:
    """Write it down. The facts come last: without them nobody looks at the rest."""
    make_folder(folder)
    for name, rows in (("frames", subject.frames), ("files", subject.files)):
        path = folder / f"{name}.arrow"
        with (
            pa.OSFile(str(path), "wb") as file,
            pa.ipc.new_file(file, rows.schema) as out,
        ):
            out.write_table(rows)
        sync(path)
    facts = {name: value for name, value in vars(subject).items() if name in _PLAIN}
    write_synced(folder / _FACTS, json.dumps(facts).encode())
    sync(folder)


def recall(folder: Path) -> Subject:
    """What `keep` wrote. Raises FileNotFoundError where it did not come to its end."""
    facts = json.loads((folder / _FACTS).read_text())
    tables = {}
    for name in ("frames", "files"):
        with pa.OSFile(str(folder / f"{name}.arrow")) as file:
            tables[name] = pa.ipc.open_file(file).read_all()
    facts["targets"] = [tuple(one) for one in facts["targets"]]
    plain: dict[str, Any] = {
        n: tuple(v) if isinstance(v, list) else v for n, v in facts.items()
    }
    return Subject(**plain, **tables)


def keep_filled(home: Path, erasure_id: str, filled: tuple[str, str, bytes]) -> None:
    """Write down session, path and bytes of what takes the place of a file."""
    folder = folder_of(home, erasure_id)
    make_folder(folder)
    session, path, content = filled
    write_synced(folder / "filled", content)
    write_synced(folder / "filled.json", json.dumps([session, path]).encode())


def recall_filled(home: Path, erasure_id: str) -> tuple[str, str, bytes] | None:
    """What `keep_filled` wrote; None where nothing takes its place."""
    folder = folder_of(home, erasure_id)
    if not (folder / "filled.json").exists():
        return None
    session, path = json.loads((folder / "filled.json").read_text())
    return session, path, (folder / "filled").read_bytes()


def folder_of(home: Path, erasure_id: str) -> Path:
    """Where an erasure that is under way keeps what it needs."""
    return home / FOLDER / UNDER_WAY / erasure_id


def drop_leftovers(home: Path, under_way: Collection[str]) -> None:
    """Remove what is kept of erasures that are done, or never began."""
    for erasure_id in set(list_leftovers(home)) - set(under_way):
        let_go(folder_of(home, erasure_id))


def list_pairs(rows: pa.Table, *columns: str) -> list[tuple[str, ...]]:
    """Values of these columns, row by row."""
    found = (rows[name].to_pylist() for name in columns)
    return list(zip(*found, strict=True))


def let_go(folder: Path) -> None:
    """Remove what was kept: the facts first."""
    (folder / _FACTS).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


_PLAIN = (
    *("erasure_id", "targets", "because", "by", "at"),
    *("sessions", "captures", "releases"),
)


# ---- below -----------------------------------------------------------------------------------------------------------


def _select(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    return rows.select(list(names)).cast(pa.schema({n: _SCHEMA[n] for n in names}))


def _find_files(
    ledger: Ledger, whole: Sequence[str], named: Sequence[Exclusion]
) -> pa.Table:
    """Rows of the ledger of these sessions and paths."""
    rows = _select(ledger.file_table(), _FILES)
    return rows.filter(_mask(rows["session"], rows["path"], whole, named))


def _read_frames(catalog: Catalog, version: int | None = None) -> pa.Table:
    """Frames of the newest version, or of another, with the hash of what each came as."""
    names = list(_STORED)
    rows = _select(
        catalog.read_latest("frames", names)
        if version is None
        else catalog.read("frames", names, version=version),
        _STORED,
    )
    sealed = catalog.read_latest("sealed_frames", ["frame_id", "original_sha256"])
    place = pc.index_in(rows["frame_id"], value_set=sealed["frame_id"])
    came = pc.coalesce(sealed["original_sha256"].take(place), rows["sha256"])
    return _select(rows.append_column("original_sha256", came), _FRAMES)


def _find_frames(
    catalog: Catalog,
    newest: pa.Table,
    whole: Sequence[str],
    named: Sequence[Exclusion],
) -> pa.Table:
    """Frames of the newest version, and of those before that still have bytes: of what was forgotten earlier, too."""
    parts = [newest]
    if catalog.exists("frames"):
        for facts in catalog.open_stored("frames").tags.list().values():
            parts.append(_read_frames(catalog, int(facts["version"])))
    found = [
        rows.filter(_mask(rows["session"], rows["source_path"], whole, named))
        for rows in parts
    ]
    return _drop_repeated(pa.concat_tables(found))


def _mask(
    sessions: pa.ChunkedArray,
    paths: pa.ChunkedArray,
    whole: Sequence[str],
    named: Sequence[Exclusion],
) -> pa.ChunkedArray | pa.Array:
    is_whole = pc.is_in(sessions, value_set=pa.array(whole, pa.string()))
    if not named:
        return is_whole
    covering = index_by_session(named)
    is_named = [
        s in covering and covering[s](outer_path(p)) is not None
        for s, p in zip(sessions.to_pylist(), paths.to_pylist(), strict=True)
    ]
    return pc.or_(is_whole, pa.chunked_array([pa.array(is_named, pa.bool_())]))


def _find_copies(newest: pa.Table, frames: pa.Table) -> pa.Table:
    """Frames of other files that came as one of these did, or that are the picture which one of these is shown as.

    What sealed frames of others are shown as tells of nobody: blank pictures of one size are the same.
    """
    others = _leave_out(newest, frames)
    came = _unite(frames["original_sha256"])
    is_copy = pc.is_in(others["original_sha256"], value_set=came)
    is_sealed = pc.not_equal(others["sha256"], others["original_sha256"])
    shared = others["sha256"].filter(pc.and_(is_sealed, pc.invert(is_copy)))
    shown = _unite(frames["sha256"])
    own = shown.filter(pc.invert(pc.is_in(shown, value_set=_unite(shared))))
    is_shown = pc.is_in(others["original_sha256"], value_set=own)
    return others.filter(pc.or_(is_copy, is_shown))


def _drop_shared(newest: pa.Table, frames: pa.Table) -> pa.Table:
    """Without hashes that frames which stay are shown as: by these they are not to be taken for what goes."""
    staying = _unite(_leave_out(newest, frames)["sha256"])
    for name in _HASHES:
        is_shared = pc.is_in(frames[name], value_set=staying)
        left = pc.if_else(is_shared, pa.scalar(None, pa.string()), frames[name])
        frames = frames.set_column(frames.column_names.index(name), name, left)
    return frames


def _leave_out(newest: pa.Table, frames: pa.Table) -> pa.Table:
    """The frames that are none of these."""
    is_known = pc.is_in(newest["frame_id"], value_set=_unite(frames["frame_id"]))
    return newest.filter(pc.invert(is_known))


def _unite(*columns: pa.ChunkedArray) -> pa.Array:
    """Each value once, and no null, which would stand for all rows without a value."""
    chunks = [chunk for one in columns for chunk in one.chunks]
    return pc.unique(pa.chunked_array(chunks, pa.string()).drop_null())


def _find_files_of(
    ledger: Ledger, frames: pa.Table, captures: Sequence[str]
) -> pa.Table:
    """Rows of the ledger of the files that these frames are, and of those with the bytes of these captures."""
    rows = _select(ledger.file_table(), _FILES)
    mine = pa.array(captures, pa.string())
    is_copy = pc.and_(
        pc.is_in(rows["capture_id"], value_set=mine), pc.is_valid(rows["sha256"])
    )
    pairs = set(list_pairs(frames, "session", "source_path"))
    known = zip(rows["session"].to_pylist(), rows["path"].to_pylist(), strict=True)
    is_frame = pa.array([one in pairs for one in known], pa.bool_())
    return rows.filter(pc.or_(is_copy, pa.chunked_array([is_frame])))


def _drop_known(files: pa.Table) -> pa.Table:
    """Each file once."""
    return files.group_by(list(_FILES)).aggregate([]).select(list(_FILES))


def _require_loose(catalog: Catalog, copies: pa.Table) -> None:
    ids = copies["capture_id"].unique().to_pylist()
    where = f"{is_in('capture_id', ids)} AND sha256 IS NOT NULL"
    held = catalog.read_latest("captures", ["session", "path"], where).to_pylist()
    if held:
        names = ", ".join(sorted(f"{c['session']}/{c['path']}" for c in held))
        raise ValueError(
            f"{names} holds the same picture, and its bytes hold others too: name that file as well, or keep both"
        )


def _find_captures(
    catalog: Catalog, whole: Sequence[str], files: pa.Table
) -> Iterable[str]:
    """Those of whole sessions, and containers that are one of the files."""
    rows = catalog.read_latest("captures", ["capture_id", "session", "sha256"])
    hashes = set(files["sha256"].drop_null().to_pylist())
    names = set(whole)
    return _list_captures(rows, names, hashes)


def _find_releases(
    catalog: Catalog, whole: Sequence[str], frames: pa.Table
) -> tuple[str, ...]:
    columns = ["release_id", "frame_id", "session"]
    rows = catalog.read_latest("release_frames", columns)
    is_mine = pc.or_(
        pc.is_in(rows["session"], value_set=pa.array(whole, pa.string())),
        pc.is_in(rows["frame_id"], value_set=frames["frame_id"].combine_chunks()),
    )
    return tuple(sorted(rows["release_id"].filter(is_mine).unique().to_pylist()))


def _list_captures(rows: pa.Table, whole: set[str], hashes: set[str]) -> Iterator[str]:
    for row in rows.to_pylist():
        is_container = row["sha256"] is not None and row["sha256"] in hashes
        if row["session"] in whole or is_container:
            yield row["capture_id"]


def _drop_repeated(frames: pa.Table) -> pa.Table:
    ids = frames["frame_id"].combine_chunks()
    first = (
        pc.index_in(pc.unique(ids), value_set=ids)
        if len(ids)
        else pa.array([], pa.int32())
    )
    return frames.take(first)
