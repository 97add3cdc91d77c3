"""`daguerre index`: frames are looked at once, found by what they show, and forgotten with their text."""

from __future__ import annotations

import json

import dagster as dg
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from assets.search.defs import documents, frame_texts, picture_vectors
from assets.storage import Folder
from bench.drawn_texts import write_sign
from checks.gates import INTAKE_TABLES, gate_session
from orchestration.cli import app
from orchestration.profiles import load_settings
from orchestration.resources import RESOURCE_FACTORIES
from tests.assets.inference.clip_files import write_clip


@pytest.fixture(scope="module")
def indexed(tmp_path_factory, open_at):
    """(home, run): monday of two signs, which are indexed, and tuesday of a blue picture, which is not."""
    folder = tmp_path_factory.mktemp("indexed")
    for session in ("monday", "tuesday"):
        (folder / "landing" / session).mkdir(parents=True)
    write_sign(folder / "landing/monday/a.png", "EXIT 12")
    write_sign(folder / "landing/monday/b.png", "Laboratory")
    blue = np.full((48, 64, 3), (0, 0, 255), np.uint8)
    Image.fromarray(blue).save(folder / "landing/tuesday/c.png")
    intake = open_at(folder)
    for session in ("monday", "tuesday"):
        intake.ingest(Folder(str(folder / "landing" / session)), session)
        for table in INTAKE_TABLES:
            gate_session(intake.catalog, table, session)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(folder))
        patch.setattr("assets.search.sources.list_pages", lambda: iter(()))

        def run(*words: str):
            done = CliRunner().invoke(app, [*words, "--json"])
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            return json.loads(done.stdout)

        due = run("index", "--dry-run")
        assert [(one["session"], one["frames"], one["due"]) for one in due] == [
            ("monday", 2, 2),
            ("tuesday", 1, 1),
        ]
        (made,) = run("index", "mon*")
        assert (made["table"], made["made"]) == ("frame_texts", 2)
        assert made["checks"] and all(check["passed"] for check in made["checks"])
        yield intake, run


def list_texts(catalog) -> list[str]:
    rows = catalog.read("frame_texts", ["texts"])["texts"].to_pylist()
    return sorted(text for texts in rows for text in texts)


def test_frames_are_found_by_what_they_show(indexed):
    intake, run = indexed
    assert [text.replace(" ", "") for text in list_texts(intake.catalog)] == [
        "EXIT12",
        "Laboratory",
    ]
    (hit,) = run("search", "laboratories or exit", "--frames", "--way", "texts")
    assert hit["session"] == "monday" and hit["why"][0].startswith('text "EXIT')
    (hit,) = run("search", "laboratory", "--frames")
    assert hit["why"] == ['text "Laboratory"']
    assert run("search", "laboratory") == []  # what everybody searches lacks it


def test_what_was_read_is_not_read_again_but_what_another_net_read_is(
    indexed, monkeypatch
):
    _, run = indexed
    (again,) = run("index", "monday")
    assert (again["made"], again["checks"]) == (0, [])
    monkeypatch.setattr("assets.inference.text_reader.NAME", "another")
    (due, _) = run("index", "--way", "texts", "--dry-run")
    assert (due["due"], due["kept"]) == (2, False)


def test_pictures_are_found_by_a_net_of_ones_own(indexed, monkeypatch, tmp_path):
    intake, run = indexed
    with pytest.raises(ValueError, match="none is named: point DAGUERRE_CLIP"):
        run("search", "blue", "--frames", "--way", "pictures")
    with pytest.raises(ValueError, match="none is named: point DAGUERRE_CLIP"):
        run("index", "--way", "pictures")
    folder = write_clip(tmp_path / "clip")
    monkeypatch.setenv("DAGUERRE_CLIP", str(folder))
    made = run("index", "--way", "pictures")
    assert [one["made"] for one in made] == [2, 1]
    assert all(check["passed"] for one in made for check in one["checks"])
    first = run("search", "blue", "--frames", "--way", "pictures")[0]
    assert (first["session"], first["why"]) == ("tuesday", ["picture 1.000"])
    versions = intake.catalog.read("picture_vectors", ["code_version"])
    assert len(set(versions["code_version"].to_pylist())) == 1
    write_clip(folder, colours={"blue": (1.0, 0.0, 0.0)})
    assert run("search", "blue", "--frames", "--way", "pictures") == []
    due = run("index", "--way", "pictures", "--dry-run")
    assert [one["due"] for one in due] == [2, 1]
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer.json"):
        run("index")


def test_assets_do_what_the_verbs_do(indexed, monkeypatch, tmp_path):
    monkeypatch.setenv("DAGUERRE_CLIP", str(write_clip(tmp_path / "clip")))
    settings = load_settings()
    resources = {
        name: RESOURCE_FACTORIES[name](settings)
        for name in ("catalog", "workspace", "records")
    }
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sessions", ["tuesday"])
        done = dg.materialize(
            [frame_texts, picture_vectors],
            instance=instance,
            resources=resources,
            partition_key="tuesday",
        )
        assert done.success
        known = dg.materialize([documents], instance=instance, resources=resources)
    made = done.asset_materializations_for_node("search__frame_texts")[0].metadata
    assert made["rows"].value == "1 new, 0 stale, 0 removed, 1 in all; computed: 1"
    told = known.asset_materializations_for_node("search__documents")[0].metadata
    assert told["of kind session"].value == 2


def test_a_session_that_is_not_there_is_named(indexed):
    _, run = indexed
    for words in (
        ("index", "friday"),
        ("search", "exit", "--sessions", "friday"),
        ("similar", "123456", "--sessions", "mon*,friday"),
    ):
        with pytest.raises(ValueError, match=r"no session 'friday'.*monday, tuesday"):
            run(*words)


def test_ways_of_frames_ask_for_frames(indexed):
    _, run = indexed
    with pytest.raises(ValueError, match="'smell' is no way to index"):
        run("index", "--way", "smell")
    with pytest.raises(ValueError, match="--way texts finds frames: add --frames"):
        run("search", "exit", "--way", "texts")


def test_text_is_forgotten_with_its_frame(indexed):
    """The last: it takes a frame out of the home of all."""
    intake, run = indexed
    run("forget", "monday/b.png")
    rows = intake.catalog.read_latest("frame_texts", ["texts"])["texts"].to_pylist()
    assert [text.replace(" ", "") for texts in rows for text in texts] == ["EXIT12"]
    assert run("search", "laboratory", "--frames") == []
