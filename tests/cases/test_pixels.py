"""Pictures of 16 bits are pictures: they are trained on as what a viewer shows of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.curation.release import draft_release, write_release
from assets.samples import ReleaseImages, read_release
from assets.storage import Folder
from assets.tables.schemas import TABLES, to_table


def make_radiographs(folder: Path) -> None:
    """Six pictures of 240 x 320, an even ground and in it a darker nodule of half its value, with its box."""
    for n in range(6):
        counts = np.full((240, 320), 8000 + 4000 * n, np.uint16)
        cv2.circle(counts, (60 + 3 * n, 120), 15, 4000 + 2000 * n, -1)
        image = folder / "images" / f"p{n}.png"
        label = folder / "labels" / f"p{n}.txt"
        for path in (image, label):
            path.parent.mkdir(exist_ok=True)
        image.write_bytes(cv2.imencode(".png", counts)[1].tobytes())
        label.write_text(f"0 {(60 + 3 * n) / 320} 0.5 {30 / 320} {30 / 240}\n")
    (folder / "data.yaml").write_text("names: [nodule]\n")


@pytest.fixture
def radiographs(find_case) -> Path:
    return find_case("png16_is_not_depth", make_radiographs)


def test_pictures_of_16_bits_with_boxes_are_trained_on(intake, radiographs):
    """Each has two values, so one becomes 0 and the other 255."""
    report = intake.ingest(Folder(str(radiographs)), "chest")
    assert (report.frames, report.quarantined) == (6, 0)
    catalog = intake.catalog
    frames = catalog.read_latest("frames").to_pylist()
    assert {
        (f["kind"], f["depth_m_per_unit"], f["width_px"], f["height_px"])
        for f in frames
    } == {("color", None, 320, 240)}
    for row in frames:
        assert row["payload"] == (radiographs / row["source_path"]).read_bytes(), (
            "the stored bytes are the producer's"
        )
    quality = catalog.read_latest("frame_quality", ["contrast"])["contrast"].to_pylist()
    # 0.9 % dark: sqrt(0.009 * 0.991) = 0.09; at half size less
    assert len(quality) == 6 and min(quality) > 0.04
    release_id = write_release(catalog, publish(catalog, frames))
    for split, number in (("train", 4), ("val", 2)):
        samples = ReleaseImages(
            catalog, read_release(catalog, release_id, "detection"), split, None
        )
        assert len(samples) == number
        for sample in samples:
            image, _ = sample.image.read()
            assert image.shape == (240, 320, 3) and image.dtype == np.uint8
            assert np.unique(image).tolist() == [0, 255] and np.median(image) == 255
            assert sample.target.boxes_xyxy.shape == (1, 4)


def publish(catalog, frames):
    sides = [
        {
            "frame_id": row["frame_id"],
            "capture_id": row["capture_id"],
            "session": "chest",
            "group_id": row["frame_id"],
            "split": "train" if n < 4 else "val",
            "rule": "cluster",
        }
        for n, row in enumerate(frames)
    ]
    catalog.merge("splits", to_table(TABLES["splits"], sides))
    for name in ("frames", "labels", "annotated_frames", "splits"):
        if catalog.exists(name):
            catalog.publish(name, "chest", catalog.latest_version(name))
    return draft_release(catalog, "detection")
