"""A checkpoint is complete or invisible."""

from __future__ import annotations

import json
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
        "import os, sys; from pathlib import Path; import assets.inference.checkpoint as c; write = c.write_synced\n"
        "c.write_synced = lambda path, content: (write(path, content), os.kill(os.getpid(), 9))\n"
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


# what a reader sees of a folder until it reads the last epoch, as counts
_READER = """
import json, sys
from pathlib import Path
from assets.inference.checkpoint import read_checkpoint
folder, last = Path(sys.argv[1]), int(sys.argv[2])
seen = {"reads": 0, "absent": 0, "mixed": 0, "gone": 0}
epoch = -1
print("ready", flush=True)
while epoch < last:
    seen["reads"] += 1
    seen["gone"] += not folder.is_dir()
    try:
        weights, facts = read_checkpoint(folder)
    except FileNotFoundError:
        seen["absent"] += 1
    except ValueError:
        seen["mixed"] += 1
    else:
        seen["mixed"] += float(weights["a"][0]) != facts["epoch"]
        epoch = facts["epoch"]
print(json.dumps(seen))
"""
_REPLACEMENTS = 300


def _read_while_it_is_replaced(folder):
    write_checkpoint(folder, {"a": torch.full((9,), 0.0)}, {"epoch": 0})
    command = [sys.executable, "-c", _READER, str(folder), str(_REPLACEMENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"
        for epoch in range(1, _REPLACEMENTS + 1):
            write_checkpoint(
                folder, {"a": torch.full((9,), float(epoch))}, {"epoch": epoch}
            )
        return json.loads(reader.stdout.readline())


def test_reader_finds_a_whole_folder_while_a_writer_replaces_it_300_times(tmp_path):
    seen = _read_while_it_is_replaced(tmp_path / "best")
    assert seen.pop("reads") > 0
    assert seen == {"absent": 0, "mixed": 0, "gone": 0}
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_reader_finds_a_whole_folder_where_the_system_cannot_exchange_names(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("assets.disk._RENAME_EXCHANGE", 1 << 30)  # answered by EINVAL
    seen = _read_while_it_is_replaced(tmp_path / "best")
    assert seen["reads"] > 0
    assert (seen["absent"], seen["mixed"]) == (0, 0)
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_writer_killed_between_two_renames_leaves_the_old_checkpoint(tmp_path):
    write_checkpoint(tmp_path / "best", _WEIGHTS, {"epoch": 1})
    (tmp_path / "best").rename(tmp_path / ".best.old.0123")
    assert read_checkpoint(tmp_path / "best")[1] == {"epoch": 1}
