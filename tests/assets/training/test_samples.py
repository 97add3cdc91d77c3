"""A release read by random access gives the stored images, targets and order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from assets.image_forms import shrink
from assets.samples import ReleaseFacts, ReleaseImages, read_release
from assets.tables.schemas import TABLES, to_table


def test_samples_are_those_of_the_split_in_frame_id_order(store_release):
    catalog, release_id = store_release(
        "recognition", ["train", "val", "train", "train"]
    )
    images = ReleaseImages(
        catalog, read_release(catalog, release_id, "recognition"), "train", 64
    )
    ids = [sample.frame_id for sample in images]
    assert len(images) == 3 and ids == sorted(ids)
    # frames 0 and 2 are discs, frame 3 a square
    assert {sample.target for sample in images} == {0, 1}


def test_shrunken_image_has_shrunken_boxes(store_release):
    catalog, release_id = store_release("detection", ["train", "train", "val"])
    release = read_release(catalog, release_id, "detection")
    full, half = (ReleaseImages(catalog, release, "train", side) for side in (64, 32))
    assert half[1].image_rgb.shape == (32, 32, 3)
    np.testing.assert_allclose(half[1].target.boxes_xyxy * 2, full[1].target.boxes_xyxy)


def test_cached_and_uncached_samples_are_equal(store_release):
    catalog, release_id = store_release("recognition", ["train", "train", "val"])
    release = read_release(catalog, release_id, "recognition")
    uncached = ReleaseImages(catalog, release, "train", 64, cache_bytes=0)
    cached = ReleaseImages(catalog, release, "train", 64)
    for _ in range(2):
        for a, b in zip(
            uncached.__getitems__([1, 0]), cached.__getitems__([1, 0]), strict=True
        ):
            assert a.frame_id == b.frame_id
            np.testing.assert_array_equal(a.image_rgb, b.image_rgb)
    assert cached.__getitems__([1])[0] is cached[1]
    assert uncached[1] is not uncached[1]


def test_pinned_version_is_read_though_rows_were_deleted_since(store_release):
    catalog, release_id = store_release("recognition", ["train", "train", "val"])
    release = read_release(catalog, release_id, "recognition")
    catalog.delete("frames", "true")
    assert ReleaseImages(catalog, release, "train", 64)[0].image_rgb.shape == (
        64,
        64,
        3,
    )


def test_changed_bytes_are_named(store_release):
    catalog, release_id = store_release("recognition", ["train", "train", "val"])
    release = read_release(catalog, release_id, "recognition")
    release = change(release, "sha256", "f" * 64)
    first = release.frames.to_pylist()[0]
    images = ReleaseImages(catalog, release, first["split"], 64)
    with pytest.raises(ValueError, match=first["frame_id"]):
        images[0]


@pytest.mark.parametrize("missing", ["train", "val"])
def test_release_without_a_split_is_refused(store_release, missing):
    other = {"train": "val", "val": "train"}[missing]
    catalog, release_id = store_release("recognition", [other, other])
    with pytest.raises(ValueError, match=f"no {missing} frame"):
        read_release(catalog, release_id, "recognition")


def test_class_without_training_sample_is_named(store_release):
    # frame 1, the only square, is for validation
    catalog, release_id = store_release("recognition", ["train", "val"])
    with pytest.raises(ValueError, match="square: no training sample"):
        read_release(catalog, release_id, "recognition")


def test_release_for_another_task_is_refused(store_release):
    catalog, release_id = store_release("detection", ["train", "train", "val"])
    with pytest.raises(
        ValueError, match="is for detection, the recipe for recognition"
    ):
        read_release(catalog, release_id, "recognition")


def test_unknown_release_is_refused(store_release):
    catalog, _ = store_release("detection", ["train", "train", "val"])
    with pytest.raises(ValueError, match="there is no release 00"):
        read_release(catalog, "0" * 32, "detection")


def test_release_without_boxes_is_refused(store_release):
    catalog, release_id = store_release(
        "detection", ["train", "train", "val"], is_labelled=False
    )
    with pytest.raises(ValueError, match="no detection label"):
        read_release(catalog, release_id, "detection")


@pytest.mark.parametrize(
    "change",
    [{"split": "val"}, {"boxes_xyxy": [0.0, 0.0, 1.0, 1.0]}, {"box_class_ids": [1]}],
)
def test_release_whose_labels_or_splits_changed_is_refused(store_release, change):
    catalog, release_id = store_release("detection", ["train", "train", "val"])
    first = catalog.read_latest("release_frames").to_pylist()[0]
    catalog.upsert(
        "release_frames", to_table(TABLES["release_frames"], [first | change])
    )
    with pytest.raises(ValueError, match=f"release {release_id} has changed"):
        read_release(catalog, release_id, "detection")


def test_shrink_keeps_small_images():
    image = np.zeros((20, 30, 3), np.uint8)
    assert shrink(image, 30) is image
    assert shrink(image, 15).shape == (10, 15, 3)


def test_maps_are_shrunk_with_their_images(store_release):
    catalog, release_id = store_release(
        "segmentation", ["train", "train", "val"], ("disc", "square", "grey")
    )
    release = read_release(catalog, release_id, "segmentation")
    whole, half = (ReleaseImages(catalog, release, "train", side) for side in (64, 32))
    for large, small in zip(whole, half, strict=True):
        assert small.image_rgb.shape == (
            32,
            32,
            3,
        ) and large.target.class_ids.shape == (64, 64)
        np.testing.assert_array_equal(
            small.target.class_ids, large.target.class_ids[1::2, 1::2]
        )
        assert set(np.unique(large.target.class_ids)) <= {0, 1, 2}


def test_a_class_without_a_mask_in_train_is_named(store_release):
    catalog, release_id = store_release(
        "segmentation", ["train", "val"], ("disc", "square", "grey")
    )
    with pytest.raises(ValueError, match="square: no training sample"):
        read_release(catalog, release_id, "segmentation")


def test_instances_are_shrunk_with_their_images_and_kept_within_the_cache(
    store_release,
):
    catalog, release_id = store_release("instances", ["train", "train", "val"])
    release = read_release(catalog, release_id, "instances")
    stored, whole, half = (
        ReleaseImages(catalog, release, "train", side) for side in (None, 64, 32)
    )
    for raw, large, small in zip(stored, whole, half, strict=True):
        np.testing.assert_array_equal(raw.target.masks, large.target.masks)
        np.testing.assert_array_equal(
            small.target.masks, large.target.masks[:, 1::2, 1::2]
        )
        np.testing.assert_allclose(small.target.boxes_xyxy * 2, large.target.boxes_xyxy)
        x_min, y_min, x_max, y_max = large.target.boxes_xyxy[0].astype(int)
        assert large.target.masks[0, y_min:y_max, x_min:x_max].all()
        assert large.target.masks.sum() == (x_max - x_min) * (y_max - y_min)
    image_bytes = 64 * 64 * 3
    assert (
        ReleaseImages(catalog, release, "train", 64, image_bytes)[0].target.masks.nbytes
        == 64 * 64
    )
    tight, enough = (
        ReleaseImages(catalog, release, "train", 64, image_bytes + n)
        for n in (64 * 64, 64 * 64 + 24)
    )
    # box and class id are 24 bytes
    assert tight[0] is not tight[0] and enough[0] is enough[0]


def test_masks_of_another_size_than_their_image_are_named(store_release):
    catalog, release_id = store_release("instances", ["train", "train", "val"])
    release = read_release(catalog, release_id, "instances")
    release = change(release, "mask_size_px", [32, 128])
    first = release.frames.to_pylist()[0]
    with pytest.raises(
        ValueError, match=f"{first['frame_id']} has .*ingest its labels again"
    ):
        ReleaseImages(catalog, release, first["split"], None)[0]


def change(release: ReleaseFacts, column: str, value) -> ReleaseFacts:
    """The release with another value in the first row."""
    rows = release.frames.to_pylist()
    rows[0][column] = value
    frames = pa.Table.from_pylist(rows, release.frames.schema)
    return replace(release, frames=frames)


def test_samples_are_counted_from_either_end(store_release):
    catalog, release_id = store_release("recognition", ["train", "train", "val"])
    images = ReleaseImages(
        catalog, read_release(catalog, release_id, "recognition"), "train", 64
    )
    ids = [sample.frame_id for sample in images]
    assert len(ids) == 2 and images[-1].frame_id == ids[1]
    with pytest.raises(IndexError):
        images[2]
