"""What a power cut takes is read from a trace of the writer: bytes and names that were not synced by then."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys

import pytest

from bench.prove.power_cuts import ROOT, Disk


def _follow(*calls):
    disk = Disk()
    for call in calls:
        disk.follow(f"17 {call}")
    return disk


_MADE = (
    'openat(AT_FDCWD</w>, "/h/a", O_RDWR|O_CREAT|O_EXCL, 0666) = 3</h/a>',
    'write(3</h/a>, "x", 1) = 1',
)


def test_file_is_on_disk_when_it_and_its_folder_are_synced_after_the_last_write():
    assert _follow(*_MADE).dirty == {"/h/a"}
    synced = _follow(*_MADE, "fsync(3</h/a>) = 0")
    assert (synced.dirty, synced.unnamed) == (set(), {"/h/a"})
    named = _follow(*_MADE, "fsync(3</h/a>) = 0", "fsync(4</h>) = 0")
    assert (named.dirty, named.unnamed) == (set(), set())
    again = _follow(*_MADE, "fsync(3</h/a>) = 0", 'write(3</h/a>, "y", 1) = 1')
    assert again.dirty == {"/h/a"}


def test_rename_takes_unsynced_bytes_along_and_makes_a_new_name():
    disk = _follow(*_MADE, 'renameat(AT_FDCWD</w>, "/h/a", AT_FDCWD</w>, "/h/b") = 0')
    assert (disk.dirty, disk.unnamed) == ({"/h/a", "/h/b"}, {"/h/a", "/h/b"})


def test_call_that_failed_or_is_under_way_changes_nothing():
    assert not _follow('mkdir("/h/d", 0777) = -1 EEXIST (File exists)').unnamed
    begun = _follow(*_MADE, "fsync(3</h/a> <unfinished ...>")
    assert begun.dirty == {"/h/a"}
    begun.follow("17 <... fsync resumed>) = 0")
    assert begun.dirty == set()


def test_cut_takes_bytes_and_names(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")
    (tmp_path / "b").write_bytes(b"1234")
    Disk(dirty={"/h/a"}, unnamed={"/h/b"}).cut("/h", tmp_path, False, random.Random(0))
    assert (tmp_path / "a").stat().st_size < 4
    assert not (tmp_path / "b").exists()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_homes_cut_at_random_moments_have_all_that_was_acknowledged():
    command = [sys.executable, "-m", "bench.prove.power_cuts", "--cuts", "6"]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    figures = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines())
    assert int(figures["acknowledged"]) > 0
    assert figures["lost"] == figures["do_not_open"] == "0"
