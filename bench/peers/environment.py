"""Make the environment that a peer runs in: a virtual one of its own, kept below DAGUERRE_HOME/bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from orchestration.profiles import load_settings


def make_environment(name: str, *packages: str) -> Path:
    """The Python of the environment, made at the first call. Raises RuntimeError when it cannot be installed."""
    folder = load_settings().home / "bench" / name
    python = folder / "bin" / "python"
    if python.exists():
        return python
    noted = Path(sys.prefix) / ".uv-path"
    uv = noted.read_text().strip() if noted.exists() else shutil.which("uv") or "uv"
    for command in (
        [uv, "venv", "-q", "--python", sys.executable, str(folder)],
        [
            uv,
            "pip",
            "install",
            "-q",
            "--compile-bytecode",
            "--python",
            str(python),
            *packages,
        ],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise RuntimeError(
                f"{name} cannot be installed: {getattr(error, 'stderr', error)}"[:500]
            ) from error
    return python
