"""Which keys open what is sealed in a home, and whether they are at hand: no backup has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from assets.privacy.keys import SETTING, SealKeyMissing, SealKeys
from assets.tables.catalog import Catalog

_TABLES = ("sealed_frames", "sealed_recordings")


@dataclass(frozen=True)
class NeededKey:
    """One key: how many originals are sealed under it, and where it is; "" where it is not at hand."""

    key_id: str
    num_originals: int
    place: str


def list_needed_keys(catalog: Catalog, keys: SealKeys) -> list[NeededKey]:
    """Of all frames and recordings that are sealed now. Raises ValueError for a key that cannot be used."""
    counts: Counter[str] = Counter()
    for table in _TABLES:
        counts.update(catalog.read_latest(table, ["key_id"])["key_id"].to_pylist())
    return [NeededKey(k, n, _locate(keys, k)) for k, n in sorted(counts.items())]


def _locate(keys: SealKeys, key_id: str) -> str:
    try:
        keys.find(key_id)
    except SealKeyMissing:
        return ""
    return SETTING if keys.given else str(keys.path)


def tell_left_out(key: NeededKey) -> str:
    """For who makes a backup."""
    where = f"it is in {key.place}" if key.place else "and it is not here either"
    return (
        f"not in it: the seal key {key.key_id}, which opens {key.num_originals} originals; {where}: keep a copy in a "
        "place of its own, apart from backups"
    )


def tell_missing(key: NeededKey) -> str:
    """For who has restored a backup."""
    return (
        f"the seal key {key.key_id}, which opens {key.num_originals} originals, is not here: put it back as `seal_key` "
        f"in the home, for you alone, or give {SETTING}; covered pictures are shown without it"
    )
