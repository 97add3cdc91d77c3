"""The limits of archives, lowered until three pictures exceed them; and the judges of members, given members."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib

import pytest

from assets.formats import READERS
from assets.formats.archives.archive import ArchiveReader
from assets.formats.archives.archive_members import (
    ArchiveLimits,
    Member,
    Refused,
    explain_unsafe,
    screen_members,
)
from assets.formats.archives.tar_headers import TarDamage, parse_number, walk_tar
from assets.formats.archives.zip_members import copy_exactly, refuse_overlaps

LIMITS = ArchiveLimits()


def make_zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def make_tar(
    files: dict[str, bytes], mode: str = "w", kind: int = tarfile.PAX_FORMAT
) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=kind) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def member(name: str, offset: int = 0, stored_bytes: int = 10) -> Member:
    return Member(name, stored_bytes, offset, stored_bytes, True)


@pytest.fixture
def pictures(make_image) -> dict[str, bytes]:
    return {f"{n}.jpg": make_image(n) for n in range(3)}


@pytest.fixture
def read_within(write_files, read_session):
    """read_within(name, archive, num_members=2): the frames, and the reasons of what is refused below that limit."""

    def read(name: str, data: bytes, **limits: int) -> tuple[int, list[str]]:
        reader = ArchiveReader(READERS[1:], ArchiveLimits(**limits))
        reading = read_session(write_files({name: data}), (reader,))
        assert all(p.remedy for p in reading.problems)
        return len(reading.frames), [p.reason for p in reading.problems]

    return read


def test_an_archive_may_expand_to_what_is_free_or_its_size_many_times_or_the_most():
    assert LIMITS.limit_expansion(1000) == 64 << 20
    assert LIMITS.limit_expansion(1 << 20) == 200 << 20
    assert LIMITS.limit_expansion(1 << 40) == 4 << 30


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_members_that_are_too_much_together_are_not_expanded(
    read_within, pictures, name
):
    data = make_zip(pictures) if name == "a.zip" else make_tar(pictures)
    total = sum(map(len, pictures.values()))
    assert read_within(name, data, expanded_bytes=total) == (3, [])
    num_frames, (reason,) = read_within(name, data, expanded_bytes=1000)
    assert num_frames == 0
    assert f"3 members expand to {total} bytes: 1000 bytes and 100000 m" in reason


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_tar_stops_expanding_at_the_limit(read_within, pictures, mode):
    plain = make_tar(pictures)
    data = make_tar(pictures, mode)
    assert read_within("a.tar.gz", data, expanded_bytes=len(plain)) == (3, [])
    num_frames, (reason,) = read_within("a.tar.gz", data, expanded_bytes=1000)
    assert num_frames == 0
    assert "it expands to more than the 1000 bytes allowed for its size" in reason


def test_a_small_archive_may_expand_further_than_the_ratio(read_within, pictures):
    data = make_zip(pictures)
    assert read_within("a.zip", data, ratio=0) == (3, [])
    num_frames, (reason,) = read_within("a.zip", data, ratio=0, free_bytes=1000)
    assert num_frames == 0
    assert "1000 bytes and 100000 members are allowed" in reason


def test_an_xz_whose_decoder_needs_more_memory_does_not_expand(read_within, pictures):
    data = make_tar(pictures, "w:xz")
    num_frames, (reason,) = read_within("a.tar.xz", data, xz_memory_bytes=1 << 20)
    assert num_frames == 0
    assert "archive does not expand: xz data are damaged: Memory usage limit" in reason


def test_a_zip_of_more_members_than_the_limit_is_not_opened(read_within, pictures):
    data = make_zip(pictures)
    assert read_within("a.zip", data, num_members=3) == (3, [])
    reason = "zip archive that does not open: 3 members, more than 2"
    assert read_within("a.zip", data, num_members=2) == (0, [reason])


def test_a_tar_of_more_members_than_the_limit_is_not_listed_on(read_within, pictures):
    data = make_tar(pictures)
    assert read_within("a.tar", data, num_members=3) == (3, [])
    num_frames, (reason,) = read_within("a.tar", data, num_members=1)
    assert num_frames == 0
    # one, and the refusal of those that follow
    assert reason.startswith("2 members expand to")


def test_folders_count_as_members_of_a_tar(read_within):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in "abc":
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
    data = stream.getvalue()
    assert read_within("a.tar", data, num_members=2) == (0, ["more than 2 members"])


def test_more_items_than_the_limit_are_one_refusal():
    limits = ArchiveLimits(num_members=2)
    items = [member("a"), member("b"), Refused("c", "x", "y")]
    (refused,) = screen_members(items, 30, limits)
    assert refused.name == ""
    assert refused.reason.startswith("3 members expand to 20 bytes")
    assert len(list(screen_members(items[:2], 30, limits))) == 2


def test_a_directory_longer_than_the_limit_is_not_read(read_within, pictures):
    data = make_zip(pictures)
    directory = 3 * (46 + len("0.jpg"))
    assert read_within("a.zip", data, directory_bytes=directory) == (3, [])
    num_frames, (reason,) = read_within("a.zip", data, directory_bytes=directory - 1)
    assert num_frames == 0
    assert f"a directory of {directory} bytes, more than {directory - 1}" in reason


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_extended_header_longer_than_the_limit_is_not_read(
    read_within, make_image, kind
):
    data = make_tar({"d" * 200 + ".jpg": make_image()}, kind=kind)
    assert read_within("a.tar", data, name_header_bytes=300) == (1, [])
    num_frames, (reason,) = read_within("a.tar", data, name_header_bytes=200)
    assert num_frames == 0
    assert "an extended header of 2" in reason and "bytes, more than 200" in reason


def test_members_whose_bytes_begin_within_another_are_refused():
    # bytes 0 to 9, 5 to 14, 15 to 24
    items = [member("a"), member("b", offset=5), member("c", offset=15)]
    first, second, third = refuse_overlaps(items)
    assert (first, third) == (items[0], items[2])
    assert isinstance(second, Refused)
    assert second.reason == "its bytes are those of another member too"


def test_members_side_by_side_are_kept_in_their_order():
    items = [member("b", offset=10), member("a"), Refused("c", "x", "y")]
    assert list(refuse_overlaps(items)) == items


def test_no_piece_is_expanded_after_a_member_is_larger_than_it_states():
    pieces = iter([b"ab", b"cd", b"ef"])
    target = io.BytesIO()
    with pytest.raises(ValueError, match="it does not expand to the 3 bytes"):
        copy_exactly(pieces, member("a", stored_bytes=3), target)
    assert target.getvalue() == b"ab"
    assert list(pieces) == [b"ef"]


def test_a_member_of_another_checksum_is_refused():
    right = Member("a", 4, 0, 4, True, crc32=zlib.crc32(b"abcd"))
    target = io.BytesIO()
    copy_exactly([b"ab", b"cd"], right, target)
    assert target.getvalue() == b"abcd"
    with pytest.raises(ValueError, match="its CRC differs"):
        copy_exactly([b"ab", b"ce"], right, io.BytesIO())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/a.jpg", "absolute path"),
        ("C:/a.jpg", "absolute path"),
        ("../a.jpg", "path that leaves the archive"),
        ("a/../../b.jpg", "path that leaves the archive"),
        ("..", "path that leaves the archive"),
        ("a\\b.jpg", "name with characters that are not allowed"),
        ("a!/b.jpg", "name with characters that are not allowed"),
        ("a\nb.jpg", "name with characters that are not allowed"),
        ("a\0", "name with characters that are not allowed"),
        ("\ud800", "name with characters that are not allowed"),
        ("", "name that is not a plain relative path"),
        ("a//b.jpg", "name that is not a plain relative path"),
        ("./a", "name that is not a plain relative path"),
        ("x" * 1025, "name that is not a plain relative path"),
        ("a/b.jpg", None),
        ("a!.jpg", None),
        ("ä.jpg", None),
        ("x" * 1024, None),
    ],
)
def test_a_name_is_safe_or_there_is_a_reason(name, reason):
    assert explain_unsafe(name) == reason


def test_members_with_unsafe_or_equal_names_are_refused_and_the_others_kept():
    items = [member("a"), member("../b"), member("c"), member("c")]
    kept, unsafe, *twice = screen_members(items, 40, LIMITS)
    assert kept == items[0]
    assert (unsafe.name, unsafe.reason) == ("../b", "path that leaves the archive")
    assert [r.reason for r in twice] == ["2 members have this name"] * 2


@pytest.mark.parametrize(
    ("field", "number"),
    [(b"0000644\0", 0o644), (bytes(8), 0), (b"\x80" + bytes(10) + b"\x07", 7)],
)
def test_a_field_of_a_header_is_octal_or_base_256(field, number):
    assert parse_number(field) == number


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (b"\xff" * 12, "a header holds a negative size"),
        (b"00009\0", "where a number belongs"),
    ],
)
def test_a_field_that_is_no_size_is_damage(field, reason):
    with pytest.raises(TarDamage, match=reason):
        parse_number(field)


def test_tar_headers_of_every_writer():
    """Names of every length in each of the three formats, and what follows them."""
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        names = ["a.jpg", "b/" * 60 + "c.jpg", "ü.jpg"]
        if kind != tarfile.USTAR_FORMAT:
            names.append("d" * 300)
        bodies = {name: bytes([n]) * 700 * n for n, name in enumerate(names)}
        data = make_tar(bodies, kind=kind)
        found = list(walk_tar(io.BytesIO(data), LIMITS.name_header_bytes))
        assert [m.name for m in found if m] == names
        assert [data[m.offset :][: m.size_bytes] for m in found if m] == list(
            bodies.values()
        )


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, b"b", "the header at byte 0 does not match its checksum"),
        (148, b"0000000", "the header at byte 0 does not match its checksum"),
        (148, b"x", "where a number belongs"),
    ],
)
def test_a_header_that_was_changed_is_damage(make_image, at, value, reason):
    data = bytearray(make_tar({"a.jpg": make_image()}))
    data[at : at + len(value)] = value
    with pytest.raises(TarDamage, match=reason):
        list(walk_tar(io.BytesIO(bytes(data)), LIMITS.name_header_bytes))


def test_a_tar_that_was_cut_is_damage(make_image):
    data = make_tar({"a.jpg": make_image()})
    end = 512 + len(make_image())
    for size, reason in ((600, "its last member"), (end - end % 512, "an end mark")):
        with pytest.raises(TarDamage, match=f"it ends .*{reason}"):
            list(walk_tar(io.BytesIO(data[:size]), LIMITS.name_header_bytes))


def test_a_sparse_file_is_named_and_not_read(read_within, make_image):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("a.jpg")
        info.type = tarfile.GNUTYPE_SPARSE
        archive.addfile(info)
    data = stream.getvalue()
    assert read_within("a.tar", data) == (0, ["sparse file inside an archive"])
