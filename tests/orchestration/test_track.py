"""`daguerre track`: of a session into the table, of a folder of the MOT Challenge into a file; both say what came."""

from __future__ import annotations

import json

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.materialize import result
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tracking.defs import tracks
from assets.workspace import Workspace
from bench.synthetic_home import plain_row
from orchestration.cli import app
from tests.assets.tracking.conftest import (
    FRAMES,
    RELEASE,
    SHA,
    publish,
    store_walks,
)

MODEL = {"task": "detection", "model_sha256": SHA, "release_id": RELEASE}


@pytest.fixture
def run(home, monkeypatch):
    """run("monday", "--json"): the exit code, and what stands on stdout."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))

    def call(*words):
        done = CliRunner().invoke(app, ["track", *map(str, words)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return call


@pytest.fixture
def monday(catalog: Catalog, frame_rows) -> Catalog:
    """A session with answers of the champion of detection."""
    store_walks(catalog, frame_rows, lost={5, 6})
    for table, more in (("models", {}), ("champions", {"model_name": "detection"})):
        row = plain_row(table, MODEL | more)
        catalog.upsert(table, to_table(TABLES[table], [row]))
    return catalog


@pytest.fixture
def folder(tmp_path):
    """A sequence in which one walks to the right through frames 1 to 9, unseen in 5."""
    sequence = tmp_path / "sequence"
    lines = [f"{n},1,{3 * n},1,20,40,1,-1,-1,-1\n" for n in range(1, 10)]
    for name, kept in (("gt", lines), ("det", lines[:4] + lines[5:])):
        (sequence / name).mkdir(parents=True)
        (sequence / name / f"{name}.txt").write_text("".join(kept))
    return sequence


def test_tracks_of_a_session_are_stored_and_published(run, monday):
    code, told = run("monday", "--json")
    (facts,) = json.loads(told)
    assert code == 0
    assert (facts["tracks"], facts["boxes"], facts["filled"]) == (2, 2 * FRAMES, 4)
    assert facts["model_sha256"] == SHA and facts["held"] is None
    assert len(monday.read("tracks")) == 2 * FRAMES
    assert json.loads(run("monday", "--json")[1])[0]["computed"] == 0


def test_a_folder_of_its_name_does_not_hide_a_session(
    run, monday, tmp_path, monkeypatch
):
    (tmp_path / "beside" / "monday").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "beside")
    code, told = run("monday", "--dry-run", "--json")
    assert code == 0 and json.loads(told)[0]["recordings"] == 2
    with pytest.raises(ValueError, match=r"has no det/det\.txt"):
        run("./monday")


def test_a_dry_run_stores_nothing(run, monday):
    code, told = run("monday", "--dry-run", "--json")
    assert code == 0 and json.loads(told)[0]["recordings"] == 2
    assert not monday.exists("tracks")


def test_what_the_gate_holds_ends_with_1(run, monday):
    row = plain_row("tracks", {"session": "monday", "model_sha256": "d" * 64})
    monday.upsert("tracks", to_table(TABLES["tracks"], [row]))
    code, told = run("monday", "--json")
    assert code == 1 and "tracks_rest_on_answers" in json.loads(told)[0]["held"]


def test_the_asset_makes_the_same_rows_and_shows_them(run, monday, home):
    run("monday")
    before = monday.read_latest("tracks").to_pylist()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sessions", ["monday"])
        result = dg.materialize(
            [tracks],
            partition_key="monday",
            instance=instance,
            resources={"catalog": monday, "workspace": Workspace(home, home / "ray")},
            selection=[tracks],
        )
    assert result.success
    metadata = result.asset_materializations_for_node("tracking__tracks")[0].metadata
    assert metadata["tracks"].value == 2
    assert "data:image/jpeg" in metadata["tracks over frames"].value
    assert monday.read_latest("tracks").to_pylist() == before


def test_a_sequence_is_measured_by_its_truth_and_written(run, folder, tmp_path):
    out = tmp_path / "tracks.txt"
    code, told = run(folder, "--out", out, "--json")
    facts = json.loads(told)
    assert code == 0
    assert (facts["tracks"], facts["boxes"], facts["filled"]) == (1, 9, 1)
    assert facts["figures"]["mota"] == facts["figures"]["idf1"] == 1.0
    assert [line.split(",")[:2] for line in out.read_text().splitlines()] == [
        [str(n), "1"] for n in range(1, 10)
    ]


def test_files_can_be_named_and_a_dry_run_writes_none(run, folder, tmp_path):
    out = tmp_path / "tracks.txt"
    words = ("--detections", folder / "gt" / "gt.txt", "--tracker", "sort")
    code, told = run(folder, *words, "--out", out, "--dry-run")
    assert code == 0 and not out.exists()
    assert "1 track, 9 boxes in 9 frames" in told and "HOTA" in told


def test_a_file_is_told_the_option_that_it_wants_and_hides_no_session(
    run, folder, monday, monkeypatch
):
    with pytest.raises(ValueError, match=r"daguerre track \. --detections .*det\.txt"):
        run(folder / "det" / "det.txt")
    (folder / "monday").write_text("")
    monkeypatch.chdir(folder)
    assert run("monday", "--dry-run")[0] == 0


def test_who_was_not_asked_is_told_from_who_is_not_known(run, monday, frame_rows):
    more = [
        row | {"frame_id": content_id("other", row["sequence"])}
        for row in frame_rows(3, capture_id=content_id("third")).to_pylist()
    ]
    publish(monday, "frames", to_table(TABLES["frames"], more))
    told = run("monday", "--dry-run")[1]
    assert "2 recordings with answers" in told
    assert "on 1 recording: `daguerre predict monday` asks it" in told
    other = [row | {"sensor": "other camera"} for row in more]
    publish(monday, "frames", to_table(TABLES["frames"], other))
    code, told = run("monday")
    assert code == 0 and "daguerre predict" not in told
    assert "1 recording left out, of cameras that this model did not learn from" in told


def test_dagster_is_told_of_tracks_that_a_command_made(run, monday, home, monkeypatch):
    from orchestration.instance import prepare_instance
    from orchestration.profiles import load_settings

    settings = load_settings({"DAGUERRE_HOME": str(home)})
    key = dg.AssetKey(["tracking", "tracks"])
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        assert run("monday")[0] == 0
        event = instance.get_latest_materialization_event(key)
        made = event.asset_materialization
        wanted = result(monday, "tracks", ["tracking", "tracks"], "monday")
        assert made.partition == "monday" and made.metadata["tracks"].value == 2
        assert made.tags["dagster/data_version"] == wanted.data_version.value
        names = {
            record.event.asset_check_evaluation.check_name
            for name in ("tracks_rest_on_answers", "tracks_agree_with_labels")
            for record in instance.event_log_storage.get_asset_check_execution_history(
                dg.AssetCheckKey(key, name), limit=5
            )
        }
    assert names == {"tracks_rest_on_answers", "tracks_agree_with_labels"}


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("./nowhere",), "'./nowhere' is no folder, and no session"),
        (("monday", "--truth", "x"), "--truth is for a FOLDER"),
        (("monday",), "there is no session 'monday'"),
    ],
)
def test_what_cannot_be_is_refused(run, words, fault):
    with pytest.raises(ValueError, match=fault):
        run(*words)


def test_options_of_a_session_are_refused_for_a_folder(run, folder):
    with pytest.raises(ValueError, match="--looks is for a SESSION"):
        run(folder, "--looks")
    with pytest.raises(ValueError, match="no tracker 'deep'"):
        run(folder, "--tracker", "deep")
