"""Limits that a process which decodes foreign bytes puts on itself: memory, processor time, files."""

from __future__ import annotations

import math
import resource
import sys
from dataclasses import dataclass

# heap and anonymous mappings, beyond what the libraries take to load
MEMORY_BYTES = 1 << 30
# of processor time for one image or one frame, so that none takes longer than 10
ITEM_SECONDS = 6
# of processor time for all images of one child: then another one goes on
CHILD_SECONDS = 1800.0
_SLOWEST_PIXELS = 1_000_000  # of video a second of processor time, decoded and encoded


@dataclass(frozen=True)
class ImageLimits:
    """How much may be taken by one image."""

    memory_bytes: int = MEMORY_BYTES
    payload_bytes: int = 256 << 20
    pixels: int = 100_000_000
    side_px: int = 65535
    child_seconds: float = CHILD_SECONDS


@dataclass(frozen=True)
class VideoLimits:
    """How much may be taken by one video."""

    memory_bytes: int = MEMORY_BYTES
    item_seconds: float = ITEM_SECONDS  # of any one frame
    frame_seconds: float = 1.0  # on average, above the item_seconds
    frame_pixels: int = 40_000_000  # 8K video has 33 million
    frames: int = 1_000_000
    # of all frames together: a still scene has 5,000 a byte
    free_pixels: int = 500_000_000
    pixels_a_byte: int = 20_000

    def limit_pixels(self, video_bytes: int) -> int:
        """How many pixels the frames of a video may have in all."""
        return self.free_pixels + self.pixels_a_byte * video_bytes

    def limit_seconds(self, video_bytes: int) -> float:
        """How much processor time a video may take in all."""
        by_frames = self.frame_seconds * self.frames
        by_pixels = self.limit_pixels(video_bytes) / _SLOWEST_PIXELS
        return self.item_seconds + min(by_frames, by_pixels)


def limit_resources(memory_bytes: int, seconds: float, reserve_bytes: int = 0) -> None:
    """From now on at most `memory_bytes` more than the libraries hold already, no core dump, nothing written to files.

    And so many `seconds` of processor time, with those for one item: the kernel then ends this process, whatever runs
    in it. To be called when the libraries are loaded, and while /proc can be read. `reserve_bytes` are what
    `allow_memory` may add later.
    """
    limit = memory_bytes + _measure_data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit + reserve_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    most = math.ceil(_measure_used_s() + seconds) + ITEM_SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))


def allow_memory(num_bytes: int) -> None:
    """From now on so many bytes more, as far as the reserve goes: for what is loaded and stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (min(soft + num_bytes, hard), hard))


def allow_seconds(seconds: int) -> int:
    """From now on: the soft limit on processor time ends this process with SIGXCPU. Returns the seconds used so far."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    used_s = int(_measure_used_s())
    soft = used_s + seconds + 1
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    return used_s


def _measure_used_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _measure_data_bytes() -> int:
    """What RLIMIT_DATA counts already: the libraries' own data."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[5]) * resource.getpagesize()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )
