"""Segments of a JPEG and entries of a TIFF directory, in bytes that one can count by hand."""

from __future__ import annotations

import struct

import pytest

from assets.image_segments import TiffEntry, has_segment, walk_directory, walk_jpeg

FRAME = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 24, 32, 3)  # 10 bytes
# a width, and three numbers at byte 100
DIRECTORY = struct.pack("<HHHIIHHII", 2, 256, 4, 1, 32, 258, 3, 3, 100)


def test_segments_follow_one_another_up_to_the_end():
    data = b"\xff\xd8" + b"\xff\xfe\x00\x04ab" + b"\xff" + FRAME + b"\xff\xd9" + b"more"
    # one fill byte at 8
    assert list(walk_jpeg(data)) == [(0xFE, 2, 8), (0xC0, 9, 19), (0xD9, 19, 21)]


def test_a_restart_between_segments_is_stepped_over_or_refused():
    data = b"\xff\xd8\xff\xd3" + FRAME
    assert list(walk_jpeg(data, is_strict=False)) == [(0xD3, 2, 4), (0xC0, 4, 14)]
    with pytest.raises(ValueError, match="no JPEG marker at byte 2"):
        list(walk_jpeg(data))


def test_a_segment_that_is_cut_says_where_it_would_end_or_is_refused():
    data = (b"\xff\xd8" + FRAME)[:-2]
    assert list(walk_jpeg(data, is_strict=False)) == [(0xC0, 2, 12)]
    with pytest.raises(ValueError, match="no JPEG marker at byte 2"):
        list(walk_jpeg(data))


def test_values_lie_in_the_entry_or_where_it_says():
    assert list(walk_directory(bytes(8) + DIRECTORY, "<", 8)) == [
        TiffEntry(256, 4, 1, 18),
        TiffEntry(258, 3, 3, 100),
    ]


def test_entries_of_no_values_or_of_an_unknown_type_are_left_out():
    entries = struct.pack("<HHHIIHHII", 2, 256, 4, 0, 32, 258, 99, 1, 0)
    assert list(walk_directory(bytes(8) + entries, "<", 8)) == []


def test_a_directory_that_is_cut_ends_early_or_is_refused():
    data = bytes(8) + DIRECTORY[:-1]
    assert [e.tag for e in walk_directory(data, "<", 8, is_strict=False)] == [256]
    assert list(walk_directory(data, "<", 1 << 30, is_strict=False)) == []
    with pytest.raises(struct.error):
        list(walk_directory(data, "<", 8))


APP1 = b"\xff\xe1\x00\x08Exif\0\0"
SCAN = b"\xff\xda\x00\x02"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + APP1 + FRAME + SCAN,
        b"\xff\xd8" + b"\xff\xfe\x00\x04ab" + APP1 + SCAN,  # behind a comment
        b"\xff\xd8" + b"\xff" + APP1 + SCAN,  # a fill byte
        b"\xff\xd8" + b"\xff\xd3" + APP1 + SCAN,  # a restart out of place
        b"\xff\xd8" + APP1,  # nothing behind it
    ],
)
def test_a_segment_is_met_wherever_the_walk_meets_it(data):
    met = any(
        data[start + 4 : start + 10] == b"Exif\0\0"
        for _, start, _ in walk_jpeg(data, is_strict=False)
    )
    assert met
    assert has_segment(data, b"Exif\0\0", len(data))


def test_scans_are_not_searched_for_a_segment():
    data = b"\xff\xd8" + FRAME + SCAN + b"Exif\0\0" + b"\xff\xd9"
    assert not has_segment(data, b"Exif\0\0", len(data))


def test_a_segment_behind_the_first_bytes_is_not_looked_for():
    data = b"\xff\xd8" + b"\xff\xfe\x00\x04ab" + APP1 + SCAN  # Exif at byte 12 to 18
    assert has_segment(data, b"Exif\0\0", 18)
    assert not has_segment(data, b"Exif\0\0", 17)
