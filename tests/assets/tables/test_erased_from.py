"""A release that something was erased from keeps its id, is proven by what is left, and tells on its models."""

from __future__ import annotations

import io
import json

import pytest

from assets.tables.catalog import is_in
from assets.tables.erased_from import find_taught, reduce_releases, tell_taught
from assets.tables.releases import hash_content, open_release, summarise
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row

LEARNT, STARTED, OTHER = "1" * 64, "2" * 64, "3" * 64
OF_OTHERS = content_id("another release")


@pytest.fixture
def release_id(catalog) -> str:
    """A release of three frames, a model of it, one that started from that model, and one of another release."""
    rows = [
        plain_row("release_frames", {"frame_id": content_id(name), "session": "monday"})
        | {"row_id": content_id("row", name), "split": "train", "class_id": 0}
        for name in ("a", "b", "c")
    ]
    frames = to_table(TABLES["release_frames"], rows)
    content = hash_content("recognition", ["cup"], frames)
    rows = [row | {"release_id": content[:32]} for row in rows]
    catalog.merge("release_frames", to_table(TABLES["release_frames"], rows))
    row = {"release_id": content[:32], "task": "recognition", "content_sha256": content}
    row |= {"class_names": ["cup"], "frames_version": 1, "code_version": "1"}
    row |= summarise(frames)
    catalog.merge("releases", to_table(TABLES["releases"], [row]))
    facts = json.dumps({"starts_from": {"origin": "a model", "sha256": LEARNT}})
    started = catalog.blobs.put(io.BytesIO(facts.encode()))
    for model, release, stored in (
        (LEARNT, content[:32], None),
        (STARTED, OF_OTHERS, started),
        (OTHER, OF_OTHERS, None),
    ):
        mine = {"model_sha256": model, "release_id": release, "facts_sha256": stored}
        rows = to_table(TABLES["models"], [plain_row("models", mine)])
        catalog.merge("models", rows)
    return content[:32]


def test_what_is_left_is_proven_and_what_is_changed_is_refused(catalog, release_id):
    catalog.delete("release_frames", is_in("frame_id", [content_id("a")]))
    with pytest.raises(ValueError, match="has changed"):
        open_release(catalog, release_id)
    for _ in range(2):  # done again it changes nothing
        reduce_releases(catalog, [release_id], "e" * 32)
        assert len(open_release(catalog, release_id).frames) == 2
    catalog.delete("release_frames", is_in("frame_id", [content_id("b")]))
    with pytest.raises(ValueError, match="has changed"):
        open_release(catalog, release_id)


def test_models_that_learnt_it_and_those_that_started_from_them_are_told(
    catalog, release_id
):
    assert find_taught(catalog) == {}
    assert tell_taught(catalog, LEARNT, release_id, None) == ""
    reduce_releases(catalog, [release_id], "e" * 32)
    found = find_taught(catalog)
    assert found.keys() == {LEARNT, STARTED}
    assert "erasure eeeeeeee" in found[LEARNT]
    assert f"started from {LEARNT[:16]}" in found[STARTED]
    assert tell_taught(catalog, "4" * 64, OF_OTHERS, STARTED).startswith("it started")
    assert tell_taught(catalog, "4" * 64, OF_OTHERS, None) == ""
