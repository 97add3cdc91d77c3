"""Make the home that the code of an earlier commit leaves: two sessions of small pictures with boxes, a release, a scan
where the commit reads scans, and the rows of a model that is champion.

    git worktree add ../earlier COMMIT && cd ../earlier
    python <this checkout>/tests/homes/make.py NAME.tar.xz

runs the code of the folder it is called in, up to a dataset that passed its gate, and keeps tables, ledger and blobs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import cv2
import numpy as np

SESSIONS = {"monday": 0, "tuesday": 100}
SCANNED = "wednesday"
# what a row of a model and of a champion may hold, by the column's name
MODEL = {
    "model_sha256": "a" * 64,
    "task": "detection",
    "recipe": "tiny_detection",
    "code_version": "1",
    "seed": 0,
    "run_id": "run",
    "folder": "models/detection/a",
    "facts_sha256": "b" * 64,
    "model_name": "daguerre-detection",
    "model_version": 1,
}
KEPT = ("tables", "blobs", "ledger.db")


def draw_session(folder: Path, seed: int) -> None:
    """Six pictures of 64 x 48 px with a box each, of two classes, as YOLO has them."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for number in range(6):
        coarse = np.random.default_rng(seed + number).integers(
            0, 255, (6, 8, 3), np.uint8
        )
        picture = cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"images/{number}.jpg"), picture)
        (folder / f"labels/{number}.txt").write_text(
            f"{number % 2} .5 .5 .4 .{3 + number % 3}\n"
        )
    (folder / "data.yaml").write_text("names: [bolt, nut]\n")


def write_scan(folder: Path) -> None:
    """Three points, as PCD writes them in words."""
    folder.mkdir(parents=True)
    (folder / "0.pcd").write_text(
        "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 3\nHEIGHT 1\n"
        "VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA ascii\n0 0 1\n0 1 1\n1 0 1\n"
    )


def curate(home: Path) -> None:
    """What the graph does between intake and training, by the calls that all commits have."""
    sys.path.insert(0, os.getcwd())
    from assets.curation.clusters import update_clusters, update_splits
    from assets.curation.release import write_release
    from assets.images import decode_rgb
    from assets.tables.catalog import Catalog
    from assets.tables.incremental import refresh_frames
    from assets.tables.schemas import TABLES, to_table
    from checks.gates import gate_session

    try:
        from assets.inference.embed import Embedder
    except ModuleNotFoundError:  # of earlier commits
        from assets.curation.embed import Embedder  # type: ignore[no-redef]

    catalog = Catalog(str(home / "tables"))
    embedder = Embedder(home / "cache")
    for session in SESSIONS:
        _measure_quality(catalog, session)
        refresh_frames(
            catalog,
            "frame_embeddings",
            session,
            embedder.version,
            *_decoding(decode_rgb),
            lambda images: [
                {"vector": vector.tolist()} for vector in embedder.embed(images)
            ],
        )
        gate_session(catalog, "frame_quality", session)
        gate_session(catalog, "frame_embeddings", session)
    update_clusters(catalog)
    gate_session(catalog, "unique_frames", None)
    update_splits(catalog)
    gate_session(catalog, "splits", None)
    release_id = write_release(catalog, _draft_release(catalog))
    catalog.point("draft/detection", release_id)
    failed = [v.name for v in _judge_release(catalog, home) if v.stops]
    for table in ("models", "champions"):
        names = [column.name for column in TABLES[table].columns]
        row = {**dict.fromkeys(names), **MODEL, "release_id": release_id}
        rows = to_table(TABLES[table], [{name: row[name] for name in names}])
        catalog.upsert(table, rows)
    print(release_id, "release held by" if failed else "release published", *failed)


def _draft_release(catalog: object) -> object:
    """Commits from before choices want a third word, on something else."""
    import inspect

    from assets.curation.release import draft_release

    words = inspect.signature(draft_release).parameters.values()
    num_needed = sum(word.default is word.empty for word in words)
    return draft_release(*[catalog, "detection", None][:num_needed])


def _judge_release(catalog: object, home: Path) -> list:
    """Commits whose gates are not found by asset have a function of their own for releases."""
    try:
        from checks.gates import gate_task
    except ImportError:
        from checks.gates import gate_release

        return gate_release(catalog, "detection")
    return gate_task(catalog, ("curation", "{task}_dataset"), "detection", home)


def _measure_quality(catalog: object, session: str) -> None:
    """Commits whose intake does not measure it have an asset of their own."""
    try:
        from assets.curation import quality
    except ImportError:
        return
    from assets.tables.incremental import refresh_frames

    def measure(images: list[np.ndarray]) -> list[dict[str, object]]:
        return [quality.measure_quality(image) for image in images]

    refresh_frames(catalog, "frame_quality", session, quality.CODE_VERSION, measure)


def _decoding(decode: object) -> tuple[object, ...]:
    import inspect

    from assets.tables.incremental import refresh_frames

    return (decode,) if "decode" in inspect.signature(refresh_frames).parameters else ()


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        landing = Path(folder) / "landing"
        os.environ |= {"DAGUERRE_HOME": str(home), "DAGUERRE_LANDING": str(landing)}
        for session, seed in SESSIONS.items():
            draw_session(landing / session, seed)
        if (Path.cwd() / "assets/formats/points").exists():
            write_scan(landing / SCANNED)
        for session in sorted(os.listdir(landing)):
            command = [
                sys.executable,
                "-m",
                "orchestration.cli",
                "ingest",
                str(landing / session),
            ]
            subprocess.run(command, check=True)
        curate(home)
        with tarfile.open(target, "w:xz") as packed:
            for name in KEPT:
                if (home / name).exists():
                    packed.add(home / name, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
