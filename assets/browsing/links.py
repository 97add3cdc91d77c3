"""Addresses of frames in the browser, as they stand beside what was made or judged of them.

They begin at the root of the page that shows them: `daguerre ui` answers there by the way to the browser that it runs,
wherever that listens by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlencode

from assets.browsing.shown import name_shown

ROOT = "/browse"
_KEY = "frame_id"
# as checks name a frame in a sentence, or before one
_NAMED = re.compile(r"\bframe ([0-9a-f]{32})\b|^([0-9a-f]{32})(?=:|$)")
_MOST_NAMED = 20  # a condition has 2,000 characters at most


def link_session(session: str) -> str:
    """All frames of a session."""
    return _link(session=session)


def link_made(table: str, session: str | None) -> str | None:
    """The frames that a table has rows of, of a session where one is named; None where it has none to show."""
    if table == "frames" or _KEY not in name_shown(table):
        return link_session(session) if session else None
    where = f"{_KEY} IN (SELECT {_KEY} FROM {table})"
    return _link(session=session, where=where) if session else _link(where=where)


def link_named(sentences: Iterable[str]) -> str | None:
    """The frames that some sentences name; None where they name none."""
    found = [_NAMED.search(sentence) for sentence in sentences]
    ids = list(dict.fromkeys(match[1] or match[2] for match in found if match))
    if not ids:
        return None
    named = ", ".join(f"'{one}'" for one in ids[:_MOST_NAMED])
    return _link(where=f"{_KEY} IN ({named})")


def _link(**asked: str) -> str:
    return f"{ROOT}#{urlencode(asked, quote_via=quote)}"
