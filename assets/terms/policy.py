"""What a team lets into a release, and out of private columns, as a file says it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.formats.strict_yaml import MAX_YAML_BYTES, parse_yaml
from assets.terms.terms import read_licence, read_purposes

POLICY_NAME = "policy.yaml"
_ENTRIES = ("purposes", "mixed", "unknown", "remind_days", "min_group")
_WORDS = ("warn", "refuse")
_REMEDY = (
    "write entries of `purposes: [research]`, `mixed: [[CC0-1.0, CC-BY-4.0]]`, `unknown: warn` or refuse, "
    "`remind_days: 30` and `min_group: 5`"
)
_MAX_DAYS = 3650
_LEAST_GROUP, _MOST_GROUP = 2, 1_000_000


@dataclass(frozen=True)
class Policy:
    """`purposes`: every session of a release allows all of these. `mixed`: each group names licences that may be in one
    release; none: all may. `remind_days`: how long before its end a consent is told of. `min_group`: sessions at least
    that a figure over private columns is of, for who may not read them; none: there is no such figure."""

    purposes: tuple[str, ...] = ()
    mixed: tuple[frozenset[str], ...] = ()
    refuses_unknown: bool = False
    remind_days: int = 30
    min_group: int | None = None

    @property
    def text(self) -> str:
        """What of it judges releases, as JSON; equal policies give equal text."""
        said = {
            "purposes": list(self.purposes),
            "mixed": sorted(map(sorted, self.mixed)),
            "unknown": _WORDS[self.refuses_unknown],
        }
        return json.dumps(said, sort_keys=True)


def read_policy(path: Path) -> Policy:
    """That of a file; where there is none, only what is unknown is warned of. Raises ValueError for a faulty file, and
    for what is no file."""
    if not os.path.lexists(path):
        return Policy()
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise ValueError(f"it has more than {MAX_YAML_BYTES} bytes")
        return parse_policy(parse_yaml(path.read_bytes()))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is no policy: {error}; {_REMEDY}") from error


def parse_policy(said: object) -> Policy:
    """Raises ValueError for anything but the entries that are known."""
    if not isinstance(said, Mapping) or not said or not said.keys() <= set(_ENTRIES):
        raise ValueError(f"it holds {str(said)[:100]}")
    unknown = said.get("unknown", _WORDS[0])
    if unknown not in _WORDS:
        raise ValueError(f"unknown is {str(unknown)[:100]!r}")
    return Policy(
        read_purposes(said["purposes"]) if "purposes" in said else (),
        _read_groups(said.get("mixed", [])),
        unknown == _WORDS[1],
        _read_days(said.get("remind_days", 30)),
        _read_group(said["min_group"]) if "min_group" in said else None,
    )


def _read_groups(said: Any) -> tuple[frozenset[str], ...]:
    if not isinstance(said, list) or not all(isinstance(g, list) and g for g in said):
        raise ValueError(f"mixed is {str(said)[:100]}, no list of lists of licences")
    return tuple(frozenset(map(read_licence, group)) for group in said)


def _read_days(said: Any) -> int:
    if type(said) is not int or not 0 <= said <= _MAX_DAYS:
        raise ValueError(f"remind_days is {str(said)[:100]}, no number of days")
    return said


def _read_group(said: Any) -> int:
    if type(said) is not int or not _LEAST_GROUP <= said <= _MOST_GROUP:
        raise ValueError(
            f"min_group is {str(said)[:100]}, no number of {_LEAST_GROUP} sessions or more"
        )
    return said
