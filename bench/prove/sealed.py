"""Put sealed recordings through all that a home makes of them, and look for what only their originals show: 0 places.

Simulated recordings are taken in under a privacy policy that covers a box of each colour camera. In that box each
original has a square in a colour that nothing else has, and its depth image a plate at a depth that nothing else has.
Then: a release, a detector that learns from it, answers, tracks, depth of two cameras, sparse model, path and mesh, the
report, exports. Sought are the colour and the depth in every picture, point and array of the home and of what was
exported; and, so that a search which finds nothing says something, in an original that `daguerre unseal` writes. Not
looked into are Rerun recordings, whose chunks are packed, and the landing zone, which is its owner's.

Run: `python -m bench.prove.sealed --json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.capture.simulate import SimulationSpec, simulate
from assets.capture.simulation import capture
from assets.ply import read_ply
from bench.printing import make_parser, print_figures
from bench.prove.canaries import list_contents, list_pictures

SESSIONS = ("alpha", "beta", "gamma")
SIZE_PX = (160, 120)
BOX = (8, 8, 56, 48)  # covered, in px
PLANTED = np.s_[16:40, 16:48]  # inside of it
COLOR_RGB, DEPTH_M = (255, 0, 255), 0.777
_LEAST_PX = 4
# of arrays of pixels, such as those that training keeps: RGB and BGR look alike
_RAW = re.compile(rb"(?:[\xe8-\xff][\x00-\x20][\xe8-\xff]){8}")


def main() -> None:
    """Print what was made and what was found; exit 1 where something shows."""
    options = make_parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures, shown = prove(Path(folder))
    print_figures(figures, options.json)
    for line in shown:
        print(line, file=sys.stderr)
    sys.exit(1 if shown else 0)


def prove(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Figures, and the places that show an original."""
    home, out = folder / "home", folder / "out"
    out.mkdir()
    record(home / "landing")
    run = Runner(home)
    made = make_all(run)
    export_all(run, out, made)
    (frame,) = run("query", "select frame_id from sealed_frames limit 1")["rows"]
    asked = ("unseal", frame["frame_id"], "--because", "a control of this look")
    run(*asked, "--out", str(folder / "original"))
    look = Look(folder)
    if not look.find_shown(folder / "original"):
        raise SystemExit("the look finds nothing in an original: it proves nothing")
    places = [p for p in sorted([*home.iterdir(), out]) if p.name != "landing"]
    shown = [line for place in places for line in look.find_shown(place)]
    looked = {name: n for name, n in look.num_pictures.items() if n}
    figures = {"seconds": run.seconds, "pictures": looked, "shown": len(shown)}
    return made | figures, shown


def record(landing: Path) -> None:
    """A session each, with its policy beside it."""
    regions = ", ".join(f"{name}: [{[*BOX]}]" for name in ("left", "right"))
    width, height = SIZE_PX
    encode = capture._encode_jpeg, capture._encode_depth

    def paint(image_rgb: NDArray[np.uint8]) -> bytes:
        painted = image_rgb.copy()
        painted[PLANTED] = COLOR_RGB
        return encode[0](painted)

    def put_plate(depth_m: NDArray[np.float32]) -> bytes:
        changed = depth_m.copy()
        changed[PLANTED] = DEPTH_M
        return encode[1](changed)

    with (
        mock.patch.object(capture, "_encode_jpeg", paint),
        mock.patch.object(capture, "_encode_depth", put_plate),
    ):
        for seed, session in enumerate(SESSIONS):
            spec = SimulationSpec(1, 1.5, seed, None, None, width, height, 8.0)
            simulate(landing / session, spec)
            policy = f"privacy: {{faces: false, regions: {{{regions}}}}}\n"
            (landing / session / "daguerre.yaml").write_text(policy)


class Runner:
    """Verbs on a home, each in a process of its own."""

    def __init__(self, home: Path) -> None:
        self._environment = {**os.environ, "DAGUERRE_HOME": str(home)}
        self.home = home
        self.seconds: dict[str, float] = {}

    def __call__(self, *words: str, codes: tuple[int, ...] = (0,)) -> Any:
        """Its facts. Raises SystemExit with what it says where it ends otherwise."""
        began_s = time.monotonic()
        command = [sys.executable, "-m", "orchestration.cli", *words, "--json"]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True
        )
        if done.returncode not in codes:
            raise SystemExit(f"{' '.join(words)} exits {done.returncode}: {done.stderr}")  # fmt: skip
        self.seconds[words[0]] = round(time.monotonic() - began_s, 1)
        return json.loads(done.stdout)


def make_all(run: Runner) -> dict[str, Any]:
    """Everything that is made of recordings, of the first of them where it is made by session."""
    for session in SESSIONS:
        run("ingest", str(run.home / "landing" / session))
    # the gate may refuse so short a training, and the checks so small a world
    run("train", "detection", "--recipe", "tiny_detection", codes=(0, 1))
    (model,) = run("query", "select model_sha256, release_id from models")["rows"]
    first = SESSIONS[0]
    of_model = ("--model", model["model_sha256"][:16])
    run("predict", first, *of_model)
    tracked = run("track", first, *of_model)
    depth = run("depth", first, codes=(0, 1))
    sparse = run("reconstruct", first, codes=(0, 1))
    fused = run("fuse", first, codes=(0, 1))
    run("report")
    return {
        "frames": run("query", "select count(*) n from frames")["rows"][0]["n"],
        "release_id": model["release_id"],
        "tracks": sum(one["tracks"] for one in tracked),
        "depth_maps": depth["made"],
        "sparse_model_id": sparse["model"]["sparse_model_id"],
        "sparse_images": len(sparse["images"]),
        "meshes": fused["meshes_made"],
    }


def export_all(run: Runner, out: Path, made: dict[str, Any]) -> None:
    """Each kind of export that has pictures, points or colours."""
    first = SESSIONS[0]
    for words in (
        ("frames", str(out / "frames"), "--format", "coco"),
        ("labels", str(out / "labels"), "--task", "detection"),
        ("release", made["release_id"], str(out / "release")),
        (
            "sparse",
            made["sparse_model_id"],
            str(out / "sparse"),
            "--format",
            "colmap-text",
        ),
        ("mesh", first, str(out / "mesh")),
    ):
        run("export", *words)


class Look:
    """Through files and tables. `num_pictures` says what was looked at, by place: what has the same bytes once."""

    def __init__(self, below: Path) -> None:
        self._below = below
        self._seen: set[bytes] = set()  # versions of a table share most cells
        self.num_pictures = Counter[str]()

    def find_shown(self, place: Path) -> list[str]:
        """The files and tables of a file or folder that show what was planted."""
        found = {}
        for path, content in list_contents(place):
            digest = hashlib.sha256(content).digest()
            if digest in self._seen:
                continue
            self._seen.add(digest)
            where = Path(path).relative_to(self._below)
            pictures = [*list_pictures(content, cv2.IMREAD_UNCHANGED)]
            self.num_pictures["/".join(where.parts[:2])] += len(pictures)
            if _shows(content, pictures):
                found[str(where)] = None
        return list(found)


def _shows(content: bytes, pictures: Sequence[NDArray[Any]]) -> bool:
    """Whether the colour or the depth is in a file: as pixels, in a picture, a mesh or a list of points."""
    return bool(
        _RAW.search(content)
        or any(map(_has_planted, pictures))
        or _has_color(_read_colors(content))
    )


def _has_planted(picture: NDArray[Any]) -> bool:
    if picture.dtype == np.uint16:
        return bool(np.mean(picture[PLANTED] == round(DEPTH_M * 1000)) > 0.5)
    return _has_color(picture[..., :3]) if picture.ndim == 3 else False


def _has_color(colors: NDArray[Any]) -> bool:
    """(..., 3), in either order."""
    red, green, blue = (colors[..., n].astype(int) for n in range(3))
    alike = (red > 200) & (green < 70) & (blue > 200)
    return int(alike.sum()) >= _LEAST_PX


def _read_colors(content: bytes) -> NDArray[np.uint8]:
    """Of the vertices of a mesh, or the points of COLMAP's text, (N, 3) RGB."""
    if content.startswith(b"ply\n"):
        return read_ply(content).colors
    if content.startswith(b"# 3D point list"):
        lines = (line.split() for line in content.decode().splitlines())
        found = [line[4:7] for line in lines if line and line[0].isdigit()]
        return np.array(found, np.uint8).reshape(-1, 3)
    return np.zeros((0, 3), np.uint8)


if __name__ == "__main__":
    main()
