"""Say of code that changed whether it makes other rows: `python -m assets.code_versions --help`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from assets.code_versions.makers import (
    LISTED,
    Version,
    list_versions,
    name_version,
    read_listed,
)


def main(words: Sequence[str] | None = None, listed_in: Path = LISTED) -> int:
    """List what is not listed (1 where something is), or list it. 2 for a wrong word."""
    parser = argparse.ArgumentParser(
        prog="python -m assets.code_versions", description=__doc__
    )
    parser.add_argument(
        "--accept", nargs="+", metavar="MAKER", help="it makes other rows"
    )
    parser.add_argument(
        "--same", nargs="+", metavar="MAKER", help="it makes the rows of before"
    )
    parser.add_argument("--because", help="why --same is true; is shown in plans")
    options = parser.parse_args(words)
    listed = read_listed(listed_in)
    found = {
        name: name_version(name, version.fingerprint, listed)
        for name, version in list_versions().items()
    }
    unlisted = {name: v for name, v in found.items() if not v.is_listed}
    if not options.accept and not options.same:
        print(describe(list(unlisted.values())))
        return 1 if unlisted else 0
    if options.same and not (options.because or "").strip():
        parser.error("--same takes --because: say why it makes the same rows")
    for name in (options.accept or []) + (options.same or []):
        if name not in unlisted:
            known = ", ".join(unlisted) or "none"
            parser.error(f"{name!r} is no maker that is not listed: those are {known}")
    for name in options.accept or []:
        _add(listed, unlisted[name], _name_next(listed.get(name, {})), "")
    for name in options.same or []:
        if not listed.get(name):
            parser.error(f"{name!r} has no version before: --accept it")
        newest = list(listed[name])[-1]
        _add(listed, unlisted[name], newest, options.because.strip())
    listed_in.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
    return 0


def describe(unlisted: Sequence[Version]) -> str:
    """What to do about makers whose code is not listed."""
    if not unlisted:
        return "every maker is listed"
    names = " ".join(repr(version.maker) for version in unlisted)
    return (
        f"does something else than what is listed: the code of {names}\n"
        "where its rows differ, `python -m assets.code_versions --accept MAKER...` gives them a new version; "
        "where they are the same, `python -m assets.code_versions --same MAKER... --because REASON` says so"
    )


def _name_next(versions: dict[str, dict[str, str]]) -> str:
    numbers = [int(version) for version in versions if version.isdigit()]
    return str(max(numbers, default=0) + 1)


def _add(
    listed: dict[str, dict[str, dict[str, str]]],
    found: Version,
    version: str,
    because: str,
) -> None:
    listed.setdefault(found.maker, {}).setdefault(version, {})[found.fingerprint] = (
        because
    )


if __name__ == "__main__":
    raise SystemExit(main())
