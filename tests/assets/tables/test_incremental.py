"""Derived rows follow their inputs: new and stale ones are computed, no others, and what lost its frame goes."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from assets.images import decode_rgb
from assets.previews.stored_frames import draw_contact_sheet
from assets.tables import incremental
from assets.tables.catalog import Catalog
from assets.tables.incremental import read_images, refresh_frames, replace_rows
from assets.tables.schemas import TABLES, content_id, to_table


@pytest.fixture
def publish(catalog, frame_rows):
    def add(count: int, seed: int = 0, session: str = "monday", **columns) -> None:
        catalog.publish(
            "frames",
            session,
            catalog.merge(
                "frames", frame_rows(count, seed, session, **columns)
            ).version,
        )

    return add


@pytest.fixture
def refresh(catalog):
    """refresh(version): the result, and how many images were computed."""

    def run(code_version: str = "1", session: str = "monday"):
        computed = []

        def compute(images):
            computed.extend(image.shape for image in images)
            figures = {
                n: 0.5
                for n in (
                    "brightness",
                    "contrast",
                    "sharpness",
                    "clipped_dark",
                    "clipped_bright",
                    "noise",
                )
            }
            return [{**figures, "perceptual_hash": "0" * 16} for _ in images]

        return refresh_frames(
            catalog, "frame_quality", session, code_version, decode_rgb, compute
        ), len(computed)

    return run


def test_every_frame_is_computed_once(refresh, publish, catalog):
    publish(3)
    done, computed = refresh()
    assert (done.new, done.stale, done.removed, done.total, computed) == (3, 0, 0, 3, 3)
    again, computed = refresh()
    assert (again.new, again.total, computed, again.version) == (0, 3, 0, done.version)
    rows = catalog.read_latest("frame_quality").to_pylist()
    assert {r["input_sha256"] for r in rows} == set(
        catalog.read("frames")["sha256"].to_pylist()
    )


def test_new_frames_are_computed_and_old_ones_are_not(refresh, publish):
    publish(2)
    refresh()
    publish(1, seed=2)
    done, computed = refresh()
    assert (done.new, done.stale, done.total, computed) == (1, 0, 3, 1)


def test_a_new_code_version_makes_all_rows_stale(refresh, publish, catalog):
    publish(2)
    refresh("1")
    done, computed = refresh("2")
    assert (done.new, done.stale, done.total, computed) == (0, 2, 2, 2)
    assert catalog.read_latest("frame_quality")["code_version"].to_pylist() == [
        "2",
        "2",
    ]


def test_rows_of_frames_that_are_held_go(refresh, publish, catalog):
    publish(2)
    refresh()
    catalog.hold("frames", "monday", catalog.latest_version("frames"), "blurred")
    done, _ = refresh()
    assert (done.removed, done.total, len(catalog.read_latest("frame_quality"))) == (
        2,
        0,
        0,
    )


def test_a_session_is_refreshed_alone(refresh, publish, catalog):
    publish(1)
    publish(2, session="tuesday")
    assert refresh(session="tuesday")[0].total == 2
    assert set(catalog.read_latest("frame_quality")["session"].to_pylist()) == {
        "tuesday"
    }


def test_depth_frames_and_frames_not_published_are_left_out(
    refresh, publish, catalog, frame_rows
):
    publish(2, kind=["color", "depth"])
    catalog.merge("frames", frame_rows(1, seed=9))
    assert refresh()[0].total == 1


def test_no_frames_give_no_rows(refresh, catalog):
    done, computed = refresh()
    assert (done.version, done.total, computed) == (0, 0, 0)


def test_batches_hold_no_more_pixels_than_allowed(refresh, publish, monkeypatch):
    # two of the test images
    monkeypatch.setattr(incremental, "_BATCH_PIXELS", 2 * 16 * 12)
    sizes = []
    monkeypatch.setattr(
        incremental,
        "read_images",
        lambda catalog, stored, ids, decode: (
            sizes.append(len(ids)) or read_images(catalog, stored, ids, decode)
        ),
    )
    publish(5)
    assert refresh()[1] == 5
    assert sizes == [2, 2, 1]


def test_progress_counts_to_all(catalog, publish):
    publish(3)
    seen = []
    refresh_frames(
        catalog,
        "frame_embeddings",
        "monday",
        "1",
        decode_rgb,
        lambda images: [{"vector": [0.0] * 1280}] * len(images),
        lambda done, total: seen.append((done, total)),
    )
    assert seen == [(3, 3)]


def cluster(name: str, of: str = "a") -> dict[str, object]:
    ids = {"frame_id": content_id(name), "cluster_id": content_id(of)}
    return ids | {
        "session": "monday",
        "similarity": 0.25,
        "input_sha256": "0" * 64,
        "code_version": "1",
    }


def clusters(*rows: dict[str, object]) -> pa.Table:
    return to_table(TABLES["unique_frames"], rows)


def test_replacing_writes_the_rows_that_differ(catalog):
    first = replace_rows(
        catalog, "unique_frames", clusters(cluster("a"), cluster("b")), computed=2
    )
    assert (first.new, first.stale, first.removed, first.total) == (2, 0, 0, 2)
    same = replace_rows(
        catalog, "unique_frames", clusters(cluster("b"), cluster("a")), computed=0
    )  # another order
    assert (same.version, same.new, same.stale, same.removed) == (
        first.version,
        0,
        0,
        0,
    )
    rows = [cluster("a"), cluster("b", of="b"), cluster("c")]
    other = replace_rows(catalog, "unique_frames", clusters(*rows), computed=2)
    assert (other.new, other.stale, other.removed, other.total) == (1, 1, 0, 3)
    assert catalog.read_latest("unique_frames").select(
        ["frame_id", "cluster_id"]
    ).sort_by("frame_id").to_pylist() == (
        sorted(
            ({k: r[k] for k in ("frame_id", "cluster_id")} for r in rows),
            key=lambda r: r["frame_id"],
        )
    )


def test_replacing_removes_the_rest_and_keeps_old_versions(catalog):
    first = replace_rows(
        catalog, "unique_frames", clusters(cluster("a"), cluster("b")), computed=2
    )
    done = replace_rows(catalog, "unique_frames", clusters(cluster("b")), computed=0)
    assert (done.new, done.stale, done.removed, done.total) == (0, 0, 1, 1)
    assert catalog.read_latest("unique_frames")["frame_id"].to_pylist() == [
        content_id("b")
    ]
    assert len(catalog.read("unique_frames", version=first.version)) == 2
    assert replace_rows(catalog, "unique_frames", clusters(), computed=0).removed == 1


def test_replacing_refuses_two_rows_of_one_key(catalog):
    with pytest.raises(
        ValueError, match="two rows for unique_frames share the key frame_id"
    ):
        replace_rows(
            catalog,
            "unique_frames",
            clusters(cluster("a"), cluster("a", of="b")),
            computed=2,
        )


def test_stored_images_come_back_as_rgb(catalog, publish, make_png):
    publish(1)
    (row,) = catalog.dataset("frames").to_table(with_row_id=True).to_pylist()
    (image,) = read_images(
        catalog, catalog.dataset("frames"), [row["_rowid"]], decode_rgb
    )
    assert image.shape == (12, 16, 3)
    assert hashlib.sha256(make_png(0)).hexdigest() == row["sha256"]


def test_a_contact_sheet_shows_colour_frames(catalog, publish):
    publish(7)
    sheet = draw_contact_sheet(catalog, "true", count=4, columns=3)
    assert sheet is not None and sheet.startswith(b"\xff\xd8\xff")
    assert draw_contact_sheet(catalog, "session = 'friday'") is None


def test_what_is_gone_goes_in_parts_and_again_where_that_was_cut(catalog, monkeypatch):
    monkeypatch.setattr("assets.tables.catalog._KEYS_AT_ONCE", 2)
    names = "abcdefg"
    replace_rows(catalog, "unique_frames", clusters(*map(cluster, names)), computed=7)
    delete = Catalog.delete
    wheres: list[str] = []

    def cut(self, name, where):
        wheres.append(where)
        if len(wheres) == 2:
            raise OSError("the disk is full")
        return delete(self, name, where)

    kept = clusters(cluster("a"))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(Catalog, "delete", cut)
        replace_rows(catalog, "unique_frames", kept, computed=0)
    assert len(catalog.read_latest("unique_frames")) == 5
    assert replace_rows(catalog, "unique_frames", kept, computed=0).removed == 4
    assert catalog.read_latest("unique_frames").num_rows == 1
    assert all(where.count("', '") <= 1 for where in wheres)
