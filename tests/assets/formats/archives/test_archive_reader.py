"""Archives: members read by the other readers, placed in the archive, and hostile ones refused."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib

import pytest

from assets.formats.archives import archive_members
from assets.formats.archives.archive_members import explain_unsafe, limit_expansion


def make_zip(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def make_tar(files: dict[str, bytes], mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def pets(make_image) -> dict[str, bytes]:
    return {
        f"train/{c}/{i}.jpg": make_image(10 * i + len(c))
        for c in ("cat", "horse")
        for i in range(2)
    }


def test_members_of_a_stored_zip_lie_in_the_archive(
    write_files, read_session, make_image
):
    data = make_zip(pets(make_image) | {"README.md": b"x"})
    reading = read_session(write_files({"drop/pets.zip": data}))
    assert [(p.reader, p.root, p.is_container) for p in reading.plans] == [
        ("archive", "drop/pets.zip", True)
    ]
    assert (
        not reading.problems
        and "not read: drop/pets.zip!/README.md" in reading.plans[0].notes
    )
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        f"drop/pets.zip!/{name}": "train" for name in pets(make_image)
    }
    for frame in reading.frames:
        assert data[frame.source.offset :][: frame.source.length] == frame.payload
        assert frame.source.inner_offset is None
    assert {(x.frame_path, x.class_name) for x in reading.labels} == {
        (f"drop/pets.zip!/{name}", name.split("/")[1]) for name in pets(make_image)
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_of_a_compressed_zip(write_files, read_session, make_image, method):
    data = make_zip(pets(make_image), method)
    reading = read_session(write_files({"pets.zip": data}))
    assert len(reading.frames) == 4 and not reading.problems
    frame = reading.frames[0]
    stored = data[frame.source.offset :][: frame.source.length]
    assert frame.source.inner_offset == 0
    if method == zipfile.ZIP_DEFLATED:
        assert zlib.decompress(stored, -15) == frame.payload


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        ("w", "tar"),
        ("w:gz", "tar.gz"),
        ("w:gz", "tgz"),
        ("w:bz2", "tar.bz2"),
        ("w:xz", "tar.xz"),
    ],
)
def test_members_of_tar_archives(write_files, read_session, make_image, mode, ending):
    plain = make_tar(pets(make_image))
    data = make_tar({f"./{n}": d for n, d in pets(make_image).items()}, mode)
    reading = read_session(write_files({f"pets.{ending}": data}))
    assert (
        len(reading.frames) == 4 and len(reading.labels) == 4 and not reading.problems
    )
    for frame in reading.frames:
        if mode == "w":
            assert data[frame.source.offset :][: frame.source.length] == frame.payload
        else:
            assert (frame.source.offset, frame.source.length) == (0, len(data))
            assert (
                plain[frame.source.inner_offset :][: len(frame.payload)]
                == frame.payload
            )


def test_labels_of_a_dataset_inside_an_archive_find_their_images(
    write_files, read_session, make_image
):
    box = b"<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    xml = b"<annotation><object><name>x</name>" + box + b"</object></annotation>"
    files = {
        "voc/Annotations/a.xml": xml,
        "voc/JPEGImages/a.jpg": make_image(),
        "voc/ImageSets/Main/test.txt": b"a\n",
    }
    reading = read_session(
        write_files({"d.zip": make_zip(files, zipfile.ZIP_DEFLATED)})
    )
    assert not reading.problems and reading.frames[0].split_hint == "test"
    assert (
        reading.labels[0].frame_path
        == reading.frames[0].source.path
        == "d.zip!/voc/JPEGImages/a.jpg"
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_frames_of_a_compressed_recording_in_an_archive_stay_apart(
    write_files, read_session, make_image, method
):
    from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
    from mcap.writer import CompressionType, Writer
    from mcap_protobuf.schema import register_schema

    stream = io.BytesIO()
    writer = Writer(stream, compression=CompressionType.ZSTD)
    writer.start()
    channel = writer.register_channel(
        "/camera/left/image", "protobuf", register_schema(writer, CompressedImage)
    )
    for i in range(3):
        message = CompressedImage(data=make_image(i), format="jpeg")
        writer.add_message(channel, i, message.SerializeToString(), i)
    writer.finish()
    reading = read_session(
        write_files({"a.zip": make_zip({"r.mcap": stream.getvalue()}, method)})
    )
    assert not reading.problems
    assert (
        len(
            {
                (f.source.path, f.source.offset, f.source.inner_offset)
                for f in reading.frames
            }
        )
        == 3
    )
    assert all(f.source.path.startswith("a.zip!/r.mcap") for f in reading.frames)


def test_unsafe_members_are_refused_and_the_others_read(
    write_files, read_session, make_image
):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in (
            "/etc/a.jpg",
            "../b.jpg",
            "x/../../c.jpg",
            "C:/d.jpg",
            "e\\f.jpg",
            "g//h.jpg",
            "ok/1.jpg",
        ):
            archive.writestr(name, make_image())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("ok/2.jpg", make_image(2))
            archive.writestr("ok/2.jpg", make_image(3))
        link = zipfile.ZipInfo("ok/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    reading = read_session(write_files({"a.zip": stream.getvalue()}))
    assert [f.source.path for f in reading.frames] == ["a.zip!/ok/1.jpg"]
    reasons = {
        p.source.path.removeprefix("a.zip!/"): p.reason for p in reading.problems
    }
    assert reasons == {
        "/etc/a.jpg": "absolute path",
        "../b.jpg": "path that leaves the archive",
        "x/../../c.jpg": "path that leaves the archive",
        "C:/d.jpg": "absolute path",
        "e\\\\f.jpg": "name with characters that are not allowed",
        "g//h.jpg": "name that is not a plain relative path",
        "ok/2.jpg": "2 members have this name",
        "ok/link.jpg": "link inside an archive",
    }


def test_links_and_devices_in_tar_are_refused(write_files, read_session, make_image):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind in (
            ("s", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("c", tarfile.CHRTYPE),
            ("p", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("a.jpg")
        info.size = len(make_image())
        archive.addfile(info, io.BytesIO(make_image()))
    reading = read_session(write_files({"a.tar": stream.getvalue()}))
    assert len(reading.frames) == 1 and {p.source.path for p in reading.problems} == {
        f"a.tar!/{n}" for n in "shcp"
    }


def test_a_bomb_is_refused_before_it_expands(write_files, read_session):
    data = make_zip({"a.jpg": bytes(65 << 20)}, zipfile.ZIP_DEFLATED)
    assert len(data) < 100_000
    (problem,) = read_session(write_files({"a.zip": data})).problems
    assert "expand to 68157440 bytes" in problem.reason and problem.remedy


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_tar_stops_expanding_at_the_limit(write_files, read_session, mode):
    data = make_tar({"a.jpg": bytes(65 << 20)}, mode)
    (problem,) = read_session(write_files({"a.tar.gz": data})).problems
    assert "it expands to more than the 67108864 bytes allowed" in problem.reason


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_member_that_lies_about_its_size_stops_expanding_there(
    write_files, read_session, method
):
    data = bytearray(make_zip({"a.jpg": bytes(50 << 20)}, method))
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, directory + 24, 1000)  # the size after expansion
    (problem,) = read_session(write_files({"a.zip": bytes(data)})).problems
    assert "does not expand to the 1000 bytes" in problem.reason


def test_damaged_members_and_unknown_methods_are_named(
    write_files, read_session, make_image
):
    data = bytearray(make_zip({"a/1.jpg": make_image(1), "a/2.jpg": make_image(2)}))
    data[data.index(b"\xff\xd8\xff") + 100] ^= 1
    reading = read_session(
        write_files(
            {
                "a.zip": bytes(data),
                "b.zip": make_zip({"c/1.jpg": make_image()}, zipfile.ZIP_LZMA),
            }
        )
    )
    assert [f.source.path for f in reading.frames] == ["a.zip!/a/2.jpg"]
    assert [p.reason for p in reading.problems] == [
        "damaged member: its CRC differs from what the archive states",
        "compression method 14 is not read",
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.zip", b"", "empty file"),
        ("a.zip", b"no zip", "zip archive that does not open"),
        ("a.tar", b"no tar" * 200, "archive is damaged after 0 members"),
        ("a.tar.gz", b"\x1f\x8b\x08", "archive does not expand"),
        (
            "a.tar.bz2",
            b"BZh9garbage",
            "archive does not expand: bzip2 data are damaged",
        ),
    ],
)
def test_files_that_are_no_archive(write_files, read_session, name, data, reason):
    (problem,) = read_session(write_files({name: data})).problems
    assert problem.reason.startswith(reason)


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_a_cut_archive_never_raises(write_files, read_session, make_image, ending):
    files = pets(make_image)
    data = (
        make_zip(files)
        if ending == "zip"
        else make_tar(files, "w:gz" if ending == "tar.gz" else "w")
    )
    for size in range(1, len(data), 211):
        reading = read_session(write_files({f"a.{ending}": data[:size]}))
        # blocks of zeros behind the end mark
        is_padding = ending == "tar" and len(reading.frames) == 4
        assert reading.problems or is_padding
        assert not [
            p for p in reading.problems if p.reason.startswith("reading stopped")
        ]


def test_an_archive_in_an_archive_is_not_opened(write_files, read_session, make_image):
    inner = make_zip({"a.jpg": make_image()})
    (problem,) = read_session(
        write_files({"a.zip": make_zip({"b.zip": inner})})
    ).problems
    assert (
        problem.reason == "an archive inside an archive is not opened"
        and problem.source.path == "a.zip!/b.zip"
    )


def test_encrypted_members_are_refused(write_files, read_session, make_image):
    data = bytearray(make_zip({"a.jpg": make_image()}))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    (problem,) = read_session(write_files({"a.zip": bytes(data)})).problems
    assert problem.reason == "encrypted member"


def test_two_names_for_one_member_are_refused(write_files, read_session, make_image):
    data = make_zip({"a.jpg": make_image()}).replace(b"a.jpg", b"b.jpg", 1)
    (problem,) = read_session(write_files({"a.zip": data})).problems
    assert problem.reason == "the archive names this member differently in two places"


def test_limits():
    assert limit_expansion(1000) == archive_members.FREE_EXPANSION_BYTES
    assert limit_expansion(1 << 20) == 200 << 20
    assert limit_expansion(1 << 40) == 4 << 30
    assert [n for n in ("a/b.jpg", "a!.jpg", "ä.jpg") if explain_unsafe(n)] == []
    assert [
        n for n in ("a!/b", "a\0", "", "./a", "x" * 2000) if not explain_unsafe(n)
    ] == []


def test_a_real_zip_of_formats_without_a_reader(real_data, read_session):
    reading = read_session(real_data("bad_inputs/avif_corrupt"))
    assert len(reading.problems) == 3 and all(
        p.reason == "no reader for .avif yet" for p in reading.problems
    )
