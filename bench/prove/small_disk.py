"""A file system in memory of a chosen size under a folder, so that a disk is really full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Callable[[int], None] | None]:
    """Mount it over an empty folder for as long as the block lasts. Gives a function that changes its size.

    None, and nothing is mounted, where this user may not mount.
    """
    size_bytes = max(size_bytes, os.sysconf("SC_PAGE_SIZE"))  # 0 would mean no limit
    if not _succeeds(
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={size_bytes}",
        "daguerre-prove",
        str(folder),
    ):
        yield None
        return

    def enlarge(size_bytes: int) -> None:
        subprocess.run(
            ["mount", "-o", f"remount,size={size_bytes}", str(folder)],
            check=True,
            capture_output=True,
        )

    try:
        yield enlarge
    finally:
        subprocess.run(
            ["umount", "--lazy", str(folder)], check=True, capture_output=True
        )


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
