"""What models say of a session is told at the score that each works at, and all of it is kept."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import dagster as dg
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from assets.inference.package import describe, write_package
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from models.recipes import get_recipe
from models.tasks import TASKS
from orchestration.cli import app, progress
from orchestration.profiles import load_settings
from orchestration.ui import prepare_instance
from tests.assets.comparison.conftest import write_release

CHECKOUT = Path(__file__).resolve().parents[2]
RELEASE = "1" * 32
CLASSES = ("disc", "square")


@pytest.fixture(scope="module")
def made(tmp_path_factory, frame_rows) -> Path:
    """A home with a session of three pictures, and two detectors that were never trained; the first is champion."""
    home = tmp_path_factory.mktemp("predict") / "home"
    catalog = Catalog(str(home / "tables"))
    rows = [
        row | {"payload": payload, "width_px": 64, "height_px": 48}
        for row, payload in zip(
            frame_rows(3).to_pylist(), map(draw, range(3)), strict=True
        )
    ]
    for row in rows:
        row["sha256"] = hashlib.sha256(row["payload"]).hexdigest()
    written = catalog.merge("frames", to_table(TABLES["frames"], rows))
    catalog.publish("frames", "monday", written.version)
    release = {
        "release_id": RELEASE,
        "task": "detection",
        "class_names": list(CLASSES),
        "num_frames": 1,
        "num_labels": 0,
        "content_sha256": "1" * 64,
        "frames_version": 1,
        "code_version": "2",
        "sessions": ["other"],
    }
    catalog.merge("releases", to_table(TABLES["releases"], [release]))
    for seed in (0, 1):
        store_model(catalog, home, seed)
    return home


def draw(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.imencode(".png", cv2.resize(pixels, (64, 48)))[1].tobytes()


def store_model(catalog: Catalog, home: Path, seed: int) -> None:
    config = replace(
        get_recipe("tiny_detection"), image_size_px=64, weights="none", frozen_stages=0
    )
    torch.manual_seed(seed)
    net = TASKS["detection"].build(config, len(CLASSES), None)
    torch.nn.init.normal_(net.head.classify.weight, std=0.05)
    torch.nn.init.zeros_(net.head.classify.bias)  # from nothing at all to many boxes
    facts = describe(config, CLASSES, RELEASE, seed, "1", [])
    package = write_package(home / "models", net, "detection", facts)
    row = {
        "model_sha256": package.model_sha256,
        "task": "detection",
        "recipe": "tiny_detection",
        "release_id": RELEASE,
        "code_version": "1",
        "seed": seed,
        "run_id": "run",
        "folder": str(package.folder.relative_to(home)),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    if seed == 0:
        champion = {
            "task": "detection",
            "model_name": "daguerre-detection",
            "model_version": 1,
            "model_sha256": package.model_sha256,
            "release_id": RELEASE,
        }
        catalog.merge("champions", to_table(TABLES["champions"], [champion]))


@pytest.fixture
def run(made, monkeypatch, one_thread):
    monkeypatch.setenv("DAGUERRE_HOME", str(made))

    def act(*words: str):
        done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return act


@pytest.fixture
def models(made) -> list[str]:
    """The models by seed."""
    rows = Catalog(str(made / "tables")).read_latest("models").sort_by("seed")
    return rows["model_sha256"].to_pylist()


@pytest.fixture
def work_at(made):
    """work_at(model, score): what its exam found as operating score."""

    def put(model: str, score: float) -> None:
        row = {
            "score_id": content_id(model),
            "model_sha256": model,
            "release_id": RELEASE,
            "split": "test",
            "slice_by": "all",
            "slice_value": "all",
            "metric": "operating_score",
            "value": score,
            "num_samples": 1,
        }
        other = row | {"score_id": content_id(model, 2), "release_id": "2" * 32}
        rows = to_table(TABLES["scores"], [row, other | {"value": 0.0}])
        Catalog(str(made / "tables")).upsert("scores", rows)

    return put


def test_meanwhile_the_frames_that_a_model_has_seen_are_counted(
    made, models, monkeypatch, tmp_path
):
    home = tmp_path / "home"
    shutil.copytree(made, home)  # where no model has been asked
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setattr(progress, "_LINE_S", 0.01)
    told = CliRunner().invoke(app, ["predict", "monday"]).stderr.splitlines()
    assert told[-1].startswith(
        f"asking detection {models[0][:16]} about monday: 3/3 frames"
    )


def read_scores(made: Path, model: str) -> list[float]:
    where = f"model_sha256 = '{model}'"
    rows = Catalog(str(made / "tables")).read_latest("predictions", where=where)
    return sorted(s for scores in rows["scores"].to_pylist() for s in scores)


def test_what_is_found_counts_from_the_operating_score_on(run, made, models, work_at):
    (first,) = run("predict", "monday")
    told = read_scores(made, models[0])
    assert first["model_sha256"] == models[0] and first["frames"] == 3
    assert first["operating_score"] is None and first["min_score"] == 0.0
    assert sum(first["found"].values()) == len(told) > 20
    work_at(models[0], told[-5])  # five boxes are as sure as this
    (second,) = run("predict", "monday")
    assert second["operating_score"] == second["min_score"] == told[-5]
    assert sum(second["found"].values()) == 5
    assert second["num_below"] == len(told) - 5
    assert read_scores(made, models[0]) == told, "the table keeps all"
    (third,) = run("predict", "monday", "--all-scores")
    assert third["found"] == first["found"] and third["operating_score"] == told[-5]
    line = CliRunner().invoke(app, ["predict", "monday"]).stdout
    assert line.startswith(f"monday, detection {models[0][:16]}, 3 frames: ")
    assert (
        f"at the operating score {told[-5]:.2f} and above; {len(told) - 5} below"
        in line
    )


def test_boxes_of_a_query_are_those_at_the_operating_score(run, made, models, work_at):
    run("predict", "monday", "--model", models[0][:8], "--model", models[1][:8])
    both = {model: read_scores(made, model) for model in models}
    work_at(models[0], both[models[0]][-4])
    work_at(models[1], both[models[1]][-2])
    counted = run(
        "query",
        "select model_sha256, count(*) as n, min(score) as least, any_value(operating_score) as at "
        "from predicted_boxes group by all",
    )["rows"]
    assert {row["model_sha256"]: row["n"] for row in counted} == {
        models[0]: 4,
        models[1]: 2,
    }
    assert all(row["least"] == row["at"] for row in counted)
    catalog = Catalog(str(made / "tables"))
    stored = {
        r["prediction_id"]: r for r in catalog.read_latest("predictions").to_pylist()
    }
    for row in run("query", "from predicted_boxes")["rows"]:
        said = stored[row["prediction_id"]]
        n = said["scores"].index(row["score"])
        corners = [row[side] for side in ("x_min", "y_min", "x_max", "y_max")]
        assert corners == said["boxes_xyxy"][4 * n : 4 * n + 4]
        assert row["class_name"] == said["class_names"][n]
        assert row["frame_id"] == said["frame_id"]


def test_the_query_of_the_page_compares_frames_that_both_were_asked_about(
    run, made, models, work_at
):
    page = (CHECKOUT / "docs" / "how-to" / "common-jobs.md").read_text()
    (sql,) = re.findall(r'daguerre query "(with asked as [^"]+)"', page)
    for number, name in enumerate(("<one>", "<other>")):
        sql = sql.replace(name, models[number][:8])
    sql = sql.replace("folder-1", "monday")
    run("predict", "monday", "--model", models[0][:8], "--model", models[1][:8])
    both = {model: read_scores(made, model) for model in models}
    catalog = Catalog(str(made / "tables"))
    rows = catalog.read_latest("predictions").to_pylist()
    # the first works at the score of its surest box, the other at one that it never gives
    work_at(models[0], both[models[0]][-1])
    work_at(models[1], 1.0)
    (surest,) = (
        (r["frame_id"], [r["class_names"][r["scores"].index(max(r["scores"]))]])
        for r in rows
        if both[models[0]][-1] in r["scores"] and r["model_sha256"] == models[0]
    )
    expected = [{"frame_id": surest[0], "one": surest[1], "other": None}]
    assert run("query", sql)["rows"] == expected
    # what one model alone was asked about is compared with nothing
    mine = f"model_sha256 = '{models[1]}' AND frame_id = '{surest[0]}'"
    catalog.delete("predictions", mine)
    assert run("query", sql)["rows"] == []
    # and what an exam asked of the same frame counts once
    asked = catalog.read_latest("predictions", where=f"frame_id = '{surest[0]}'")
    (row,) = asked.to_pylist()
    exam = row | {"prediction_id": content_id("exam"), "purpose": "test"}
    catalog.merge("predictions", to_table(TABLES["predictions"], [exam]))
    run("predict", "monday", "--model", models[1][:8])
    assert run("query", sql)["rows"] == expected
    catalog.delete("predictions", "purpose = 'test'")


def test_dagster_is_told_where_this_home_has_one(run, made, models, tmp_path):
    key = dg.AssetKey(["monitoring", "predictions"])
    run("predict", "monday")
    assert not (made / "dagster").exists(), "none is made"
    settings = load_settings({"DAGUERRE_HOME": str(made)})
    try:
        with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as there:
            (answers,) = run("predict", "monday", "--model", models[0][:8])
            (seen,) = there.fetch_observations(key, 10).records
        assert (seen.partition_key, seen.asset_key) == ("monday", key)
        assert seen.asset_observation is not None
        (told,) = seen.asset_observation.metadata.items()
        found = ", ".join(f"{name} {n}" for name, n in answers["found"].items())
        assert told[0] == f"detection {models[0][:16]}"
        assert told[1].value == f"3 frames: {found}"
    finally:
        shutil.rmtree(made / "dagster", ignore_errors=True)


def test_held_predictions_are_named_where_their_boxes_are_asked(run, made):
    run("predict", "monday")
    catalog = Catalog(str(made / "tables"))
    version = catalog.latest_version("predictions")
    catalog.hold("predictions", "monday", version, "torn")
    found = run("query", "select count(*) as n from predicted_boxes")
    assert found["held"] == [{"session": "monday", "table": "predictions"}]
    run("predict", "monday")  # judged again
    assert run("query", "select 1 from predicted_boxes")["held"] == []


def test_pictures_show_what_counts(run, made, models, work_at, tmp_path):
    run("predict", "monday")
    told = read_scores(made, models[0])
    work_at(models[0], 1.0)
    run("predict", "monday", "--pictures", str(tmp_path / "none"))
    work_at(models[0], told[-3])
    run("predict", "monday", "--pictures", str(tmp_path / "few"))
    run("predict", "monday", "--pictures", str(tmp_path / "all"), "--all-scores")

    def read(name: str) -> dict[str, np.ndarray]:
        folder = tmp_path / name / f"detection-{models[0][:16]}"
        return {p.name: cv2.imread(str(p)).astype(int) for p in folder.iterdir()}

    plain, few, every = read("none"), read("few"), read("all")
    ids = {
        row["frame_id"] for row in run("query", "select frame_id from frames")["rows"]
    }
    assert {name.split("_")[-1].removesuffix(".jpg") for name in few} == ids
    changed = {n: (abs(few[n] - plain[n]).max(2) > 60).mean() for n in plain}
    more = {n: (abs(every[n] - plain[n]).max(2) > 60).mean() for n in plain}
    assert sum(changed.values()) > 0
    assert all(changed[n] <= more[n] for n in plain) and changed != more


@pytest.mark.parametrize(
    "words, reason",
    [
        (["tuesday"], "session 'tuesday' has no published colour frame"),
        (["monday", "--task", "keypoints"], "answers about keypoints are not stored"),
        (["monday", "--task", "recognition"], "there is no champion of recognition"),
        (["monday", "--model", "abcdef"], "no model begins with abcdef"),
    ],
)
def test_what_cannot_be_asked_is_refused(made, monkeypatch, words, reason):
    monkeypatch.setenv("DAGUERRE_HOME", str(made))
    done = CliRunner().invoke(app, ["predict", *words])
    assert reason in str(done.exception)


def test_a_model_of_another_task_than_asked_for_is_refused(made, models, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(made))
    words = ["predict", "monday", "--task", "segmentation", "--model", models[0][:9]]
    done = CliRunner().invoke(app, words)
    assert f"model {models[0][:16]} is none of segmentation" in str(done.exception)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two images, one below, and what is none: a broken image, and a text."""
    below = tmp_path / "loose" / "below"
    below.mkdir(parents=True)
    (tmp_path / "loose" / "one.png").write_bytes(draw(0))
    (below / "two.png").write_bytes(draw(1))
    (below / "torn.png").write_bytes(draw(2)[:40])
    (below / "notes.txt").write_text("no image")
    return tmp_path / "loose"


def test_images_of_a_folder_that_nobody_takes_in_are_answered_in_a_file(
    made, models, folder, monkeypatch, tmp_path
):
    monkeypatch.setenv("DAGUERRE_HOME", str(made))
    out = tmp_path / "answers.jsonl"
    words = ["predict", str(folder), "--out", str(out), "--all-scores", "--json"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 1, "an image was refused"
    (told,) = json.loads(done.stdout)
    assert told["images"] == 2 and told["model_sha256"] == models[0]
    (refused,) = told["refused"]
    assert refused["image"] == "below/torn.png" and refused["remedy"]
    lines = {row["image"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert lines.keys() == {"one.png", "below/two.png", "below/torn.png"}
    assert "refused" in lines["below/torn.png"]
    found = [name for line in lines.values() for name in line.get("class_names", [])]
    assert len(found) == sum(told["found"].values()) > 0
    boxes = np.array(lines["one.png"]["boxes_xyxy"]).reshape(-1, 4)
    assert (boxes[:, [0, 2]] <= 64).all() and (boxes[:, [1, 3]] <= 48).all()


def test_a_path_is_asked_alone_and_pictures_are_of_sessions(made, folder, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(made))

    def refuse(*words: str) -> str:
        return str(CliRunner().invoke(app, ["predict", *words]).exception)

    assert "one path or release at a time" in refuse("monday", str(folder))
    assert "--pictures shows frames" in refuse(str(folder), "--pictures", "new")
    assert "nothing at ./absent" in refuse("./absent")
    assert "holds no image" in refuse(str(made / "tables"))
    assert "--out is for" in refuse("monday", "--out", "file")


@pytest.fixture
def release(made) -> str:
    """The pictures of the session, frozen: two to learn from, one for the exam."""
    catalog = Catalog(str(made / "tables"))
    version = catalog.latest_version("frames")
    frames = catalog.read("frames").sort_by("frame_id").to_pylist()
    rows = [
        {k: frame[k] for k in ("frame_id", "capture_id", "session", "sensor", "sha256")}
        | {"split": split, "class_id": None, "boxes_xyxy": [], "box_class_ids": []}
        for frame, split in zip(frames, ("train", "train", "test"), strict=True)
    ]
    return write_release(catalog, "detection", list(CLASSES), rows, version)


def test_frames_of_a_release_are_answered_with_their_part_as_their_images_are(
    made, models, release, run, tmp_path
):
    out = tmp_path / "answers.jsonl"
    (told,) = run("predict", release[:10], "--out", str(out), "--all-scores")
    assert (told["target"], told["images"], told["refused"]) == (release, 3, [])
    lines = {row["image"]: row for row in map(json.loads, out.read_text().splitlines())}
    frames = Catalog(str(made / "tables")).read("frames").sort_by("frame_id")
    assert list(lines) == frames["frame_id"].to_pylist()
    assert [row["split"] for row in lines.values()] == ["train", "train", "test"]
    folder = tmp_path / "loose"
    folder.mkdir()
    for frame in frames.to_pylist():
        (folder / f"{frame['frame_id']}.png").write_bytes(frame["payload"])
    loose = tmp_path / "loose.jsonl"
    run("predict", str(folder), "--out", str(loose), "--all-scores")
    for row in map(json.loads, loose.read_text().splitlines()):
        same = lines[row.pop("image").removesuffix(".png")]
        assert row == {k: v for k, v in same.items() if k not in ("image", "split")}
        assert row["model_sha256"] == models[0] and row["scores"]


def test_a_release_whose_rows_have_changed_is_not_answered(made, release, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(made))
    catalog = Catalog(str(made / "tables"))
    catalog.delete("release_frames", f"release_id = '{release}' and split = 'test'")
    done = CliRunner().invoke(app, ["predict", release])
    assert f"release {release} has changed" in str(done.exception)
    catalog.delete("release_frames", f"release_id = '{release}'")
    catalog.delete("releases", f"release_id = '{release}'")
