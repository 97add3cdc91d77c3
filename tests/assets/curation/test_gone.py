"""What was taken away or replaced in its folder is not in the next release, and the last one stays as it was."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest

from assets.curation.clusters import update_clusters, update_splits
from assets.curation.release import draft_release, write_release
from assets.landing import LandingZone
from assets.storage import Folder
from assets.tables.incremental import refresh_frames
from assets.tables.releases import open_release
from assets.tables.schemas import EMBEDDING_DIM

NUM_PICTURES = 20
BOX = "0 .5 .5 .5 .5"
PUBLISHED = (
    "captures",
    "frames",
    "labels",
    "annotated_frames",
    "frame_quality",
    "frame_embeddings",
)


class Site:
    """Sessions of pictures with a box each, and what releases are made of them."""

    def __init__(self, root, intake, make_png) -> None:
        self.root = root
        self.intake = intake
        self.catalog = intake.catalog
        self.make_png = make_png
        self.zone = LandingZone(Folder(str(root)), intake.ledger)

    def write(self, session: str, number: int, seed: int) -> None:
        for path, data in (
            (f"images/{number}.png", self.make_png(seed, 64, 48)),
            (f"labels/{number}.txt", BOX.encode()),
            ("data.yaml", b"names: [cat]"),
        ):
            place = self.root / session / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)

    def take_in(self, session: str) -> None:
        self.zone.note(self.zone.look_around())
        self.intake.ingest(self.zone.locate(session), session)
        self.publish("captures", "frames", "labels", "annotated_frames", session)
        refresh_frames(
            self.catalog, "frame_embeddings", session, "1", bytes_of, point_at
        )
        self.publish("frame_quality", "frame_embeddings", session)

    def publish(self, *names: str) -> None:
        *tables, session = names
        for table in tables:
            self.catalog.publish(table, session, self.catalog.latest_version(table))

    def release(self) -> tuple[str, dict[str, tuple[str, str, str]]]:
        """Its id, and frame id -> session, sha256, split of its pictures."""
        for table, update in (
            ("unique_frames", update_clusters),
            ("splits", update_splits),
        ):
            self.catalog.publish(table, None, update(self.catalog).version)
        release_id = write_release(
            self.catalog, draft_release(self.catalog, "detection")
        )
        rows = open_release(self.catalog, release_id).frames.to_pylist()
        return release_id, {
            r["frame_id"]: (r["session"], r["sha256"], r["split"]) for r in rows
        }

    def hash_of(self, session: str, number: int) -> str:
        data = (self.root / session / f"images/{number}.png").read_bytes()
        return hashlib.sha256(data).hexdigest()


def bytes_of(payload: bytes) -> np.ndarray:
    return np.frombuffer(payload, np.uint8)


def point_at(payloads: list[np.ndarray]) -> list[dict[str, object]]:
    """Vectors by content, each far from the others."""
    rows = []
    for payload in payloads:
        seed = int.from_bytes(hashlib.sha256(payload.tobytes()).digest()[:4], "big")
        vector = np.random.default_rng(seed).normal(size=EMBEDDING_DIM)
        rows.append({"vector": (vector / np.linalg.norm(vector)).tolist()})
    return rows


@pytest.fixture
def site(tmp_path, intake, make_png) -> Site:
    site = Site(tmp_path / "landing", intake, make_png)
    for number in range(NUM_PICTURES):
        site.write("monday", number, number)
    site.write("tuesday", 0, 100)
    for session in ("monday", "tuesday"):
        site.take_in(session)
    return site


def test_pictures_that_are_replaced_deleted_or_renamed_are_what_they_are_now(site):
    first, before = site.release()
    stored = open_release(site.catalog, first)
    assert len(before) == NUM_PICTURES + 1
    sides = {sha256: split for _, sha256, split in before.values()}
    hashes = [site.hash_of("monday", n) for n in range(NUM_PICTURES)]
    tests = [n for n, sha256 in enumerate(hashes) if sides[sha256] == "test"]
    replaced, deleted = [n for n, s in enumerate(hashes) if sides[s] == "train"][:2]
    site.write("monday", replaced, 500)
    (site.root / f"monday/images/{deleted}.png").unlink()
    for number in tests:
        images = site.root / "monday/images"
        (images / f"{number}.png").rename(images / f"renamed-{number}.png")
        labels = site.root / "monday/labels"
        (labels / f"{number}.txt").rename(labels / f"renamed-{number}.txt")
    site.take_in("monday")
    second, after = site.release()
    found = {sha256: split for _, sha256, split in after.values()}
    assert len(after) == NUM_PICTURES and second != first
    assert not {hashes[replaced], hashes[deleted]} & found.keys()
    assert site.hash_of("monday", replaced) in found
    # what was held out for tests under another name is trained on under none
    assert {found[hashes[n]] for n in tests} == {"test"}
    assert len(site.catalog.read_latest("frame_embeddings")) == NUM_PICTURES
    assert open_release(site.catalog, first) == stored


def test_a_session_that_is_copied_and_then_taken_away_leaves_its_splits_to_the_copy(
    site,
):
    _, before = site.release()
    shutil.copytree(site.root / "monday", site.root / "copy")
    site.take_in("copy")
    shutil.rmtree(site.root / "monday")
    assert site.zone.locate("monday").is_gone
    site.intake.ingest(site.zone.locate("monday"), "monday")
    for table in PUBLISHED:
        site.publish(table, "tuesday")
    _, after = site.release()
    assert {session for session, _, _ in after.values()} == {"copy", "tuesday"}
    assert {(sha256, split) for _, sha256, split in after.values()} == {
        (sha256, split) for _, sha256, split in before.values()
    }
