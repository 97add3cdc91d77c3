"""The record of acts that somebody may ask about later: each entry holds the hash of the one before, none is changed.

Written down are consents, approvals and rollbacks, what is forgotten, erased and let in again, originals that are
unsealed, and reads of restricted columns by `query`. Who changes, drops or inserts an entry breaks the chain, unless
all behind it is made anew too: note its end elsewhere, as a backup does.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.disk import sync
from assets.locks import waiting_for

RECORD = "audit/record.jsonl"  # below the home
_HEAD = "audit/head.json"  # number and hash of the last entry that is whole on disk
_LOCK = "audit/lock"
_FIRST = "0" * 64
_MOST_TEXT = 2000  # characters of one value
_MOST_ENTRY_BYTES = 1 << 17  # six bytes a character, of four values, and more
_ENTRIES = ("number", "at", "act", "who", "of", "why", "before", "sha256")


@dataclass(frozen=True)
class Act:
    """What somebody did: `act` is a word such as "consent", `of` what it was done to, `why` their reason."""

    act: str
    who: str
    of: str
    why: str = ""


@dataclass(frozen=True)
class Break:
    """Where the record is not what it was; `number` is the entry's, from 1."""

    number: int
    reason: str


@dataclass(frozen=True)
class _End:
    """An entry that the next one follows."""

    number: int = 0
    sha256: str = _FIRST


def note(home: Path, act: Act) -> str:
    """Add an entry, on disk before this returns; its hash. Raises ValueError where the end of the record is damaged.

    It follows the entry that the head names where the record ends before that: so what was cut off is missed for good.
    """
    record = home / RECORD
    record.parent.mkdir(parents=True, exist_ok=True)
    with waiting_for(home / _LOCK):
        last = _choose_end(_read_last(record), _read_head(home / _HEAD))
        number = last.number + 1
        entry = {
            "number": number,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            **{name: value[:_MOST_TEXT] for name, value in vars(act).items()},
            "before": last.sha256,
        }
        sha256 = _hash(entry)
        _append(record, {**entry, "sha256": sha256})
        _point(home / _HEAD, _End(number, sha256))
    return sha256


def read_acts(home: Path) -> list[dict[str, Any]]:
    """All entries, the oldest first. Raises ValueError for a line that is none."""
    record = home / RECORD
    if not record.exists():
        return []
    with record.open(encoding="utf-8") as lines:
        return [_parse(line) for line in lines]


def check_record(home: Path) -> Iterator[Break | None]:
    """One for each entry, None where it follows the one before; then one for the end, where that was cut off."""
    record, last, number, hashes = home / RECORD, _End(), 0, {_FIRST}
    if record.exists():
        with record.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    entry = _parse(line)
                except ValueError as error:
                    yield Break(number, str(error))
                    continue
                yield _check(entry, number, last)
                last = _end_of(entry)
                hashes.add(last.sha256)
    head = _read_head(home / _HEAD)
    if head is None:
        yield from [Break(number, "its head is gone or unreadable")] * bool(number)
    elif head.sha256 not in hashes:
        said = f"its head names entry {head.number}, which is not there"
        yield Break(number, f"the record ends behind entry {number}: {said}")


def _check(entry: dict[str, Any], number: int, last: _End) -> Break | None:
    rest = {name: value for name, value in entry.items() if name != "sha256"}
    if _hash(rest) != entry["sha256"]:
        return Break(number, "its hash is not that of its content")
    if (entry["number"], entry["before"]) != (last.number + 1, last.sha256):
        return Break(number, f"it does not follow entry {number - 1}")
    return None


def _choose_end(last: dict[str, Any] | None, head: _End | None) -> _End:
    end = _end_of(last) if last else _End()
    return head if head and head.number > end.number else end


def _end_of(entry: dict[str, Any]) -> _End:
    return _End(entry["number"], entry["sha256"])


def _parse(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ValueError("it is no JSON") from error
    if not isinstance(entry, dict) or tuple(entry) != _ENTRIES:
        raise ValueError("it has other fields than an entry")
    texts = [value for name, value in entry.items() if name != "number"]
    if type(entry["number"]) is not int or not all(isinstance(t, str) for t in texts):
        raise ValueError("its fields are not those of an entry")
    if _write(entry) != line.removesuffix("\n"):
        raise ValueError("it is not written as an entry is")
    return entry


def _write(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=True)


def _hash(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _append(record: Path, entry: dict[str, Any]) -> None:
    is_new = not record.exists()
    with record.open("a", encoding="utf-8") as file:
        file.write(_write(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync(record.parent)


def _read_last(record: Path) -> dict[str, Any] | None:
    """The last whole entry. What a power cut left of one that was never acknowledged is taken away."""
    if not record.exists():
        return None
    remedy = "`daguerre verify` says more: restore the record from a backup"
    with record.open("rb+") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size_bytes - _MOST_ENTRY_BYTES))
        tail = file.read()
        end = tail.rfind(b"\n") + 1
        if not end and start:
            raise ValueError(f"{record}: its end has no entry: {remedy}")
        if end < len(tail):
            file.truncate(start + end)
    if not end:
        return None
    try:
        return _parse(tail[:end].splitlines()[-1].decode())
    except ValueError as error:
        raise ValueError(f"{record}: its last entry: {error}: {remedy}") from error


def _point(head: Path, end: _End) -> None:
    part = head.with_suffix(".part")
    with part.open("w") as file:
        json.dump(vars(end), file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(head)


def _read_head(head: Path) -> _End | None:
    try:
        end = _End(**json.loads(head.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return end if type(end.number) is int and isinstance(end.sha256, str) else None
