"""Does each panel of the dashboard, asked by a real Prometheus, show what the home and the server tell?

`daguerre metrics` and `daguerre serve` run on the home, the server is asked about pictures, and Prometheus scrapes
both. Every query of the dashboard is put to it, and every alert is evaluated. A panel is empty rightly where the home
tells none of its series, such as feeds that stopped in a home without any; else an empty one ends this with 1.
Run on a copy: python -m bench.prove.dashboard --home COPY [--json]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.printing import make_parser
from bench.promql import list_selected
from bench.prove.prometheus import Prometheus, Target, run_prometheus
from bench.prove.seaweed import free_ports
from orchestration.profiles import CHECKOUT

_FOLDER = CHECKOUT / "docs" / "how-to" / "prometheus"
_START_S = 120.0
_END_S = 20.0
_POLL_S = 0.2
_NUM_ASKED = 8
SHOWN, ABSENT, EMPTY = "shown", "the home tells none", "EMPTY"


def main() -> None:
    """Print what each query shows; ends with 1 where a panel is empty, or an alert cannot be evaluated."""
    parser = make_parser(__doc__)
    parser.add_argument("--home", required=True, help="a copy of a home with champions")
    options = parser.parse_args()
    found = prove(Path(options.home).resolve())
    print("\n".join([json.dumps(found)] if options.json else _tell(found)))
    sys.exit(1 if found["empty"] or found["faults"] else 0)


def prove(home: Path) -> dict[str, Any]:
    """What each query of each panel shows, and the alerts that Prometheus could not evaluate."""
    metrics_port, serve_port = free_ports(2)
    targets = [
        Target("daguerre", metrics_port),
        Target("daguerre-serve", serve_port, home / "serve_token"),
    ]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_run(home, "metrics", "--port", str(metrics_port)))
        stack.enter_context(_run(home, "serve", "--port", str(serve_port)))
        _ask_server(targets[1])
        rules = _FOLDER / "daguerre.rules.yml"
        asked = stack.enter_context(run_prometheus(folder, targets, rules))
        asked.wait(targets)
        panels = list(_look(asked))
        alerts = asked.list_rules()
    verdicts = [panel["verdict"] for panel in panels]
    return {
        "shown": verdicts.count(SHOWN),
        "absent": verdicts.count(ABSENT),
        "empty": verdicts.count(EMPTY),
        "alerts": len(alerts),
        "faults": [rule["name"] for rule in alerts if rule["health"] != "ok"],
        "panels": panels,
    }


def _tell(found: dict[str, Any]) -> Iterator[str]:
    for panel in found["panels"]:
        title = f"{panel['title']}: {panel['query']}"
        yield f"{panel['verdict']:20} {panel['series']:3} {title}"
    yield f"queries that show something: {found['shown']}; of series that the home lacks: {found['absent']}"
    yield f"empty panels: {found['empty']}"
    yield f"alerts evaluated: {found['alerts']}; with faults: {found['faults']}"


def _look(asked: Prometheus) -> Iterator[dict[str, Any]]:
    dashboard = json.loads((_FOLDER / "daguerre.dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            num = len(asked.query(query))
            is_told = all(asked.query(one.text) for one in list_selected(query))
            verdict = SHOWN if num else EMPTY if is_told else ABSENT
            told = {"title": panel["title"], "query": query, "series": num}
            yield {**told, "verdict": verdict}


@contextmanager
def _run(home: Path, *words: str) -> Iterator[None]:
    """A verb of Daguerre, until the end of the context."""
    env = {**os.environ, "DAGUERRE_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "daguerre", *words]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=env, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(_END_S)


def _ask_server(server: Target) -> None:
    """Wait until it answers, and ask it about pictures for each task that it answers."""
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            tasks = _call(server, "/readyz")["tasks"]
            break
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_POLL_S)
    for task in tasks:
        for picture in _paint():
            _call(server, f"/v1/{task}", picture)


def _call(server: Target, path: str, picture: bytes | None = None) -> dict[str, Any]:
    assert server.token is not None
    headers = {
        "Authorization": f"Bearer {server.token.read_text()}",
        "Content-Type": "image/jpeg",
    }
    address = f"http://127.0.0.1:{server.port}{path}"
    request = urllib.request.Request(address, picture, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        said: dict[str, Any] = json.load(answer)
    return said


def _paint() -> Sequence[bytes]:
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (_NUM_ASKED, 240, 320, 3), np.uint8)
    return [cv2.imencode(".jpg", image)[1].tobytes() for image in images]


if __name__ == "__main__":
    main()
