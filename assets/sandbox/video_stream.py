"""One video stream under decoding: where its frames come from, which to trust after damage, and the counts."""

from __future__ import annotations

from typing import Any

from assets.sandbox.video_channel import DAMAGE, FRAME, Channel
from assets.sandbox.video_pixels import encode_png, to_pixels


class StreamState:
    """What one stream has yielded so far, and from where on its frames may be trusted after damage."""

    def __init__(self, stream: Any, container: Any) -> None:
        self._stream = stream
        self._container = container
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
            "is_key": packet.is_keyframe,
        }
        packet.opaque = place
        if packet.size:
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
        # AVI states no presentation times, and what libavformat makes of the order of storage is a guess
        has_clock = not (
            self._container.format.name == "avi"
            and self._stream.codec_context.has_b_frames
        )
        self._without_time += frame.pts is None or not has_clock
        self._rotation = self._rotation or int(frame.rotation)
        pixels = to_pixels(frame)
        head = {
            **self._where(place),
            "sequence": self._yielded,
            "pts": frame.pts if has_clock else None,
            "duration": frame.duration or 0,
            "time_base": [frame.time_base.numerator, frame.time_base.denominator],
            "nth": self._in_place,
            "is_deep_grey": pixels.dtype.itemsize == 2 and pixels.ndim == 2,
        }
        channel.send_made(FRAME, head, encode_png, pixels, pixels.nbytes)
        self._yielded += 1
        return 1

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
            "frames": self._yielded,
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
