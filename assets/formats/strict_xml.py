"""Parse XML without document type definitions, and so without entities that expand."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element, ParseError

from assets.formats.protocol import UnreadableBytes, explain_pointer

MAX_MEMORY_BYTES = 512 << 20
# in CPython, at most
_ELEMENT_BYTES = 260
_ATTRIBUTE_BYTES = 160


def parse_xml(
    data: bytes, root: str, max_memory_bytes: int = MAX_MEMORY_BYTES
) -> Element:
    """The outermost element, which has to be named `root`.

    Raises ValueError, and UnreadableBytes for a stand-in for data; document type definitions are refused, and a text
    that may take more memory than that is not begun.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    pointer = explain_pointer(data)
    if pointer:
        raise UnreadableBytes(*pointer)
    needed = (
        2 * len(data)
        + _ELEMENT_BYTES * data.count(b"<")
        + _ATTRIBUTE_BYTES * data.count(b"=")
    )
    if needed > max_memory_bytes:
        what = f"XML that may take {needed >> 20} MiB of memory, more than {max_memory_bytes >> 20}"
        raise ValueError(f"{what}: split it")
    try:
        tree: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(
            f"XML that cannot be read: {error or type(error).__name__}"
        ) from error
    if tree.tag != root:
        raise ValueError(f"XML of another kind: <{tree.tag[:40]}>, not <{root}>")
    return tree


def read_number(item: Element, name: str) -> float:
    """A finite number in an attribute. Raises ValueError."""
    return parse_number(item.get(name), name)


def parse_number(text: str | None, name: str) -> float:
    """A finite number, `name` being what it is called in messages. Raises ValueError, also where there is no text."""
    if text is None:
        raise ValueError(f"has no {name}")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text[:40]!r}, not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text[:40]!r}, not a finite number")
    return value
