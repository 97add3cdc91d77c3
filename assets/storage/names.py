"""Names as stores take them: text for any bytes, and session names that any file system can have."""

from __future__ import annotations

import re
import unicodedata

from assets.tables.schemas import SESSION_KEY

_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
# that Unicode does not take apart
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # PEP 383


def store_name(name: str) -> str:
    r"""A name as text that every store takes: a byte of it that is no UTF-8 as `\xff`.

    `restore_name` gives the name back: a `\xff` that is in the name itself is written as `\x5cxff`.
    """
    plain = _ESCAPE.sub(lambda found: rf"\x5cx{found[1]}", name)
    return _NOT_UTF8.sub(lambda found: rf"\x{ord(found[0]) - 0xDC00:02x}", plain)


def restore_name(stored: str) -> str:
    """The name that `store_name` was given, with bytes that are no UTF-8 as Python holds them (PEP 383)."""

    def restore(found: re.Match[str]) -> str:
        byte = int(found[1], 16)
        return chr(0xDC00 + byte) if byte >= 0x80 else chr(byte)

    return _ESCAPE.sub(restore, stored)


def is_utf8(name: str) -> bool:
    """Whether all bytes of a name are UTF-8."""
    return _NOT_UTF8.search(name) is None


def session_key(name: str) -> str:
    """A partition key from a folder's name: lower case, Latin letters without their marks, other characters become '-'.

    Raises ValueError where nothing usable is left, and for a name that is not UTF-8.
    """
    if not is_utf8(name):
        raise ValueError(f"{name!r} is not UTF-8: rename it")
    key = _join_key(_spell(name))
    if not re.fullmatch(SESSION_KEY, key):
        raise ValueError(
            f"{name!r} gives no session name: use letters, digits, '-' and '_'"
        )
    return key


def unspelt_key(name: str) -> str:
    """The key that a folder has where letters with marks become '-' as well, as sessions may be named; "" for none."""
    key = _join_key(name.lower()) if is_utf8(name) else ""
    return key if re.fullmatch(SESSION_KEY, key) else ""


def _join_key(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text).strip("-_")[:64]


def _spell(name: str) -> str:
    """In lower case, without the marks of letters, and with plain ones for those that are no letter with a mark."""
    parts = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold()
