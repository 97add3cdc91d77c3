"""The terms under which somebody lets a recording be used: a licence, purposes, and the last day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

ENTRIES = ("licence", "purposes", "until", "holder")
REMEDY = (
    "write `terms: {licence: CC-BY-4.0, purposes: [research], until: 2027-12-31, holder: WHO}`; until and holder may "
    "be left out"
)
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MAX_PURPOSES = 32
_MAX_HOLDER = 200  # characters
_MAX_LICENCE = 200


@dataclass(frozen=True)
class Terms:
    """`licence` is an SPDX expression, of a contract of one's own `LicenseRef-<name>`; `purposes` are sorted words;
    `until` is the last day (UTC), None: no end is stated; `holder` is who gave them, "" where nobody is named."""

    licence: str
    purposes: tuple[str, ...]
    until: date | None = None
    holder: str = ""

    def __post_init__(self) -> None:
        if len(self.holder) > _MAX_HOLDER:
            raise ValueError(f"holder has more than {_MAX_HOLDER} characters")

    def is_over(self, day: date) -> bool:
        """Whether the last day is before it."""
        return self.until is not None and self.until < day

    @property
    def summary(self) -> str:
        """In one line."""
        until = f", until {self.until.isoformat()}" if self.until else ""
        holder = f", of {self.holder}" if self.holder else ""
        return f"{self.licence}, for {', '.join(self.purposes)}{until}{holder}"


def parse_terms(said: object) -> Terms:
    """Terms from a mapping with the entries of `ENTRIES`. Raises ValueError for anything else."""
    if not isinstance(said, Mapping) or not said.keys() <= set(ENTRIES):
        raise ValueError(f"terms are {str(said)[:100]}: {REMEDY}")
    for name in ("licence", "purposes"):
        if name not in said:
            raise ValueError(f"terms without `{name}`: {REMEDY}")
    holder = said.get("holder", "")
    if not isinstance(holder, str):
        raise ValueError(f"holder is {str(holder)[:100]}, not a name")
    return Terms(
        read_licence(said["licence"]),
        read_purposes(said["purposes"]),
        read_day(said.get("until")),
        holder.strip(),
    )


def read_licence(said: object) -> str:
    """An SPDX expression as SPDX writes it. Raises ValueError for what is none, or is too long."""
    from packaging.licenses import (
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    if len(str(said)) > _MAX_LICENCE:
        raise ValueError(
            f"licence {str(said)[:100]!r}... has more than {_MAX_LICENCE} characters: name a contract of your own as "
            "LicenseRef-<name>"
        )
    try:
        return str(canonicalize_license_expression(str(said)))
    except InvalidLicenseExpression as error:
        raise ValueError(
            f"licence {str(said)[:100]!r} is no SPDX expression: write one such as CC-BY-4.0, or LicenseRef-<name> for "
            "a contract of your own"
        ) from error


def read_purposes(said: object) -> tuple[str, ...]:
    """Sorted words, one or more. Raises ValueError."""
    is_list = isinstance(said, Sequence) and not isinstance(said, str | bytes)
    words: list[Any] = list(said) if is_list else []  # type: ignore[call-overload]
    if not 0 < len(words) <= _MAX_PURPOSES or not all(map(_is_purpose, words)):
        raise ValueError(
            f"purposes are {str(said)[:100]}: give words of a-z, 0-9 and '-', such as [research, product]"
        )
    return tuple(sorted(set(words)))


def read_day(said: object) -> date | None:
    """A day, None for none. Raises ValueError."""
    if said is None or type(said) is date:
        return said
    try:
        return date.fromisoformat(str(said))
    except ValueError as error:
        raise ValueError(
            f"until is {str(said)[:100]!r}: give a day as YEAR-MONTH-DAY, such as 2027-01-31"
        ) from error


def _is_purpose(word: object) -> bool:
    return isinstance(word, str) and _PURPOSE.fullmatch(word) is not None
