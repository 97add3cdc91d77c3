"""Frames that may be one picture, or near-duplicates, come in one batch; releases do not depend on batches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.curation import alike
from assets.curation.alike import list_batches
from assets.curation.release import draft_release
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

NAMES = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")))


def chunk(values) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def test_frames_of_one_value_are_not_parted_and_others_are(monkeypatch):
    monkeypatch.setattr(alike, "_BATCH", 2)
    batches = list_batches(chunk("abcacd"), chunk("uvwxyz"))
    assert [batch.tolist() for batch in batches] == [[0, 3], [1, 2, 4], [5]]


@given(NAMES)
def test_every_frame_comes_once_and_no_value_is_in_two_batches(frames):
    groups = [chunk([f[n] for f in frames]) for n in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "_BATCH", 1)
        batches = [batch.tolist() for batch in list_batches(*groups)]
    assert sorted(place for batch in batches for place in batch) == list(
        range(len(frames))
    )
    for group in groups:
        found = [set(group.take(pa.array(batch)).to_pylist()) for batch in batches]
        assert sum(map(len, found)) == len(set().union(*found))


@pytest.fixture(scope="module")
def home(tmp_path_factory, frame_rows) -> Catalog:
    """240 frames in clusters of four, each fifth with the bytes of the one before, with boxes of 40 classes."""
    catalog = Catalog(str(tmp_path_factory.mktemp("home") / "tables"))
    rng = np.random.default_rng(3)
    frames = frame_rows(240).to_pylist()
    for n in range(4, 240, 5):
        frames[n] |= {name: frames[n - 1][name] for name in ("payload", "sha256")}
    ids = [frame["frame_id"] for frame in frames]
    labels = [
        {
            "label_id": content_id(n),
            "frame_id": ids[place],
            "capture_id": frames[place]["capture_id"],
            "session": "monday",
            "task": "detection",
            "class_name": f"class {rng.integers(40)}",
            "x_min": float(n % 7),
            "y_min": 1.5,
            "x_max": float(n % 7 + 9),
            "y_max": 12.25,
            "mask_rle": None,
            "track_id": None,
            "attributes": None,
            "origin": "imported",
            "source_path": "a.json",
            "source_offset": n,
            "source_length": None,
            "source_inner_offset": None,
        }
        for n, place in enumerate(rng.choice(220, 300))
    ]
    facts = {"session": "monday", "input_sha256": "a" * 64, "code_version": "1"}
    tables = {
        "frames": frames,
        "labels": labels,
        "unique_frames": [
            {"frame_id": i, "cluster_id": ids[n // 4 * 4], **facts}
            for n, i in enumerate(ids)
        ],
        "splits": [
            {
                "frame_id": i,
                "capture_id": frames[n]["capture_id"],
                "session": "monday",
                "group_id": ids[n // 20 * 20],
                "split": ("train", "train", "val", "test")[n // 20 % 4],
                "rule": "cluster",
            }
            for n, i in enumerate(ids)
            if n % 11
        ],
    }
    for name, rows in tables.items():
        version = catalog.merge(name, to_table(TABLES[name], rows)).version
        session = None if name in ("unique_frames", "splits") else "monday"
        catalog.publish(name, session, version)
    return catalog


@pytest.mark.parametrize("task", ["detection", "pretraining"])
def test_a_release_is_the_same_in_batches_of_any_size(home, monkeypatch, task):
    whole = draft_release(home, task)
    monkeypatch.setattr(alike, "_BATCH", 1)
    parts = draft_release(home, task)
    assert whole.frames.equals(parts.frames) and len(whole.frames) > 60
    assert whole.row == parts.row and whole.excluded == parts.excluded
    assert whole.row["content_sha256"] == FROZEN[task]


# as the build of before made them, from lists of rows
FROZEN = {
    "detection": "b362335e3083134d3dc1f3e2f783abe6f78ed9fe7bc0422d42a4557a2a7362cd",
    "pretraining": "57311857248d6477dd3f41c6a7061fae32c97e82504a08fb9ee6587d31917c25",
}
