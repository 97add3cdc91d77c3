"""Small files that would cost a careless reader gigabytes or minutes: refused by their reason, soon."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import time

import numpy as np
import pytest

from assets.formats.archives.tar_headers import TarDamage, walk_tar
from assets.formats.strict_json import MAX_MEMORY_BYTES, parse_json
from assets.formats.strict_xml import parse_xml
from assets.formats.strict_yaml import parse_yaml
from bench.prove import bombs
from bench.prove.bomb_archives import make_tar_header, make_zip

SECONDS = 20  # on a busy machine; alone each takes less than two


@pytest.fixture
def reasons(write_files, read_session):
    """The reasons for which the files of one bomb are refused."""

    def read(name: str) -> set[str]:
        started = time.monotonic()
        reading = read_session(write_files(bombs.make_bombs(0)[name]()))
        assert time.monotonic() - started < SECONDS
        assert all(p.remedy for p in reading.problems)
        return {p.reason for p in reading.problems}

    return read


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("zip_of_overlapping_members", "its bytes are those of another member too"),
        ("zip_of_many_entries", "a directory of 37600000 bytes, more than 33554432"),
        ("zip_in_zip", "an archive inside an archive is not opened"),
        ("tar_of_a_negative_size", "a header holds a negative size"),
        ("tar_of_a_huge_size", "the archive ends inside this member"),
        ("tar_of_many_folders", "more than 100000 members"),
        ("tar_of_digits", "an extended header of 524288 bytes, more than 65536"),
        ("tar_of_sparse_blocks", "sparse file inside an archive"),
        ("tar_of_sparse_lines", "sparse file inside an archive"),
        (
            "mcap_of_empty_messages",
            "more records in chunks than are read of a file of its size",
        ),
        (
            "mcap_of_many_zeros",
            "with this chunk the file expands to more than is allowed for its size",
        ),
        ("json_of_empty_objects", "JSON that may take"),
        ("json_of_one_key_twice", "key 'last' appears twice in one object"),
        ("json_of_many_masks", "they would lie elsewhere"),
        ("xml_of_laughs", "DTDForbidden"),
        ("xml_of_an_outside_file", "DTDForbidden"),
        ("xml_of_tags", "XML that may take"),
        ("yaml_of_laughs", "YAML with an alias"),
        ("yaml_of_merges", "YAML with an alias"),
        ("yaml_of_code", "could not determine a constructor"),
    ],
)
def test_a_bomb_is_refused_by_its_reason(reasons, name, reason):
    assert any(reason in found for found in reasons(name))


def test_overlapping_members_are_refused_and_the_plain_one_before_them_is_read(
    write_files, read_session, make_image
):
    plain = make_zip({"a/1.jpg": make_image(1), "a/2.jpg": make_image(2)})
    assert len(read_session(write_files({"a.zip": plain})).frames) == 2
    data = bytearray(plain)
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into(
        "<II", data, second + 20, len(make_image(2)) + 1, len(make_image(2)) + 1
    )  # into the directory
    first = data.index(b"PK\x01\x02")
    struct.pack_into(
        "<II", data, first + 20, len(make_image(1)) + 60, len(make_image(1)) + 60
    )  # into the second
    found = {
        p.reason for p in read_session(write_files({"a.zip": bytes(data)})).problems
    }
    assert "its bytes are those of another member too" in found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a: &x 1\nb: *x\n", "alias in line 1"),
        (b"a: 1\na: 2\n", "key 'a' appears twice"),
        (b"a: {b: 1, b: 2}", "key 'b' appears twice"),
        (b"[" * 99, "more than 20 deep"),
        (b"a: [1", "cannot be read"),
        (b"!!python/name:os.system x", "cannot be read"),
        (b"#" * 300_000, "more than 262144"),
    ],
)
def test_yaml_that_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_yaml(text)


def test_yaml_that_is_read():
    text = (
        b"%YAML:1.0\n".replace(b"%", b"#")
        + b"T_BS:\n  data: [1.0, 2.5e-1,\n    -3]\nname: cam0\nnone:\n"
    )
    assert parse_yaml(text) == {
        "T_BS": {"data": [1.0, 0.25, -3]},
        "name": "cam0",
        "none": None,
    }


def test_json_is_weighed_before_it_is_parsed():
    count = MAX_MEMORY_BYTES // 128 + 1  # an empty list costs 88 bytes and its comma 40
    with pytest.raises(ValueError, match="JSON that may take 5"):
        parse_json(b"[" + b"[]," * count + b"[]]")
    assert len(parse_json(b"[" + b"[]," * 1000 + b"[]]")) == 1001


def test_xml_is_weighed_before_it_is_parsed():
    with pytest.raises(ValueError, match="XML that may take"):
        parse_xml(b"<a>" + b"<b/>" * (1 << 22) + b"</a>", "a")


def test_tar_headers_of_every_writer(tmp_path):
    """Names of every length in each of the three formats, and what follows them."""
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        names = ["a.jpg", "b/" * 60 + "c.jpg", "ü.jpg"] + (
            [] if kind == tarfile.USTAR_FORMAT else ["d" * 300]
        )
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
            folder = tarfile.TarInfo("b")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for n, name in enumerate(names):
                info = tarfile.TarInfo(name)
                info.size = 700 * n
                archive.addfile(info, io.BytesIO(bytes([n]) * 700 * n))
        found = list(walk_tar(stream))
        assert found[0] is None and [m.name for m in found[1:]] == names
        data = stream.getvalue()
        assert [data[m.offset :][: m.size_bytes] for m in found[1:]] == [
            bytes([n]) * 700 * n for n in range(len(names))
        ]


def test_a_tar_of_random_damage_never_raises_anything_else(make_image):
    rng = np.random.default_rng(5)
    header = make_tar_header("a/1.jpg", len(make_image()))
    plain = (
        header
        + make_image().ljust(-(-len(make_image()) // 512) * 512, b"\0")
        + bytes(1024)
    )
    for _ in range(200):
        broken = bytearray(plain)
        for place in rng.integers(0, 512, 2):
            broken[place] = rng.integers(256)
        head = bytearray(broken[:512])
        head[148:156] = b" " * 8
        # a checksum that is right again
        broken[148:156] = f"{sum(head):06o}\0 ".encode()
        try:
            list(walk_tar(io.BytesIO(bytes(broken))))
        except TarDamage:
            continue


def test_a_gzip_of_gzips_is_expanded_once_only(write_files, read_session):
    (problem,) = read_session(
        write_files({"a.tar.gz": gzip.compress(gzip.compress(bytes(1 << 20)))})
    ).problems
    assert "archive is damaged" in problem.reason
