"""Clusters and splits in the tables: from published frames only, computed as a whole, stable as data grows."""

from __future__ import annotations

import dagster as dg
import numpy as np
import pytest

from assets.curation.clusters import update_clusters, update_splits
from assets.curation.defs import defs as curation
from assets.curation.release import draft_release, write_release
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from assets.workspace import Workspace


@pytest.fixture
def curate(catalog, frame_rows):
    """curate(angles, session=...): published frames with a vector at each angle (degrees), one hash, and quality.

    Another encoder makes the embeddings anew.
    """

    def add(
        angles: list[float],
        seed: int = 0,
        session: str = "monday",
        reader: str = "image_folder",
        encoder: str = "1",
        **columns,
    ) -> list[str]:
        rows = frame_rows(len(angles), seed, session, **columns)
        frames = [
            {
                "frame_id": r["frame_id"],
                "session": session,
                "input_sha256": r["sha256"],
                "code_version": "1",
            }
            for r in rows.to_pylist()
        ]
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
        capture = {
            "capture_id": content_id("capture", session),
            "session": session,
            "path": "x",
            "source_uri": "/x",
            "reader": reader,
            "sha256": "0" * 64 if reader == "mcap" else None,
            "size_bytes": 1,
            "num_frames": len(rows),
            "num_signals": 0,
            "num_labels": 0,
            "num_problems": 0,
            "code_version": "1",
        }
        quality = [f | figures | {"perceptual_hash": "0" * 16} for f in frames]
        embeddings = [
            f | {"vector": point(a), "code_version": encoder}
            for f, a in zip(frames, angles, strict=True)
        ]
        written = {"frames": rows}
        for name, dicts in (
            ("captures", [capture]),
            ("frame_quality", quality),
            ("frame_embeddings", embeddings),
        ):
            written[name] = to_table(TABLES[name], dicts)
        for name, table in written.items():
            catalog.publish(name, session, catalog.upsert(name, table).version)
        return [f["frame_id"] for f in frames]

    return add


def point(degrees: float) -> list[float]:
    vector = np.zeros(EMBEDDING_DIM, np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector.tolist()


def publish_clusters(catalog) -> list[dict]:
    catalog.publish("unique_frames", None, update_clusters(catalog).version)
    return catalog.read("unique_frames").to_pylist()


def test_each_duplicate_names_the_first_of_its_cluster(catalog, curate):
    one, two, three = curate([0, 5, 90])
    rows = {r["frame_id"]: r for r in publish_clusters(catalog)}
    assert {r["cluster_id"] for r in rows.values()} == {one, three}
    assert (
        rows[one]["duplicate_of"],
        rows[two]["duplicate_of"],
        rows[three]["duplicate_of"],
    ) == (None, one, None)
    assert rows[two]["similarity"] == pytest.approx(np.cos(np.radians(5)), abs=1e-6)


def test_frames_of_a_producers_test_part_lead_their_clusters(catalog, curate):
    _one, two = curate([0, 5], split_hint=["train", "test"])
    assert {r["cluster_id"] for r in publish_clusters(catalog)} == {two}


def test_nothing_to_compare_is_said_with_the_remedy(catalog, frame_rows):
    with pytest.raises(ValueError, match="no published frames with embeddings"):
        update_clusters(catalog)
    catalog.merge("frames", frame_rows(1))
    with pytest.raises(ValueError, match="daguerre ingest PLACE"):
        update_clusters(catalog)


def test_frames_that_are_held_are_in_no_cluster(catalog, curate):
    curate([0, 90])
    kept = curate([180], session="tuesday")
    catalog.hold("frames", "monday", catalog.latest_version("frames"), "blurred")
    assert [r["frame_id"] for r in publish_clusters(catalog)] == kept


def test_computing_again_writes_nothing(catalog, curate):
    curate([0, 5, 90])
    publish_clusters(catalog)
    versions = update_splits(catalog).version, catalog.latest_version("unique_frames")
    assert (
        update_splits(catalog).version,
        update_clusters(catalog).version,
    ) == versions


def update_and_publish(catalog) -> tuple[int, int, int, int]:
    done = update_clusters(catalog)
    catalog.publish("unique_frames", None, done.version)
    return done.new, done.stale, done.removed, done.computed


def test_new_frames_are_compared_and_no_others(catalog, curate):
    curate([18.0 * n for n in range(20)])
    assert update_and_publish(catalog) == (20, 0, 0, 20)
    (new,) = curate([20.0], seed=90, session="tuesday")  # alike to the second
    assert update_and_publish(catalog) == (1, 0, 0, 1)
    rows = {r["frame_id"]: r for r in catalog.read("unique_frames").to_pylist()}
    assert (
        rows[new]["duplicate_of"] in rows
        and len({r["cluster_id"] for r in rows.values()}) == 20
    )


def test_what_is_kept_and_what_is_new_are_what_is_computed_anew(
    catalog, curate, tmp_path
):
    """Sessions come, with parts that change who leads a cluster, and one goes."""
    rng = np.random.default_rng(0)
    for number, day in enumerate(("monday", "tuesday", "friday", "sunday")):
        hints = rng.choice(["train", "test", None], 12).tolist()
        curate(rng.uniform(0, 360, 12).tolist(), 20 * number, day, split_hint=hints)
        update_and_publish(catalog)
    catalog.hold("frames", "tuesday", catalog.latest_version("frames"), "blurred")
    kept = sorted(publish_clusters(catalog), key=lambda r: r["frame_id"])
    assert len(kept) == 36 and len({r["cluster_id"] for r in kept}) < 30
    catalog.delete("unique_frames", "true")
    assert update_and_publish(catalog)[3] == 36
    anew = sorted(
        catalog.read("unique_frames").to_pylist(), key=lambda r: r["frame_id"]
    )
    assert anew == kept


def test_frames_with_another_embedding_are_compared_again(catalog, curate):
    angles = [18.0 * n for n in range(20)]
    curate(angles)
    update_and_publish(catalog)
    # the first frame looks like the eleventh now, and leads it
    curate([181.0], sha256="0" * 64)
    assert update_and_publish(catalog) == (0, 2, 0, 1)
    curate([181.0, *angles[1:]], encoder="2")
    new, stale, removed, computed = update_and_publish(catalog)
    assert (new, removed) == (0, 0) and stale == computed == 20


def test_vectors_of_two_encoders_are_not_compared(catalog, curate):
    curate([0, 90])
    curate([0, 90], seed=10, session="tuesday", encoder="1:abc")
    with pytest.raises(
        ValueError, match="'1' made those of monday; '1:abc' made those of tuesday"
    ):
        update_clusters(catalog)
    curate([0, 90], encoder="1:abc")
    assert len(publish_clusters(catalog)) == 4


def test_the_threshold_of_an_encoder_is_found_once_and_told_by_the_rows(
    catalog, curate
):
    # the median distance is that of 2 to 4 degrees: nothing is alike
    curate([0, 2, 4, 6], encoder="1:abc")
    rows = publish_clusters(catalog)
    assert len({r["cluster_id"] for r in rows}) == 4
    (version,) = {r["code_version"] for r in rows}
    assert version.startswith("3:1:abc:0.99") and float(
        version.rpartition(":")[2]
    ) > np.cos(np.radians(2))
    curate([90, 180], seed=10, session="tuesday", encoder="1:abc")
    assert update_and_publish(catalog) == (2, 0, 0, 2)
    assert {r["code_version"] for r in catalog.read("unique_frames").to_pylist()} == {
        version
    }


def test_the_threshold_of_an_encoder_outlives_the_code_that_found_it(catalog, curate):
    curate([0, 2, 4, 6], encoder="1:abc")
    publish_clusters(catalog)
    rows = catalog.read_latest("unique_frames").to_pylist()
    earlier = [r | {"code_version": "1:1:abc:0.9901234"} for r in rows]
    catalog.upsert("unique_frames", to_table(TABLES["unique_frames"], earlier))
    rows = publish_clusters(catalog)
    assert {r["code_version"] for r in rows} == {"3:1:abc:0.9901234"}
    # cos 2 = 0.9994
    assert len({r["cluster_id"] for r in rows}) == 1


def test_no_encoder_moves_a_released_frame_to_another_side(catalog, curate):
    """Frames that are left out under one encoder come back under the next on the side that their release has."""
    angles = [20.0 * n for n in range(10)]
    ids = curate(angles)
    publish_clusters(catalog)
    catalog.publish("splits", None, update_splits(catalog).version)
    catalog.publish("labels", "monday", catalog.open_or_create("labels").version)
    write_release(catalog, draft_release(catalog, "pretraining"))
    before = {
        r["frame_id"]: r["split"] for r in catalog.read_latest("splits").to_pylist()
    }
    assert len(before) == len(ids) and set(before.values()) == {"train", "val", "test"}
    curate([0.0] * 5 + [90.0] * 5, encoder="2")
    publish_clusters(catalog)
    update_splits(catalog)
    kept = {
        r["frame_id"]: r["split"] for r in catalog.read_latest("splits").to_pylist()
    }
    assert len(kept) < len(ids) and kept.items() <= before.items()
    curate(angles)
    publish_clusters(catalog)
    update_splits(catalog)
    assert {
        r["frame_id"]: r["split"] for r in catalog.read_latest("splits").to_pylist()
    } == before


def test_frames_of_a_cluster_that_lost_one_are_compared_again(catalog, curate):
    ends = curate([0, 20, 90, 135], session="monday")
    curate([10], seed=50, session="tuesday")  # joins the first two
    update_and_publish(catalog)
    assert (
        len({r["cluster_id"] for r in catalog.read("unique_frames").to_pylist()}) == 3
    )
    catalog.hold("frames", "tuesday", catalog.latest_version("frames"), "blurred")
    _new, _stale, removed, computed = update_and_publish(catalog)
    assert (removed, computed) == (1, 2)
    assert {r["cluster_id"] for r in catalog.read("unique_frames").to_pylist()} == set(
        ends
    )


def test_splits_that_stay_are_not_written(catalog, curate):
    curate([18.0 * n for n in range(19)])
    update_and_publish(catalog)
    assert update_splits(catalog).new == 19
    curate([342.0], seed=90, session="tuesday")
    update_and_publish(catalog)
    done = update_splits(catalog)
    assert (done.new, done.stale, done.removed, done.total) == (1, 0, 0, 20)


def test_recordings_are_split_as_a_whole_and_folders_are_not(catalog, curate):
    for number, day in enumerate(("monday", "tuesday", "friday")):
        curate([40 * number, 40 * number + 20], session=day, reader="mcap")
    publish_clusters(catalog)
    update_splits(catalog)
    rows = catalog.read_latest("splits").to_pylist()
    sides = {
        day: {r["split"] for r in rows if r["session"] == day}
        for day in ("monday", "tuesday", "friday")
    }
    assert sorted(side for found in sides.values() for side in found) == [
        "test",
        "train",
        "val",
    ]
    assert {r["rule"] for r in rows} == {"recording"}


def test_frames_keep_their_splits_when_a_session_arrives_that_leads_their_clusters(
    catalog, curate
):
    curate([20.0 * n for n in range(10)], session="monday")
    publish_clusters(catalog)
    update_splits(catalog)
    before = {
        r["frame_id"]: r["split"] for r in catalog.read_latest("splits").to_pylist()
    }
    # sorts first, so it leads every cluster
    curate([20.0 * n + 2 for n in range(10)], session="a-day-before")
    publish_clusters(catalog)
    update_splits(catalog)
    rows = catalog.read_latest("splits").to_pylist()
    after = {r["frame_id"]: r["split"] for r in rows}
    assert set(after.values()) == {"train", "val", "test"}
    assert all(after[f] == s for f, s in before.items() if f in after)
    assert all(f in after for f, s in before.items() if s != "train")


BOX = (2, 3, 8, 9)


def test_a_labelled_frame_leads_its_cluster_and_one_that_is_labelled_later_takes_the_lead(
    catalog, curate, label
):
    bare = curate([0.0, 60.0, 120.0], session="a-bare")
    late = curate([5.0, 65.0], seed=10, session="b-labelled")
    assert update_and_publish(catalog) == (5, 0, 0, 5)
    assert {r["cluster_id"] for r in catalog.read("unique_frames").to_pylist()} == set(
        bare
    )
    label("detection", [(late[0], "cup", BOX)], "b-labelled")
    # both of one cluster, and nothing was compared
    assert update_and_publish(catalog) == (0, 2, 0, 0)
    rows = {r["frame_id"]: r for r in catalog.read("unique_frames").to_pylist()}
    assert (rows[late[0]]["duplicate_of"], rows[bare[0]]["duplicate_of"]) == (
        None,
        late[0],
    )
    assert (
        rows[bare[0]]["cluster_id"] == late[0] and rows[late[0]]["similarity"] is None
    )
    assert rows[bare[0]]["similarity"] == pytest.approx(np.cos(np.radians(5)), abs=1e-6)
    assert rows[late[1]]["duplicate_of"] == bare[1]
    assert update_and_publish(catalog) == (0, 0, 0, 0)


def test_a_frame_that_somebody_found_empty_leads_too_and_one_that_lacks_an_object_does_not(
    catalog, curate, look
):
    curate([0.0, 90.0], session="a-bare")
    empty, lacking = curate([2.0, 92.0], seed=10, session="b-labelled")
    look([empty], "b-labelled")
    look([lacking], "b-labelled", num_missing=1)
    clusters = {r["cluster_id"] for r in publish_clusters(catalog)}
    assert empty in clusters and lacking not in clusters


def split_and_publish(catalog) -> dict[str, str]:
    catalog.publish("splits", None, update_splits(catalog).version)
    return {r["frame_id"]: r["split"] for r in catalog.read("splits").to_pylist()}


@pytest.mark.parametrize("is_bare_first", [True, False])
def test_bare_copies_cost_no_frame_and_no_label_whichever_lands_first(
    catalog, curate, label, is_bare_first
):
    angles = [17.0 * n for n in range(20)]  # cos 17 = 0.956: no near-duplicates

    def land(session: str, seed: int) -> list[str]:
        ids = curate(angles, seed=seed, session=session)
        if session == "labelled":
            label(
                "detection",
                [(i, "cup", BOX) for i in ids]
                + [(i, "jug", (9, 9, 12, 12)) for i in ids],
                session,
            )
        publish_clusters(catalog)
        split_and_publish(catalog)
        return ids

    found = {}
    for session in ("bare", "labelled") if is_bare_first else ("labelled", "bare"):
        found[session] = land(session, seed=100 * (session == "bare"))
    draft = draft_release(catalog, "detection")
    assert {r["frame_id"] for r in draft.frames.to_pylist()} == set(found["labelled"])
    assert draft.row["num_labels"] == 40 and draft.excluded == {
        "frame without labels": 20
    }
    assert {r["split"] for r in draft.frames.to_pylist()} == {"train", "val", "test"}
    pretraining = draft_release(catalog, "pretraining")
    in_train = [r for r in pretraining.frames.to_pylist() if r["split"] == "train"]
    assert len(in_train) == len(
        [r for r in draft.frames.to_pylist() if r["split"] == "train"]
    )


def test_frames_keep_their_sides_when_labels_arrive_for_others_of_their_cluster(
    catalog, curate, label
):
    bare = curate([17.0 * n for n in range(20)], session="a-bare")
    publish_clusters(catalog)
    before = split_and_publish(catalog)
    late = curate([17.0 * n + 1 for n in range(20)], seed=100, session="b-labelled")
    label("detection", [(i, "cup", BOX) for i in late], "b-labelled")
    publish_clusters(catalog)
    after = split_and_publish(catalog)
    assert [after[i] for i in late] == [before[i] for i in bare]
    assert all(after.get(i, before[i]) == before[i] for i in bare)
    assert update_splits(catalog).computed == 40
    done = update_splits(catalog)
    assert (done.new, done.stale, done.removed) == (0, 0, 0)


def test_near_duplicates_with_labels_for_other_tasks_cost_neither_task_a_frame(
    catalog, curate, label
):
    named = curate([17.0 * n for n in range(20)], session="a-named")
    boxed = curate([17.0 * n + 1 for n in range(20)], seed=100, session="b-boxed")
    label(
        "recognition", [(i, "ab"[n % 2], None) for n, i in enumerate(named)], "a-named"
    )
    label("detection", [(i, "cup", BOX) for i in boxed], "b-boxed")
    publish_clusters(catalog)
    side_of = split_and_publish(catalog)
    assert [side_of[i] for i in named] == [side_of[i] for i in boxed]
    for task, ids in (("recognition", named), ("detection", boxed)):
        draft = draft_release(catalog, task)
        assert {r["frame_id"] for r in draft.frames.to_pylist()} == set(
            ids
        ) and "near-duplicate frame" not in draft.excluded
    # one a cluster in train, both in val and test
    pretraining = draft_release(catalog, "pretraining").frames.to_pylist()
    num_train = sum(side == "train" for side in side_of.values()) // 2
    assert len(pretraining) == num_train + 2 * (20 - num_train)


def test_labelled_near_duplicates_in_train_are_dropped_counted_and_told_with_their_labels(
    catalog, curate, label, tmp_path
):
    ids = curate(
        [0.0, 2.0, 4.0, *(40.0 + 17.0 * n for n in range(17))],
        split_hint=["train"] * 18 + ["val", "test"],
    )
    label(
        "detection",
        [(i, "cup", BOX) for i in ids] + [(i, "jug", (9, 9, 12, 12)) for i in ids[:3]],
    )
    publish_clusters(catalog)
    split_and_publish(catalog)
    draft = draft_release(catalog, "detection")
    kept = {r["frame_id"] for r in draft.frames.to_pylist()}
    assert len(kept & set(ids[:3])) == 1, "one of three that show the same"
    assert draft.excluded == {
        "near-duplicate frame": 2,
        "labels on near-duplicate frames": 4,
    }  # two each
    assert draft.summary.endswith(
        "18 frames, 19 labels; left out: near-duplicate frame: 2 frames, 4 labels"
    )
    (dataset,) = [
        a for a in curation.assets if a.key.path == ["curation", "detection_dataset"]
    ]
    made = dg.materialize(
        [dataset], resources={"catalog": catalog, "workspace": Workspace(tmp_path)}
    )
    (event,) = made.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["left out, near-duplicate frame"].value == "2 frames, 4 labels"
    assert metadata["excluded"].value == draft.excluded
    assert metadata["frames without an object"].value == 0


def test_near_duplicates_that_show_other_things_are_no_copies(
    catalog, curate, label, look
):
    ids = curate(
        [0.0, 2.0, 4.0, *(40.0 + 17.0 * n for n in range(17))],
        split_hint=["train"] * 18 + ["val", "test"],
    )
    label(
        "detection",
        [(i, "cup", BOX) for i in ids if i != ids[1]]
        + [(ids[2], "jug", (9, 9, 12, 12))],
    )
    look([ids[1]])
    publish_clusters(catalog)
    split_and_publish(catalog)
    draft = draft_release(catalog, "detection")
    assert (
        set(ids[:3]) <= {r["frame_id"] for r in draft.frames.to_pylist()}
        and not draft.excluded
    )
