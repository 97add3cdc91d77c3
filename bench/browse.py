"""Measure the server of the frame browser: filters, orders and likeness over a million frames, small pictures, memory.

The frames lie in sessions of 1,000, with figures and a box each, without pictures; those that are compared by likeness
are made as cameras fill a home (`bench.peers.camera_frames`); a third home holds painted pictures
(`bench.peers.pictures`) for thumbnails. The server is `daguerre browse` in a process of its own, asked over
HTTP on loopback, by this process. Timed are requests that differ from all before, so that no answer was kept:
conditions, filters with an order, likeness to a frame. `*_p95_ms` is by the clock, `*_cpu_ms` what the server's process
computed for one in the mean. `similar_recall_10`: of the ten frames that are nearest by all whole vectors, read here,
the share among the first ten of an answer. `first_screen_ms`: the home, a first page of 200, the marks of 60, one after
the other, of a server that runs. `memory_mib`: the most that the server held (VmHWM), with all that it was asked here.
FiftyOne, the peer of the page, is not measured: its database is a MongoDB that `fiftyone-db` loads from elsewhere when
it is built.

Run: `python -m bench.browse --json`, on a machine that does nothing else; a million vectors take 6 GB of disk in
TMPDIR, and some minutes to write. `--home FOLDER` keeps what is written, and takes it again.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.peers.camera_frames import write_home
from bench.peers.pictures import encode, make_textures, paint
from bench.printing import make_parser, print_figures
from bench.synthetic_home import plain_row
from orchestration.ports import require_free
from orchestration.profiles import CHECKOUT

PAGE = 200
MARKED = 60
NEAREST = 10
CONNECTIONS = 6  # that a browser opens to one server
SESSION = 1_000  # frames
_WRITTEN_AT_ONCE = 100_000
_SEED = 0


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--vectors", type=int, default=1_000_000, help="0: none")
    parser.add_argument("--pictures", type=int, default=1_000)
    parser.add_argument("--questions", type=int, default=40, help="of each kind")
    parser.add_argument("--home", type=Path, help="where homes are kept")
    parser.add_argument("--port", type=int, default=8599)
    asked = parser.parse_args()
    require_free({"--port": asked.port})
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as name:
        folder = asked.home or Path(name)
        figures: dict[str, object] = {"frames": asked.frames}
        many = make_home(folder / f"frames-{asked.frames}", asked.frames, write_frames)
        with serve(many, asked.port) as server:
            figures |= measure_questions(server, asked.questions)
        if asked.vectors:
            like = make_home(
                folder / f"vectors-{asked.vectors}", asked.vectors, write_home
            )
            with serve(like, asked.port) as server:
                figures |= measure_likeness(server, like, asked.questions)
        few = make_home(
            folder / f"pictures-{asked.pictures}", asked.pictures, paint_home
        )
        with serve(few, asked.port) as server:
            figures |= measure_thumbnails(server)
    print_figures(figures, asked.json)


def make_home(home: Path, count: int, write: Callable[[Path, int], None]) -> Path:
    """A home with so many frames, written where it is not there yet."""
    if not (home / "written").exists():
        home.mkdir(parents=True, exist_ok=True)
        write(home, count)
        (home / "written").touch()
    return home


def write_frames(home: Path, count: int) -> None:
    """Frames of two cameras in sessions of `SESSION`, with figures and a box on each."""
    catalog = Catalog(str(home / "tables"))
    rng = np.random.default_rng(_SEED)
    for start in range(0, count, _WRITTEN_AT_ONCE):
        numbers = np.arange(start, min(count, start + _WRITTEN_AT_ONCE))
        for name, rows in _list_rows(numbers, rng).items():
            catalog.merge(name, rows)


def _list_rows(
    numbers: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, pa.Table]:
    ids = [content_id("frame", number) for number in numbers.tolist()]
    sessions = [f"session-{number // SESSION:05d}" for number in numbers.tolist()]
    shared = {"frame_id": ids, "session": sessions}
    classes = np.array(["box", "cylinder", "mug", "fork"])
    made: dict[str, dict[str, Any]] = {
        "frames": {
            **shared,
            "sensor": np.where(numbers % 2 == 0, "left", "right"),
            "kind": "color",
            "encoding": "jpeg",
            "t_ns": numbers * 10**8,
            "sequence": numbers % SESSION,
            "width_px": 640,
            "height_px": 480,
        },
        "frame_quality": {
            **shared,
            "sharpness": rng.random(len(ids)),
            "brightness": rng.random(len(ids)),
        },
        "labels": {
            **shared,
            "label_id": [content_id("label", name) for name in ids],
            "task": "detection",
            "class_name": classes[rng.integers(0, 4, len(ids))],
        },
    }
    return {name: _fill(name, columns, len(ids)) for name, columns in made.items()}


def _fill(name: str, columns: Mapping[str, Any], count: int) -> pa.Table:
    """Rows with a plain value in each column that is not given."""
    schema = TABLES[name].schema
    plain = to_table(TABLES[name], [plain_row(name, {})]).to_pylist()[0]
    arrays = []
    for field in schema:
        value = columns.get(field.name, plain[field.name])
        is_column = isinstance(value, list | np.ndarray) and len(value) == count
        filled = (
            pa.array(value)
            if is_column
            else pa.repeat(pa.scalar(value, field.type), count)
        )
        arrays.append(filled.cast(field.type))
    return pa.table(arrays, schema=schema)


def paint_home(home: Path, count: int) -> None:
    """Frames of 640 x 480 px as JPEG."""
    textures = make_textures(_SEED)
    catalog = Catalog(str(home / "tables"))
    for start in range(0, count, 200):
        rows = [
            plain_row(
                "frames",
                {
                    "frame_id": content_id("painted", number),
                    "capture_id": content_id("painting"),
                    "session": "painted",
                    "kind": "color",
                    "encoding": "jpeg",
                    "width_px": 640,
                    "height_px": 480,
                    "sequence": number,
                    "payload": encode(paint(textures, number)),
                },
            )
            for number in range(start, min(count, start + 200))
        ]
        catalog.merge("frames", to_table(TABLES["frames"], rows))


class Server:
    """A `daguerre browse` that runs; asked over one connection, or several."""

    def __init__(self, process: subprocess.Popen[str], port: int, token: str) -> None:
        self._process = process
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}"}
        self._connection = self.connect()

    def connect(self) -> http.client.HTTPConnection:
        """One more connection."""
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=600)

    def get(
        self,
        path: str,
        connection: http.client.HTTPConnection | None = None,
        **asked: Any,
    ) -> bytes:
        """The body of an answer. Raises RuntimeError for one that is not 200."""
        connection = connection or self._connection
        query = f"?{urlencode(asked)}" if asked else ""
        connection.request("GET", path + query, headers=self._headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    def ask(self, path: str, **asked: Any) -> Any:
        """The same as JSON."""
        return json.loads(self.get(path, **asked))

    @property
    def cpu_s(self) -> float:
        """What its process has computed."""
        parts = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2]
        ticks = sum(map(int, parts.split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def memory_mib(self) -> int:
        """The most that it has held."""
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        held = next(line for line in text.splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) // 1024


@contextmanager
def serve(home: Path, port: int) -> Iterator[Server]:
    """The server of a home, which has read its frames."""
    command = [sys.executable, "-m", "orchestration.cli", "browse", "--port", str(port)]
    environment = {
        **os.environ,
        "DAGUERRE_HOME": str(home),
        "PYTHONPATH": str(CHECKOUT),
    }
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Server(process, port, _wait(process, port))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait(process: subprocess.Popen[str], port: int) -> str:
    """The token, once the server answers."""
    assert process.stdout is not None
    for line in process.stdout:
        if "token=" in line:
            token = line.rpartition("token=")[2].strip()
            while process.poll() is None:
                try:
                    Server(process, port, token).get("/api/frames", limit=1)
                    return token
                except ConnectionError:
                    time.sleep(0.05)
    raise RuntimeError("the server ended before it answered")


def measure_questions(server: Server, count: int) -> dict[str, object]:
    """Times of pages of `PAGE` frames; each question is asked once."""
    rng = random.Random(_SEED)
    home = server.ask("/api/home")
    sessions = [one["session"] for one in home["sessions"]]
    total = home["num_frames"]
    first = _time(lambda: _show_first_screen(server))
    conditions = [
        {
            "where": f"sequence % {rng.randint(3, 97)} = 1 AND t_ns > {rng.randint(0, 10**11)}"
        }
        for _ in range(count)
    ]
    ordered = [
        {
            "session": rng.choice(sessions),
            "sort": rng.choice(("-t_ns", "sequence", "-sharpness")),
            "limit": PAGE - n,
        }
        for n in range(count)
    ]
    paged = [{"offset": rng.randrange(total)} for _ in range(count)]
    kinds = {"condition": conditions, "order": ordered, "page": paged}
    figures: dict[str, object] = {"first_screen_ms": round(1000 * first)}
    for name, questions in kinds.items():
        figures |= _measure_kind(server, name, questions)
    return {**figures, "memory_mib": server.memory_mib}


def measure_likeness(server: Server, home: Path, count: int) -> dict[str, object]:
    """Times of a page of the frames that are most like one of them, of all cameras."""
    rng = random.Random(_SEED)
    total = server.ask("/api/home")["num_frames"]
    names = [_pick(server, rng, total) for _ in range(count + 1)]
    like = [{"sort": f"similar:{name}"} for name in names]
    opened_s = _time(lambda: server.ask("/api/frames", limit=1, **like[0]))
    figures = _measure_kind(server, "similar", like[1:])
    figures["similar_recall_10"] = round(_recall(server, home, names[1:]), 4)
    return {
        "vectors": total,
        "short_vectors_made_s": round(opened_s, 1),
        **figures,
        "similar_memory_mib": server.memory_mib,
    }


def _recall(server: Server, home: Path, names: Sequence[str]) -> float:
    """The share of the frames that are truly among the `NEAREST` of each of these."""
    pages = [  # at once: a connection that waits is closed
        server.ask("/api/frames", sort=f"similar:{name}", limit=NEAREST)
        for name in names
    ]
    true = find_nearest(Catalog(str(home / "tables")), names)
    hits = 0
    for page, nearest in zip(pages, true, strict=True):
        hits += len(nearest & {frame["frame_id"] for frame in page["frames"]})
    return hits / (NEAREST * len(names))


def find_nearest(catalog: Catalog, names: Sequence[str]) -> list[set[str]]:
    """The `NEAREST` frames of each of some frames, by all whole vectors."""
    dataset = catalog.dataset("frame_embeddings")
    rows = catalog.read_of(
        "frame_embeddings", ["frame_id", "vector"], "frame_id", names
    )
    of_name = dict(
        zip(rows["frame_id"].to_pylist(), _to_array(rows["vector"]), strict=True)
    )
    asked = np.stack([of_name[name] for name in names])
    best: list[list[tuple[float, str]]] = [[] for _ in names]
    for batch in dataset.to_batches(columns=["frame_id", "vector"], batch_size=8_192):
        far = -(asked @ _to_array(batch["vector"]).T)  # of unit length: by the cosine
        few = np.argsort(far, axis=1, kind="stable")[:, :NEAREST]
        ids = batch["frame_id"]
        for n, places in enumerate(few):
            best[n] += [(float(far[n, p]), ids[int(p)].as_py()) for p in places]
            best[n] = sorted(best[n])[:NEAREST]
    return [{name for _, name in found} for found in best]


def _to_array(vectors: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
    flat = vectors.combine_chunks() if isinstance(vectors, pa.ChunkedArray) else vectors
    return np.asarray(flat.flatten(), np.float32).reshape(len(vectors), -1)


def _pick(server: Server, rng: random.Random, total: int) -> str:
    page = server.ask("/api/frames", offset=rng.randrange(total), limit=1)
    return str(page["frames"][0]["frame_id"])


def _show_first_screen(server: Server) -> None:
    server.ask("/api/home")
    frames = server.ask("/api/frames", limit=PAGE)["frames"]
    ids = ",".join(frame["frame_id"] for frame in frames[:MARKED])
    server.ask("/api/marks", frames=ids, layers="labels")


def _measure_kind(
    server: Server, name: str, questions: Sequence[dict[str, Any]]
) -> dict[str, object]:
    before = server.cpu_s
    times = [
        _time(lambda asked=asked: server.get("/api/frames", **{"limit": PAGE, **asked}))
        for asked in questions
    ]
    cpu_ms = 1000 * (server.cpu_s - before) / len(questions)
    return {
        f"{name}_p50_ms": round(1000 * float(np.percentile(times, 50)), 1),
        f"{name}_p95_ms": round(1000 * float(np.percentile(times, 95)), 1),
        f"{name}_cpu_ms": round(cpu_ms, 1),
    }


def measure_thumbnails(server: Server) -> dict[str, object]:
    """Pictures a second over `CONNECTIONS` connections: made, and again from what is kept."""
    total = server.ask("/api/home")["num_frames"]
    ids = [
        frame["frame_id"]
        for start in range(0, total, 1000)
        for frame in server.ask("/api/frames", offset=start, limit=1000)["frames"]
    ]
    before = server.cpu_s
    made_s = _time(lambda: _fetch_all(server, ids))
    cpu_s = server.cpu_s - before
    kept_s = _time(lambda: _fetch_all(server, ids))
    return {
        "thumbnails": len(ids),
        "thumbnails_each_s": round(len(ids) / made_s),
        "thumbnails_each_cpu_s": round(len(ids) / cpu_s),
        "thumbnails_kept_each_s": round(len(ids) / kept_s),
        "thumbnails_memory_mib": server.memory_mib,
    }


def _fetch_all(server: Server, ids: Sequence[str]) -> None:
    def fetch(some: Sequence[str]) -> float:
        connection = server.connect()
        sizes = [len(server.get(f"/thumbs/{one}.jpg", connection)) for one in some]
        return mean(sizes)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(fetch, (ids[n::CONNECTIONS] for n in range(CONNECTIONS))))


def _time(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
