"""Open a foreign video with PyAV, in a child: no other file or address, and only these demuxers and decoders.

PyAV is imported where it is used.
"""

from __future__ import annotations

from typing import Any

DECODERS = (
    "h264",
    "hevc",
    "mpeg4",
    "msmpeg4",
    "msmpeg4v2",
    "mjpeg",
    "vp8",
    "vp9",
    "av1",
    "libdav1d",
    "rawvideo",
    "ffv1",
    "png",
)
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm"
_BUFFER_BYTES = 1 << 18
_STRICT = "crccheck+bitstream+buffer+explode"


def open_container(file: Any, demuxer: str, frame_pixels: int) -> Any:
    """The container in a seekable stream. Raises FFmpegError, ValueError, MemoryError."""
    import av

    options = {
        "format_whitelist": _DEMUXERS,
        "protocol_whitelist": "",
        "codec_whitelist": ",".join(DECODERS),
        "max_pixels": str(frame_pixels),
    }
    return av.open(
        file,
        format=demuxer,
        options=options,
        buffer_size=_BUFFER_BYTES,
        metadata_errors="replace",
    )


def set_up(
    context: Any, frame_pixels: int, num_threads: int = 1, is_strict: bool = True
) -> None:
    """Let a decoder give the same pixels everywhere, tell a frame's packet, and, if `is_strict`, find fault.

    With more threads than one, it says of no packet any more that this one is damaged. One that is not strict goes on
    where a packet lacks what it builds on, as behind the key frame of an open GOP; it is for frames that are proven.
    """
    from av.codec.context import Flags

    context.thread_count = num_threads
    context.thread_type = "FRAME" if num_threads > 1 else "SLICE"
    context.options = {
        "max_pixels": str(frame_pixels),
        # of MPEG-4 and JPEG, whose inverse transform differs from processor to processor
        "idct": "simple",
        **({"err_detect": _STRICT} if is_strict else {}),
    }
    context.flags |= Flags.copy_opaque | Flags.bitexact
