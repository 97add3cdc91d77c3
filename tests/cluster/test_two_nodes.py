"""Two nodes of Ray that share no folder: from landing to champion, and one of them killed in the middle of work."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from assets.retrieval.verify import Stores, verify
from assets.storage import BlobStore
from assets.tables.catalog import Catalog
from bench.prove.machines import Machine, Work
from bench.prove.postgres import Postgres
from bench.prove.seaweed import Weed
from bench.prove.team import Team
from orchestration.resources import build_catalog, build_ledger, build_tracker

pytestmark = pytest.mark.timeout(800)
SESSION = "shapes"
PARTS = {"train": 16, "val": 4, "test": 10}  # pictures of each class
SETTINGS = {"image_size_px": "64", "epochs": "2", "batch_size": "8", "save_every": "2"}


def draw(number: int, is_disc: bool) -> bytes:
    """A PNG of a red disc, or a blue square, on noise."""
    rng = np.random.default_rng(number)
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    side = int(rng.integers(12, 20))
    x, y = (int(v) for v in rng.integers(side, 64 - side, 2))
    if is_disc:
        cv2.circle(image, (x, y), side, (20, 20, 240), -1)
    else:
        image[y - side : y + side, x - side : x + side] = (240, 60, 20)
    return bytes(cv2.imencode(".png", image)[1])


def draw_session() -> dict[str, bytes]:
    files = {}
    for part, count in PARTS.items():
        for is_disc in (True, False):
            for _ in range(count):
                name = f"{part}/{'disc' if is_disc else 'square'}/{len(files)}.png"
                files[name] = draw(len(files), is_disc)
    return files


def start(machine: Machine, *args: str) -> Work:
    work = machine.start("bench.prove.machine_work", *args)
    assert work.read() == "ready"
    work.go_on()
    return work


def count_workers(node: Machine, name: str) -> int:
    """Workers of that name that have begun there: each says so first, in the file that Ray keeps of it."""
    files = (node.folder / "ray").rglob("worker-*.out")
    return sum(
        file.read_text(errors="replace").count(f'"name": "{name}') for file in files
    )


def read_vectors(catalog: Catalog) -> list[dict[str, Any]]:
    rows = catalog.read_latest("frame_embeddings").sort_by("frame_id")
    return rows.select(["frame_id", "session", "vector"]).to_pylist()


class Cluster:
    """A node that programs run on, and one that can be killed: then there is another."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.head = team.add_node("head")
        self._num_others = 0
        self.add_other()

    def add_other(self) -> None:
        self._num_others += 1
        self.other = self.team.add_node(f"other-{self._num_others}")

    def kill_other(self) -> None:
        self.team.kill_node(self.other.folder.name)


@pytest.fixture(scope="module")
def cluster(store: Weed, postgres: Postgres) -> Iterator[Cluster]:
    with Team(store, postgres) as team:
        yield Cluster(team)


@pytest.fixture(scope="module")
def champion(cluster: Cluster) -> dict[str, Any]:
    """What the loop came to, from landing on."""
    cluster.team.land(SESSION, draw_session())
    told = start(cluster.head, "loop", json.dumps(SETTINGS)).end()
    (taken,) = (fact for fact in told if "session" in fact)
    assert taken["status"] == "SUCCESS"
    return told[-1]


def test_a_session_becomes_a_champion_by_the_work_of_both_nodes(cluster, champion):
    assert champion["success"] and champion["is_promoted"], champion
    nodes = (cluster.head, cluster.other)
    assert any(count_workers(node, "embedding worker") for node in nodes)
    assert all(count_workers(node, "training worker") for node in nodes)
    settings = cluster.team.settings
    (version,) = build_tracker(settings).versions("recognition")
    assert version.model_sha256 == champion["model_sha256"]
    assert "champion" in version.aliases
    ledger = build_ledger(settings)
    blobs = BlobStore(settings.blobs_uri, settings.file_options)
    stores = Stores(build_catalog(settings), ledger, blobs, settings.home)
    assert verify(stores) == []
    ledger.engine.dispose()


def test_a_node_that_is_killed_while_it_embeds_costs_no_row(cluster, champion):
    catalog = build_catalog(cluster.team.settings)
    before = read_vectors(catalog)
    assert len(before) == len(draw_session())
    catalog.delete("frame_embeddings", f"session = '{SESSION}'")
    num_begun = count_workers(cluster.other, "embedding worker")
    work = start(cluster.head, "embed", SESSION)
    # most batches are not handed out yet
    work.await_fact("embedded")
    while count_workers(cluster.other, "embedding worker") == num_begun:
        time.sleep(0.05)
    cluster.kill_other()
    work.go_on()
    try:
        told = work.end()[-1]
    finally:
        # other tests need two nodes
        cluster.add_other()
    assert told["new"] == told["total"] == len(before)
    assert read_vectors(catalog) == before


def test_a_node_that_is_killed_while_it_trains_changes_no_weight(cluster, champion):
    work = start(cluster.head, "train", champion["release_id"], json.dumps(SETTINGS))
    while work.await_fact("step")["step"] < 3:
        pass
    cluster.kill_other()
    cluster.add_other()
    told = work.end()[-1]
    assert "attempt 2" in work.tell(), work.tell()
    assert told["model_sha256"] == champion["model_sha256"]
