"""Measure `daguerre serve` beside bare ONNX Runtime and beside LitServe: images a second, latency, memory.

All have the same net (a recogniser at 224 px whose weights are random), the same JPEGs of 320x240, the same two cores,
two processes of one thread that compute, and batches of up to four. Load is open-loop, from this machine: requests
come at a rate, whoever waits. Bare ONNX Runtime decodes and runs full batches without anybody who asks. The servers are
up at once, and take turns, in each round at rates that are shares of the bare rate: the rate of a server is the highest
at which all is answered and 99 of 100 within the bound; `per_s` are the answers a second where more is offered than
anybody can answer; `work_ms` is the processor time of a server's processes an answer, which other work on the machine
changes little, and `ratio_litserve_work` what it allows in throughput. Memory is the proportional share (PSS) of all
processes of a server after that. Nothing is sampled.

Run: `python -m bench.serving --json`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.peers.environment import make_environment
from bench.peers.onnx_images import MODEL, SIDE
from bench.peers.open_loop import Load, offer
from bench.printing import make_parser, print_figures
from orchestration.profiles import CHECKOUT

OWN, PEER = "daguerre", "litserve"
PACKAGES = (
    "litserve==0.2.19",
    "onnxruntime==1.31.1",
    "opencv-python-headless",
    "numpy",
)
CORES = 2
BATCH = 4
SIDE_PX = 224
NUM_IMAGES = 64
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BOUND_MS = 250.0
CLASSES = tuple(f"class_{number}" for number in range(10))
_START_S = 120.0


@dataclass
class Server:
    """A server under load, and what was found of it, a number a round."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    requests: list[bytes]
    full: list[float] = field(default_factory=list)
    steady: list[float] = field(default_factory=list)
    loads: list[dict[str, Any]] = field(default_factory=list)
    works: list[float] = field(default_factory=list)  # ms of processor an answer

    def offer(self, rate: float, seconds: float) -> Load:
        """Offer a rate, and note what became of it."""
        worked_s = self.measure_work_s()
        load = asyncio.run(offer(self.port, self.requests, rate, seconds))
        work_ms = 1e3 * (self.measure_work_s() - worked_s) / max(1, len(load.latencies_s))  # fmt: skip
        self.works.append(work_ms)
        self.loads.append(
            {
                "offered": round(rate, 1),
                "answered": round(load.per_second, 1),
                "p50_ms": round(load.quantile_ms(0.5), 1),
                "p99_ms": round(load.quantile_ms(0.99), 1),
                "work_ms": round(work_ms, 2),
                "statuses": load.statuses,
            }
        )
        return load

    def share_priority(self) -> None:
        """Linux groups processes by session for its scheduler: those in sessions of their own get what we have."""
        own = Path("/proc/self/autogroup")
        if not own.exists():
            return
        nice = own.read_text().rpartition(" ")[2].strip()
        root = psutil.Process(self.process.pid)
        for one in [root, *root.children(recursive=True)]:
            Path(f"/proc/{one.pid}/autogroup").write_text(nice)

    def measure_work_s(self) -> float:
        """Processor time of all its processes so far."""
        root = psutil.Process(self.process.pid)
        times = [p.cpu_times() for p in [root, *root.children(recursive=True)]]
        return sum(one.user + one.system for one in times)

    def measure_mib(self) -> float:
        """Of all its processes."""
        root = psutil.Process(self.process.pid)
        family = [root, *root.children(recursive=True)]
        return sum(one.memory_full_info().pss for one in family) / 2**20

    def end(self) -> None:
        """End it with all its processes."""
        root = psutil.Process(self.process.pid)
        family = root.children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for one in family:
            if one.is_running():
                one.kill()


def main() -> None:
    """Print the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="at each rate")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="daguerre-serving-") as folder:
        figures = measure(Path(folder), options.rounds, options.seconds)
    print_figures(figures, options.json)


def measure(folder: Path, rounds: int, seconds: float) -> dict[str, object]:
    """All figures; those of a peer that cannot be installed are absent, and the reason stands in `error`."""
    model = make_home(folder / "home")
    pictures = paint(folder / "pictures")
    os.environ |= {MODEL: str(model), SIDE: str(SIDE_PX)}
    servers = [start_own(folder / "home", pictures)]
    error = ""
    try:
        servers.append(start_peer(pictures))
    except RuntimeError as failure:
        error = str(failure)
    bare: list[dict[str, float]] = []
    try:
        for server in servers:
            server.offer(50, 2.0)  # warm
            server.share_priority()
        for _ in range(rounds):
            bare.append(run_bare(folder / "pictures", seconds))
            for server in servers:
                server.full.append(server.offer(1.3 * bare[-1]["whole"], seconds).per_second)  # fmt: skip
            for server in servers:
                server.steady.append(climb(server, bare[-1]["whole"], seconds))
        memory = {server.name: server.measure_mib() for server in servers}
    finally:
        for server in servers:
            server.end()
    return summarise(servers, bare, memory, error)


def climb(server: Server, bare: float, seconds: float) -> float:
    """The highest rate of the ladder that is answered whole and in time."""
    best = 0.0
    for share in SHARES:
        load = server.offer(share * bare, seconds)
        is_whole = len(load.latencies_s) == load.num_sent
        if not is_whole or load.quantile_ms(0.99) > BOUND_MS:
            break
        best = share * bare
    return best


def summarise(
    servers: Sequence[Server],
    bare: Sequence[dict[str, float]],
    memory: dict[str, float],
    error: str,
) -> dict[str, object]:
    """Medians over rounds, and ratios within each."""
    own = servers[0]
    rates = [one["whole"] for one in bare]
    figures: dict[str, object] = {
        "ort_per_s": round(median(rates), 1),
        "ort_net_alone_per_s": round(median(one["alone"] for one in bare), 1),
        "ratio_ort": _ratio(own.full, rates),
        "ratio_ort_in_bound": _ratio(own.steady, rates),
        "bound_p99_ms": BOUND_MS,
    }
    for server in servers:
        figures |= {
            f"{server.name}_per_s": round(median(server.full), 1),
            f"{server.name}_in_bound_per_s": round(median(server.steady), 1),
            f"{server.name}_mib": round(memory[server.name]),
            f"{server.name}_work_ms": round(median(server.works), 2),
        }
    if len(servers) > 1:
        peer = servers[1]
        figures |= {
            "ratio_litserve": _ratio(own.steady, peer.steady),
            "ratio_litserve_full": _ratio(own.full, peer.full),
            "ratio_litserve_work": round(median(peer.works) / median(own.works), 3),
            "memory_ratio": round(memory[OWN] / memory[PEER], 2),
        }
    figures |= {f"{server.name}_loads": server.loads for server in servers}
    return figures | ({"error": error} if error else {})


def _ratio(mine: Sequence[float], others: Sequence[float]) -> float | None:
    pairs = [a / b for a, b in zip(mine, others, strict=True) if b]
    return round(median(pairs), 3) if pairs else None


def run_bare(pictures: Path, seconds: float) -> dict[str, float]:
    """Images a second of two processes together."""
    command = [sys.executable, "-m", "bench.peers.serving_ort", str(pictures)]
    running = [
        subprocess.Popen(
            [*command, str(BATCH), str(seconds)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(CORES)
    ]
    for process in running:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    found = [json.loads(process.communicate()[0]) for process in running]
    return {name: sum(one[name] for one in found) for name in ("whole", "alone")}


def start_own(home: Path, pictures: Sequence[bytes]) -> Server:
    """`daguerre serve` on the home."""
    port = find_port()
    environment = {**os.environ, "DAGUERRE_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}  # fmt: skip
    words = ["--port", str(port), "--replicas", str(CORES), "--sample", "0"]
    command = [sys.executable, "-m", "daguerre", "serve", *words, "--batch", str(BATCH)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment)
    token_file = home / "serve_token"
    _wait(
        process,
        port,
        "/healthz",
        lambda: {"Authorization": f"Bearer {token_file.read_text()}"},
    )
    head = (
        f"POST /v1/recognition HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: image/jpeg\r\n"
        f"Authorization: Bearer {token_file.read_text()}\r\n"
    )
    return Server(OWN, port, process, [_frame(head, body) for body in pictures])


def start_peer(pictures: Sequence[bytes]) -> Server:
    """LitServe in an environment of its own. Raises RuntimeError where that cannot be made."""
    python = make_environment(PEER, *PACKAGES)
    port = find_port()
    script = str(CHECKOUT / "bench" / "peers" / "serving_litserve.py")
    process = subprocess.Popen(
        [str(python), script, str(port), str(BATCH)], stdout=subprocess.DEVNULL
    )
    try:
        _wait(process, port, "/health", dict)
    except RuntimeError:
        process.kill()
        raise
    head = (
        f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/json\r\n"
    )
    return Server(
        PEER, port, process, [_frame(head, _write(body)) for body in pictures]
    )


def _frame(head: str, body: bytes) -> bytes:
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _write(body: bytes) -> bytes:
    """An image as JSON."""
    return json.dumps({"image": base64.b64encode(body).decode()}).encode()


def _wait(
    process: subprocess.Popen[bytes],
    port: int,
    path: str,
    make_headers: Callable[[], dict[str, str]],
) -> None:
    """Until somebody answers at the port."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode}")
        try:
            address = f"http://127.0.0.1:{port}{path}"
            request = urllib.request.Request(address, headers=make_headers())
            with urllib.request.urlopen(request, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"nobody answers at port {port}")


def find_port() -> int:
    """One that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def paint(folder: Path) -> list[bytes]:
    """JPEGs of 320x240, as files too."""
    import cv2

    from bench.peers.pictures import make_textures
    from bench.peers.pictures import paint as paint_large

    folder.mkdir(parents=True)
    textures = make_textures(seed=0)
    made = []
    for number in range(NUM_IMAGES):
        image = cv2.resize(paint_large(textures, number), (320, 240), interpolation=cv2.INTER_AREA)  # fmt: skip
        made.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())  # fmt: skip
        (folder / f"{number:03d}.jpg").write_bytes(made[-1])
    return made


def make_home(home: Path) -> Path:
    """A home whose champion of recognition was never trained; where its ONNX form lies."""
    import torch

    from assets.inference.package import describe, write_package
    from assets.tables.catalog import Catalog
    from assets.tables.schemas import TABLES, to_table
    from models.recipes import get_recipe
    from models.tasks import find_task

    torch.manual_seed(0)
    config = replace(get_recipe("tiny_recognition"), image_size_px=SIDE_PX)
    net = find_task("recognition").build(config, len(CLASSES), None)
    release = "1" * 32
    facts = describe(config, CLASSES, release, 0, "1", [])
    package = write_package(home / "models", net, "recognition", facts)
    catalog = Catalog(str(home / "tables"))
    model = {"model_sha256": package.model_sha256, "task": "recognition", "release_id": release}  # fmt: skip
    place = f"models/recognition/{package.folder.name}"
    row = {
        **model,
        "recipe": config.name,
        "folder": place,
        "code_version": "1",
        "seed": 0,
        "run_id": "",
        "facts_sha256": None,
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    crown = {**model, "model_name": "daguerre-recognition", "model_version": 1, "spent": None}  # fmt: skip
    catalog.merge("champions", to_table(TABLES["champions"], [crown]))
    return package.folder / "model.onnx"


if __name__ == "__main__":
    main()
