"""Copies of models beyond the limit go, the longest unused first: none that is in use, none that the store lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from assets.inference.copies import hold_copy, trim_copies
from assets.storage import BlobStore

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"))


@pytest.fixture
def make(tmp_path: Path, blobs: BlobStore):
    """make("a", age_s=9): a copy of 100 bytes below the models, whose package is stored."""

    def make(letter: str, age_s: int, is_stored: bool = True) -> Path:
        folder = tmp_path / "models" / "detection" / (letter * 16)
        folder.mkdir(parents=True)
        facts = letter.encode() * 40
        (folder / "model.json").write_bytes(facts)
        (folder / "model.safetensors").write_bytes(bytes(60))
        if is_stored:
            blobs.put(BytesIO(facts))
        os.utime(folder, (1e9 - age_s, 1e9 - age_s))
        return folder

    return make


def test_the_longest_unused_goes_first_and_no_more_than_is_needed(
    tmp_path, blobs, make
):
    old, older, new = make("a", 20), make("b", 30), make("c", 10)
    assert trim_copies(tmp_path / "models", blobs, 200) == [older]
    assert old.exists() and new.exists() and not older.exists()
    assert trim_copies(tmp_path / "models", blobs, 200) == []
    assert trim_copies(tmp_path / "models", blobs, 0) == [old, new]
    assert list((tmp_path / "models" / "detection").iterdir()) == []


def test_to_open_one_is_to_use_it(tmp_path, blobs, make):
    first, second = make("a", 20), make("b", 10)
    code = (
        "import sys\nfrom pathlib import Path\nfrom assets.inference.copies import hold_copy\n"
        "hold_copy(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(first)], cwd=CHECKOUT, check=True)
    assert trim_copies(tmp_path / "models", blobs, 100) == [second]


def test_what_a_process_uses_stays_until_it_ends(tmp_path, blobs, make):
    used, other = make("a", 20), make("b", 10)
    code = (
        "import sys\nfrom pathlib import Path\nfrom assets.inference.copies import hold_copy\n"
        "hold_copy(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(used)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        assert trim_copies(tmp_path / "models", blobs, 0) == [other]
        process.kill()
    assert trim_copies(tmp_path / "models", blobs, 0) == [used]


def test_what_the_store_lacks_and_what_is_to_be_kept_stays(tmp_path, blobs, make):
    alone, kept = make("a", 20, is_stored=False), make("b", 10)
    assert trim_copies(tmp_path / "models", blobs, 0, keep=[kept]) == []
    assert alone.exists() and kept.exists()


def test_a_folder_that_is_gone_is_not_held_and_one_that_is_new_is(tmp_path, make):
    folder = make("a", 20)
    assert hold_copy(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert not hold_copy(folder)
    folder.mkdir()
    assert hold_copy(folder)
