"""Measure intake beside the tools that people use for the same figures, and beside the floor.

All take the same JPEGs of 640x480 in one run, in turns: a ratio is the median of those of each round. Daguerre stores
bytes, rows and ledger, all synced. The peers compute the same figures and store less or nothing; `daft_stored` stores
bytes and figures, and is synced, too. Each peer has an environment of its own, made at the first run below
DAGUERRE_HOME/bench. One that cannot be installed is named as missing.

Run: `python -m bench.intake --json`, with TMPDIR=/dev/shm for homes in memory. What the machine is like is said with
the figures. DAGUERRE_TEST_DATA may name real images; without it simulated ones are taken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from assets.disk import write_synced
from bench.peers.environment import make_environment
from bench.printing import print_figures
from orchestration.profiles import CHECKOUT

PEERS = {
    "daft": "daft==0.7.26",
    "daft_stored": "daft==0.7.26",
    "ray_data": "ray[data]==2.60.0",
    "datachain": "datachain==0.62.0",
    "pixeltable": "pixeltable==0.7.21",
    "cleanvision": "cleanvision==0.3.7",
}
# takes only one of so many images
SLOW = {"pixeltable": 4, "cleanvision": 8, "ray_data": 4, "datachain": 4}
OWN = ("daguerre", "floor", "mcap")
NEEDED = ("opencv-python-headless", "simplejpeg", "numpy")


def main() -> None:
    """Print images a second of all, and ratios, as text or as one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--growth",
        type=int,
        default=100_000,
        help="frames of the larger table; 0 leaves this out",
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="Daguerre and the floor only"
    )
    parser.add_argument(
        "--against",
        type=Path,
        help="only the ratio to Daguerre of this checkout, of small images, in turns",
    )
    options = parser.parse_args()
    if 0 < options.growth <= 10_000:
        parser.error("--growth takes more than 10,000 frames")
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        if options.against:
            figures = measure_against(
                Path(folder), options.against, options.images, options.rounds
            )
        else:
            figures = measure(
                Path(folder),
                options.images,
                options.rounds,
                [] if options.no_peers else list(PEERS),
            )
        if options.growth and not options.against:
            figures |= measure_growth(Path(folder), options.growth)
    print_figures(figures, options.json)


def measure(
    folder: Path, num_images: int, rounds: int, peers: Sequence[str]
) -> dict[str, object]:
    """Images a second of every contender (`images_per_s` is Daguerre's), and Daguerre's ratios to them."""
    sources = {name: folder / name for name in ("files", "mcap", *SLOW)}
    write_images(sources["files"], num_images)
    write_recording(sources["files"], sources["mcap"])
    for name, share in SLOW.items():
        sources[name].mkdir()
        for path in sorted(sources["files"].iterdir())[: max(1, num_images // share)]:
            os.link(path, sources[name] / path.name)
    pythons = {peer: find_environment(peer) for peer in peers}
    found: dict[str, list[float]] = {}
    for name in ("daguerre", "floor"):  # a first start compiles modules
        run_contender(name, sys.executable, sources["files"])
    for _ in range(rounds):
        for name in (*OWN, *(peer for peer, python in pythons.items() if python)):
            module = "daguerre" if name == "mcap" else name
            rate, _ = run_contender(
                module,
                pythons.get(name) or sys.executable,
                sources.get(name, sources["files"]),
            )
            found.setdefault(name, []).append(rate)

    def ratio(one: str, other: str) -> float:
        return round(
            median(a / b for a, b in zip(found[one], found[other], strict=True)), 2
        )

    others = {
        f"{name}_per_s": round(median(rates))
        for name, rates in found.items()
        if name != "daguerre"
    }

    def span(one: str, other: str) -> list[float]:
        ratios = [a / b for a, b in zip(found[one], found[other], strict=True)]
        return [round(min(ratios), 2), round(max(ratios), 2)]

    compared = [name for name in ("floor", *peers) if name in found]
    return {
        "images_per_s": round(median(found["daguerre"])),
        **others,
        **{f"ratio_{name}": ratio("daguerre", name) for name in compared},
        "ranges": {name: span("daguerre", name) for name in compared},
        "mcap_ratio_floor": ratio("mcap", "floor"),
        "missing": [peer for peer in peers if not pythons[peer]],
        "images": num_images,
        "rounds": rounds,
        **measure_machine(folder),
    }


def measure_machine(folder: Path) -> dict[str, object]:
    """What an intake rests on where `folder` lies: cores, MiB a second written and synced, ms of one small fsync.

    Medians of five: of 32 MiB, as an intake writes at once, and of 4 KiB.
    """
    speeds = [32 / time_synced(folder, os.urandom(32 << 20)) for _ in range(5)]
    waits_ms = [1e3 * time_synced(folder, os.urandom(4096)) for _ in range(5)]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "synced_mib_per_s": round(median(speeds)),
        "fsync_ms": round(median(waits_ms), 2),
    }


def time_synced(folder: Path, content: bytes) -> float:
    """Seconds to write a file and sync it."""
    path = folder / "synced"
    start = time.perf_counter()
    write_synced(path, content)
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds


def measure_against(
    folder: Path, checkout: Path, num_images: int, rounds: int
) -> dict[str, object]:
    """Images a second of this checkout and of another one, and the ratio of each round: above 1, this one is faster."""
    source = folder / "small"
    write_small_images(source, num_images)
    found: dict[Path, list[float]] = {CHECKOUT: [], checkout.resolve(): []}
    for place in found:  # a first start compiles modules
        run_contender("daguerre", sys.executable, source, place)
    for number in range(rounds):
        turns = list(found) if number % 2 else list(reversed(found))
        for place in turns:
            rate, _ = run_contender("daguerre", sys.executable, source, place)
            found[place].append(rate)
    mine, others = found.values()
    ratios = sorted(a / b for a, b in zip(mine, others, strict=True))
    return {
        "images_per_s": round(median(mine)),
        "others_per_s": round(median(others)),
        "ratio": round(median(ratios), 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "images": num_images,
        "rounds": rounds,
    }


def measure_growth(folder: Path, num_frames: int) -> dict[str, object]:
    """What a frame costs, and memory, when `num_frames` small images are one session, against a thousand of them.

    Of a thousand, starting is most of the cost; ten thousand show what it is without.
    """
    seconds = {}
    peak_mib = {}
    for count in (1_000, 10_000, num_frames):
        source = folder / f"small-{count}"
        write_small_images(source, count)
        runs = [
            run_contender("daguerre", sys.executable, source)
            for _ in range(3 if count <= 10_000 else 1)
        ]
        seconds[count] = median(1 / rate for rate, _ in runs)
        peak_mib[count] = max(peak for _, peak in runs)
        shutil.rmtree(source)
    return {
        "growth_ratio": round(seconds[num_frames] / seconds[1_000], 2),
        "growth_frames": num_frames,
        "small_ms_per_frame": {n: round(s * 1e3, 3) for n, s in seconds.items()},
        "peak_mib": peak_mib,
    }


def run_contender(
    name: str, python: str | Path, source: Path, checkout: Path = CHECKOUT
) -> tuple[float, int]:
    """Images a second and peak MiB of one run in a process of its own; what starts and imports take is left out.

    All find their files in memory, where an operating system may have let go of them meanwhile.
    """
    for path in source.iterdir():
        path.read_bytes()
    with tempfile.TemporaryDirectory() as home:
        places = {"HOME": home, "TMPDIR": home, "PIXELTABLE_HOME": f"{home}/pixeltable"}
        paths = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
        settings = {
            "PATH": paths,
            "DATACHAIN_ROOT_DIR": f"{home}/datachain",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(checkout),
        }
        (Path(home) / "datachain").mkdir()
        command = [str(python), "-m", f"bench.peers.{name}", str(source)]
        environment = {**os.environ, **places, **settings}
        done = subprocess.run(
            command,
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    return float(facts["images"] / facts["seconds"]), int(facts["peak_mib"])


def find_environment(peer: str) -> Path | None:
    """The peer's own Python; None, with a line on stderr, when it cannot be installed."""
    try:
        # what stores has the environment of what does not
        return make_environment(peer.removesuffix("_stored"), PEERS[peer], *NEEDED)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return None


def write_images(folder: Path, count: int) -> None:
    """`count` different JPEGs: a comment tells apart those that show the same."""
    folder.mkdir()
    originals = list(find_images())
    for number in range(count):
        jpeg = originals[number % len(originals)]
        mark = f"image {number:08d}".encode()
        comment = b"\xff\xfe" + (len(mark) + 2).to_bytes(2, "big") + mark
        (folder / f"{number:08d}.jpg").write_bytes(jpeg[:2] + comment + jpeg[2:])


def find_images() -> Iterator[bytes]:
    """Real JPEGs of 640x480 where there are some, else simulated ones."""
    data = Path(
        os.environ.get("DAGUERRE_TEST_DATA") or CHECKOUT.parent / "shared" / "data"
    )
    real = sorted(data.glob("detection/bccd_voc/JPEGImages/*.jpg"))
    if real:
        yield from (path.read_bytes() for path in real)
        return
    import cv2
    import numpy as np
    from skimage import data as photographs

    for number in range(200):
        image = cv2.resize(photographs.astronaut(), (900, 675))
        x, y = np.random.default_rng(number).integers(0, (260, 195))
        yield cv2.imencode(".jpg", image[y : y + 480, x : x + 640, ::-1])[1].tobytes()


def write_recording(images: Path, folder: Path) -> None:
    """The same images as one MCAP recording."""
    from assets.capture.simulation.recorder import Recorder

    recorder = Recorder()
    for number, path in enumerate(sorted(images.iterdir())):
        recorder.add_image(
            "left", path.read_bytes(), number * 33_000_000, number * 33_000_000
        )
    folder.mkdir()
    (folder / "images.mcap").write_bytes(recorder.finish())


def write_small_images(folder: Path, count: int, seed: int = 0) -> None:
    """`count` different JPEGs of 32x32; others for another seed."""
    import cv2
    import numpy as np

    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        image = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        jpeg = cv2.imencode(".jpg", cv2.resize(image, (32, 32)))[1].tobytes()
        (folder / f"{number:08d}.jpg").write_bytes(jpeg)


if __name__ == "__main__":
    main()
