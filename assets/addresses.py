"""Addresses of stores, which may hold a password: how they are shown, and which are refused.

Passwords are where a database has no other place for them. Nothing that a person, a log or a table gets to see has one:
what is shown of an address, and of an error that may quote one, goes through `hide`.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HIDDEN = "***"
# scheme://user:PASSWORD@, up to the last sign that may end it; what begins with a port and a slash is none
_PASSWORD = re.compile(
    r"([a-z][a-z0-9+.-]*://[^\s/:@'\"]*:)(?!\d+/)[^\s'\"]+(?=@)", re.IGNORECASE
)
# ?password=PASSWORD, &X-Amz-Signature=SIGNATURE, and password=PASSWORD as libpq writes it
_PARAMETER = re.compile(
    r"((?:^|[?&;\s'\"])[\w-]*(?:password|secret|token|signature|credential)[\w-]*=)[^&;\s'\"]+",
    re.IGNORECASE,
)
_NEVER_A_USER = ("http", "https", "s3")


def hide(text: str) -> str:
    """An address, or a text with addresses in it, with `***` in the place of each password."""
    return _PARAMETER.sub(rf"\1{_HIDDEN}", _PASSWORD.sub(rf"\1{_HIDDEN}", text))


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
