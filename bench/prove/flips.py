"""Flip bits in everything that a release depends on, and count how many of them `verify` finds and names.

One small home is built with the product's own steps: images with labels, a recording and a document are ingested, gated
and released, a tiny model is packaged, a checkpoint of an interrupted training is left. Then seeded faults, one at a
time: a bit flipped, a file cut short, a file deleted. Each is undone before the next.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from assets.capture.intake import Intake
from assets.ledger import Ledger
from assets.retrieval.verify import Finding, Stores, verify
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from assets.tables.seals import seal_tables
from assets.worker import name_worker

# drawn evenly: two of three are single bits
FAULTS = ("flip", "flip", "flip", "flip", "truncation", "deletion")
_SESSION = "monday"
_TASK = "detection"


@dataclass(frozen=True)
class Target:
    """One stored file, and how a finding must name it: its kind, and text in its id or reason."""

    kind: str
    path: Path
    finding_kind: str
    name: str

    def is_named_by(self, finding: Finding) -> bool:
        return finding.kind == self.finding_kind and (
            self.name in finding.id or self.name in finding.reason
        )


def run_flips(num: int, seed: int) -> dict[str, Any]:
    """`num` seeded faults: how many there were, how many were found, which were not, and the seconds each took."""
    with tempfile.TemporaryDirectory() as folder:
        stores = build_home(Path(folder))
        wrong = verify(stores)
        if wrong:
            raise RuntimeError(f"the untouched home does not verify: {wrong[0]}")
        return damage(stores, num, np.random.default_rng(seed))


def build_home(folder: Path) -> Stores:
    """A home with one of everything that a release depends on, sealed."""
    from assets.curation.release import draft_release, write_release
    from checks.gates import INTAKE_TABLES, gate_session

    home = folder / "home"
    home.mkdir()
    catalog = Catalog(str(home / "tables"))
    blobs = BlobStore(str(home / "blobs"))
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    Intake(catalog, ledger, blobs, name_worker()).ingest(
        Folder(str(_land(folder / "landed"))), _SESSION
    )
    for table in INTAKE_TABLES:
        gate_session(catalog, table, _SESSION)
    _split(catalog)
    release_id = write_release(catalog, draft_release(catalog, _TASK))
    catalog.point(f"release/{_TASK}", release_id)
    _store_model(catalog, home, release_id)
    seal_tables(catalog)
    return Stores(catalog, ledger, blobs, home)


def list_targets(stores: Stores) -> dict[str, list[Target]]:
    """Every stored object that the release depends on, by kind.

    Not among them: Lance's hint of the newest version and the tag `published` (readers check both against facts that
    are sealed), and manifests of versions that nobody refers to.
    """
    found: dict[str, list[Target]] = defaultdict(list)
    tables = stores.home / "tables"
    for seal in sorted((tables / "_seals").rglob("*.json")):
        facts = json.loads(seal.read_bytes())
        for path in facts["files"]:
            name = f"{facts['table']}.lance/{path}"
            kind = {
                "data": "table data",
                "_versions": "manifest",
                "_transactions": "transaction",
                "_deletions": "deletion",
                "_refs": "tag",
            }[path.split("/")[0]]
            found[kind].append(Target(kind, tables / name, "file", name))
    for seal in sorted((tables / "_seals").rglob("*.*")):
        found["seal"].append(
            Target("seal", seal, "file", seal.relative_to(tables).as_posix())
        )
    for blob in sorted(p for p in (stores.home / "blobs").rglob("*") if p.is_file()):
        found["blob"].append(Target("blob", blob, "blob", blob.name))
    for path in sorted(p for p in (stores.home / "models").rglob("*") if p.is_file()):
        kind = "checkpoint" if "checkpoint" in path.parts else "model"
        found[kind].append(Target(kind, path, kind, path.name))
    return {
        kind: list({t.path: t for t in targets}.values())
        for kind, targets in found.items()
    }


def damage(stores: Stores, num: int, rng: np.random.Generator) -> dict[str, Any]:
    targets = list_targets(stores)
    kinds = sorted(targets)
    done = Counter[str]()
    found = Counter[str]()
    missed = []
    seconds = []
    for _ in range(num):
        kind = kinds[rng.integers(len(kinds))]
        fault = FAULTS[rng.integers(len(FAULTS))]
        target = targets[kind][rng.integers(len(targets[kind]))]
        content = target.path.read_bytes()
        where = _break(target.path, content, fault, rng)
        started = time.perf_counter()
        findings = verify(stores)
        seconds.append(time.perf_counter() - started)
        target.path.write_bytes(content)
        done[f"{kind}, {fault}"] += 1
        if any(target.is_named_by(finding) for finding in findings):
            found[f"{kind}, {fault}"] += 1
        else:
            missed.append(
                {
                    "file": str(target.path.relative_to(stores.home)),
                    "fault": fault,
                    "at": where,
                }
            )
    return {
        "flips": num,
        "flips_found": sum(found.values()),
        "flips_missed": missed[:20],
        "flips_by_kind": {key: f"{found[key]} of {done[key]}" for key in sorted(done)},
        "objects": {kind: len(targets[kind]) for kind in kinds},
        "verify_s_median": float(np.median(seconds)) if seconds else None,
    }


def _break(path: Path, content: bytes, fault: str, rng: np.random.Generator) -> int:
    """Damage the file; the byte from which on it differs. An empty file can only be deleted."""
    if fault == "deletion" or not content:
        path.unlink()
        return 0
    at = int(rng.integers(len(content)))
    if fault == "truncation":
        path.write_bytes(content[:at])
    else:
        broken = bytearray(content)
        broken[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(broken))
    return at


# ---- what the home is built of ---------------------------------------------------------------------------------------


def _land(landed: Path) -> Path:
    """Six labelled images, a simulated recording and a document."""
    from assets.capture.simulate import SimulationSpec, simulate

    (landed / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for n in range(6):
        pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        (landed / "images" / f"{n}.png").write_bytes(
            cv2.imencode(".png", pixels)[1].tobytes()
        )
    boxes = [
        {"id": n, "image_id": n, "category_id": 1, "bbox": [2, 3, 14, 15], "iscrowd": 0}
        for n in range(6)
    ]
    images = [
        {"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(6)
    ]
    coco = {
        "images": images,
        "annotations": boxes,
        "categories": [{"id": 1, "name": "cup"}],
    }
    (landed / "images" / "instances.json").write_text(json.dumps(coco))
    simulate(landed, SimulationSpec(1, 0.4, 3, width_px=96, height_px=72))
    (landed / "README.md").write_text("six cups and a drive")
    return landed


def _split(catalog: Catalog) -> None:
    """Splits by hand; one row is written twice, so that a deletion file is among what the release depends on."""
    frames = (
        catalog.read_latest("frames", where="source_path LIKE '%.png'")
        .sort_by("source_path")
        .to_pylist()
    )
    splits = ("train", "train", "train", "train", "val", "test")
    rows = [
        {
            "frame_id": f["frame_id"],
            "capture_id": f["capture_id"],
            "session": f["session"],
            "group_id": f["frame_id"],
            "split": split,
            "rule": "cluster",
        }
        for f, split in zip(frames, splits, strict=True)
    ]
    catalog.merge("splits", to_table(TABLES["splits"], rows))
    catalog.upsert("splits", to_table(TABLES["splits"], rows[:1]))
    catalog.publish("splits", _SESSION, catalog.latest_version("splits"))


def _store_model(catalog: Catalog, home: Path, release_id: str) -> None:
    """An untrained net as package, its row and pointer, and the checkpoint of a training that was interrupted."""
    import torch

    from assets.inference.checkpoint import write_checkpoint
    from assets.inference.package import describe, write_package
    from models.recipes import get_recipe
    from models.tasks import TASKS

    recipe = get_recipe("tiny_detection")
    torch.manual_seed(0)
    net = TASKS[_TASK].build(recipe, 1, None)
    package = write_package(
        home / "models", net, _TASK, describe(recipe, ("cup",), release_id, 0, "1", [])
    )
    row = {
        "model_sha256": package.model_sha256,
        "task": _TASK,
        "recipe": package.facts.recipe,
        "release_id": release_id,
        "code_version": "1",
        "seed": 0,
        "run_id": "none",
        "folder": str(package.folder.relative_to(home)),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    catalog.point(f"model/{_TASK}", package.model_sha256)
    weights = {
        name: value for name, value in net.state_dict().items() if value.ndim == 1
    }
    write_checkpoint(
        home / "models" / ".runs" / "run" / "checkpoint",
        weights,
        {"epoch": 1, "history": []},
    )


if __name__ == "__main__":
    import sys

    print(json.dumps(run_flips(int(sys.argv[1]), int(sys.argv[2])), indent=1))
