"""Pictures and a video with all that a camera may write into them, and ExifTool, which says what of it is in a file."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from tests.assets.retrieval.test_release_export import Home

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

needs_exiftool = pytest.mark.skipif(
    EXIFTOOL is None, reason="no exiftool: install libimage-exiftool-perl"
)


def land_planted(home: Home) -> None:
    """Take in the pictures as `monday`, with three frames of the video, and a box on each still."""
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


def plant_stored(catalog: Catalog, session: str) -> None:
    """The same into PNG frames that are stored already; they are published anew."""
    rows = catalog.read_latest("frames", where=f"session = '{session}'").to_pylist()
    for row in rows:
        image = Image.open(io.BytesIO(row["payload"]))
        row["payload"] = _save(image, "PNG")
        row["sha256"] = hashlib.sha256(row["payload"]).hexdigest()
    catalog.upsert("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", session, catalog.latest_version("frames"))


def list_said(folder: Path) -> list[str]:
    """`file: group: tag` of all that ExifTool finds in pictures and videos below a folder and that none may say."""
    judged = _list_judged(folder)
    if not judged:
        return []
    found = json.loads(_run("-json", "-G1", "-a", "-u", "-ee", *judged))
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


def _draw(name: str, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    form = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}[name[1:]]
    return _save(Image.fromarray(pixels), form)


def _save(image: Image.Image, form: str) -> bytes:
    """With a camera's EXIF, a place, and what else a file of this form can say."""
    exif = Image.Exif()
    exif.update({0x010F: MARK, 0x0112: 6, 0x013B: MARK})
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0xA431: MARK})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 36.0), 29: "2024:05:06"})
    more: dict[str, object] = {"exif": exif}
    if form == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", MARK)
        texts.add_itxt("Author", MARK, zip=True)
        more["pnginfo"] = texts
    if form == "WEBP":
        more |= {"xmp": f"<x>{MARK}</x>".encode(), "lossless": True}
    stream = io.BytesIO()
    image.save(stream, form, **more)
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
