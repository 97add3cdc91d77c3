"""A checkpoint is complete or invisible."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from assets.inference.checkpoint import read_checkpoint, write_checkpoint

_WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


def test_round_trip(tmp_path):
    write_checkpoint(tmp_path / "best", _WEIGHTS, {"epoch": 3})
    weights, facts = read_checkpoint(tmp_path / "best")
    assert facts == {"epoch": 3}
    assert weights.keys() == _WEIGHTS.keys() and all(
        torch.equal(weights[k], v) for k, v in _WEIGHTS.items()
    )


def test_newer_checkpoint_replaces_the_older_and_leaves_nothing_behind(tmp_path):
    for epoch in (0, 1):
        write_checkpoint(tmp_path / "best", _WEIGHTS, {"epoch": epoch})
    assert read_checkpoint(tmp_path / "best")[1] == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_process_killed_while_writing_leaves_no_checkpoint(tmp_path):
    dies = (
        "import os, sys; from pathlib import Path; import assets.inference.checkpoint as c; write = c._write_flushed\n"
        "c._write_flushed = lambda path, content: (write(path, content), os.kill(os.getpid(), 9))\n"
        "c.write_folder(Path(sys.argv[1]), {'weights.safetensors': b'x', 'manifest.json': b'{}'})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", dies, str(tmp_path / "best")], timeout=60
    )
    assert ended.returncode == -9
    assert not (tmp_path / "best").exists()
    assert len(list(tmp_path.iterdir())) == 1  # what it had begun, hidden
    with pytest.raises(FileNotFoundError, match="not a complete checkpoint"):
        read_checkpoint(tmp_path / "best")


def test_changed_byte_is_found(tmp_path):
    write_checkpoint(tmp_path / "best", _WEIGHTS, {})
    path = tmp_path / "best" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"weights\.safetensors has changed"):
        read_checkpoint(tmp_path / "best")
