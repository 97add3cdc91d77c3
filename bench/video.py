"""Measure what a video costs: to take in, to store, to read through, and to look into anywhere.

Videos of 1080p at 30 frames a second, a key frame each 60, are made by PyAV at the rate of a camera's: 3.6 Mbit/s. In
turns in each round: intake of this build, and of a former one with `--against`; reading through, beside PyAV alone to
the same pixels, and to those of its fastest conversion, whose colours are rougher. Ratios are medians of those of each
round. In turns at each frame: a look into anywhere by this build, by PyAV alone, which opens and seeks, and the least
that decoding takes: an open video, two threads, what nothing builds on left out, no colours converted.

Run: `python -m bench.video --json`, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import cv2
import numpy as np

from assets.capture.intake import Intake
from assets.ledger import Ledger
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog

SIZE_WH = (1920, 1080)
FPS = 30
GOP = 60
BITS_PER_S = 3_600_000
_CODECS = {
    "h264": ("libx264", {"x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0"}),
    "h265": (
        "libx265",
        {
            "x265-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:log-level=error",
            "preset": "fast",
        },
    ),
}
_BATCH = 32
_SAMPLES = 100


def main() -> None:
    """Print the figures of each codec, as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=int, default=10, help="of video")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="a checkout of a former build")
    parser.add_argument("--ingest", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ingest:
        print(time_intake(*map(Path, asked.ingest)))
        return
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = {
            codec: measure(codec, Path(folder), asked.seconds, asked.rounds, asked)
            for codec in _CODECS
        }
    if asked.json:
        print(json.dumps(figures))
        return
    for codec, found in figures.items():
        print(f"{codec}: " + ", ".join(f"{name} {v}" for name, v in found.items()))


def measure(
    codec: str, folder: Path, seconds: int, rounds: int, asked: argparse.Namespace
) -> dict[str, float]:
    """All figures of one codec."""
    session = folder / codec
    session.mkdir()
    video = session / "camera.mp4"
    write_video(video, codec, seconds * FPS)
    times: dict[str, list[float]] = {}
    home = folder / f"{codec}-home"
    for number in range(rounds):
        home = folder / f"{codec}-home-{number}"
        times.setdefault("intake", []).append(_run_intake(Path.cwd(), session, home))
        if asked.against and number < 2:
            former = folder / f"{codec}-former-{number}"
            times.setdefault("former", []).append(
                _run_intake(asked.against, session, former)
            )
    catalog = Catalog(str(home / "tables"))
    payloads = _list_payloads(catalog)
    readers: dict[str, Callable[[], int]] = {
        "ours": lambda: _read_through(catalog, payloads),
        "same": lambda: _read_by_pyav(video, is_exact=True),
        "rough": lambda: _read_by_pyav(video, is_exact=False),
    }
    _read_through(catalog, payloads[:1])  # its child is there
    for _ in range(rounds):
        for name, read in readers.items():
            start = time.perf_counter()
            if read() != len(payloads):
                raise RuntimeError(f"{name} did not read all frames")
            times.setdefault(name, []).append(time.perf_counter() - start)
    with _Floor(video) as floor:
        looks_ms = _look_anywhere(
            len(payloads),
            {
                "ours": lambda n: _read_through(catalog, [payloads[n]]),
                "pyav": lambda n: _seek_by_pyav(video, n),
                "floor": floor.decode,
            },
        )
    size = video.stat().st_size
    found = {
        "source_mb": round(size / 1e6, 2),
        "stored_ratio": round(_count_bytes(home) / size, 4),
        "intake_s": round(median(times["intake"]), 2),
        "frames_per_s": round(len(payloads) / median(times["ours"]), 1),
        "ratio_pyav_same_pixels": _ratio(times["same"], times["ours"]),
        "ratio_pyav_rough": _ratio(times["rough"], times["ours"]),
        "random_p50_ms": round(median(looks_ms["ours"]), 1),
        **{f"random_p95_ms_{name}": _p95(taken) for name, taken in looks_ms.items()},
    }
    if asked.against:
        found["ratio_intake_former"] = _ratio(times["former"], times["intake"])
    return found


def write_video(path: Path, codec: str, num_frames: int) -> None:
    """A camera that moves over a textured plane with grain, and a disc that moves on its own."""
    import av

    rng = np.random.default_rng(0)
    width, height = SIZE_WH
    noise = rng.integers(0, 256, (height + 400, width + 800, 3), dtype=np.uint8)
    plane = cv2.normalize(
        cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX
    )
    grain = rng.integers(-3, 4, (8, height, width, 3), dtype=np.int8)
    name, options = _CODECS[codec]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(name, rate=FPS, options=options)
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = BITS_PER_S
        for n in range(num_frames):
            down, right = n % 400, 2 * n % 800
            view = plane[down : down + height, right : right + width].astype(np.int16)
            view = np.clip(view + grain[n % 8], 0, 255).astype(np.uint8)
            cv2.circle(view, (200 + 5 * n % width, height // 2), 90, (0, 0, 255), -1)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="bgr24")))
        out.mux(stream.encode(None))


def time_intake(session: Path, home: Path) -> float:
    """Seconds that a worker takes to take in a session, without the time to load Python."""
    home.mkdir()
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    blobs = BlobStore(str(home / "blobs"))
    intake = Intake(Catalog(str(home / "tables")), ledger, blobs, "bench")
    start = time.perf_counter()
    report = intake.ingest(Folder(str(session)), "bench")
    taken_s = time.perf_counter() - start
    if not report.frames or report.quarantined:
        raise RuntimeError(f"the session was not taken in: {report}")
    return taken_s


def _run_intake(checkout: Path, session: Path, home: Path) -> float:
    """In a process of its own, by the code of a checkout."""
    done = subprocess.run(
        [sys.executable, __file__, "--ingest", str(session), str(home)],
        env={**os.environ, "PYTHONPATH": str(checkout.resolve())},
        cwd=checkout,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


def _list_payloads(catalog: Catalog) -> list[bytes]:
    rows = catalog.read_latest("frames", ["payload", "sequence"])
    payloads: list[bytes] = rows.sort_by("sequence")["payload"].to_pylist()
    return payloads


def _read_through(catalog: Catalog, payloads: list[bytes]) -> int:
    from assets.video_frames import unpack

    return sum(
        len(unpack(catalog, payloads[at : at + _BATCH]))
        for at in range(0, len(payloads), _BATCH)
    )


def _read_by_pyav(path: Path, is_exact: bool) -> int:
    import av
    from av.video.reformatter import Interpolation

    exact = (
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT
        | Interpolation.FULL_CHR_H_INT
    )
    wishes: dict[str, Any] = {"interpolation": exact} if is_exact else {}
    number = 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            frame.to_ndarray(format="bgr24", **wishes)
            number += 1
    return number


def _look_anywhere(
    num_frames: int, looks: dict[str, Callable[[int], object]]
) -> dict[str, list[float]]:
    """Milliseconds to one frame, each time another, for each way in turns."""
    rng = random.Random(0)
    taken_ms: dict[str, list[float]] = {name: [] for name in looks}
    for _ in range(_SAMPLES):
        number = rng.randrange(num_frames)
        for name, look in looks.items():
            start = time.perf_counter()
            look(number)
            taken_ms[name].append((time.perf_counter() - start) * 1e3)
    return taken_ms


class _Floor:
    """An open video of a constant rate, from which one frame at a time is decoded by PyAV, and left in its colours."""

    def __init__(self, path: Path) -> None:
        import av

        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 2
        self._stream.codec_context.thread_type = "FRAME"

    def __enter__(self) -> _Floor:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def decode(self, number: int) -> Any:
        stream = self._stream
        context = stream.codec_context
        assert stream.time_base and stream.average_rate
        wanted = round(number / stream.average_rate / stream.time_base)
        self._container.seek(wanted, stream=stream)
        frames: list[Any] = []
        for packet in self._container.demux(stream):
            is_wanted = packet.pts == wanted
            context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            frames += packet.decode() if packet.size else []
            if is_wanted:
                break
        frames += context.decode(None)
        context.flush_buffers()
        return next(frame for frame in frames if frame.pts == wanted)


def _seek_by_pyav(path: Path, number: int) -> Any:
    """A frame of a constant rate: from the key frame before it on, which PyAV finds."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base and stream.average_rate
        wanted = round(number / stream.average_rate / stream.time_base)
        container.seek(wanted, stream=stream)
        for frame in container.decode(stream):
            if frame.pts is not None and frame.pts >= wanted:
                return frame.to_ndarray(format="bgr24")
    raise RuntimeError(f"frame {number} was not found")


def _p95(taken_ms: list[float]) -> float:
    return round(quantiles(taken_ms, n=20)[18], 1)


def _count_bytes(home: Path) -> int:
    return sum(
        path.stat().st_size
        for name in ("blobs", "tables")
        for path in (home / name).rglob("*")
        if path.is_file()
    )


def _ratio(others: list[float], ours: list[float]) -> float:
    """How many times as fast as the others."""
    pairs = [other / mine for other, mine in zip(others, ours, strict=False)]
    return round(median(pairs), 3)


if __name__ == "__main__":
    main()
