"""Bare ONNX Runtime: batches of JPEGs one after the other, as fast as they go, in one process on one thread.

Run as `python -m bench.peers.serving_ort FOLDER BATCH SECONDS`; it begins with the first line on standard input.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench.peers.onnx_images import answer, fit, open_session


def main(folder: str, batch: str, seconds: str) -> None:
    """Print images a second of all that is done to an image, and of the net alone."""
    payloads = [path.read_bytes() for path in sorted(Path(folder).glob("*.jpg"))]
    size = int(batch)
    batches = [payloads[at : at + size] for at in range(0, len(payloads), size)]
    session = open_session()
    answer(session, batches[0])
    print("ready", flush=True)
    sys.stdin.readline()
    whole = _count(lambda some: answer(session, some), batches, float(seconds))
    ready = [fit(some) for some in batches]
    alone = _count(
        lambda pixels: session.run(None, {"pixels": pixels}), ready, float(seconds) / 2
    )
    print(json.dumps({"whole": whole * size, "alone": alone * size}), flush=True)


def _count(work, items, seconds: float) -> float:
    """Items a second."""
    began_s = time.perf_counter()
    count = 0
    while (passed_s := time.perf_counter() - began_s) < seconds:
        work(items[count % len(items)])
        count += 1
    return count / passed_s


if __name__ == "__main__":
    main(*sys.argv[1:])
