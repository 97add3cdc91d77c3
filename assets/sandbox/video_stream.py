"""One video stream under decoding: where its frames come from, which to trust after damage, and the counts."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from assets import images
from assets.sandbox.video_channel import DAMAGE, FRAME, Channel
from assets.sandbox.video_choice import Chooser, Reading
from assets.sandbox.video_pixels import (
    checksum,
    encode_png,
    is_deep,
    is_grey,
    to_pixels,
)
from models import image_quality

_KEYS_AT_ONCE = 64  # that may lie between a packet and its frame


def encode_frame(frame: Any) -> bytes:
    """PNG of its pixels."""
    return encode_png(to_pixels(frame))


def measure_frame(frame: Any) -> bytes:
    """JSON of the `ImageFacts` of its pixels, and the checksum by which the frame is known again."""
    pixels = to_pixels(frame)
    luma = images.shrink_luma(images.decode_luma(pixels))
    facts = {
        "width_px": pixels.shape[1],
        "height_px": pixels.shape[0],
        "encoding": "video",
        "channels": 1 if pixels.ndim == 2 else pixels.shape[2],
        "bits": 8 * pixels.dtype.itemsize,
        "is_depth_candidate": pixels.ndim == 2 and pixels.dtype.itemsize == 2,
        "quality": image_quality.measure_quality(luma),
        "checksum": checksum(frame),
    }
    return json.dumps(facts).encode()


class StreamState:
    """What one stream has yielded so far, and from where on its frames may be trusted after damage."""

    def __init__(self, stream: Any, container: Any, reading: Reading) -> None:
        self._stream = stream
        self._container = container
        self._reading = reading
        self._chooser = Chooser(reading.choice)
        self._keys: deque[dict[str, Any]] = deque(maxlen=_KEYS_AT_ONCE)
        self._passed_over = 0
        self._packets = self._discarded = self._hidden = self._yielded = (
            self._without_time
        ) = 0
        # the last damaged packet that no key frame has followed yet
        self._damaged: dict[str, Any] | None = None
        self._left_out = 0
        # (packet number, pts) of the key frame that frames must not precede
        self._safe_from = (-1, None)
        self._last_place = -1
        self._in_place = 0
        self._rotation = 0

    def describe(self) -> dict[str, Any]:
        """What the container states of the stream, before anything is decoded."""
        stream = self._stream
        context = self._stream.codec_context
        ratio = stream.sample_aspect_ratio
        return {
            "index": stream.index,
            "codec": context.name,
            "pixel_format": str(context.pix_fmt),
            "pixel_ratio": str(ratio) if ratio and ratio != 1 else None,
        }

    def enter(self, packet: Any) -> dict[str, Any]:
        """Count a packet and mark it, so that its frame tells where it came from."""
        place = {
            "number": self._packets,
            "offset": packet.pos,
            "length": packet.size,
            "pts": packet.pts,
            "dts": packet.dts,
            "is_key": packet.is_keyframe,
        }
        packet.opaque = place
        if packet.size:
            if packet.is_keyframe:
                self._keys.append(place)
            self._packets += 1
            self._discarded += packet.is_discard
            self._hidden += (
                self._stream.codec_context.name == "vp8" and not bytes(packet)[0] & 0x10
            )  # RFC 6386, 9.1
        return place

    def mark_damaged(self, place: dict[str, Any], what: str, channel: Channel) -> None:
        """Tell of a packet that does not decode, and trust no frame that may build on it."""
        self._settle(channel)
        self._damaged = place
        reason = f"packet {place['number']} {what}"
        channel.send(DAMAGE, {**self._where(place), "reason": reason, "remedy": "copy"})

    def emit(self, frame: Any, channel: Channel) -> int:
        """Send a frame, or leave it out because it builds on a damaged packet. The number of frames sent."""
        place = frame.opaque or {
            "number": self._packets,
            "offset": None,
            "length": 0,
            "pts": None,
            "dts": None,
            "is_key": False,
        }
        if not self._may_be_trusted(frame, place, channel):
            self._left_out += place is not self._damaged
            return 0
        if frame.is_corrupt:
            self.mark_damaged(
                place, "gives a frame that its decoder calls damaged", channel
            )
            return 0
        self._in_place = (
            self._in_place + 1 if place["number"] == self._last_place else 0
        )
        self._last_place = place["number"]
        if not self._chooser.takes(frame, place["is_key"]):
            self._passed_over += 1
            return 0
        # AVI states no presentation times, and what libavformat makes of the order of storage is a guess
        has_clock = not (
            self._container.format.name == "avi"
            and self._stream.codec_context.has_b_frames
        )
        self._without_time += frame.pts is None or not has_clock
        self._rotation = self._rotation or int(frame.rotation)
        head = {
            **self._where(place),
            "sequence": self._yielded + self._passed_over,
            "pts": frame.pts if has_clock else None,
            "duration": frame.duration or 0,
            "time_base": [frame.time_base.numerator, frame.time_base.denominator],
            "nth": self._in_place,
            "is_deep_grey": is_deep(frame) and is_grey(frame),
            "number": place["number"],
            "key": self._find_key(place, frame.pts),
        }
        pixel_bytes = frame.width * frame.height * 8
        make = measure_frame if self._reading.is_kept else encode_frame
        channel.send_made(FRAME, head, make, frame, pixel_bytes)
        self._yielded += 1
        return 1

    def _find_key(self, place: dict[str, Any], pts: int | None) -> dict[str, Any]:
        """The key packet with which decoding of a frame begins: not one that is shown after it, and follows others."""
        for key in reversed(self._keys):
            is_before = key["number"] <= place["number"]
            if is_before and (pts is None or key["pts"] is None or pts >= key["pts"]):
                return {name: key[name] for name in ("number", "offset", "pts", "dts")}
        return {"number": 0, "offset": None, "pts": None, "dts": None}

    def close(self, channel: Channel) -> None:
        """Tell how many frames the last damaged packet took with it."""
        self._settle(channel)

    def count(self) -> dict[str, Any]:
        """What was demuxed and sent, and what the container promised (0: it does not say)."""
        stream = self._stream
        return {
            "index": stream.index,
            "stated": stream.frames,
            "packets": self._packets,
            "discarded": self._discarded,
            "hidden": self._hidden,
            "frames": self._yielded + self._passed_over,
            "passed_over": self._passed_over,
            "without_time": self._without_time,
            "rotation_deg": self._rotation,
            "end_ns": self._stated_end_ns(),
        }

    def _may_be_trusted(
        self, frame: Any, place: dict[str, Any], channel: Channel
    ) -> bool:
        """Frames after a damaged packet build on it, up to the next key frame, and so do those shown before that."""
        number = place["number"]
        if self._damaged and number > self._damaged["number"] and place["is_key"]:
            self._safe_from = (number, frame.pts)
            self._settle(channel)
        if self._damaged:
            return bool(number < self._damaged["number"])
        since, pts = self._safe_from
        return number >= since and (
            pts is None or frame.pts is None or frame.pts >= pts
        )

    def _settle(self, channel: Channel) -> None:
        """Say how many frames a damaged packet took with it."""
        if self._damaged and self._left_out:
            reason = f"{self._left_out} frames up to the next key frame build on packet {self._damaged['number']}"
            channel.send(
                DAMAGE,
                {
                    **self._where(self._damaged),
                    "reason": f"{reason}: left out",
                    "remedy": "copy",
                },
            )
        self._damaged = None
        self._left_out = 0

    def _where(self, place: dict[str, Any]) -> dict[str, Any]:
        return {
            "stream": self._stream.index,
            "offset": place["offset"],
            "length": place["length"],
        }

    def _stated_end_ns(self) -> int | None:
        """The end that a Matroska header promises for this stream; other containers state a number of frames."""
        if self._stream.frames or "matroska" not in self._container.format.name:
            return None
        text = self._stream.metadata.get("DURATION")
        if text:
            hours, minutes, seconds = text.split(":")
            whole, _, fraction = seconds.partition(".")
            return (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 10**9 + int(
                (fraction + "0" * 9)[:9]
            )
        is_alone = len(self._container.streams) == 1
        return (
            self._container.duration * 1000
            if is_alone and self._container.duration
            else None
        )
