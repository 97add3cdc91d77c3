"""CleanVision: its own figures (dark, light, blurry, odd, low information) and its perceptual hash."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from pathlib import Path

from cleanvision import Imagelab

from bench.peers.figures import report


def run(folder: Path) -> int:
    """All images of a folder."""
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        lab = Imagelab(data_path=str(folder))
        lab.find_issues(n_jobs=len(os.sched_getaffinity(0)), verbose=False)
    return len(lab.issues)


if __name__ == "__main__":
    report(run)
