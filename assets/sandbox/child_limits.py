"""Limits that a process which decodes foreign bytes puts on itself: memory, processor time, files."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass

# heap and anonymous mappings, beyond what the libraries take to load
MEMORY_BYTES = 1 << 30
# of processor time for one image or one frame, so that none takes longer than 10
ITEM_SECONDS = 6


@dataclass(frozen=True)
class ImageLimits:
    """How much may be taken by one image."""

    memory_bytes: int = MEMORY_BYTES
    payload_bytes: int = 256 << 20
    pixels: int = 100_000_000
    side_px: int = 65535


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


def limit_resources(memory_bytes: int) -> None:
    """From now on at most `memory_bytes` more than the libraries hold already, no core dump, nothing written to files.

    To be called when the libraries are loaded.
    """
    limit = memory_bytes + _measure_data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def allow_seconds(seconds: int) -> int:
    """From now on: the soft limit on processor time ends this process with SIGXCPU. Returns the seconds used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    used_s = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + seconds + 1, hard))
    return used_s


def _measure_data_bytes() -> int:
    """What RLIMIT_DATA counts already: the libraries' own data."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[5]) * resource.getpagesize()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )
