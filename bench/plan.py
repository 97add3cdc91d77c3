"""Measure `daguerre plan` over a home of thousands of sessions, whose rows are synthetic.

Every session has one capture of colour frames, with quality figures, vectors, clusters and splits; of every tenth the
vectors are by another encoder.

Run: `python -m bench.plan --sessions 10000 --frames 10 --json`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from assets.capture.versions import name_code
from assets.code_versions import version_of
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from orchestration.plan.making import make_plan
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog, build_landing_zone

_AT_ONCE = 20_000  # rows of a write


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10, help="of a session")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        figures = measure(Path(folder) / "home", options.sessions, options.frames)
    print(
        json.dumps(figures)
        if options.json
        else "\n".join(f"{k:28} {v}" for k, v in figures.items())
    )


def measure(home: Path, num_sessions: int, num_frames: int) -> dict[str, float]:
    """Seconds of one plan, by the clock and of the processor, and what it found."""
    os.environ["DAGUERRE_HOME"] = str(home)
    settings = load_settings()
    build_landing_zone(settings)
    fill(build_catalog(settings), num_sessions, num_frames)
    start, start_cpu = time.perf_counter(), time.process_time()
    plan = make_plan(settings)
    return {
        "sessions": num_sessions,
        "frames": num_sessions * num_frames,
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - start_cpu, 2),
        "lines": len(plan.lines),
        "stale_embeddings": sum(
            line.num_rows or 0
            for line in plan.lines
            if line.asset == "curation/frame_embeddings"
        ),
    }


def fill(catalog: Catalog, num_sessions: int, num_frames: int) -> None:
    """Write and publish the rows."""
    vector = np.zeros(EMBEDDING_DIM, np.float32)
    vector[0] = 1.0
    size = max(1, _AT_ONCE // num_frames)
    sessions = [f"session-{n:05d}" for n in range(num_sessions)]
    for at in range(0, num_sessions, size):
        _fill_some(catalog, sessions[at : at + size], num_frames, vector)
    for table in ("captures", "frames", "frame_quality", "frame_embeddings"):
        version = catalog.latest_version(table)
        decisions = [
            {
                "publication_id": content_id(table, session),
                "table_name": table,
                "session": session,
                "version": version,
                "is_held": False,
                "reason": "",
            }
            for session in sessions
        ]
        catalog.merge("publications", to_table(TABLES["publications"], decisions))


def _fill_some(
    catalog: Catalog, sessions: list[str], num_frames: int, vector: np.ndarray
) -> None:
    captures, frames, quality, vectors, clusters, splits = [], [], [], [], [], []
    for session in sessions:
        capture = content_id("capture", session)
        captures.append(_capture(capture, session, num_frames))
        encoder = "1:other" if session.endswith("0") else version_of("frame_embeddings")
        for n in range(num_frames):
            frame = content_id("frame", session, n)
            mine = {"frame_id": frame, "session": session}
            sha256 = f"{int(frame, 16):064x}"
            frames.append(_frame(mine, capture, n, sha256))
            derived = {"input_sha256": sha256}
            quality.append(
                {
                    **mine,
                    **derived,
                    **_FIGURES,
                    "code_version": version_of("frame_quality"),
                }
            )
            vectors.append(
                {**mine, **derived, "vector": vector, "code_version": encoder}
            )
            clusters.append(
                {
                    **mine,
                    **derived,
                    "cluster_id": frame,
                    "code_version": version_of("unique_frames"),
                }
            )
            splits.append(
                {
                    **mine,
                    "capture_id": capture,
                    "group_id": frame,
                    "split": "train",
                    "rule": "cluster",
                }
            )
    for table, rows in (
        ("captures", captures),
        ("frames", frames),
        ("frame_quality", quality),
        ("frame_embeddings", vectors),
        ("unique_frames", clusters),
        ("splits", splits),
    ):
        catalog.merge(table, to_table(TABLES[table], rows))


_FIGURES = {
    "brightness": 0.5,
    "contrast": 0.1,
    "sharpness": 0.1,
    "clipped_dark": 0.0,
    "clipped_bright": 0.0,
    "noise": 0.0,
    "perceptual_hash": "0" * 16,
}


def _plain(table: str, given: dict[str, object]) -> dict[str, object]:
    """A row with a plain value in each column that must have one."""
    row: dict[str, object] = {}
    for column in TABLES[table].columns:
        if column.nullable:
            continue
        if pa.types.is_integer(column.type):
            row[column.name] = 1
        elif pa.types.is_floating(column.type):
            row[column.name] = 1.0
        elif pa.types.is_list(column.type):
            row[column.name] = []
        elif pa.types.is_string(column.type):
            row[column.name] = column.values[0] if column.values else "0" * 32
        elif pa.types.is_boolean(column.type):
            row[column.name] = False
        else:
            row[column.name] = b"0"
    return row | given


def _capture(capture: str, session: str, num_frames: int) -> dict[str, object]:
    facts = {
        "capture_id": capture,
        "session": session,
        "reader": "image_folder",
        "code_version": name_code("image_folder"),
        "num_frames": num_frames,
    }
    return _plain("captures", facts)


def _frame(
    mine: dict[str, str], capture: str, number: int, sha256: str
) -> dict[str, object]:
    facts = {
        **mine,
        "capture_id": capture,
        "kind": "color",
        "sha256": sha256,
        "sequence": number,
    }
    return _plain("frames", facts)


if __name__ == "__main__":
    main()
