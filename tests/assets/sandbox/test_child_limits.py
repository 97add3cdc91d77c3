"""What a process of ours may take after it limited itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from assets.sandbox.child_limits import VideoLimits

IMPORT = "from assets.sandbox.child_limits import *\n"


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    """Python after these lines; a process that goes on for a minute fails the test."""
    return subprocess.run(
        [sys.executable, "-c", IMPORT + "\n".join(lines)],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )


def test_more_memory_than_the_limit_is_not_given():
    # 1 MiB more than it has, of which the interpreter has some left
    assert run("limit_resources(1 << 20, 60)", "bytearray(1 << 10)").returncode == 0
    done = run("limit_resources(1 << 20, 60)", "bytearray(9 << 20)")
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_memory_is_allowed_later_as_far_as_the_reserve_goes():
    limit, nine_more = "limit_resources(1 << 20, 60, 16 << 20)", "bytearray(9 << 20)"
    assert run(limit, nine_more).returncode == 1
    assert run(limit, "allow_memory(12 << 20)", nine_more).returncode == 0
    done = run(limit, "allow_memory(64 << 20)", "bytearray(32 << 20)")
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_no_file_is_written(tmp_path: Path):
    lines = f"open({str(tmp_path / 'a')!r}, 'wb', buffering=0).write(b'x')", "quit(7)"
    assert run(*lines).returncode == 7
    done = run("limit_resources(1 << 30, 60)", *lines)
    assert done.returncode == 1 and "File too large" in done.stderr


def test_more_processor_time_than_the_limit_ends_the_process():
    done = run("allow_seconds(0)", "while True: pass")
    assert done.returncode == -signal.SIGXCPU


def test_the_kernel_ends_a_process_that_takes_more_than_all_its_time():
    """Also one in which something else runs by then, that lets the soft limit pass."""
    deaf = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)"
    one_second = "ITEM_SECONDS = 0; limit_resources.__globals__['ITEM_SECONDS'] = 0"
    done = run(deaf, one_second, "limit_resources(1 << 30, 0)", "while True: pass")
    assert done.returncode == -signal.SIGKILL


def test_all_time_of_a_video_grows_with_its_bytes_up_to_that_of_its_frames():
    limits = VideoLimits(free_pixels=500_000_000, pixels_a_byte=20_000, item_seconds=6)
    assert limits.limit_seconds(100_000) == 6 + 500 + 2000
    assert limits.limit_seconds(1 << 40) == 6 + 1_000_000
