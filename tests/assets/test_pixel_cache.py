"""Decoded images come back as they were written, or not at all; the files keep to their limit."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assets import pixel_cache
from assets.pixel_cache import CacheRoom, PixelCache, measure_folder, name_cache

# 3 x 80 x 100 bytes are five rows of a checksum and a rest
SHAPES = [(80, 100), (1, 1), (33, 7), (80, 100)]
_FILL = """
import os, signal, sys
from pathlib import Path
from assets import pixel_cache
from tests.assets.test_pixel_cache import SHAPES, draw, open_cache
folder, writes_left = Path(sys.argv[1]), int(sys.argv[2])
write = pixel_cache._write_all
def write_or_die(*arguments):
    global writes_left
    if not writes_left:
        os.kill(os.getpid(), signal.SIGKILL)
    writes_left -= 1
    write(*arguments)
cache = open_cache(folder)
pixel_cache._write_all = write_or_die
for n in range(len(SHAPES)):
    cache.offer(n, draw(n), (9, 9), 2)
cache.settle()
"""
_RACE = """
import sys
from pathlib import Path
import numpy as np
from tests.assets.test_pixel_cache import SHAPES, draw, open_cache
cache = open_cache(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(30):
    for n in range(len(SHAPES)):
        found = cache.read(n)
        assert found is None or np.array_equal(found, draw(n))
        cache.offer(n, draw(n), (9, 9), 2)
cache.settle()
"""


def draw(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(
        0, 256, (*SHAPES[number], 3), np.uint8
    )


def open_cache(folder: Path, limit_bytes: int = 2**20, name: str = "a") -> PixelCache:
    capacities = np.array([3 * height * width for height, width in SHAPES])
    cache = PixelCache.open(CacheRoom(folder, limit_bytes), name, capacities)
    assert cache is not None
    return cache


def fill(cache: PixelCache) -> None:
    for n in range(len(SHAPES)):
        cache.offer(n, draw(n), (9, 9), 2)
    cache.settle()


def list_kept(cache: PixelCache) -> list[int]:
    """Those that can be read; each of them must be what was drawn."""
    found = {n: cache.read(n) for n in range(len(SHAPES))}
    kept = [n for n, image in found.items() if image is not None]
    for n in kept:
        np.testing.assert_array_equal(found[n], draw(n))
    return kept


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_what_was_offered_is_read_by_who_opens_the_file_next(tmp_path):
    cache = open_cache(tmp_path)
    assert list_kept(cache) == [] and cache.find(0) is None
    fill(cache)
    for reader in (cache, open_cache(tmp_path)):
        assert list_kept(reader) == [0, 1, 2, 3]
        record = reader.find(2)
        assert record is not None
        assert (record.shape_hw, record.stored_hw, record.divisor) == (
            (33, 7),
            (9, 9),
            2,
        )


def flip_a_bit(content: bytearray, begin: int) -> None:
    content[begin + 5000] ^= 1


def flip_the_last_bit(content: bytearray, begin: int) -> None:
    content[begin + 3 * 80 * 100 - 1] ^= 1


def lose_a_page(content: bytearray, begin: int) -> None:
    content[begin + 4096 : begin + 8192] = bytes(4096)


def swap_rows(content: bytearray, begin: int) -> None:
    one, other = slice(begin, begin + 4096), slice(begin + 4096, begin + 8192)
    content[one], content[other] = content[other], content[one]


def swap_words(content: bytearray, begin: int) -> None:
    one, other = slice(begin, begin + 8), slice(begin + 8, begin + 16)
    content[one], content[other] = content[other], content[one]


def change_a_size(content: bytearray, begin: int) -> None:
    content[16] ^= 1  # the height, in the first record


def change_the_divisor(content: bytearray, begin: int) -> None:
    content[32] ^= 1


def cut_the_file(content: bytearray, begin: int) -> None:
    del content[begin + 100 :]


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        flip_the_last_bit,
        lose_a_page,
        swap_rows,
        swap_words,
        change_a_size,
        change_the_divisor,
        cut_the_file,
    ],
)
def test_a_damaged_image_is_not_read_and_can_be_written_anew(
    tmp_path, caplog, damage: Callable[[bytearray, int], None]
):
    cache = open_cache(tmp_path)
    fill(cache)
    content = bytearray(cache.path.read_bytes())
    damage(content, content.index(draw(0).tobytes()))
    cache.path.write_bytes(content)
    intact = [] if damage is cut_the_file else [1, 2, 3]
    assert list_kept(cache) == intact and "as they were written" in caplog.text
    fill(cache)
    assert list_kept(cache) == [0, 1, 2, 3]


# two writes an image: of its pixels, and of its record
@pytest.mark.parametrize(("num_writes", "kept"), [(1, []), (2, [0]), (5, [0, 1])])
def test_who_is_killed_while_filling_leaves_whole_images(tmp_path, num_writes, kept):
    killed = start(_FILL, tmp_path, num_writes)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    cache = open_cache(tmp_path)
    assert list_kept(cache) == kept
    fill(cache)
    assert list_kept(cache) == [0, 1, 2, 3]


def test_racing_fillers_read_whole_images_alone(tmp_path):
    racing = [start(_RACE, tmp_path) for _ in range(3)]
    for one in racing:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in racing:
        one.communicate("go\n")
    assert [one.returncode for one in racing] == [0, 0, 0]
    assert list_kept(open_cache(tmp_path)) == [0, 1, 2, 3]


def test_images_beyond_the_limit_are_not_kept(tmp_path):
    limit = 30_000  # records, the first three images, and not the last
    cache = open_cache(tmp_path, limit)
    fill(cache)
    assert list_kept(cache) == [0, 1, 2]
    assert cache.path.stat().st_size <= limit
    del cache
    more = open_cache(tmp_path, 60_000)
    assert list_kept(more) == [0, 1, 2]
    fill(more)
    assert list_kept(more) == [0, 1, 2, 3]


def test_a_lower_limit_takes_images_away_unless_somebody_reads_them(tmp_path):
    first = open_cache(tmp_path)
    fill(first)
    second = open_cache(tmp_path, 30_000)
    assert list_kept(first) == list_kept(second) == [0, 1, 2, 3]
    del first, second
    assert list_kept(open_cache(tmp_path, 30_000)) == [0, 1, 2]
    assert open_cache(tmp_path, 2**20).find(3) is None


def test_nothing_is_kept_at_a_limit_of_nothing(tmp_path):
    room = CacheRoom(tmp_path / "pixels", 0)
    assert PixelCache.open(room, "a", np.array([30])) is None
    assert not room.folder.exists()


def test_files_that_nobody_uses_make_room_the_longest_unused_first(tmp_path):
    size = open_cache(tmp_path).path.stat().st_size
    for age_s, name in enumerate(("newer", "older", "used")):
        used = open_cache(tmp_path, 2**20, name)
        os.utime(used.path, (1000 - age_s, 1000 - age_s))
    (tmp_path / "a.pixels").unlink()
    open_cache(tmp_path, 3 * size, "b")
    assert sorted(p.stem for p in tmp_path.glob("*.pixels")) == ["b", "newer", "used"]
    del used
    open_cache(tmp_path, 2 * size, "b")
    assert sorted(p.stem for p in tmp_path.glob("*.pixels")) == ["b", "newer"]


def test_a_file_that_is_removed_costs_time_alone(tmp_path):
    cache = open_cache(tmp_path)
    fill(cache)
    cache.path.unlink()
    assert list_kept(cache) == [0, 1, 2, 3]
    assert list_kept(open_cache(tmp_path)) == []


def test_a_full_disk_ends_the_filling(tmp_path, caplog, monkeypatch):
    cache = open_cache(tmp_path)

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    fill(cache)
    assert "No space left on device): images are decoded each time" in caplog.text
    assert list_kept(cache) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path, caplog):
    (tmp_path / "file").touch()
    room = CacheRoom(tmp_path / "file" / "pixels", 2**20)
    assert PixelCache.open(room, "a", np.array([30])) is None
    assert "are decoded each time" in caplog.text


def test_an_offer_that_the_disk_has_no_time_for_is_not_taken(tmp_path, lower):
    lower(pixel_cache, _WAITING_BYTES=3 * 80 * 100 - 1)
    cache = open_cache(tmp_path)
    fill(cache)
    assert list_kept(cache) == [1, 2]


def test_the_name_tells_frames_form_and_code_apart():
    names = [
        name_cache(*arguments)
        for arguments in (
            (["a", "b"], "form", "1"),
            (["b", "a"], "form", "1"),
            (["a", "b"], "other", "1"),
            (["a", "b"], "form", "2"),
        )
    ]
    assert len(set(names)) == 4 and names[0] == name_cache(["a", "b"], "form", "1")


def test_what_is_not_filled_takes_no_disk(tmp_path):
    capacities = np.array([2**24, 2**24])
    cache = PixelCache.open(CacheRoom(tmp_path, 2**30), "a", capacities)
    assert cache is not None and cache.path.stat().st_size > 2**25
    assert measure_folder(tmp_path) < 2**16
    image = np.full((2048, 2048, 3), 7, np.uint8)
    cache.offer(0, image, (2048, 2048), 1)
    cache.settle()
    os.fsync(cache._descriptor)
    assert image.nbytes <= measure_folder(tmp_path) < 2 * image.nbytes
