"""Videos: every frame at its own time, counts that agree with the container, and damage that stays where it is."""

from __future__ import annotations

import os
import signal
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from assets.formats import plan_session, read_capture
from assets.formats.images.video import to_ns
from assets.formats.observations import FrameObservation
from assets.formats.protocol import CapturePlan
from assets.sandbox import video_process
from assets.sandbox.child_limits import VideoLimits
from assets.sandbox.child_process import ChildGone
from assets.sandbox.video_channel import DAMAGE, END, FRAME, pack_head
from assets.sandbox.video_process import decode_in_child
from assets.storage import Folder, SessionFile

MS = Fraction(1, 1000)
VARIABLE_MS = [0, 40, 100, 130, 300, 301, 450, 500, 610, 700, 900, 1000]
# the picture of frame n is of one grey, 10 + 20 n
GREYS = [10 + 20 * number for number in range(12)]


def encode_video(
    codec: str,
    container: str,
    times=VARIABLE_MS,
    time_base=MS,
    pixel_format="yuv420p",
    b_frames=0,
    gop=12,
    audio=False,
    options=None,
    pictures=None,
) -> bytes:
    stream = BytesIO()
    with usual_priority(), av.open(stream, "w", format=container) as out:
        video = out.add_stream(codec, rate=10, options=options or {})
        video.width = 64
        video.height = 48
        video.pix_fmt = pixel_format
        video.codec_context.time_base = time_base
        video.codec_context.gop_size = gop
        video.codec_context.max_b_frames = b_frames
        if audio:
            add_silence(out)
        for number, ticks in enumerate(times):
            picture = (
                pictures[number]
                if pictures
                else np.full((48, 64, 3), GREYS[number], np.uint8)
            )
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = ticks
            frame.time_base = time_base
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return stream.getvalue()


@contextmanager
def usual_priority() -> Iterator[None]:
    """Put back what SVT-AV1 does where it runs as root: it raises the thread that calls it to real time (SCHED_FIFO,
    99), and everything that is started from it later, so that a machine can come to a stand."""
    policy = os.sched_getscheduler(0)
    parameters = os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def add_silence(out) -> None:
    sound = out.add_stream("pcm_s16le", rate=8000)
    frame = av.AudioFrame.from_ndarray(
        np.zeros((1, 800), np.int16), format="s16", layout="mono"
    )
    frame.sample_rate = 8000
    frame.pts = 0
    out.mux(sound.encode(frame))


def noise(count: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(count)]


def decode(frame: FrameObservation) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(frame.payload, np.uint8), cv2.IMREAD_UNCHANGED)


def find_packets(data: bytes) -> list[tuple[int, int]]:
    """(offset, length) of every video packet, by its bytes."""
    with av.open(BytesIO(data)) as container:
        return [
            (data.index(bytes(p)), p.size) for p in container.demux(video=0) if p.size
        ]


@pytest.mark.parametrize(
    ("codec", "container", "name"),
    [
        ("mpeg4", "mp4", "a.mp4"),
        ("libx264", "mp4", "a.mp4"),
        ("libx264", "mov", "a.mov"),
        ("libx264", "matroska", "a.mkv"),
        ("libvpx-vp9", "webm", "a.webm"),
        ("ffv1", "matroska", "a.mkv"),
        ("mjpeg", "matroska", "a.mkv"),
        ("libx265", "mp4", "a.mp4"),
        ("libvpx", "webm", "a.webm"),
        ("libsvtav1", "mp4", "a.mp4"),
    ],
)
def test_every_frame_comes_once_at_its_own_time(
    write_files, read_session, codec, container, name
):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    b_frames = 2 if codec in ("libx264", "libx265") else 0
    data = encode_video(
        codec, container, pixel_format=pixel_format, b_frames=b_frames, options=options
    )
    session = read_session(write_files({name: data}))
    assert session.problems == []
    assert [f.t_ns for f in session.frames] == [ms * 1_000_000 for ms in VARIABLE_MS]
    assert [f.sequence for f in session.frames] == list(range(12))
    assert {(f.sensor, f.kind, f.encoding) for f in session.frames} == {
        ("camera", "color", "png")
    }
    for frame, grey in zip(session.frames, GREYS, strict=True):
        assert abs(decode(frame).mean() - grey) < 8, (
            "frames in the order in which they are shown"
        )
    assert session.plans[0].notes["stream 0: frames"].startswith("12 read, ")


def test_constant_rate_in_avi(write_files, read_session):
    data = encode_video("mpeg4", "avi", range(12), Fraction(1, 10))
    session = read_session(write_files({"left.avi": data}))
    assert [f.t_ns for f in session.frames] == [n * 100_000_000 for n in range(12)]
    assert session.frames[0].sensor == "left"
    assert (
        session.plans[0].notes["stream 0: frames"] == "12 read, the container states 12"
    )


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_reordered_frames_in_avi_have_an_order_and_no_time(
    write_files, read_session, codec
):
    data = encode_video(codec, "avi", range(12), Fraction(1, 10), b_frames=2)
    session = read_session(write_files({"a.avi": data}))
    assert [f.t_ns for f in session.frames] == [None] * 12
    assert [
        abs(decode(f).mean() - g) < 8
        for f, g in zip(session.frames, GREYS, strict=True)
    ] == [True] * 12
    assert (
        session.plans[0].notes[
            "stream 0: frames for which the container states no time"
        ]
        == "12"
    )


def test_ticks_become_nanoseconds_by_integers():
    assert to_ns(1, (1, 3)) == 333_333_333
    assert to_ns(2, (1, 3)) == 666_666_667
    assert to_ns(-1, (1, 1000)) == -1_000_000
    assert to_ns(3 * 10**15, (1001, 30000)) == 3 * 10**15 * 1001 * 10**9 // 30000, (
        "beyond the precision of floats"
    )


@pytest.mark.parametrize(
    ("pixel_format", "container"), [("bgr0", "matroska"), ("bgra", "avi")]
)
def test_lossless_video_gives_its_very_pixels(
    write_files, read_session, pixel_format, container
):
    pictures = noise()
    times = VARIABLE_MS if container == "matroska" else range(12)
    base = MS if container == "matroska" else Fraction(1, 10)
    data = encode_video(
        "ffv1", container, times, base, pixel_format=pixel_format, pictures=pictures
    )
    session = read_session(
        write_files({f"a.{'mkv' if container == 'matroska' else 'avi'}": data})
    )
    assert all(
        np.array_equal(decode(f)[..., :3], p)
        for f, p in zip(session.frames, pictures, strict=True)
    )


def test_reading_twice_gives_the_same_bytes(write_files, read_session):
    root = write_files(
        {"a.mp4": encode_video("libx264", "mp4", pictures=noise(), b_frames=2)}
    )
    assert read_session(root).frames == read_session(root).frames


@pytest.mark.parametrize(
    ("codec", "container", "name"),
    [("libx264", "mp4", "a.mp4"), ("mpeg4", "avi", "a.avi")],
)
def test_the_source_of_a_frame_is_its_packet(
    write_files, read_session, codec, container, name
):
    base, times = (
        (MS, VARIABLE_MS) if container == "mp4" else (Fraction(1, 10), range(12))
    )
    data = encode_video(codec, container, times, base, pictures=noise())
    session = read_session(write_files({name: data}))
    assert sorted((f.source.offset, f.source.length) for f in session.frames) == sorted(
        find_packets(data)
    )


def test_sound_rotation_and_sixteen_bits(write_files, read_session):
    data = encode_video("mjpeg", "matroska", pixel_format="yuvj420p", audio=True)
    session = read_session(write_files({"a.mkv": data}))
    assert len(session.frames) == 12
    assert session.plans[0].notes["not read: audio"] == "1 streams"
    grey = encode_video("ffv1", "matroska", pixel_format="gray16le")
    session = read_session(write_files({"a.mkv": grey, "b_depth.mkv": grey}))
    assert {
        (f.source.path, f.kind, f.depth_m_per_unit, decode(f).dtype.name)
        for f in session.frames
    } == {
        ("a.mkv", "color", None, "uint16"),
        ("b_depth.mkv", "depth", None, "uint16"),
    }


def test_a_wish_for_rotation_is_noted_and_not_applied(write_files, read_session):
    stream = BytesIO()
    with av.open(stream, "w", format="mp4") as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width = 64
        video.height = 48
        video.pix_fmt = "yuv420p"
        video.set_display_rotation(90)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 9, np.uint8), format="bgr24"
            )
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    session = read_session(write_files({"a.mp4": stream.getvalue()}))
    assert decode(session.frames[0]).shape == (48, 64, 3)
    assert session.plans[0].notes["stream 0: rotation in degrees, not applied"] in (
        "90",
        "-90",
    )


def test_a_damaged_picture_of_its_own_costs_nobody_else(write_files, read_session):
    data = bytearray(encode_video("png", "mov", pixel_format="rgb24", pictures=noise()))
    whole = read_session(write_files({"a.mov": bytes(data)})).frames
    offset, length = find_packets(bytes(data))[5]
    data[offset + length // 2] ^= 0xFF
    session = read_session(write_files({"a.mov": bytes(data)}))
    assert [f.payload for f in session.frames] == [
        f.payload for n, f in enumerate(whole) if n != 5
    ]
    assert [f.t_ns for f in session.frames] == [
        ms * 1_000_000 for ms in VARIABLE_MS if ms != 301
    ]
    assert "packet 5 does not decode" in session.problems[0].reason
    assert session.problems[1].reason == "11 frames read, the container states 12"


def test_a_flipped_bit_in_a_checksummed_video_never_changes_a_pixel_unnoticed(
    write_files, read_session
):
    options = {"level": "3", "slicecrc": "1", "slices": "4"}
    data = encode_video(
        "ffv1", "matroska", pixel_format="bgr0", pictures=noise(), options=options
    )
    whole = [f.payload for f in read_session(write_files({"a.mkv": data})).frames]
    damaged = bytearray(data)
    offset, length = find_packets(data)[5]
    damaged[offset + length // 2] ^= 1
    session = read_session(write_files({"a.mkv": bytes(damaged)}))
    assert [f.payload for f in session.frames] == whole[:5], "the next key frame is 12"
    assert "packet 5 does not decode" in session.problems[0].reason


def test_frames_built_on_a_damaged_packet_are_left_out_up_to_the_next_key_frame(
    write_files, read_session
):
    data = bytearray(
        encode_video(
            "mpeg4",
            "mp4",
            pictures=noise(),
            gop=4,
            options={"bf": "0", "sc_threshold": "1000000000"},
        )
    )
    whole = read_session(write_files({"a.mp4": bytes(data)})).frames
    offset, length = find_packets(bytes(data))[5]
    data[offset : offset + length] = bytes(length)
    session = read_session(write_files({"a.mp4": bytes(data)}))
    kept = [f.t_ns for f in session.frames]
    assert kept == [
        ms * 1_000_000 for n, ms in enumerate(VARIABLE_MS) if n not in (5, 6, 7)
    ], "key frames: 0, 4, 8"
    assert {f.payload for f in session.frames} <= {f.payload for f in whole}
    assert [p.reason for p in session.problems][1:] == [
        "2 frames up to the next key frame build on packet 5: left out",
        "9 frames read, the container states 12",
    ]


def test_a_cut_avi_and_a_cut_mkv_say_how_much_is_missing(write_files, read_session):
    avi = encode_video("mpeg4", "avi", range(12), Fraction(1, 10), pictures=noise())
    offset, _ = find_packets(avi)[8]
    session = read_session(write_files({"a.avi": avi[:offset]}))
    assert len(session.frames) == 8
    assert session.problems[-1].reason == "8 frames read, the container states 12"
    mkv = encode_video("mjpeg", "matroska", pixel_format="yuvj420p", pictures=noise())
    offset, _ = find_packets(mkv)[8]
    session = read_session(write_files({"a.mkv": mkv[:offset]}))
    assert any("the header promises 1.1" in p.reason for p in session.problems), (
        session.problems
    )


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.mp4", b"", "empty file"),
        (
            "a.mp4",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "git-lfs pointer",
        ),
        ("a.mkv", b"no video at all", "no video container that is read"),
    ],
)
def test_files_that_are_no_video(write_files, read_session, name, data, reason):
    session = read_session(write_files({name: data}))
    assert session.frames == []
    assert reason in session.problems[0].reason


@pytest.mark.parametrize(
    ("ending", "container"), [("mp4", "mp4"), ("avi", "avi"), ("mkv", "matroska")]
)
def test_a_video_of_which_only_the_first_bytes_are_there(
    write_files, read_session, ending, container
):
    data = encode_video("mpeg4", container, range(12), Fraction(1, 10))
    session = read_session(write_files({f"a.{ending}": data[:40]}))
    assert session.frames == []
    assert "cannot be opened" in session.problems[0].reason


def test_a_codec_outside_the_closed_list_is_refused(write_files, read_session):
    session = read_session(
        write_files(
            {
                "a.mkv": encode_video(
                    "mpeg2video", "matroska", range(12), Fraction(1, 25)
                )
            }
        )
    )
    assert "video codec 'mpeg2video' is not read" in session.problems[0].reason
    assert session.frames == []


def test_a_machine_that_stalls_costs_no_frame():
    data = encode_video("libx264", "mp4")
    messages = decode_in_child(BytesIO(data), "mov", VideoLimits(item_seconds=1.0))
    seen = [next(messages)]
    child = messages.gi_frame.f_locals["child"].pid
    os.kill(child, signal.SIGSTOP)
    timer = threading.Timer(2.5, os.kill, (child, signal.SIGCONT))
    timer.start()
    seen += messages
    timer.join()
    assert [m for m in seen if m.kind == DAMAGE] == [] and seen[-1].kind == END
    assert sum(m.kind == FRAME for m in seen) == 12


def decode_within(data: bytes, **limits: float) -> tuple[int, list[str]]:
    """How many frames came, and what is said, below these limits."""
    messages = list(decode_in_child(BytesIO(data), "mov", VideoLimits(**limits)))
    reasons = [m.value["reason"] for m in messages if m.kind == DAMAGE]
    return sum(m.kind == FRAME for m in messages), reasons


def test_a_video_that_needs_more_memory_than_the_limit_is_refused():
    num_frames, reasons = decode_within(
        encode_video("libx264", "mp4", pictures=noise()), memory_bytes=1 << 20
    )
    assert num_frames < 12 and reasons


def test_a_frame_that_takes_longer_than_the_limit_ends_the_video():
    data = encode_video("libx264", "mp4", pictures=noise())
    num_frames, reasons = decode_within(data, item_seconds=0.0)
    assert num_frames == 0
    assert reasons[-1].startswith("more than 0 s for one frame")
    assert reasons[-1].endswith("decoding was stopped")


def test_frames_may_take_only_so_long_on_average(monkeypatch):
    used_s = iter([0.0, 1.0, 2.0, 3.0, 4.0])  # one second for each of four frames
    monkeypatch.setattr(video_process, "measure_used_s", lambda _: next(used_s))
    watch = video_process.Watch(None, VideoLimits(item_seconds=2, frame_seconds=0.5))
    watch.start()
    left_s = []
    for _ in range(4):
        watch.restart(is_frame=True)
        left_s.append(watch._left_s)
    # two seconds at first; each frame takes one, and half of one is granted
    assert left_s == [1.5, 1.0, 0.5, 0.0]


def test_a_video_of_more_pixels_than_its_size_allows_ends_there():
    data = encode_video("libx264", "mp4")
    num_frames, (reason,) = decode_within(
        data, free_pixels=5 * 64 * 48, pixels_a_byte=0
    )
    assert num_frames == 5
    assert "more than 15360 pixels for a file of its size" in reason


def test_the_pixels_of_a_video_may_grow_with_its_size():
    assert VideoLimits().limit_pixels(0) == 500_000_000
    assert VideoLimits().limit_pixels(1000) == 500_000_000 + 1000 * 20_000


def test_a_video_of_more_frames_than_the_limit_ends_there():
    num_frames, (reason,) = decode_within(encode_video("libx264", "mp4"), frames=5)
    assert num_frames == 5
    assert reason.startswith("more than 5 frames")


def test_a_video_whose_frames_are_larger_than_the_limit_is_not_decoded():
    data = encode_video("libx264", "mp4")
    assert decode_within(data, frame_pixels=64 * 48) == (12, [])
    num_frames, reasons = decode_within(data, frame_pixels=64 * 48 - 1)
    assert num_frames == 0
    assert reasons == ["stream 0: frames of 64x48 px, more than 3071 px"]


def receive(message: bytes) -> video_process.VideoMessage:
    """What the owner of a child makes of a message of its."""
    reading, writing = os.pipe()
    os.write(writing, message)
    os.close(writing)
    with os.fdopen(reading, "rb") as stdout:
        child = SimpleNamespace(stdout=stdout)
        watch = video_process.Watch(child, VideoLimits())
        return video_process.receive_message(child, watch)


@pytest.mark.parametrize(
    ("limit", "size"), [("_MAX_JSON_BYTES", 2), ("_MAX_PAYLOAD_BYTES", 3)]
)
def test_a_message_longer_than_the_limit_breaks_the_protocol(lower, limit, size):
    message = pack_head(FRAME, {}, 3) + b"png"
    lower(video_process, **{limit: size})
    assert receive(message) == video_process.VideoMessage(FRAME, {}, b"png")
    lower(video_process, **{limit: size - 1})
    with pytest.raises(ChildGone):
        receive(message)


def test_a_wish_for_more_bytes_than_the_limit_breaks_the_protocol(lower, monkeypatch):
    sent = []
    watch = SimpleNamespace(start=lambda: None, wait=None)
    monkeypatch.setattr(
        video_process, "send", lambda child, data, wait: sent.append(data)
    )
    video_process.serve(None, lambda _: BytesIO(b"abcdef"), [0, 1, 3], watch)
    assert sent == [(3).to_bytes(8, "big") + b"bcd"]
    lower(video_process, _MAX_READ_BYTES=2)
    with pytest.raises(ChildGone):
        video_process.serve(None, lambda _: BytesIO(b"abcdef"), [0, 1, 3], watch)


def test_failing_storage_is_raised_and_not_called_damage():
    class Failing(BytesIO):
        def read(self, size=-1):
            if size > 512:
                raise OSError("the network is down")
            return super().read(size)

    data = encode_video("mpeg4", "mp4")
    plan = CapturePlan(
        "video",
        "a.mp4",
        (SessionFile("a.mp4", "a.mp4", len(data), "1"),),
        is_container=True,
    )
    with pytest.raises(OSError, match="network is down"):
        list(read_capture(plan, lambda file: Failing(data)))


def test_a_consumer_that_stops_early_leaves_no_child():
    messages = decode_in_child(BytesIO(encode_video("mpeg4", "mp4")), "mov")
    next(messages)
    child = messages.gi_frame.f_locals["child"]
    assert child.poll() is None
    messages.close()  # waits for the child's end
    assert child.returncode == -signal.SIGKILL


def test_pets09(test_data):
    source = Folder(str(test_data("tracking/pets09_s2l1")))
    plans, _ = plan_session(source.files(), source.open)
    (plan,) = [plan for plan in plans if plan.reader == "video"]
    found = list(read_capture(replace(plan, sha256="5" * 64), source.open))
    frames = [o for o in found if isinstance(o, FrameObservation)]
    assert len(found) == len(frames) == 795, "the number in the file's own header"
    assert [f.t_ns for f in frames] == [n * 100_000_000 for n in range(795)], (
        "10 frames a second"
    )
    last = frames[-1].facts
    assert (last.width_px, last.height_px, last.encoding) == (768, 576, "video")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_video_inside_an_archive(write_files, read_session, method):
    data = encode_video("libx264", "mp4", b_frames=2)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("drive/left.mp4", data)
    session = read_session(write_files({"a.zip": packed.getvalue()}))
    assert [f.t_ns for f in session.frames] == [
        ms * 1_000_000 for ms in VARIABLE_MS
    ] and not session.problems
    assert {(f.sensor, f.source.path) for f in session.frames} == {
        ("left", "a.zip!/drive/left.mp4")
    }
    assert len({(f.source.offset, f.source.inner_offset) for f in session.frames}) == 12


def test_two_picture_streams_are_two_sensors_and_sound_alone_is_no_video(
    write_files, read_session
):
    stream = BytesIO()
    with av.open(stream, "w", format="matroska") as out:
        videos = [out.add_stream("mjpeg", rate=10) for _ in range(2)]
        for video in videos:
            video.width = 64
            video.height = 48
            video.pix_fmt = "yuvj420p"
        for number, video in enumerate(videos):
            for ticks in range(3):
                frame = av.VideoFrame.from_ndarray(
                    np.full((48, 64, 3), GREYS[4 * number], np.uint8), format="bgr24"
                )
                frame.pts = ticks
                out.mux(video.encode(frame))
    session = read_session(write_files({"a.mkv": stream.getvalue()}))
    assert sorted((f.sensor, f.sequence) for f in session.frames) == [
        (sensor, number) for sensor in ("camera_0", "camera_1") for number in range(3)
    ]
    assert {f.sensor: round(decode(f).mean(), -1) for f in session.frames} == {
        "camera_0": 10,
        "camera_1": 90,
    }
    sound = BytesIO()
    with av.open(sound, "w", format="matroska") as out:
        add_silence(out)
    session = read_session(write_files({"a.mkv": sound.getvalue()}))
    assert [p.reason for p in session.problems] == ["no video stream that is read"]
