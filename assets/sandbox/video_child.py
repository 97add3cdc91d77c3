"""The process that decodes one foreign video with PyAV: it has no file to open and may die on any frame.

It loads its libraries, is then told the video, how to read it and the limits that it puts on itself (`VideoTask`), and
speaks the messages of `video_channel.py` on its two pipes. It ends when its input does.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from assets.sandbox.child_answers import open_answers
from assets.sandbox.child_limits import ITEM_SECONDS, allow_seconds, limit_resources
from assets.sandbox.confinement import confine
from assets.sandbox.video_channel import DAMAGE, END, FACTS, Channel, RemoteFile
from assets.sandbox.video_container import DECODERS, open_container, set_up
from assets.sandbox.video_stream import StreamState
from assets.sandbox.video_task import VideoTask

_MAX_THREADS = 4  # encoding PNG takes ten times as long as decoding a frame


def decode_video(channel: Channel, task: VideoTask) -> None:
    """Send what the video holds, within the limits. Foreign bytes end in messages, never in an exception."""
    from av.error import FFmpegError

    try:
        file = RemoteFile(channel, task.size)
        container = open_container(file, task.demuxer, task.frame_pixels)
    except (FFmpegError, ValueError, MemoryError) as error:
        channel.send(
            DAMAGE, {"reason": f"cannot be opened: {_explain(error)}", "remedy": "copy"}
        )
        channel.send(END, {"streams": []})
        return
    with container:
        _Decoding(container, channel, task).run()


class _Decoding:
    """One pass over one open container."""

    def __init__(self, container: Any, channel: Channel, task: VideoTask) -> None:
        self._container = container
        self._channel = channel
        self._task = task
        self._streams: dict[int, StreamState] = {}
        self._frames = self._pixels = 0

    def run(self) -> None:
        from av.error import FFmpegError

        chosen = self._choose_streams()
        try:
            if chosen:
                self._decode(chosen)
        except (FFmpegError, MemoryError, OverflowError) as error:
            self._channel.send(
                DAMAGE,
                {"reason": f"reading stopped: {_explain(error)}", "remedy": "copy"},
            )
        for state in self._streams.values():
            state.close(self._channel)
        self._channel.send(
            END, {"streams": [state.count() for state in self._streams.values()]}
        )

    def _choose_streams(self) -> list[Any]:
        from av.stream import Disposition

        others = dict[str, int]()
        chosen = []
        for stream in self._container.streams:
            if stream.type != "video" or stream.disposition & Disposition.attached_pic:
                kind = (
                    "cover picture"
                    if stream.type == "video"
                    else stream.type or "unknown"
                )
                others[kind] = others.get(kind, 0) + 1
                continue
            context = stream.codec_context
            name = context.name if context is not None else "unknown"
            if name not in DECODERS:
                self._refuse(stream, f"video codec {name!r} is not read", "codec")
                continue
            if context.width * context.height > self._task.frame_pixels:
                size = f"{context.width}x{context.height} px"
                self._refuse(
                    stream,
                    f"frames of {size}, more than {self._task.frame_pixels} px",
                    "scale",
                )
                continue
            set_up(context, self._task.frame_pixels)
            self._streams[stream.index] = StreamState(
                stream, self._container, self._task.reading
            )
            chosen.append(stream)
        self._channel.send(
            FACTS,
            {
                "others": others,
                "streams": [s.describe() for s in self._streams.values()],
            },
        )
        return chosen

    def _refuse(self, stream: Any, reason: str, remedy: str) -> None:
        self._channel.send(
            DAMAGE, {"reason": f"stream {stream.index}: {reason}", "remedy": remedy}
        )

    def _decode(self, chosen: list[Any]) -> None:
        from av.logging import Capture

        with Capture(local=True) as complaints:
            for packet in self._container.demux(chosen):
                allow_seconds(ITEM_SECONDS)
                if not self._decode_packet(packet, complaints):
                    return

    def _decode_packet(
        self, packet: Any, complaints: list[tuple[int, str, str]]
    ) -> bool:
        """Send the frames that a packet completes. False when there are too many.

        Decoders conceal damage: they fill in pixels, complain in their log and call it a success. Here it is none.
        """
        import av.logging
        from av.error import FFmpegError

        complaints.clear()
        state = self._streams[packet.stream_index]
        place = state.enter(packet)
        frames: list[Any] = []
        try:
            frames = [] if packet.is_corrupt else packet.decode()
            errors = [
                text.strip()
                for level, _, text in complaints
                if level <= av.logging.ERROR
            ]
        except FFmpegError as error:
            errors = [_explain(error)]
        if errors:
            state.mark_damaged(
                place, f"does not decode: {errors[0][:200]}", self._channel
            )
        if packet.is_corrupt:
            state.mark_damaged(
                place, "is marked as damaged by its container", self._channel
            )
        for frame in frames:
            self._pixels += frame.width * frame.height
            if self._frames >= self._task.frames or self._pixels > self._task.pixels:
                pixels = f"{self._task.pixels} pixels for a file of its size"
                reason = f"more than {self._task.frames} frames, or more than {pixels}"
                self._channel.send(DAMAGE, {"reason": reason, "remedy": "cut"})
                return False
            self._frames += state.emit(frame, self._channel)
        return True


def _explain(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def main() -> None:
    """Decode the video that the arguments describe."""
    answers = open_answers()
    import av.logging
    import cv2

    # to be heard by `Capture`; standard error leads nowhere
    av.logging.set_level(av.logging.ERROR)
    # the same complaint about the next packet counts as well
    av.logging.set_skip_repeated(False)
    cv2.setNumThreads(1)
    channel = Channel(sys.stdin.buffer, answers, min(_MAX_THREADS, os.cpu_count() or 1))
    try:
        task = VideoTask.of(channel.receive_ask()[0])
        limit_resources(task.memory_bytes, task.seconds)
        confine()
        allow_seconds(ITEM_SECONDS)
        decode_video(channel, task)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody listens any more


if __name__ == "__main__":
    main()
