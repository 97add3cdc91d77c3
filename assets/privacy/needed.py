"""Which keys open what is sealed in a home, and whether they are at hand: no backup has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from assets.privacy.keys import SETTING, SealKeyMissing, SealKeys
from assets.tables.catalog import Catalog
from assets.wording import many

_TABLES = ("sealed_frames", "sealed_recordings")


@dataclass(frozen=True)
class NeededKey:
    """One key: how many originals are sealed under it, and where it is; or why it does not open them, with the remedy
    (`fault`), "" where it does."""

    key_id: str
    num_originals: int
    place: str
    fault: str


def list_needed_keys(catalog: Catalog, keys: SealKeys) -> list[NeededKey]:
    """Of all frames and recordings that are sealed now."""
    counts: Counter[str] = Counter()
    for table in _TABLES:
        counts.update(catalog.read_latest(table, ["key_id"])["key_id"].to_pylist())
    return [_look(keys, k, n) for k, n in sorted(counts.items())]


def _look(keys: SealKeys, key_id: str, num_originals: int) -> NeededKey:
    try:
        keys.find(key_id)
    except SealKeyMissing as error:
        return NeededKey(key_id, num_originals, "", str(error))
    except ValueError as error:
        return NeededKey(key_id, num_originals, "", f"sealed under key {key_id}: {error}")  # fmt: skip
    place = SETTING if keys.given else str(keys.path)
    return NeededKey(key_id, num_originals, place, "")


def tell_left_out(key: NeededKey) -> str:
    """For who makes a backup."""
    where = f"it is in {key.place}" if key.place else "and it is not here either"
    return (
        f"not in it: the seal key {key.key_id}, which opens {key.num_originals} originals; {where}: keep a copy in a "
        "place of its own, apart from backups"
    )


def tell_missing(key: NeededKey) -> str:
    """For who looks at a home, or has restored it, and cannot open what is sealed there."""
    return (
        f"{many(key.num_originals, 'original')} {key.fault}; covered pictures are shown without it, and no original is "
        "opened"
    )
