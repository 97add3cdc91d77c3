"""No metadata of a camera leaves the home: ExifTool looks at all that is made of pictures into which it was planted.

A JPEG, a PNG, a WebP and a TIFF with EXIF, place, XMP, comments and texts, and a video with titles and a place, are
taken in, and PNG frames of a hall and a room are given the same; then every export is made, in every form that it has.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.browsing.frame_index import build_index
from assets.browsing.pictures import Thumbnails, draw_whole
from assets.curation.release import draft_release, write_release
from assets.previews.stored_frames import draw_contact_sheet
from assets.reconstruction import mesh_export, rig_export, sparse_export
from assets.reconstruction.meshes import refresh_meshes
from assets.reconstruction.odometry import refresh_odometry
from assets.retrieval.label_files import FORMATS
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from models.task_names import DETECTION
from orchestration.cli import app
from orchestration.cli.export import export_app
from orchestration.label_push import push_to_folder, push_to_server, read_asked
from orchestration.label_studio import LabelStudio
from tests.assets.reconstruction.splat_session import store_hall
from tests.assets.reconstruction.test_odometry_and_meshes import store_room
from tests.assets.retrieval.planted import (
    MARK,
    PARTS,
    STILLS,
    land_planted,
    list_said,
    needs_exiftool,
    plant_stored,
    require_clean,
)
from tests.assets.retrieval.test_release_export import Home
from tests.assets.retrieval.test_rerun_export import read_back

pytestmark = needs_exiftool

VIEWS, STEPS = 3, 3  # pictures of the hall, and of the room
OF_BOXES = [form for form, of in FORMATS.items() if DETECTION in of.tasks]
RELEASE = "RELEASE"  # stands for the id of the one that there is
OUT, FILE = "OUT", "FILE"  # a new folder; a file in it
# verb of `daguerre export` -> its words for each form, and how many pictures there are at least
EXPORTS = {
    "frames": [
        ((OUT, "--sessions", "monday", "--format", form), len(PARTS))
        for form in sorted(FORMATS)
    ],
    "labels": [
        ((OUT, "--task", DETECTION, "--format", form), len(STILLS)) for form in OF_BOXES
    ],
    "release": [((RELEASE, OUT, "--format", form), len(STILLS)) for form in OF_BOXES],
    "rerun": [
        (("monday", "--out", FILE), len(PARTS)),
        (("room", "--out", FILE), STEPS),
    ],
    "sparse": [
        ((content_id("sparse model", "hall"), OUT, "--format", form), VIEWS)
        for form in sparse_export.FORMS
    ],
    "mesh": [
        (("room", OUT, "--format", form), 0 if form == "ply" else 2 * STEPS)
        for form in mesh_export.FORMS
    ],
    "rig": [(("hall", FILE, "--format", form), 0) for form in rig_export.FORMS],
    "splats": [(("hall", FILE), 0)],
}
# a net, figures and names of classes: nothing of any picture
WITHOUT_PICTURES = {"edge"}


@pytest.fixture(scope="module")
def home(tmp_path_factory, open_at) -> Home:
    """monday of the planted files; a hall with a sparse model, splats and a rig; a room with a path and a mesh."""
    home = Home(tmp_path_factory.mktemp("planted"), open_at)
    land_planted(home)
    store_hall(home.catalog, num_views=VIEWS)
    store_room(home.catalog, count=STEPS)
    for session in ("hall", "room"):
        plant_stored(home.catalog, session)
    refresh_odometry(home.catalog, "room")
    refresh_meshes(home.catalog, "room", 0.06)
    blob = home.catalog.blobs.put(io.BytesIO(b"ply\nend_header\n"))
    put(home, "splats", {"reason": None, "blob_sha256": blob, "size_bytes": 15})
    put(home, "rig_calibrations", CAMERA | {"reason": None})
    capture = {"capture_id": content_id("room"), "session": "room", "path": "room"}
    rows = to_table(TABLES["captures"], [plain_row("captures", capture)])
    home.catalog.merge("captures", rows)
    for name in ("odometry", "meshes", "captures"):
        home.catalog.publish(name, "room", home.catalog.latest_version(name))
    return home


CAMERA = {
    "sensor": "left", "reference_sensor": "left", "board": "chessboard:9x6", "length_unit": "m", "width_px": 640,
    "height_px": 480, "fx_px": 430.0, "fy_px": 431.0, "cx_px": 318.5, "cy_px": 240.25, "distortion_model": "plumb_bob",
    "distortion": [-0.2, 0.05, 1e-3, -2e-3, 0.0], "rig_from_camera": [0.0, 0, 0, 0, 0, 0, 1],
}  # fmt: skip


def put(home: Home, table: str, given: dict) -> None:
    """A row of the hall, which readers get."""
    rows = [plain_row(table, {"session": "hall", **given})]
    home.catalog.merge(table, to_table(TABLES[table], rows))
    home.catalog.publish(table, "hall", home.catalog.latest_version(table))


def test_exiftool_finds_what_was_planted(home):
    said = list_said(home.folder / "landed")
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
    assert len(home.read("frames", "monday")) == len(PARTS)


def test_every_export_is_judged_here():
    """A new one is not forgotten: it stands in the table of the command line."""
    commands = export_app.registered_commands
    names = {c.name or c.callback.__name__ for c in commands if c.callback}
    assert names == EXPORTS.keys() | WITHOUT_PICTURES


@pytest.mark.parametrize(
    ("verb", "words", "least"),
    [
        pytest.param(verb, *one, id=f"{verb}-{one[0][-1]}-{number}")
        for verb, some in EXPORTS.items()
        for number, one in enumerate(some)
    ],
)
def test_what_is_exported_has_none_of_it(
    home, release_id, tmp_path, monkeypatch, verb, words, least
):
    monkeypatch.setenv("DAGUERRE_HOME", str(home.folder / "home"))
    out = tmp_path / "out"
    if FILE in words:
        out.mkdir()
    meant = {OUT: str(out), FILE: str(out / "file.rrd"), RELEASE: release_id}
    call = ["export", verb, *(meant.get(word, word) for word in words)]
    result = CliRunner().invoke(app, call, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    if verb == "rerun":
        unpack_recording(out / "file.rrd")
    require_clean(out, least)


@pytest.fixture(scope="module")
def release_id(home) -> str:
    return write_release(home.catalog, draft_release(home.catalog, DETECTION))


def unpack_recording(path: Path) -> None:
    """The pictures of a recording of Rerun as files beside it."""
    rows = [row for rows in read_back(path).values() for row in rows]
    for number, row in enumerate(rows):
        for blob in row.get("EncodedImage:blob") or ():
            payload = bytes(blob)
            suffix = ".png" if payload[:4] == b"\x89PNG" else ".jpg"
            path.with_name(f"{number}{suffix}").write_bytes(payload)
        assert MARK not in str(row)


class Server(LabelStudio):
    """A Label Studio that keeps what is sent to it, each as a file."""

    folder: Path

    def upload(self, project: int, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return f"/data/{name}"

    def _send(self, method: str, path: str, body: object, headers: object) -> object:
        number = len(list(self.folder.iterdir()))
        (self.folder / f"{number}.json").write_text(str(body))
        return {"id": 1}


@pytest.mark.parametrize("to", ["folder", "server"])
def test_what_a_queue_pushes_has_none_of_it(home, tmp_path, to):
    asked = {"queue_id": content_id("queue"), "task": DETECTION, "state": "open"}
    frames = home.read("frames", "monday")
    rows = [
        plain_row("label_queue", asked)
        | {"frame_id": frame["frame_id"], "frame_sha256": frame["sha256"]}
        | {"guideline_id": None, "model_sha256": None}
        for frame in frames
    ]
    meant, out = read_asked(home.catalog, rows), tmp_path / "out"
    if to == "folder":
        push_to_folder(home.catalog, meant, out, "label-studio", ())
    else:
        out.mkdir()
        server = Server("http://127.0.0.1:9", "a token")
        server.folder = out
        push_to_server(home.catalog, meant, server, ())
    require_clean(out, len(PARTS))


def test_pictures_of_the_browser_and_of_pages_have_none_of_it(home, tmp_path):
    index = build_index(home.catalog)
    ids = [row["frame_id"] for row in home.read("frames", "monday")]
    for frame_id, jpeg in Thumbnails(home.catalog).make(index, ids).items():
        assert isinstance(jpeg, bytes)
        (tmp_path / f"{frame_id}.jpg").write_bytes(jpeg)
        whole = draw_whole(home.catalog, index, frame_id)
        (tmp_path / f"{frame_id}_whole.jpg").write_bytes(whole)
    sheet = draw_contact_sheet(home.catalog, "session = 'monday'")
    (tmp_path / "sheet.jpg").write_bytes(sheet or b"")
    require_clean(tmp_path, 2 * len(PARTS) + 1)
