"""What Daguerre writes is for its user alone, unless a setting says otherwise."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def _ingest(home: Path, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "ingest", str(folder)],
        cwd=CHECKOUT,
        env={**os.environ, "DAGUERRE_HOME": str(home), **environment},
        umask=0o022,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.stderr if done.returncode else ""


def _list_modes(home: Path) -> dict[str, int]:
    """Path below the home, folders with a slash -> its permissions."""
    paths = [home, *home.rglob("*")]
    return {
        f"{path.relative_to(home)}{'/' * path.is_dir()}": stat.S_IMODE(
            path.lstat().st_mode
        )
        for path in paths
        if not path.is_symlink()
    }


@pytest.fixture
def folder(tmp_path: Path, recording: bytes) -> Path:
    folder = tmp_path / "monday"
    folder.mkdir()
    (folder / "a.mcap").write_bytes(recording)
    return folder


def test_files_of_a_home_are_for_its_user_alone(tmp_path: Path, folder: Path) -> None:
    assert _ingest(tmp_path / "home", folder) == ""
    modes = _list_modes(tmp_path / "home")
    assert {"ledger.db", "tables/frames.lance/"} <= modes.keys()
    shared = {path: oct(mode) for path, mode in modes.items() if mode & 0o077}
    assert shared == {}


def test_others_may_read_where_a_setting_says_so(tmp_path: Path, folder: Path) -> None:
    assert _ingest(tmp_path / "home", folder, DAGUERRE_UMASK="022") == ""
    modes = _list_modes(tmp_path / "home")
    assert modes["./"] == 0o755 and modes["tables/frames.lance/"] == 0o755


def test_a_mask_that_is_none_is_refused_with_what_helps(
    tmp_path: Path, folder: Path
) -> None:
    told = _ingest(tmp_path / "home", folder, DAGUERRE_UMASK="private")
    assert told.startswith("daguerre: DAGUERRE_UMASK='private' is not a mask")
    assert not (tmp_path / "home").exists()
