"""Video in recordings: its packets are found by their key frames, kept where they lie, and come back to the bit."""

from __future__ import annotations

import base64
import random
import zipfile
from io import BytesIO

import av
import cv2
import numpy as np
import pytest
from foxglove_schemas_protobuf.CompressedVideo_pb2 import CompressedVideo
from mcap.writer import CompressionType

from assets.formats.messages import video_messages
from assets.formats.messages.video_messages import is_key
from assets.formats.observations import FrameObservation
from assets.sandbox.video_places import VideoPlace
from assets.storage import Folder
from assets.video_frames import unpack
from tests.assets.formats.images.test_video_reader import noise
from tests.assets.formats.messages.test_mcap_messages import Cdr
from tests.assets.formats.messages.test_mcap_reader import (
    NS,
    Recording,
    picture,
    stamp,
)

ROS_VIDEO = (
    "foxglove_msgs/msg/CompressedVideo",
    "ros2msg",
    "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n",
)
ENCODERS = {
    "h264": ("libx264", {"x264-params": "keyint=5:min-keyint=5:bframes=0:scenecut=0"}),
    "h265": (
        "libx265",
        {"x265-params": "keyint=5:min-keyint=5:bframes=0:scenecut=0:log-level=none"},
    ),
}


def encode_packets(codec: str, pictures=None) -> list[bytes]:
    """One packet a picture, with start codes, as foxglove.CompressedVideo wants them."""
    name, options = ENCODERS[codec]
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
    context.framerate = 10
    context.options = {**options, "tune": "zerolatency"}
    packets = []
    for image in pictures or noise():
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets + [bytes(packet) for packet in context.encode(None)]


def decode_through(codec: str, packets: list[bytes]) -> list[np.ndarray]:
    """BGR by PyAV alone."""
    from assets.sandbox.video_pixels import to_pixels

    context = av.CodecContext.create("hevc" if codec == "h265" else codec, "r")
    frames = [f for data in packets for f in context.decode(av.Packet(data))]
    return [to_pixels(frame) for frame in frames + context.decode(None)]


@pytest.fixture(scope="module")
def packets() -> dict[str, list[bytes]]:
    found = {codec: encode_packets(codec) for codec in ENCODERS}
    assert [len(p) for p in found.values()] == [12, 12]
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory, open_at, packets):
    """A home with a recording of both codecs, each in another encoding of messages, among pictures; and its file."""
    folder = tmp_path_factory.mktemp("recordings")
    pictures = [cv2.imencode(".jpg", image)[1].tobytes() for image in noise()]
    recording = Recording(CompressionType.ZSTD, chunk_size=20_000)
    for number in range(12):
        t_ns = (number + 1) * NS // 10
        recording.add("/left/image", picture(pictures[number], t_ns), t_ns)
        message = CompressedVideo(
            timestamp=stamp(t_ns), data=packets["h264"][number], format="h264"
        )
        recording.add("/front/video", message, t_ns)
        cdr = Cdr().put("i", t_ns // NS).put("I", t_ns % NS).text("cam")
        cdr = cdr.blob(packets["h265"][number]).text("h265")
        recording.add_bytes("/rear/video", cdr.finish(), ROS_VIDEO, "cdr", t_ns)
    (folder / "drive.mcap").write_bytes(recording.finish())
    intake = open_at(tmp_path_factory.mktemp("home"))
    report = intake.ingest(Folder(str(folder)), "monday")
    assert (report.frames, report.problems, report.quarantined) == (36, 0, 0)
    return intake, folder


@pytest.mark.parametrize(
    ("topic", "codec"), [("front_video", "h264"), ("rear_video", "h265")]
)
def test_frames_are_places_in_the_recording_and_come_back_to_the_bit(
    kept, packets, topic, codec
):
    intake, folder = kept
    columns = ["payload", "sequence", "t_ns", "encoding", "width_px", "height_px"]
    rows = intake.catalog.read_latest("frames", columns, f"sensor = '{topic}'")
    rows = rows.sort_by("sequence").to_pylist()
    assert [row["t_ns"] for row in rows] == [(n + 1) * NS // 10 for n in range(12)]
    assert {(r["encoding"], r["width_px"], r["height_px"]) for r in rows} == {
        ("video", 64, 48)
    }
    places = [VideoPlace.unpack(row["payload"]) for row in rows]
    assert [place.steps for place in places] == [0, 1, 2, 3, 4] * 2 + [0, 1]
    expected = decode_through(codec, packets[codec])
    order = random.Random(1).sample(range(12), 12)
    for number, image in zip(
        order, unpack(intake.catalog, [rows[n]["payload"] for n in order]), strict=True
    ):
        np.testing.assert_array_equal(image, expected[number])
    (blob,) = [b for b in Folder(intake.blobs.folder.uri).files()]
    assert blob.size_bytes == (folder / "drive.mcap").stat().st_size


def test_a_recording_whose_summary_names_no_channels_is_read_from_its_start(
    tmp_path, intake, packets
):
    recording = Recording(repeat_channels=False, repeat_schemas=False)
    for number, data in enumerate(packets["h264"]):
        message = CompressedVideo(timestamp=stamp(number), data=data, format="h264")
        recording.add("/cam/video", message, number)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/a.mcap").write_bytes(recording.finish())
    intake.ingest(Folder(str(tmp_path / "plain")), "monday")
    rows = intake.catalog.read_latest("frames", ["payload", "sequence"])
    payloads = rows.sort_by("sequence")["payload"].to_pylist()
    assert len(payloads) == 12
    (image,) = unpack(intake.catalog, payloads[8:9])
    np.testing.assert_array_equal(image, decode_through("h264", packets["h264"])[8])


def read_video(read_session, write_files, messages, files=None):
    recording = Recording()
    for number, data in enumerate(messages):
        t_ns = (number + 1) * NS // 10
        message = CompressedVideo(timestamp=stamp(t_ns), data=data, format="h264")
        recording.add("/cam/video", message, t_ns)
    return read_session(write_files({"a.mcap": recording.finish(), **(files or {})}))


def test_packets_before_the_first_key_frame_are_left_out_and_counted(
    read_session, write_files, packets
):
    reading = read_video(read_session, write_files, packets["h264"][3:])
    assert [frame.t_ns for frame in reading.frames] == [
        (n + 1) * NS // 10 for n in range(2, 9)
    ]
    (problem,) = reading.problems
    assert "2 packets of video without a key frame before them" in problem.reason
    assert problem.remedy == "begin the recording with a key frame"


def test_damage_ends_at_the_next_key_frame(read_session, write_files, packets):
    damaged = list(packets["h264"])
    damaged[2] = damaged[2][:6] + bytes(len(damaged[2]) - 6)
    reading = read_video(read_session, write_files, damaged)
    kept = {frame.t_ns for frame in reading.frames}
    assert kept >= {(n + 1) * NS // 10 for n in range(5, 12)}
    assert 3 * NS // 10 not in kept
    (problem,) = reading.problems
    assert "of 5 packets of video give no picture" in problem.reason


@pytest.mark.parametrize("limit", [{"_MAX_PACKETS": 4}, {"_MAX_PACKET_BYTES": 4}])
def test_video_without_key_frames_is_not_gathered_without_end(
    read_session, write_files, packets, lower, limit
):
    reading = read_video(read_session, write_files, packets["h264"][:6])
    assert (len(reading.frames), reading.problems) == (6, [])
    lower(video_messages, **limit)
    reading = read_video(read_session, write_files, packets["h264"][:6])
    first = reading.problems[0]
    assert "packets of video: they are left out" in first.reason
    assert first.remedy == "record with a key frame each second"


def test_bytes_that_are_no_video_are_refused(read_session, write_files):
    reading = read_video(read_session, write_files, [b"x", b"\x00\x00\x01\x65" * 9])
    assert reading.frames == []
    assert len(reading.problems) == 2
    assert all("packets of video" in p.reason for p in reading.problems)


def test_a_recording_inside_an_archive_gives_pictures(
    read_session, write_files, packets
):
    recording = Recording()
    for number, data in enumerate(packets["h264"]):
        value = {
            "timestamp": {"sec": number, "nsec": 0},
            "data": base64.b64encode(data).decode(),
            "format": "h264",
        }
        recording.add_json("/cam/video", "foxglove.CompressedVideo", value)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.mcap", recording.finish())
    reading = read_session(write_files({"a.zip": packed.getvalue()}))
    assert reading.problems == []
    expected = decode_through("h264", packets["h264"])
    for frame, image in zip(reading.frames, expected, strict=True):
        assert isinstance(frame, FrameObservation)
        assert frame.encoding == "png"
        found = cv2.imdecode(np.frombuffer(frame.payload, np.uint8), -1)
        np.testing.assert_array_equal(found, image)


def test_a_choice_holds_for_video_in_recordings_and_leaves_pictures_alone(
    tmp_path, intake, packets
):
    recording = Recording()
    jpeg = cv2.imencode(".jpg", noise()[0])[1].tobytes()
    for number, data in enumerate(packets["h264"]):
        t_ns = (number + 1) * NS // 10
        message = CompressedVideo(timestamp=stamp(t_ns), data=data, format="h264")
        recording.add("/cam/video", message, t_ns)
        recording.add("/left/image", picture(jpeg, t_ns), t_ns)
    folder = tmp_path / "chosen"
    folder.mkdir()
    (folder / "a.mcap").write_bytes(recording.finish())
    (folder / "daguerre.yaml").write_text("video: {every: 4}\n")
    report = intake.ingest(Folder(str(folder)), "monday")
    assert report.quarantined == 0
    rows = intake.catalog.read_latest("frames", ["sensor", "sequence"]).to_pylist()
    of_video = sorted(r["sequence"] for r in rows if r["sensor"] == "cam_video")
    assert of_video == [0, 4, 8]
    assert sum(row["sensor"] == "left" for row in rows) == 12


def test_other_codecs_are_refused_with_a_way_on(read_session, write_files):
    recording = Recording()
    message = CompressedVideo(timestamp=stamp(5), data=b"x", format="vp9")
    recording.add("/cam/video", message)
    reading = read_session(write_files({"a.mcap": recording.finish()}))
    (problem,) = reading.problems
    assert problem.reason == "topic /cam/video: video in 'vp9' is not read"
    assert problem.remedy == "record H.264 or H.265, or images"


@pytest.mark.parametrize("codec", ENCODERS)
def test_key_packets_are_told_by_their_units(packets, codec):
    name = "hevc" if codec == "h265" else codec
    found = [is_key(name, data) for data in packets[codec]]
    assert found == [n % 5 == 0 for n in range(12)]
    assert not is_key(name, b"")
    assert not is_key(name, b"\x00\x00\x01")
