"""Archives: members read by the other readers and placed in the archive; what is damaged or no file is refused."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from assets.formats import READERS, foresee, plan_session
from assets.formats.archives.archive import ArchiveReader
from assets.formats.archives.archive_members import ArchiveLimits, Member, Refused
from assets.formats.archives.zip_members import ZipStore
from assets.storage import Folder


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


def look_into(root: Path) -> dict[str, str]:
    folder = Folder(str(root))
    (plan,), _ = plan_session(folder.files(), folder.open)
    return foresee(plan, folder.open)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_look_into_an_archive_tells_what_reading_it_comes_to(
    write_files, read_session, make_image, recording, make
):
    members = pets(make_image) | {
        "drive.mcap": recording,
        "README.md": b"x",
        "inner.zip": make_zip({"a.jpg": make_image()}),
        "odd.xyz": b"?",
        "../out.jpg": make_image(),
    }
    name = "a.zip" if make is make_zip else "a.tar"
    root = write_files({name: make(members)})
    notes = look_into(root)
    assert notes.pop("read as class_folder") == f"4 members, in {name}!"
    assert notes.pop("read as mcap") == f"1 members, in {name}!/drive.mcap"
    assert notes.pop(f"no data: {name}!/README.md") == "documentation"
    told = {k: v for k, v in notes.items() if k.startswith("not read: ")}
    problems = [
        p for p in read_session(root).problems if "!/drive" not in p.source.path
    ]
    assert told == {
        f"not read: {p.source.path}": f"{p.reason}. {p.remedy}" for p in problems
    }
    assert len(told) == 3
    of_recording = notes.keys() - told.keys()
    calibration = "/camera/right/calibration (foxglove.CameraCalibration)"
    assert f"{name}!/drive.mcap: read: {calibration}" in of_recording
    ignored = "/camera/left/annotations (foxglove.ImageAnnotations)"
    assert f"{name}!/drive.mcap: not read: {ignored}" in of_recording


def test_a_look_into_an_archive_keeps_its_limits(write_files, make_image):
    data = make_zip(pets(make_image), zipfile.ZIP_DEFLATED)
    root = write_files({"a.zip": data})
    folder = Folder(str(root))
    reader = ArchiveReader(READERS[1:], ArchiveLimits(num_members=3))
    (plan,) = reader.plan(folder.files(), folder.open)
    (problem,) = reader.read(plan, folder.open)
    assert "3" in problem.reason
    told = {"not read": f"{problem.reason}. {problem.remedy}"}
    assert reader.foresee(plan, folder.open) == told
    broken = write_files({"b/b.tar.gz": make_tar(pets(make_image), "w:gz")[:200]})
    assert "archive does not expand" in look_into(broken / "b")["not read"]


def test_an_archive_is_expanded_once_only(write_files, read_session, make_image):
    data = gzip.compress(gzip.compress(make_tar(pets(make_image))))
    (problem,) = read_session(write_files({"a.tar.gz": data})).problems
    assert "archive is damaged" in problem.reason


def test_links_and_devices_in_tar_are_refused(write_files, read_session, make_image):
    stream = io.BytesIO()
    kinds = {
        "s": tarfile.SYMTYPE,
        "h": tarfile.LNKTYPE,
        "c": tarfile.CHRTYPE,
        "p": tarfile.FIFOTYPE,
    }
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("a.jpg")
        info.size = len(make_image())
        archive.addfile(info, io.BytesIO(make_image()))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "a.jpg"
            archive.addfile(info)
    reading = read_session(write_files({"a.tar": stream.getvalue()}))
    assert len(reading.frames) == 1
    assert {p.source.path for p in reading.problems} == {f"a.tar!/{n}" for n in kinds}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"orig_filename": "b.jpg"}, "names this member differently in two places"),
        ({"flag_bits": 1}, "encrypted member"),
        ({"header_offset": 1}, "the archive's directory points to no member"),
        ({"compress_size": 9**9}, "the member runs over the end of the archive"),
        ({"external_attr": (stat.S_IFLNK | 0o777) << 16}, "link inside an archive"),
    ],
)
def test_a_member_that_its_zip_does_not_hold_as_a_plain_file(
    make_image, change, reason
):
    """What the directory says is changed in memory, after an ordinary archive was opened."""
    data = make_zip({"a.jpg": make_image()})
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream) as archive:
        (info,) = archive.infolist()
        for name, value in change.items():
            setattr(info, name, value)
        store = ZipStore(stream, archive, len(data), ArchiveLimits())
        (refused,) = store.members()
    assert reason in refused.reason and refused.remedy


def test_members_that_share_bytes_in_the_directory_of_a_zip_are_refused(make_image):
    data = make_zip({"a.jpg": make_image(1), "b.jpg": make_image(2)})
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream) as archive:
        # in memory: the first reaches into the second
        archive.infolist()[0].compress_size += 60
        first, second = ZipStore(stream, archive, len(data), ArchiveLimits()).members()
    assert first.name == "a.jpg" and isinstance(first, Member)
    assert second == Refused(
        "b.jpg",
        "its bytes are those of another member too",
        "repack the archive with a plain zip program",
    )
