"""Open a table at its newest whole version after a power cut, and keep what is broken beside it.

A manifest that is there is whole, and so are the files that it names, as long as the power stays: Lance writes data
first, and gives a manifest its name last. So a newest version with an empty, cut or missing file is one that a power
cut took, and no writer under way. Its manifest is set aside with the tags and seals that name it. Nothing is deleted:

`<tables>/_lost/<table>/<number>/` holds them, and `loss.json`, which says what was lost.

Files come to disk within minutes by themselves. Where versions of more than `_MAX_SPAN_S` are broken, it was no power
cut: then nothing is moved, and a person has to restore the file.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from assets.disk import make_folder, sync, write_synced
from assets.locks import waiting_for
from assets.tables.durable import list_files, name_manifest, version_of_manifest

LOST = "_lost"
_RECORD = "loss.json"
_MADE_GOOD = "made-good"  # beside the record: the ledger claims nothing of it any more
_MAX_SPAN_S = 900.0
_ENDS = {".lance": b"LANC", ".arrow": b"ARROW1"}  # what a whole file ends with
_checked: dict[str, int] = {}  # path of a table -> its number in the file system


@dataclass(frozen=True)
class Loss:
    """Versions of one table that a power cut took."""

    table: str
    newest_whole: int  # 0: none
    versions: list[int]  # those that were set aside, the newest first
    reasons: list[str]  # one a version
    found_at: str  # UTC
    folder: str = ""  # where they are kept

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"table '{self.table}' lost versions {min(self.versions)} to {max(self.versions)} to a power cut "
            f"({self.reasons[-1]}) and is at version {self.newest_whole}: what was broken is kept in {self.folder}"
        )


def set_aside_broken(
    tables: Path, name: str, before: Callable[[int], None]
) -> Loss | None:
    """Set aside the newest versions of a table that are not whole; None where the newest is, looked at once a process.

    `before` is called with the newest whole version while nothing is moved yet. Raises ValueError, with the remedy,
    where the files are not ours to move, or are older than what a power cut takes.
    """
    table = tables / f"{name}.lance"
    if not table.is_dir() or _checked.get(str(table)) == table.stat().st_ino:
        return None
    loss = None
    if _find_broken(table)[1]:
        _require_access(tables, name)
        with _alone(tables):
            whole, broken = _find_broken(table)  # another process may have done it
            if broken:
                _require_recent(table, broken)
                loss = _set_aside(tables, name, whole, broken, before)
    torn = [path for path in _list_tags(table) if not _version_of_tag(path)]
    if torn:
        _require_access(tables, name)
        with _alone(tables):
            _set_aside_tags(tables / LOST / name / "tags", torn)
    _checked[str(table)] = table.stat().st_ino
    return loss


def list_losses(tables: str | Path, only_open: bool = False) -> list[Loss]:
    """What was lost of the tables in a local folder; `only_open`: of which the ledger still has to be told."""
    return [
        Loss(**json.loads((folder / _RECORD).read_text()), folder=str(folder))
        for folder in sorted(Path(tables).glob(f"{LOST}/*/*"))
        if (folder / _RECORD).exists()
        and not (only_open and (folder / _MADE_GOOD).exists())
    ]


def mark_made_good(loss: Loss) -> None:
    """Remember that the ledger claims nothing any more of what was lost."""
    write_synced(Path(loss.folder) / _MADE_GOOD, b"")
    sync(loss.folder)


def _find_broken(table: Path) -> tuple[int, dict[int, str]]:
    """The newest whole version, 0 for none, and why each newer one is none, the newest first."""
    broken: dict[int, str] = {}
    for version in _list_versions(table):
        reason = _find_damage(table, version)
        if reason is None:
            return version, broken
        broken[version] = reason
    return 0, broken


def _list_versions(table: Path) -> list[int]:
    """The newest first."""
    folder = table / "_versions"
    names = os.listdir(folder) if folder.is_dir() else []
    found = map(version_of_manifest, names)
    return sorted((version for version in found if version), reverse=True)


def _find_damage(table: Path, version: int) -> str | None:
    """Why a version is not whole; costs one look at the end of each of its files."""
    import lance

    manifest = name_manifest(version)
    if not (table / manifest).stat().st_size:
        return f"{manifest} is empty"
    try:
        dataset = lance.dataset(str(table), version=version)
        if dataset.version != version:
            return f"{manifest} is not whole"
        files = list_files(dataset)[1:]
        sizes = {
            f"data/{file.path}": file.file_size_bytes
            for fragment in dataset.get_fragments()
            for file in fragment.metadata.files
        }
    except BaseException as error:
        if (
            not isinstance(error, Exception)
            and type(error).__name__ != "PanicException"
        ):
            raise
        return f"{manifest} is not whole"
    return next((why for f in files if (why := _look(table, f, sizes.get(f)))), None)


def _look(table: Path, name: str, size: int | None) -> str | None:
    try:
        with open(table / name, "rb") as file:
            found = file.seek(0, os.SEEK_END)
            end = _ENDS.get(os.path.splitext(name)[1], b"")
            file.seek(max(0, found - len(end)))
            is_whole = found > 0 and file.read() == end if end else found > 0
    except FileNotFoundError:
        return f"{name} is gone"
    if is_whole and size in (None, found):
        return None
    return f"{name} is cut" if found else f"{name} is empty"


def _require_access(tables: Path, name: str) -> None:
    places = (tables, tables / f"{name}.lance/_versions")
    if not all(os.access(place, os.W_OK) for place in places):
        raise ValueError(
            f"the newest version of table '{name}' is not whole, as after a power cut, and this user may not write "
            f"to {tables}: run `daguerre status` as one who may, it sets the broken version aside"
        )


def _require_recent(table: Path, broken: dict[int, str]) -> None:
    times = [(table / name_manifest(version)).stat().st_mtime for version in broken]
    if max(times) - min(times) > _MAX_SPAN_S:
        raise ValueError(
            f"table '{table.stem}' is broken since version {min(broken)} ({broken[min(broken)]}), "
            f"{(max(times) - min(times)) / 60:.0f} minutes before its newest: that was no power cut. "
            "Restore the file from a backup; `daguerre verify` names all that are wrong"
        )


def _set_aside(
    tables: Path,
    name: str,
    whole: int,
    broken: dict[int, str],
    before: Callable[[int], None],
) -> Loss:
    place = tables / LOST / name
    make_folder(place)
    folder = place / f"{1 + len(os.listdir(place)):06d}"
    make_folder(folder)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    loss = Loss(name, whole, list(broken), list(broken.values()), now)
    facts = {key: value for key, value in asdict(loss).items() if key != "folder"}
    write_synced(folder / _RECORD, json.dumps(facts, indent=1).encode())
    sync(folder)
    before(whole)
    table = tables / f"{name}.lance"
    tags = [
        path
        for path in _list_tags(table)
        if _version_of_tag(path) not in range(1, whole + 1)
    ]
    seals = [
        path
        for path in (tables / "_seals" / name).glob("*-*")
        if path.name[:20].isdigit() and int(path.name[:20]) > whole
    ]
    # the manifests last: until they are moved, the next who opens the table goes on
    for path in [*tags, *seals, *(table / name_manifest(v) for v in broken)]:
        path.rename(folder / path.name)
        sync(folder)
        sync(path.parent)
    return Loss(**facts, folder=str(folder))


def _list_tags(table: Path) -> list[Path]:
    """Lance takes the path for an address there, and escapes it."""
    places = {table, Path(quote(str(table)))}
    return [path for place in places for path in place.glob("_refs/tags/*.json")]


def _set_aside_tags(folder: Path, torn: list[Path]) -> None:
    """Tags without a number: their writer has acknowledged nothing yet, and gives them again."""
    make_folder(folder)
    for path in torn:
        with suppress(FileNotFoundError):  # another process has moved it
            path.rename(folder / f"{path.stem}.{uuid.uuid4().hex}")
        sync(folder)
        sync(path.parent)


def _version_of_tag(path: Path) -> int:
    """0 for a tag that is not whole itself."""
    try:
        return int(json.loads(path.read_text())["version"])
    except (ValueError, KeyError, TypeError):
        return 0


@contextmanager
def _alone(tables: Path) -> Iterator[None]:
    """One process at a time moves files."""
    make_folder(tables / LOST)
    with waiting_for(tables / LOST / "lock"):
        yield
