"""Segmentation through the whole graph without Ray: recordings become a release, a package, scores and a report."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.inference.package import open_package
from assets.kinds.map import read_semantic_map
from assets.storage import Folder
from assets.tables.releases import open_release
from models.types import IGNORE
from orchestration.cli.intake import take_in
from orchestration.profiles import load_settings
from orchestration.reporting import write_home_report
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.train import train_here

# third parties warn inside Dagster runs
pytestmark = [pytest.mark.timeout(800), pytest.mark.filterwarnings("default")]
# 30 frames a camera: with half of them the score hangs on the processor's arithmetic
WORLD = SimulationSpec(10, 3.0, seed=1, width_px=160, height_px=120)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, start_home):
    home = start_home(tmp_path_factory.mktemp("maps"))
    settings = load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_PROFILE": "ci",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
        }
    )
    simulate(home / "desk", WORLD)
    folder = Folder(str(home / "desk"), settings.file_options)
    build_landing_zone(settings).register("desk", folder)
    taken, text = take_in(settings, folder, "desk")
    assert taken["published"], text
    yield (
        settings,
        train_here(
            settings,
            "segmentation",
            "tiny_segmentation",
            None,
            {"epochs": "4", "image_size_px": "160"},
            seed=0,
            accept_thin_test=True,
        ),
    )
    shutil.rmtree(home, ignore_errors=True)


def test_a_release_of_the_simulated_world_labels_every_pixel(trained) -> None:
    settings, facts = trained
    release = open_release(build_catalog(settings), facts["release_id"])
    assert release.class_names[0] == "background" and len(release.class_names) >= 3
    maps = [
        read_semantic_map(row).class_ids for row in release.frames.to_pylist()[::10]
    ]
    assert all((ids != IGNORE).all() for ids in maps)
    assert np.mean([(ids == 0).mean() for ids in maps]) > 0.5, (
        "most of a picture shows no object"
    )


def test_recordings_that_were_not_trained_on_are_segmented(trained) -> None:
    settings, facts = trained
    assert facts["success"] and facts["is_champion"], facts
    assert facts["scores"]["miou"] >= 0.6 and facts["scores"]["pixel_accuracy"] >= 0.9
    catalog = build_catalog(settings)
    frames = catalog.read_latest("release_frames", ["capture_id", "split"]).to_pylist()
    parts = {
        s: {f["capture_id"] for f in frames if f["split"] == s}
        for s in ("train", "val", "test")
    }
    assert not parts["train"] & parts["test"] and not parts["val"] & parts["test"]
    package = open_package(
        settings.home / catalog.read_latest("models").to_pylist()[0]["folder"]
    )
    assert (
        package.facts.class_names
        == open_release(catalog, facts["release_id"]).class_names
    )


def test_what_the_dataset_left_out_is_told(trained) -> None:
    settings, facts = trained
    num_frames = len(
        build_catalog(settings).read("frames", ["frame_id"], "kind = 'color'")
    )
    excluded = dict(facts["excluded"])
    assert excluded.pop("labels on near-duplicate frames") > 0 and excluded.keys() == {
        "frame without labels",
        "near-duplicate frame",  # those of the right camera, and neighbours
    }
    num_released = len(
        open_release(build_catalog(settings), facts["release_id"]).frames
    )
    assert num_released + sum(excluded.values()) == num_frames


def test_the_report_shows_the_maps(trained, tmp_path: Path) -> None:
    settings, _ = trained
    page = Path(write_home_report(settings, tmp_path / "report.html")).read_text()
    assert (
        "daguerre-segmentation" in page
        and "boundary mIoU" in page
        and "Labelled: " in page
    )
    assert "wrong pixels have the colour" in page
