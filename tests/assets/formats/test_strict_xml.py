"""XML without document types is read, within a budget of memory; all else is refused by its reason."""

from __future__ import annotations

import pytest

from assets.formats.protocol import UnreadableBytes
from assets.formats.strict_xml import parse_xml


def test_plain_xml_is_read():
    assert parse_xml(b'<a><b c="1">text</b></a>', "a")[0].text == "text"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"<!DOCTYPE a><a/>", "XML that cannot be read: DTDForbidden"),
        (b"<a><b></a>", "XML that cannot be read: mismatched tag"),
        (b"<b/>", "XML of another kind: <b>, not <a>"),
    ],
)
def test_xml_that_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_xml(text, "a")


def test_an_empty_file_is_no_xml():
    with pytest.raises(UnreadableBytes, match="empty file"):
        parse_xml(b"", "a")


def test_xml_is_weighed_before_it_is_parsed():
    text = b'<a><b c="1"/></a>'
    # 17 letters twice, three signs of 260 bytes, an attribute of 160
    needed = 2 * 17 + 3 * 260 + 160
    assert parse_xml(text, "a", max_memory_bytes=needed).tag == "a"
    with pytest.raises(ValueError, match="XML that may take 0 MiB of memory"):
        parse_xml(text, "a", max_memory_bytes=needed - 1)
