"""The verbs that compare, and those by which a person decides: JSON, pages, and what they refuse."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from orchestration.cli import app
from tests.assets.comparison.conftest import (
    box_row,
    class_row,
    sit_exam,
    store_model,
    write_frames,
    write_release,
)

NAMES = ["cup", "box"]


@pytest.fixture
def home(built, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(built))
    return built


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A home with one release, two models that sat its exam, and one that did not. Not to be changed."""
    home = tmp_path_factory.mktemp("built")
    catalog = Catalog(str(home / "tables"))
    version = write_frames(catalog, "ab")
    rows = [class_row("a", 0), class_row("b", 1)]
    release_id = write_release(catalog, "recognition", NAMES, rows, version)
    for name, of_b in (("one", "cup"), ("two", "box")):
        model = store_model(catalog, name, release_id, "recognition")
        said = {
            letter: {"class_names": [called], "scores": [1.0]}
            for letter, called in (("a", "cup"), ("b", of_b))
        }
        for answer in said.values():
            other = next(n for n in NAMES if n not in answer["class_names"])
            answer["class_names"].append(other)
            answer["scores"].append(0.0)
        sit_exam(catalog, model, release_id, said)
    store_model(catalog, "late", release_id, "recognition")
    return home


def find_models(home) -> list[str]:
    """Of one, two and late, in this order."""
    rows = Catalog(str(home / "tables")).read_latest("models").to_pylist()
    by_name = {row["folder"]: row["model_sha256"] for row in rows}
    return [by_name[name] for name in ("one", "two", "late")]


def run(*words):
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_two_models_are_compared_as_json_and_as_a_page(home, tmp_path):
    one, two, _ = find_models(home)
    page = tmp_path / "page.html"
    told = json.loads(
        run("compare", one[:8], two[:8], "--html", str(page), "--json").stdout
    )
    assert (told["difference"]["first"], told["difference"]["second"]) == (0.5, 1.0)
    assert told["difference"]["interval"] is None
    assert told["changed_sides"]["won"] == 1
    assert told["page"] == str(page) and "Frames won" in page.read_text()
    text = run("compare", one, two).stdout
    assert "accuracy: 0.5000 -> 1.0000" in text
    assert "no interval over 2 recordings or groups" in text


def test_a_model_without_an_exam_is_refused_with_the_remedy(home):
    one, _, late = find_models(home)
    with pytest.raises(ValueError, match=r"has no exam.*--score lets it sit"):
        run("compare", one, late)
    assert not len(
        Catalog(str(home / "tables")).read_latest(
            "frame_scores", where=f"model_sha256 = '{late}'"
        )
    )


def test_a_release_and_itself_are_the_same(home):
    (row,) = Catalog(str(home / "tables")).read_latest("releases").to_pylist()
    beginning = row["release_id"][:8]
    assert json.loads(run("diff", beginning, beginning, "--json").stdout)["is_same"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["approve", "recognition/x", "--because", "y"], "'x' is no version"),
        (["approve", "cooking", "--because", "y"], "there is no task 'cooking'"),
        (["approve", "recognition", "--because", " "], "say why"),
        (["approve", "recognition", "--because", "y", "--until", "soon"], "YEAR-MONTH"),
        (["approve", "recognition", "--because", "y", "--until", "2020-01-01"], "over"),
        (["rollback", "recognition", "--because", "y"], "no champion to take back"),
    ],
)
def test_a_mistake_is_named_with_what_helps(home, words, told):
    with pytest.raises(ValueError, match=told):
        run(*words)


def test_tasks_that_wait_for_a_person_are_named_by_the_setting(tmp_path):
    from orchestration.profiles import load_settings

    def read(text):
        return load_settings({"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_APPROVE": text})

    assert read("detection, recognition").asks_person == ("detection", "recognition")
    assert "segmentation" in read("all").asks_person
    assert read("").asks_person == ()
    with pytest.raises(ValueError, match="DAGUERRE_APPROVE: there is no task 'x'"):
        read("x")


def test_models_that_sat_no_exam_sit_it_when_they_may(tmp_path, monkeypatch):
    """Two nets that learnt nothing, on two pictures: their figures are those that the tables have."""
    home = tmp_path / "home"
    catalog = Catalog(str(home / "tables"))
    version = write_frames(catalog, "ab")
    rows = [
        box_row("a", "test", [(0, 2, 2, 20, 20)]),
        box_row("b", "test", [(1, 4, 4, 12, 12)]),
    ]
    release_id = write_release(catalog, "detection", NAMES, rows, version)
    models = [store_net(catalog, home, release_id, seed) for seed in (0, 1)]
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setenv("DAGUERRE_PROFILE", "ci")
    told = json.loads(run("compare", *models, "--score", "--json").stdout)
    assert (told["release_id"], told["num_frames"]) == (release_id, 2)
    assert told["difference"]["num_units"] == 2
    stored = catalog.read_latest(
        "scores", where="slice_by = 'all' AND metric = 'map50'"
    )
    of = {row["model_sha256"]: row["value"] for row in stored.to_pylist()}
    figures = told["difference"]["first"], told["difference"]["second"]
    assert figures == pytest.approx([of[sha256] for sha256 in models])
    # what was scored once is there
    again = json.loads(run("compare", *models, "--json").stdout)
    assert again["difference"] == told["difference"]


def store_net(catalog: Catalog, home, release_id: str, seed: int) -> str:
    """A package of an untrained net, and its row; its id."""
    import torch

    from assets.inference.package import describe, write_package
    from models.recipes import get_recipe
    from models.tasks import find_task

    config = replace(
        get_recipe("tiny_detection"), image_size_px=64, weights="none", frozen_stages=0
    )
    torch.manual_seed(seed)
    net = find_task("detection").build(config, len(NAMES), None)
    facts = describe(config, tuple(NAMES), release_id, seed, "1", [])
    package = write_package(home / "models", net, "detection", facts)
    row = {
        "model_sha256": package.model_sha256,
        "task": "detection",
        "recipe": config.name,
        "release_id": release_id,
        "code_version": "1",
        "seed": seed,
        "run_id": "run",
        "folder": str(package.folder.relative_to(home)),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    return package.model_sha256
