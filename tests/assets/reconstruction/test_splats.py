"""Splats of a stored session on a processor: learned, held against what was held out, traced; and what is lacking."""

from __future__ import annotations

import io
from dataclasses import replace

import dagster as dg
import pytest
import torch
from PIL import Image as Pillow

from assets.partitions import sessions
from assets.reconstruction.defs import splats as splats_asset
from assets.reconstruction.splat_pictures import draw_views, list_views
from assets.reconstruction.splat_scene import find_scene, hold_out
from assets.reconstruction.splats import load_splats, read_views, refresh_splats
from assets.retrieval.lineage import trace
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.splats import training
from models.splats.training import Diverged, Recipe
from tests.assets.reconstruction.splat_session import MODEL_ID, store_hall

TINY = Recipe(32, 40, 1, 10, 400, 20, 30, 10, rates_by=4.0)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(training.RECIPES, "cpu", TINY)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def hall(catalog: Catalog) -> Catalog:
    store_hall(catalog)
    return catalog


def judge(catalog: Catalog, session: str = "hall"):
    return [
        verdict
        for table in ("splats", "splat_views")
        for verdict in gate_session(catalog, table, session)
    ]


def test_a_session_is_learned_and_held_against_what_was_held_out(hall):
    done = refresh_splats(hall, "hall", "cpu")
    row = done.splats
    assert done.is_new and row["reason"] is None
    assert (row["num_images"], row["num_held_out"], row["num_start"]) == (4, 1, 240)
    assert row["psnr_db"] > row["start_psnr_db"] + 3
    assert row["psnr_db"] > max(row["nearest_psnr_db"], row["mean_colour_psnr_db"])
    verdicts = judge(hall)
    assert not stops_flow(verdicts), verdicts
    held = [view for view in done.views if view["is_held_out"]]
    assert [view["frame_id"] for view in held] == [content_id("hall", "left", 2)]
    assert held[0]["nearest_frame_id"] in {
        content_id("hall", "left", n) for n in (1, 3)
    }
    assert held[0]["psnr_db"] == pytest.approx(row["psnr_db"])
    assert all(v["psnr_db"] is None for v in done.views if not v["is_held_out"])
    gaussians = load_splats(hall, row)
    assert len(gaussians) == row["num_gaussians"] <= TINY.most_gaussians
    # nothing is done twice
    again = refresh_splats(hall, MODEL_ID[:8], "cpu")
    assert not again.is_new and again.splats == hall.read("splats").to_pylist()[0]
    drawn = Pillow.open(io.BytesIO(draw_views(read_views(hall, "hall"))))
    assert drawn.size == (3 * 640, 480)
    assert f"| {row['psnr_db']:.2f} |" in list_views(row, done.views)
    up = trace(hall, "splats", row["splats_id"])["upstream"]
    assert len(up["views"]) == len(up["frames"]) == 5
    assert up["sparse_models"][0]["sparse_model_id"] == MODEL_ID
    down = trace(hall, "sparse", MODEL_ID)["downstream"]["splats"]
    of_frame = trace(hall, "frame", held[0]["frame_id"])["downstream"]["splats"]
    assert {r["splats_id"] for r in (*down, *of_frame)} == {row["splats_id"]}


def test_bytes_that_are_gone_are_made_again(hall, monkeypatch):
    monkeypatch.setitem(training.RECIPES, "cpu", replace(TINY, num_steps=2))
    row = refresh_splats(hall, "hall", "cpu").splats
    hall.blobs.folder.fs.rm(hall.blobs._path(row["blob_sha256"]))
    assert refresh_splats(hall, "hall", "cpu").is_new
    assert hall.blobs.exists(row["blob_sha256"])
    # what a GPU would make is not here, and what is here stays
    with pytest.raises(ValueError, match="no GPU is here that CUDA reaches"):
        refresh_splats(hall, "hall", "cuda")
    assert hall.read_latest("splats").to_pylist() == [row]


def test_without_a_gpu_the_row_says_so_and_the_check_fails(hall):
    done = refresh_splats(hall, "hall")
    assert done.splats["reason"].startswith("no GPU is here that CUDA reaches: ")
    assert done.splats["psnr_db"] is None and len(done.views) == 5
    stopping = [v for v in judge(hall) if v.stops]
    assert [v.name for v in stopping] == ["sessions_have_splats"]
    assert "`--device cpu` makes a tiny one" in stopping[0].examples[0]
    assert draw_views(done.views) is None
    assert "no GPU is here" in list_views(done.splats, done.views)
    # it is looked for anew each time
    assert refresh_splats(hall, "hall").is_new


def test_a_training_that_fails_is_a_reason(hall, monkeypatch):
    def fail(*_: object) -> None:
        raise Diverged("the loss is nan in step 3")

    monkeypatch.setattr(training, "train", fail)
    done = refresh_splats(hall, "hall", "cpu")
    assert done.splats["reason"] == "the loss is nan in step 3"
    assert done.splats["blob_sha256"] is None


def test_too_few_moments_to_hold_one_out_are_a_reason(catalog):
    store_hall(catalog, num_views=2)
    done = refresh_splats(catalog, "hall", "cpu")
    assert "fewer than 3 moments" in done.splats["reason"]


@pytest.mark.parametrize(
    ("moments", "held"),
    [
        ("abc", "b"),
        ("aabbcc", "bb"),
        ("abcdefgh", "e"),
        ("abcdefghijklmnop", "em"),
        ("ab", ""),
    ],
)
def test_moments_are_held_out_whole(moments, held):
    chosen = hold_out(moments)
    assert "".join(m for m, one in zip(moments, chosen, strict=True) if one) == held


def test_what_there_is_no_model_of_is_a_mistake(hall):
    store_hall(hall, session="unseen", is_published=False)
    hall.delete("sparse_images", "session = 'unseen'")
    for name, told in (
        ("unseen", "the sparse model of unseen is not published: `daguerre reconstr"),
        ("abcdef123", "no sparse_model begins with abcdef123"),
    ):
        with pytest.raises(ValueError, match=told):
            find_scene(hall, name, "cpu")
    with pytest.raises(ValueError, match="device 'tpu': choose one of cuda, cpu"):
        find_scene(hall, "hall", "tpu")
    hall.delete("sparse_models", "session = 'unseen'")
    with pytest.raises(ValueError, match="unseen has no sparse model: `daguerre recon"):
        find_scene(hall, "unseen", "cpu")


def test_what_they_rest_on_tells_when_it_is_other(hall):
    first = find_scene(hall, "hall", "cpu").input_sha256
    assert find_scene(hall, "hall", "cuda").input_sha256 != first
    assert find_scene(hall, MODEL_ID[:6], "cpu").input_sha256 == first


def test_the_asset_shows_held_out_views_beside_what_is_drawn(hall, monkeypatch):
    monkeypatch.setitem(training.RECIPES, "cpu", replace(TINY, num_steps=2))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(sessions.name, ["hall"])
        done = dg.materialize(
            [splats_asset],
            resources={"catalog": hall},
            partition_key="hall",
            instance=instance,
            selection=[splats_asset],
            run_config={
                "ops": {"reconstruction__splats": {"config": {"device": "cpu"}}}
            },
        )
        (made,) = done.asset_materializations_for_node("reconstruction__splats")
    assert (
        "data:image/jpeg" in made.metadata["picture, drawn, difference times 4"].value
    )
    assert "| left " in made.metadata["held out"].value
