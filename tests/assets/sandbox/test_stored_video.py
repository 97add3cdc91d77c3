"""Frames of stored videos by random access: read through, nothing is decoded twice; in any order, they are the same."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from assets.sandbox.stored_video import FramesAsk, StoredVideo, index_wanted
from assets.sandbox.video_choice import Reading
from assets.sandbox.video_container import set_up
from assets.sandbox.video_frames import VideoFrameDecoder
from assets.sandbox.video_pixels import to_pixels
from assets.sandbox.video_places import Key, VideoPlace
from assets.sandbox.video_process import decode_in_child
from tests.assets.formats.images.test_video_reader import (
    encode_video,
    find_packets,
    noise,
)

NUM_FRAMES = 40
GOP = 10
X264 = "keyint=10:min-keyint=10:scenecut=0:bframes=3:b-pyramid=normal"
X265 = "keyint=10:min-keyint=10:scenecut=0:bframes=3:open-gop=1:log-level=none"
VIDEOS = {
    "h264.mp4": ("libx264", "mp4", {"options": {"x264-params": X264}}),
    "h264_open.mkv": (
        "libx264",
        "matroska",
        {"options": {"x264-params": f"{X264}:open-gop=1"}},
    ),
    "h265_open.mp4": ("libx265", "mp4", {"options": {"x265-params": X265}}),
    "vp9.webm": ("libvpx-vp9", "webm", {"gop": GOP}),
    "mpeg4.avi": ("mpeg4", "avi", {"b_frames": 2, "gop": GOP}),
    "mjpeg.mkv": ("mjpeg", "matroska", {"pixel_format": "yuvj422p"}),
}
DEMUXERS = {".mp4": "mov", ".mkv": "matroska", ".webm": "matroska", ".avi": "avi"}


@cache
def make(name: str) -> bytes:
    codec, container, wishes = VIDEOS[name]
    return encode_video(
        codec,
        container,
        times=range(NUM_FRAMES),
        time_base=Fraction(1, 10),
        pictures=noise(NUM_FRAMES),
        **wishes,
    )


@cache
def list_places(name: str) -> list[VideoPlace]:
    """In the order in which the frames are shown, as intake finds them."""
    demuxer = DEMUXERS[Path(name).suffix]
    messages = decode_in_child(
        BytesIO(make(name)), demuxer, reading=Reading(is_kept=True)
    )
    places = []
    for value, payload in ((m.value, m.payload) for m in messages if m.payload):
        key = value["key"]
        place = VideoPlace(
            name,
            demuxer,
            0,
            Key(key["offset"], key["pts"], key["dts"]),
            value["number"] - key["number"],
            value["number"],
            value["nth"],
            json.loads(bytes(payload))["checksum"],
        )
        places.append(place)
    assert len(places) == NUM_FRAMES
    return places


@cache
def decode_through(name: str) -> list[np.ndarray]:
    """By PyAV alone, from the start to the end."""
    with av.open(BytesIO(make(name))) as container:
        set_up(container.streams.video[0].codec_context, 10**6)
        return [to_pixels(frame) for frame in container.decode(video=0)]


class Reader:
    """One video, and how many packets its decoder was given."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.num_packets = 0
        self._video: StoredVideo | None = None

    def read(self, numbers: list[int]) -> None:
        """Look at frames, by their place in the order shown; all are those that PyAV gives."""
        places = {number: list_places(self.name)[number] for number in numbers}
        by_key: dict[Key, dict[tuple[int, int], int]] = {}
        for number, place in places.items():
            by_key.setdefault(place.key, {})[place.steps, place.nth] = number
        for key, wanted in by_key.items():
            triples = [(steps, nth, 0) for steps, nth in wanted]
            demuxer = DEMUXERS[Path(self.name).suffix]
            size = len(make(self.name))
            ask = FramesAsk(0, size, demuxer, 0, key, True, index_wanted(triples))
            found = list(self._open(ask).decode(ask))
            assert [wanted[f.steps, f.nth] for f in found] == sorted(wanted.values())
            for frame in found:
                expected = decode_through(self.name)[wanted[frame.steps, frame.nth]]
                np.testing.assert_array_equal(to_pixels(frame.frame), expected)

    def _open(self, ask: FramesAsk) -> StoredVideo:
        if self._video is None:
            file = BytesIO(make(self.name))
            self._video = StoredVideo(file, ask, 10**6, 2, self._count)
        return self._video

    def _count(self) -> None:
        self.num_packets += 1


@pytest.mark.parametrize("batch", [1, 7, 16])
@pytest.mark.parametrize("name", VIDEOS)
def test_a_batch_that_ends_inside_a_gop_is_gone_on_with(name, batch):
    reader = Reader(name)
    for at in range(0, NUM_FRAMES, batch):
        reader.read(list(range(at, min(at + batch, NUM_FRAMES))))
    # one look to see that it goes on, and a last one at what the decoder has kept back
    assert reader.num_packets <= NUM_FRAMES + 3


def test_looks_forward_leave_out_what_nothing_builds_on_and_begin_nowhere_anew():
    reader = Reader("h264.mp4")
    for number in range(0, NUM_FRAMES, 3):
        reader.read([number])
    assert reader.num_packets <= NUM_FRAMES + 3


@pytest.mark.parametrize("name", VIDEOS)
def test_backwards_after_forwards_and_in_any_order(name):
    reader = Reader(name)
    reader.read(list(range(12, 18)))
    reader.read(list(range(8, 14)))
    for number in (17, 18, 16, 19, 39, 38, 0, 37, 36):
        reader.read([number])
    shuffled = random.Random(name).sample(range(NUM_FRAMES), NUM_FRAMES)
    for at in range(0, NUM_FRAMES, 5):
        reader.read(shuffled[at : at + 5])


@pytest.mark.parametrize("name", ["h264_open.mkv", "h265_open.mp4"])
def test_an_open_gop_is_looked_into_from_its_key_frame(name):
    reader = Reader(name)
    reader.read([0])
    for number in (35, 25, 32, 15):
        before = reader.num_packets
        reader.read([number])
        assert reader.num_packets - before <= 2 * GOP


@pytest.mark.parametrize("name", ["h264.mp4", "h265_open.mp4", "vp9.webm"])
def test_frames_that_the_decoder_holds_back_at_the_end_are_asked_for_one_by_one(name):
    reader = Reader(name)
    reader.read(list(range(20, 34)))
    before = reader.num_packets
    for number in range(34, NUM_FRAMES):
        reader.read([number])
    assert reader.num_packets - before <= NUM_FRAMES - 34


def test_frames_that_nobody_asks_for_are_not_kept_without_end(monkeypatch):
    monkeypatch.setattr("assets.sandbox.stored_video._MAX_READY_BYTES", 64 * 48 * 4)
    reader = Reader("h264.mp4")
    for numbers in ([0, 1], [4, 5], [9], [2, 3], [6], [39], [38], [37]):
        reader.read(numbers)


@pytest.fixture
def decoder():
    decoder = VideoFrameDecoder()
    yield decoder
    decoder.close()


def store(**videos: bytes) -> SimpleNamespace:
    """A blob store that holds these."""
    return SimpleNamespace(uri="memory", open=lambda name: BytesIO(videos[name]))


def no_packets(*_):
    raise AssertionError("no recording is read")


def test_two_videos_in_turns_each_go_on(decoder):
    names = ["h264.mp4", "h265_open.mp4"]
    blobs = store(**{name: make(name) for name in names})
    for at in range(0, NUM_FRAMES, 7):
        for name in names:
            numbers = range(at, min(at + 7, NUM_FRAMES))
            places = {list_places(name)[n]: n for n in numbers}
            found = decoder.decode(list(places), blobs, no_packets)
            assert found.keys() == places.keys()
            for place, number in places.items():
                expected = decode_through(name)[number]
                np.testing.assert_array_equal(found[place], expected)


def test_a_damaged_packet_takes_nothing_with_it_that_does_not_build_on_it(decoder):
    name = "h264.mp4"
    places = list_places(name)
    hit = 2 * GOP  # the key packet of the third GOP
    offset, length = find_packets(make(name))[hit]
    data = bytearray(make(name))
    data[offset + 5 : offset + length] = bytes(length - 5)
    blobs = store(**{name: bytes(data)})
    read = []
    for at in range(0, NUM_FRAMES, 4):
        numbers = range(at, at + 4)
        try:
            found = decoder.decode([places[n] for n in numbers], blobs, no_packets)
        except ValueError as error:
            assert "is not what was taken in" in str(error)
            continue
        read += numbers
        for n in numbers:
            np.testing.assert_array_equal(found[places[n]], decode_through(name)[n])
    # a batch that ends in the GOP from 20 to 29 may be lost with it, the one of the key frame is
    assert {*range(20), *range(32, NUM_FRAMES)} <= set(read)
    assert set(read).isdisjoint(range(20, 24))


def test_a_decoder_that_holds_frames_back_for_long_is_asked_for_all_it_has(monkeypatch):
    name = "h264.mp4"
    needed = 1 + max(place.steps for place in list_places(name)[:3])
    free = Reader(name)
    free.read([0, 1, 2])
    assert needed < free.num_packets
    monkeypatch.setattr("assets.sandbox.stored_video.MAX_DELAY", 0)
    bound = Reader(name)
    bound.read([0, 1, 2])
    # one more call, without a packet, has it give all
    assert bound.num_packets == needed + 1
    bound.read([3, 4])
