"""Segmentation through the whole graph without Ray: recordings become a release, a package, scores and a report."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assets.capture.forgetting import Target
from assets.capture.simulate import SimulationSpec, simulate
from assets.erasure.certificates import list_certificates
from assets.erasure.erase import begin, go_on
from assets.erasure.plan import make_plan
from assets.erasure.subject import find_subject
from assets.inference.package import open_package
from assets.kinds.masks import read_semantic_map
from assets.registry.promotion import submit
from assets.registry.reading import StoreReader
from assets.retrieval.verify import Stores, verify
from assets.storage import Folder
from assets.tables.erased_from import CLAIM, find_taught
from assets.tables.releases import open_release
from bench.prove.canaries import find_canaries, name_needles
from models.types import IGNORE
from orchestration.cli.erasing import build_home
from orchestration.cli.intake import take_in
from orchestration.profiles import load_settings
from orchestration.reporting import write_home_report
from orchestration.resources import build_catalog, build_landing_zone, build_tracker
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


def test_an_erased_recording_is_in_no_store_of_the_home(
    trained, tmp_path: Path
) -> None:
    """The last test: what the others look at is gone after it."""
    settings, facts = trained
    home = build_home(settings)
    write_home_report(settings, settings.home / "reports" / "report.html")
    rows = home.catalog.read_latest("release_frames").to_pylist()
    doomed = next(r for r in rows if r["split"] == "train")["capture_id"]
    where = f"capture_id = '{doomed}'"
    (path,) = home.catalog.read_latest("captures", ["path"], where)["path"].to_pylist()
    frames = home.catalog.read_latest("frames", None, where).to_pylist()
    needles = name_needles([doomed, path, *(f["frame_id"] for f in frames)])
    needles |= name_needles(f["sha256"] for f in frames)
    needles |= {f"bytes {n}": f["payload"][-80:] for n, f in enumerate(frames)}
    shutil.rmtree(settings.home / "desk")  # what is outside a person removes
    before = find_canaries(settings.home, needles, {})
    assert {line.split("/")[0] for line in before} >= {"tables", "blobs"}

    target = Target("desk", path)
    subject = find_subject(
        home.catalog, home.ledger, [target], "e" * 32, "a face", "ada", "2026-11-30"
    )
    begin(home, subject, make_plan(home, subject))
    assert go_on(home, subject.erasure_id) is not None

    assert find_canaries(settings.home, needles, {}) == []
    left = open_release(home.catalog, facts["release_id"])
    assert doomed not in left.frames["capture_id"].to_pylist() and len(left.frames)
    (certificate,) = list_certificates(settings.home)
    successor = certificate.facts["successors"][facts["release_id"]]
    assert len(open_release(home.catalog, successor).frames)
    requests = home.catalog.read_latest("retraining_requests").to_pylist()
    assert [r["task"] for r in requests] == ["segmentation"]
    model = home.catalog.read_latest("models").to_pylist()[0]
    assert "were erased" in find_taught(home.catalog)[model["model_sha256"]]
    judged = submit(
        home.catalog,
        build_tracker(settings),
        settings.home / model["folder"],
        {"a check": True},
        "run",
    )
    assert not judged.decision.is_promoted
    assert any(CLAIM in reason for reason in judged.decision.reasons)
    registry = StoreReader(settings.mlflow_url, settings.mlflow_artifacts)
    stores = Stores(home.catalog, home.ledger, home.blobs, settings.home, registry)
    assert verify(stores) == []
