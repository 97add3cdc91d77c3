"""What a process of ours may take after it limited itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

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
    assert run("limit_resources(1 << 20)", "bytearray(1 << 10)").returncode == 0
    done = run("limit_resources(1 << 20)", "bytearray(9 << 20)")
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_no_file_is_written(tmp_path: Path):
    lines = f"open({str(tmp_path / 'a')!r}, 'wb', buffering=0).write(b'x')", "quit(7)"
    assert run(*lines).returncode == 7
    done = run("limit_resources(1 << 30)", *lines)
    assert done.returncode == 1 and "File too large" in done.stderr


def test_more_processor_time_than_the_limit_ends_the_process():
    done = run("allow_seconds(0)", "while True: pass")
    assert done.returncode == -signal.SIGXCPU
