"""No metadata of a camera leaves the home: ExifTool looks at all that is made of pictures into which it was planted.

A JPEG, a PNG, a WebP and a TIFF with EXIF, place, XMP, comments and texts, and a video with titles and a place, are
taken in; then everything is made of them that other programs or people get.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from assets.browsing.frame_index import build_index
from assets.browsing.pictures import Thumbnails, draw_whole
from assets.curation.release import draft_release, write_release
from assets.previews.stored_frames import draw_contact_sheet
from assets.retrieval.frame_export import (
    Order,
    Sampling,
    export_frames,
    list_classes,
    read_labels,
    sample_frames,
)
from assets.retrieval.label_export import export_labels, read_spoken
from assets.retrieval.label_files import FORMATS
from assets.retrieval.release_export import export_release
from assets.retrieval.rerun_export import export_session
from assets.tables.schemas import TABLES, to_table
from tests.assets.retrieval.test_release_export import Home
from tests.assets.retrieval.test_rerun_export import read_back

EXIFTOOL = shutil.which("exiftool")
MARK = "planted-4711"
PARTS = ("train", "val", "test", "train", "train", "train", "train")
STILLS = ("a.jpg", "b.png", "c.webp", "d.tif")
# what a picture may say of itself: how it is encoded, its colours, its size, and how it is turned
SAYS = {
    "JFIF": {"JFIFVersion", "ResolutionUnit", "XResolution", "YResolution"},
    "PNG": {
        *("ImageWidth", "ImageHeight", "BitDepth", "ColorType", "Compression"),
        *("Filter", "Interlace", "SRGBRendering", "Gamma"),
    },
    "IFD0": {"Orientation"},
}
PASSED = ("System", "File", "ExifTool", "Composite")  # of the file, not in it
JUDGED = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".mp4", ".mov", ".heic"}

pytestmark = pytest.mark.skipif(
    EXIFTOOL is None, reason="no exiftool: install libimage-exiftool-perl"
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory, open_at) -> Home:
    """A home with the pictures, two frames of the video, and a box on each still."""
    home = Home(tmp_path_factory.mktemp("planted"), open_at)
    landed = home.folder / "landed"
    landed.mkdir()
    for number, name in enumerate(STILLS):
        (landed / name).write_bytes(_draw(name, number))
    _film(landed / "film.mp4")
    _plant(landed)
    boxes = [
        {"id": n, "image_id": n, "category_id": 0, "bbox": [2, 2, 8, 8]}
        for n in range(len(STILLS))
    ]
    images = [
        {"id": n, "file_name": name, "width": 32, "height": 24}
        for n, name in enumerate(STILLS)
    ]
    document = {"images": images, "annotations": boxes}
    document["categories"] = [{"id": 0, "name": "cup"}]
    (landed / "labels.json").write_text(json.dumps(document))
    home.land("monday", landed)
    _split(home)
    return home


def _draw(name: str, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif.update({0x010F: MARK, 0x0112: 6, 0x013B: MARK})
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0xA431: MARK})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 36.0), 29: "2024:05:06"})
    more: dict[str, object] = {"exif": exif}
    form = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}[name[1:]]
    if form == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", MARK)
        texts.add_itxt("Author", MARK, zip=True)
        more["pnginfo"] = texts
    if form == "WEBP":
        more |= {"xmp": f"<x>{MARK}</x>".encode(), "lossless": True}
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **more)
    return stream.getvalue()


def _film(path: Path) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as out:
        out.metadata.update({"title": MARK, "artist": MARK, "comment": MARK})
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for shade in (40, 90, 140):
            pixels = np.full((24, 32, 3), shade, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        out.mux(stream.encode())


def _plant(folder: Path) -> None:
    """More, by the tool that judges later: XMP, IPTC, a comment, a place of the video."""
    _run("-overwrite_original", f"-Comment={MARK}", f"-XMP:Creator={MARK}",
         f"-IPTC:By-line={MARK}", folder / "a.jpg")  # fmt: skip
    _run("-overwrite_original", f"-XMP:Creator={MARK}", folder / "b.png")
    _run("-overwrite_original", f"-XMP:Creator={MARK}", folder / "d.tif")
    _run("-overwrite_original", "-Keys:GPSCoordinates=-33.5, 151.2",
         f"-XMP:Creator={MARK}", folder / "film.mp4")  # fmt: skip


def _split(home: Home) -> None:
    frames = sorted(home.read("frames", "monday"), key=lambda r: r["source_path"])
    rows = []
    for frame, part in zip(frames, PARTS, strict=True):
        row = {k: frame[k] for k in ("frame_id", "capture_id", "session")}
        row |= {"group_id": frame["frame_id"], "split": part, "rule": "cluster"}
        rows.append(row)
    written = home.catalog.merge("splits", to_table(TABLES["splits"], rows))
    home.catalog.publish("splits", None, written.version)


def _run(*words: object) -> str:
    done = subprocess.run(
        [str(EXIFTOOL), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def list_said(folder: Path) -> list[str]:
    """`file: group: tag` of all that ExifTool finds in pictures and videos below a folder and that none may say."""
    found = json.loads(_run("-json", "-G1", "-a", "-u", "-ee", *_list_judged(folder)))
    said = []
    for file in found:
        name = Path(file.pop("SourceFile"))
        for key in file:
            group, _, tag = key.partition(":")
            if group not in PASSED and tag not in SAYS.get(group, ()):
                said.append(f"{name.relative_to(folder)}: {group}: {tag}")
        said += [f"{name.name}: a comment"] * ("File:Comment" in file)
    return said


def _list_judged(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in JUDGED)


def require_clean(folder: Path, least: int) -> None:
    """Of so many pictures and more none says anything, and the mark stands in no file of any kind."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(_list_judged(folder)) >= least
    assert list_said(folder) == []
    marked = [path.name for path in files if MARK.encode() in path.read_bytes()]
    assert marked == []


def test_exiftool_finds_what_was_planted(planted):
    said = list_said(planted.folder / "landed")
    for name, tag in [
        ("a.jpg", "GPS: GPSLatitude"),
        ("a.jpg", "XMP-dc: Creator"),
        ("a.jpg", "IPTC: By-line"),
        ("a.jpg", "a comment"),
        ("b.png", "PNG: Author"),
        ("b.png", "XMP-dc: Creator"),
        ("c.webp", "IFD0: Artist"),
        ("d.tif", "IFD0: Artist"),
        ("film.mp4", "ItemList: Title"),
        ("film.mp4", "Keys: GPSCoordinates"),
    ]:
        assert f"{name}: {tag}" in said
    assert len(planted.read("frames", "monday")) == len(PARTS)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_frames_are_exported_without_it(planted, tmp_path, form):
    chosen = sample_frames(planted.catalog, Sampling(("monday",)))
    classes = list_classes(planted.catalog, form, chosen.frames, ())
    labels = read_labels(planted.catalog, chosen.frames)
    order = Order(form, classes, labels)
    export_frames(planted.catalog, chosen.frames, tmp_path / "out", order)
    require_clean(tmp_path / "out", len(PARTS))


def test_labels_and_releases_are_exported_without_it(planted, tmp_path):
    spoken = read_spoken(planted.catalog, Sampling(("monday",)), "detection")
    export_labels(planted.catalog, spoken, tmp_path / "labels", "coco", False)
    require_clean(tmp_path / "labels", len(STILLS))
    release = write_release(
        planted.catalog, draft_release(planted.catalog, "detection")
    )
    export_release(planted.catalog, release, tmp_path / "release", "yolo", False)
    require_clean(tmp_path / "release", len(STILLS))


def test_a_recording_of_rerun_has_pictures_without_it(planted, tmp_path):
    export_session(planted.catalog, "monday", tmp_path / "monday.rrd")
    out = tmp_path / "blobs"
    out.mkdir()
    rows = [row for rows in read_back(tmp_path / "monday.rrd").values() for row in rows]
    for number, row in enumerate(rows):
        for blob in row.get("EncodedImage:blob") or ():
            payload = bytes(blob)
            suffix = ".png" if payload[:4] == b"\x89PNG" else ".jpg"
            (out / f"{number}{suffix}").write_bytes(payload)
        assert MARK not in str(row)
    require_clean(out, len(PARTS))


def test_pictures_of_the_browser_and_of_pages_have_none_of_it(planted, tmp_path):
    index = build_index(planted.catalog)
    ids = [row["frame_id"] for row in planted.read("frames", "monday")]
    for frame_id, jpeg in Thumbnails(planted.catalog).make(index, ids).items():
        assert isinstance(jpeg, bytes)
        (tmp_path / f"{frame_id}.jpg").write_bytes(jpeg)
        whole = draw_whole(planted.catalog, index, frame_id)
        (tmp_path / f"{frame_id}_whole.jpg").write_bytes(whole)
    sheet = draw_contact_sheet(planted.catalog, "session = 'monday'")
    (tmp_path / "sheet.jpg").write_bytes(sheet or b"")
    require_clean(tmp_path, 2 * len(PARTS) + 1)
