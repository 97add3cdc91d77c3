"""Videos are kept as videos: their frames come back by random access, to the bit, and only as they were taken in."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from assets.browsing.browser import Browser
from assets.browsing.pictures import draw_whole
from assets.formats import plan_session, read_capture
from assets.formats.observations import FrameObservation
from assets.formats.session_settings import parse_settings
from assets.images import decode_working_luma
from assets.sandbox.video_pixels import to_pixels
from assets.sandbox.video_places import VideoPlace
from assets.storage import Folder
from assets.tables import incremental
from assets.tables.catalog import Catalog
from assets.video_frames import unpack
from assets.workspace import Workspace
from checks.gates import gate_session
from models.image_quality import measure_quality
from tests.assets.formats.images.test_video_reader import encode_video, noise

TENTH = Fraction(1, 10)
X265 = "keyint=6:min-keyint=6:bframes=2:log-level=none"
# a file, and how it is encoded; GOPs of 6 frames where the codec has them
VIDEOS = {
    "h264.mp4": ("libx264", "mp4", {"b_frames": 2, "gop": 6}),
    "h264_open.mkv": (
        "libx264",
        "matroska",
        {"options": {"x264-params": "keyint=6:min-keyint=6:open-gop=1:bframes=3"}},
    ),
    "h264.mov": ("libx264", "mov", {"b_frames": 3, "gop": 4}),
    "h265.mp4": ("libx265", "mp4", {"options": {"x265-params": X265}}),
    "h265_ten_bits.mkv": (
        "libx265",
        "matroska",
        {"options": {"x265-params": X265}, "pixel_format": "yuv420p10le"},
    ),
    "vp8.webm": ("libvpx", "webm", {"gop": 6}),
    "vp9.webm": ("libvpx-vp9", "webm", {"gop": 6}),
    "av1.mp4": ("libsvtav1", "mp4", {"gop": 6}),
    "mpeg4.mp4": ("mpeg4", "mp4", {"b_frames": 2, "gop": 5}),
    "mpeg4.avi": ("mpeg4", "avi", {"b_frames": 2, "gop": 5}),
    "ffv1.mkv": ("ffv1", "matroska", {"pixel_format": "yuv422p10le"}),
    "grey.mkv": ("ffv1", "matroska", {"pixel_format": "gray16le"}),
    "alpha.mkv": ("ffv1", "matroska", {"pixel_format": "yuva420p"}),
    "mjpeg.mkv": ("mjpeg", "matroska", {"pixel_format": "yuvj422p"}),
    "raw.avi": ("rawvideo", "avi", {"pixel_format": "bgr24"}),
}


def make(name: str) -> bytes:
    codec, container, wishes = VIDEOS[name]
    steady = {} if container != "avi" else {"times": range(12), "time_base": TENTH}
    return encode_video(codec, container, pictures=noise(), **steady, **wishes)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, open_at):
    """A home with all the videos, taken in as one session; its folder of originals; the report."""
    folder = tmp_path_factory.mktemp("videos")
    for name in VIDEOS:
        (folder / name).write_bytes(make(name))
    home = tmp_path_factory.mktemp("home")
    intake = open_at(home)
    report = intake.ingest(Folder(str(folder)), "monday")
    return intake, folder, report


def read_pngs(folder, name) -> list[np.ndarray]:
    """The frames in order, as a video becomes images where no home keeps it: decoded from its start to its end."""
    source = Folder(str(folder))
    (file,) = [f for f in source.files() if f.path == name]
    (plan,) = plan_session([file], source.open)[0]
    frames = [
        o for o in read_capture(plan, source.open) if isinstance(o, FrameObservation)
    ]
    return [
        cv2.imdecode(np.frombuffer(f.payload, np.uint8), cv2.IMREAD_UNCHANGED)
        for f in frames
    ]


def list_payloads(catalog, name) -> list[bytes]:
    rows = catalog.read_latest(
        "frames", ["payload", "sequence"], f"source_path = '{name}'"
    )
    return rows.sort_by("sequence")["payload"].to_pylist()


@pytest.mark.parametrize("name", VIDEOS)
def test_every_frame_comes_back_in_any_order_as_reading_through_gives_it(kept, name):
    intake, folder, _ = kept
    payloads = list_payloads(intake.catalog, name)
    expected = read_pngs(folder, name)
    assert len(payloads) == len(expected) == 12
    order = random.Random(name).sample(range(12), 12)
    together = unpack(intake.catalog, [payloads[n] for n in order])
    single = [unpack(intake.catalog, [payloads[n]])[0] for n in order[:4]]
    for number, image in itertools.chain(
        zip(order, together, strict=True), zip(order[:4], single, strict=True)
    ):
        assert image.dtype == expected[number].dtype
        np.testing.assert_array_equal(image, expected[number])


def test_a_browser_shows_frames_of_videos_small_and_whole(kept, tmp_path):
    intake, folder, _ = kept
    browser = Browser(intake.catalog, Workspace(tmp_path))
    for name in ("h264.mp4", "h265_ten_bits.mkv", "grey.mkv", "alpha.mkv"):
        rows = intake.catalog.read_latest(
            "frames", ["frame_id"], f"source_path = '{name}' AND sequence = 3"
        )
        (frame_id,) = rows["frame_id"].to_pylist()
        small = browser.thumbnails.make(browser.index, [frame_id])[frame_id]
        whole = draw_whole(intake.catalog, browser.index, frame_id)
        expected = to_grey(read_pngs(folder, name)[3])
        for jpeg in (small, whole):
            shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert shown.shape[:2] == expected.shape
            alike = np.corrcoef(to_grey(shown).ravel(), expected.ravel())[0, 1]
            assert alike > 0.9, name


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """(H, W), of one to four channels."""
    return pixels.astype(float).reshape(*pixels.shape[:2], -1)[..., :3].mean(axis=2)


def test_videos_are_stored_once_and_frames_are_small(kept):
    intake, folder, report = kept
    assert (report.frames, report.quarantined) == (12 * len(VIDEOS), 0)
    rows = intake.catalog.read_latest("frames", ["payload", "encoding"]).to_pylist()
    assert {row["encoding"] for row in rows} == {"video"}
    assert max(len(row["payload"]) for row in rows) < 160
    originals = {path.stat().st_size for path in folder.iterdir()}
    blobs = [p for p in Folder(intake.blobs.folder.uri).files() if "/." not in p.path]
    assert {blob.size_bytes for blob in blobs} == originals
    assert len(blobs) == len(VIDEOS)


def test_a_gate_decodes_a_sample_of_them_and_publishes(kept):
    intake, _, _ = kept
    found = gate_session(intake.catalog, "frames", "monday")
    verdicts = {verdict.name: verdict for verdict in found}
    assert verdicts["frames_decode_to_their_size"].passed
    assert verdicts["frames_decode_to_their_size"].num_checked > 1
    assert verdicts["frames_match_their_hashes"].passed


def test_decoding_begins_at_the_key_frame_before(kept):
    intake, _, _ = kept
    places = [VideoPlace.unpack(p) for p in list_payloads(intake.catalog, "h264.mp4")]
    assert max(place.steps for place in places) < 12 - 1
    assert len({place.key for place in places}) > 1
    assert {place.steps for place in places} >= {0, 1, 2}
    intra = [VideoPlace.unpack(p) for p in list_payloads(intake.catalog, "mjpeg.mkv")]
    assert {place.steps for place in intra} == {0}


def test_a_key_that_the_container_does_not_lead_to_is_found_from_the_start(kept):
    intake, folder, _ = kept
    place = VideoPlace.unpack(list_payloads(intake.catalog, "h264.mp4")[8])
    lost = replace(place, key=replace(place.key, offset=7))
    (image,) = unpack(intake.catalog, [lost.pack()])
    np.testing.assert_array_equal(image, read_pngs(folder, "h264.mp4")[8])


def test_a_video_that_has_changed_is_no_picture(kept, tmp_path):
    intake, _, _ = kept
    payload = list_payloads(intake.catalog, "ffv1.mkv")[5]
    place = VideoPlace.unpack(payload)
    blobs = tmp_path / "blobs"
    shutil.copytree(intake.blobs.folder.uri, blobs)
    catalog = Catalog(intake.catalog.uri, blobs_uri=str(blobs))
    path = blobs / place.blob[:2] / place.blob
    data = bytearray(path.read_bytes())
    data[place.key.offset + 40] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"is not what was taken in.*daguerre verify"):
        unpack(catalog, [payload])


def test_a_video_that_is_gone_is_named_as_such(kept, tmp_path):
    intake, _, _ = kept
    catalog = Catalog(intake.catalog.uri, blobs_uri=str(tmp_path))
    payload = list_payloads(intake.catalog, "ffv1.mkv")[0]
    with pytest.raises(FileNotFoundError, match=VideoPlace.unpack(payload).blob):
        unpack(catalog, [payload])


def test_payloads_that_are_images_pass_as_they_are(kept):
    intake, folder, _ = kept
    png = cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()
    place = list_payloads(intake.catalog, "vp9.webm")[3]
    first, image, last = unpack(intake.catalog, [png, place, b"other"])
    assert (first, last) == (png, b"other")
    np.testing.assert_array_equal(image, read_pngs(folder, "vp9.webm")[3])


def test_what_is_derived_of_frames_reads_each_video_from_its_start(kept, monkeypatch):
    intake, _, _ = kept
    catalog = intake.catalog
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    asked: list[VideoPlace] = []

    def spy(catalog, payloads):
        asked.extend(VideoPlace.unpack(payload) for payload in payloads)
        return unpack(catalog, payloads)

    monkeypatch.setattr(incremental, "unpack", spy)
    done = incremental.refresh_frames(
        catalog,
        "frame_quality",
        "monday",
        "another",
        decode_working_luma,
        lambda images: [measure_quality(image) for image in images],
    )
    assert done.computed == len(asked) == 12 * len(VIDEOS)
    runs = [list(run) for _, run in itertools.groupby(asked, lambda p: p.blob)]
    assert len(runs) == len(VIDEOS)
    for run in runs:
        keys = [key for key, _ in itertools.groupby(place.key for place in run)]
        assert len(keys) == len(set(keys)), "no part is decoded twice"


def test_a_place_is_the_same_bytes_again_and_nothing_else_is_a_place(kept):
    intake, _, _ = kept
    payload = list_payloads(intake.catalog, "vp8.webm")[0]
    assert VideoPlace.unpack(payload).pack() == payload
    for wrong in (b"", payload[:-9], payload.replace(b"0,", b"", 1)):
        with pytest.raises(ValueError, match="no place of a video's frame"):
            VideoPlace.unpack(wrong)


@pytest.fixture(scope="module")
def choose(tmp_path_factory, open_at):
    """choose("every: 5"): the rows of 12 frames, 4 a second, of which that was asked; a new home each time."""

    def ingest(wish: str | None):
        folder = tmp_path_factory.mktemp("chosen")
        pictures = [
            np.full((48, 64, 3), 40 + 60 * (n // 5), np.uint8) for n in range(12)
        ]
        data = encode_video(
            "libx264",
            "mp4",
            times=range(12),
            time_base=Fraction(1, 4),
            gop=5,
            options={"x264-params": "scenecut=0"},
            pictures=pictures,
        )
        (folder / "cam.mp4").write_bytes(data)
        if wish:
            (folder / "daguerre.yaml").write_text(f"video: {{{wish}}}\n")
        intake = open_at(tmp_path_factory.mktemp("home"))
        intake.ingest(Folder(str(folder)), "monday")
        return intake, folder

    return ingest


def list_sequences(intake) -> list[int]:
    return sorted(
        intake.catalog.read_latest("frames", ["sequence"])["sequence"].to_pylist()
    )


@pytest.mark.parametrize(
    ("wish", "taken"),
    [
        ("every: 5", [0, 5, 10]),
        ("fps: 1", [0, 4, 8]),
        ("fps: 3", [0, 2, 3, 4, 6, 7, 8, 10, 11]),
        ("keyframes: true", [0, 5, 10]),
        ("changed: 20", [0, 5, 10]),
    ],
)
def test_a_session_says_which_frames_of_its_videos_are_taken(choose, wish, taken):
    intake, _ = choose(wish)
    assert list_sequences(intake) == taken
    (capture,) = intake.catalog.read_latest("captures").to_pylist()
    assert capture["num_frames"] == len(taken)
    assert capture["num_problems"] == 0
    notes = json.loads(capture["notes"])
    assert notes["frames of videos, by daguerre.yaml"] == wish.replace("true", "True")
    passed_over = notes["stream 0: frames passed over by choice"]
    assert passed_over == str(12 - len(taken))
    last = intake.catalog.read_latest("frames", ["payload"], f"sequence = {taken[-1]}")
    (image,) = unpack(intake.catalog, last["payload"].to_pylist())
    assert abs(int(image.mean()) - (40 + 60 * (taken[-1] // 5))) <= 2


def test_another_choice_reads_the_video_again(choose):
    intake, folder = choose("every: 5")
    (folder / "daguerre.yaml").write_text("video: {every: 6}\n")
    intake.ingest(Folder(str(folder)), "monday")
    assert list_sequences(intake) == [0, 6]
    (folder / "daguerre.yaml").unlink()
    intake.ingest(Folder(str(folder)), "monday")
    assert list_sequences(intake) == list(range(12))


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ("every: 0", "every is 0, not between 1 and 1e+06"),
        ("every: 1.5", "every is 1.5, not a number"),
        ("every: 2, fps: 1", "one of every, fps at a time"),
        ("fast: 1", "there is to be one of every, fps, keyframes, changed"),
        ("keyframes: false", "keyframes is to be true, or to be left out"),
        ("changed: much", "changed is 'much', not a number"),
    ],
)
def test_a_choice_that_is_none_says_why(wish, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_settings(f"video: {{{wish}}}".encode())


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p12le"])
@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((225, 150, 100), (0.778, 1.0, 1.0)),  # a bright sky: two channels run over
        ((16, 128, 16), (0.0, 0.356, 0.0)),
        ((235, 128, 128), (1.0, 1.0, 1.0)),
        ((75, 100, 225), (0.874, 0.0, 0.047)),
    ],
)
def test_colours_that_run_over_are_clipped_at_any_depth(pixel_format, yuv, rgb):
    frame = av.VideoFrame(64, 48, pixel_format)
    bits = frame.format.components[0].bits
    kind = np.uint16 if bits > 8 else np.uint8
    for plane, value in zip(frame.planes, yuv, strict=True):
        size = plane.buffer_size // np.dtype(kind).itemsize
        plane.update(np.full(size, value << (bits - 8), kind).tobytes())
    pixels = to_pixels(frame)
    assert pixels.dtype == kind
    found = pixels[20, 20][::-1] / np.iinfo(kind).max
    np.testing.assert_allclose(found, rgb, atol=0.005)
