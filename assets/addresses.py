"""Addresses of stores, which may hold a password: how they are shown, and which are refused.

Passwords are where a database has no other place for them. Nothing that a person, a log or a table gets to see has one:
what is shown of an address, and of an error that may quote one, goes through `hide`.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HIDDEN = "***"
_WORD = re.compile(r"[^\s'\"]+")
# scheme://user: before a password; what begins with a port and a slash is none
_BEFORE_PASSWORD = re.compile(r"(?<=[a-z0-9+.-]://)[^/:@]*:(?!\d+/)", re.IGNORECASE)
# ?password=PASSWORD, &X-Amz-Signature=SIGNATURE, and password=PASSWORD as libpq writes it
_PARAMETER = re.compile(r"((?:^|[?&;\s'\"])([\w-]+)=)[^&;\s'\"]+")
_SECRET = re.compile("password|secret|token|signature|credential", re.IGNORECASE)
_NEVER_A_USER = ("http", "https", "s3")


def hide(text: str) -> str:
    """An address, or a text with addresses in it, with `***` in the place of each password. It takes linear time."""
    return _PARAMETER.sub(_hide_parameter, _WORD.sub(_hide_password, text))


def _hide_password(word: re.Match[str]) -> str:
    """Up to the last @ of the word: whoever put one into a password is hidden whole."""
    told = word[0]
    end = told.rfind("@")
    before = _BEFORE_PASSWORD.search(told, 0, max(end, 0))
    if before is None or before.end() == end:
        return told
    return f"{told[: before.end()]}{_HIDDEN}{told[end:]}"


def _hide_parameter(found: re.Match[str]) -> str:
    return f"{found[1]}{_HIDDEN}" if _SECRET.search(found[2]) else found[0]


def require_open(address: str, name: str, remedy: str) -> None:
    """Refuse the address of a place that is shown and written down, when it holds a password. Raises ValueError.

    An address of http or s3 may hold no user either: what stands there is a key.
    """
    parts = urlsplit(address)
    user, is_given, _ = parts.netloc.rpartition("@")
    if is_given and (parts.scheme in _NEVER_A_USER or ":" in user):
        what = f"{parts.scheme}://{_HIDDEN}@"
        raise ValueError(
            f"{name} begins with {what}: take out what stands there; {remedy}"
        )


def require_escaped(address: str, name: str) -> None:
    """Refuse the address of a database whose password ends sooner than its author meant it to. Raises ValueError.

    The rest would be taken for the name of the host, and shown in errors.
    """
    before_query = address.partition("?")[0]
    if before_query.count("@") > 1:
        raise ValueError(f"{name} holds more than one @: write one in a password %40")
