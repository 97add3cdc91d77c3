"""Terms of data from a person's word to a release that is refused, and what is told of it on the way."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.audit import read_acts
from assets.choice import Choice
from assets.curation.release import draft_release, write_release
from assets.departures import Departure, leaving, list_departures
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import fill
from checks.gates import gate_task
from orchestration.cli import app
from orchestration.cli.chosen import show_dataset
from orchestration.profiles import load_settings
from tests.assets.comparison.conftest import store_model

SESSIONS = ("monday", "tuesday")
ASSET = ("curation", "{task}_dataset")
GIVEN = ("--licence", "CC-BY-4.0", "--purposes", "research", "--because", "she signed")
PARTS = ("train", "val", "test", "train")
Run = Callable[..., Any]


@pytest.fixture
def home(tmp_path) -> Path:
    """Two sessions of four frames with a box each, shared out among the parts."""
    folder = tmp_path / "home"
    folder.mkdir()
    catalog = Catalog(str(folder / "tables"))
    fill(catalog, SESSIONS, 4, is_labelled=True)
    rows = catalog.read_latest("splits").sort_by("frame_id").to_pylist()
    for session in SESSIONS:
        mine = [row for row in rows if row["session"] == session]
        for row, part in zip(mine, PARTS, strict=True):
            row["split"] = part
    version = catalog.upsert("splits", to_table(TABLES["splits"], rows)).version
    catalog.publish("splits", None, version)
    catalog.publish("unique_frames", None, catalog.latest_version("unique_frames"))
    return folder


@pytest.fixture
def run(run_on, home) -> Run:
    return run_on(home)


def make_release(home: Path) -> tuple[str, list[Any]]:
    """The release of all, and the verdicts of its gate that do not hold."""
    catalog = Catalog(str(home / "tables"))
    policy = load_settings().workspace.policy
    release_id = write_release(catalog, draft_release(catalog, "detection"), policy)
    catalog.point("draft/detection", release_id)
    verdicts = gate_task(catalog, ASSET, "detection", home)
    return release_id, [verdict for verdict in verdicts if not verdict.passed]


def test_a_release_is_refused_with_the_sessions_that_stand_against_it(run, home):
    (home / "policy.yaml").write_text("purposes: [product]\nunknown: refuse\n")
    run("consent", "monday", *GIVEN)
    release_id, (failed,) = make_release(home)
    assert failed.name == "released_sessions_may_be_used" and failed.stops
    assert failed.examples == (
        "monday: it is for research and not for product",
        "tuesday: nothing is stated of its licence and consent",
    )
    assert failed.figures["num_refused_frames"] == 8
    assert Catalog(str(home / "tables")).pointed("release/detection") is None
    with pytest.raises(ValueError, match="may not be used: monday: 4 frames: it is"):
        show_dataset(load_settings(), "detection", release_id, None)
    for session in SESSIONS:
        words = ("--licence", "CC0-1.0", "--purposes", "product", "--because", "asked")
        run("consent", session, *words)
    assert make_release(home) == (release_id, [])
    assert Catalog(str(home / "tables")).pointed("release/detection") == release_id


def test_what_nobody_stated_is_warned_of_by_default(run, home):
    _, failed = make_release(home)
    assert failed == []
    facts, text = show_dataset(load_settings(), "detection", None, None)
    assert facts["refused"] == []
    assert "of 2 of 2 sessions: monday, tuesday: `daguerre consent SESSION`" in text


def test_what_would_be_lost_is_told_before_a_consent_ends(run, home):
    run("consent", "monday", *GIVEN)
    release_id, _ = make_release(home)
    catalog = Catalog(str(home / "tables"))
    model = store_model(catalog, "one", release_id, "detection")
    words = ("consent", "monday", "--end", "--because", "she asks for it")
    loss = run(*words, "--dry-run")["loss"]
    assert loss["num_frames"] == 4
    (lost,) = loss["releases"]
    assert (lost["release_id"], lost["num_lost"], lost["num_frames"]) == (
        release_id,
        4,
        8,
    )
    assert lost["by_part"] == {"train": 2, "val": 1, "test": 1}
    assert lost["classes"] == []  # tuesday shows cups in every part too
    assert [m["model_sha256"] for m in loss["models"]] == [model["model_sha256"]]
    assert run("terms", release_id)["parts"][0]["objection"] is None
    run(*words)
    assert run("terms", release_id)["parts"][0]["is_refused"]
    (ended,) = run("status")["consents"]
    assert ended["summary"] == "the consent of monday has ended"
    with pytest.raises(ValueError, match="its consent has ended"):
        show_dataset(load_settings(), "detection", release_id, None)


def test_a_class_that_only_one_session_shows_is_named_with_its_parts(run, home):
    catalog = Catalog(str(home / "tables"))
    rows = catalog.read_latest("labels", where="session = 'monday'").to_pylist()
    rows = [{**row, "class_name": "mug"} for row in rows]
    version = catalog.upsert("labels", to_table(TABLES["labels"], rows)).version
    for session in SESSIONS:
        catalog.publish("labels", session, version)
    make_release(home)
    (lost,) = run("terms", "monday")["releases"]
    assert lost["classes"] == ["test: mug", "train: mug", "val: mug"]


def test_a_release_and_a_model_say_what_they_rest_on(run, home):
    run("consent", "monday", *GIVEN)
    words = ("--licence", "CC0-1.0", "--purposes", "product,research")
    run("consent", "tuesday", *words, "--because", "ours")
    release_id, _ = make_release(home)
    model = store_model(Catalog(str(home / "tables")), "one", release_id, "detection")
    for name in (release_id[:12], model["model_sha256"][:12]):
        found = run("terms", name)
        assert found["licences"] == ["CC-BY-4.0", "CC0-1.0"]
        assert found["purposes"] == ["research"]
    listed = run("terms")["parts"]
    assert [(one["session"], one["num_frames"]) for one in listed] == [
        ("monday", 4),
        ("tuesday", 4),
    ]


def test_a_model_rests_on_what_it_started_from_too(run, home):
    run("consent", "monday", *GIVEN)
    run("consent", "tuesday", *GIVEN)
    catalog = Catalog(str(home / "tables"), blobs_uri=str(home / "blobs"))
    both, _ = make_release(home)
    first = store_model(catalog, "first", both, "detection")
    alone = draft_release(catalog, "detection", Choice(sessions=("tuesday",)))
    release_id = write_release(catalog, alone)
    second = store_model(catalog, "second", release_id, "detection")
    start = {"origin": "file model.safetensors", "sha256": first["model_sha256"]}
    facts = json.dumps({"starts_from": start}).encode()
    second["facts_sha256"] = catalog.blobs.put(io.BytesIO(facts))
    catalog.upsert("models", to_table(TABLES["models"], [second]))
    found = run("terms", second["model_sha256"])
    assert [p["session"] for p in found["parts"]] == ["monday", "tuesday"]
    assert found["starts_from"] == [
        {"sha256": first["model_sha256"], "origin": start["origin"]}
    ]
    heirs = {m["model_sha256"]: m["is_heir"] for m in run("terms", "monday")["models"]}
    assert heirs == {first["model_sha256"]: False, second["model_sha256"]: True}


def test_statements_are_kept_with_who_when_and_why(run):
    run("consent", "monday", *GIVEN, "--holder", "Anna", "--by", "bob")
    run("consent", "monday", "--end", "--because", "she asked", "--by", "carol")
    newest, first = run("terms", "monday")["statements"]
    assert (newest["act"], newest["stated_by"]) == ("ended", "carol")
    assert first["summary"] == "CC-BY-4.0, for research, of Anna"
    assert newest["at_ns"] > first["at_ns"]


def test_acts_are_recorded_and_a_dry_run_is_none(run, home):
    run("consent", "monday", *GIVEN, "--dry-run")
    run("consent", "monday", *GIVEN, "--by", "bob")
    run("query", "select session from frames limit 1")
    run("query", "select body_serial from frame_exif")
    run("query", "select * from frames")
    run("query", "select octet_length(payload) from frames where sensor = 'x'")
    acts = [(act["act"], act["of"]) for act in read_acts(home)]
    assert acts == [
        ("consent", "monday: CC-BY-4.0, for research"),
        ("read", "frame_exif.body_serial"),
        ("read", "frames.payload"),
    ]


@pytest.mark.parametrize(
    ("sql", "is_read"),
    [
        ("select BODY_SERIAL from FRAME_EXIF", True),
        ("select e from frame_exif e", True),
        ("select #2 from frame_exif", True),
        ("select b from frame_exif e(a, b)", True),
        ("summarize frame_exif", True),
        ("describe frame_exif", False),
        ("select count(*) from frame_exif e where e.session = 'monday'", False),
    ],
)
def test_a_read_without_the_name_of_a_column_is_an_act_too(run, home, sql, is_read):
    run("query", sql)
    acts = [act["of"] for act in read_acts(home)]
    assert [("frame_exif.body_serial" in of) for of in acts] == [True] * is_read


def test_a_changed_record_is_found_by_verify(run, run_on, home):
    run("consent", "monday", *GIVEN)
    record = home / "audit" / "record.jsonl"
    record.write_text(record.read_text().replace("research", "anything"))
    found = run_on(home, (1,))("verify")["wrong"]
    acts = [one for one in found if one["kind"] == "recorded act"]
    assert [one["reason"] for one in acts] == ["its hash is not that of its content"]


WRONG = (
    (("sunday", *GIVEN), "no session is called 'sunday'"),
    (("monday/none.mcap", *GIVEN), "has no capture: its captures are"),
    (("monday", "--because", "x"), "say --licence and --purposes, or --end"),
    (("monday", *GIVEN[:4], "--because", " "), "--because is empty"),
    (("monday", *GIVEN, "--end"), "--end takes no terms"),
    (("monday", *GIVEN, "--until", "2020-01-01"), "is over: name a day"),
    (("monday", *GIVEN, "--licence", "mine"), "LicenseRef-"),
)


def test_a_wrong_statement_is_refused_and_leaves_nothing(run, home):
    for words, told in WRONG:
        with pytest.raises(ValueError, match=told):
            run("consent", *words)
    assert not Catalog(str(home / "tables")).exists("consents")
    assert read_acts(home) == []


def test_what_is_nobodys_name_is_refused(run):
    with pytest.raises(ValueError, match="no session is called 'abcdef0123'"):
        run("terms", "abcdef0123")


def test_the_last_day_is_told_before_it_comes(run):
    soon = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    later = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
    run("consent", "monday", *GIVEN, "--until", soon)
    run("consent", "tuesday", *GIVEN, "--until", later)
    assert [one["until"] for one in run("status")["consents"]] == [soon]


def test_every_export_is_a_departure_and_one_that_is_refused_is_none(run, tmp_path):
    run("export", "frames", "out", "--sessions", "monday", "--format", "images")
    with pytest.raises(ValueError):
        run("export", "release", "0" * 32, "other")
    with pytest.raises(ValueError):
        run("export", "mesh", "monday", "mesh")
    (left,) = run("departures")["departures"]
    assert (left["kind"], left["what"], left["sessions"], left["num_frames"]) == (
        "export",
        "frames as images",
        ["monday"],
        4,
    )
    assert left["is_whole"] and left["place"] == str(tmp_path / "out")
    assert run("departures", "tuesday")["departures"] == []


def test_what_an_exam_refused_has_not_left_and_what_was_cut_short_is_told(home):
    catalog = Catalog(str(home / "tables"))
    with leaving(catalog, Departure("export", "model as int8", "place")) as left:
        left.is_refused = True
    assert list_departures(catalog) == []
    sent = Departure("export", "release", "place", ["monday"])
    with pytest.raises(KeyboardInterrupt), leaving(catalog, sent):
        raise KeyboardInterrupt
    assert [row["is_whole"] for row in list_departures(catalog)] == [False]


def test_an_export_tells_of_a_consent_that_has_ended(run, capsys):
    run("consent", "monday", "--end", "--because", "she asks for it")
    words = ["export", "frames", "out", "--sessions", "monday", "--format", "images"]
    app(words, standalone_mode=False, prog_name="daguerre")
    assert "WARNING: the consent of monday has ended" in capsys.readouterr().err


def test_what_left_of_a_session_counts_its_releases_models_and_backups(run, home):
    release_id, _ = make_release(home)
    run("export", "release", release_id, "whole")
    run("backup", "copies")
    run("report", "monday", "--out", "page.html")
    found = run("departures", "tuesday")["departures"]
    assert [row["kind"] for row in found] == ["backup", "export"]
    ours = run("departures", "monday")["departures"]
    assert [row["kind"] for row in ours] == ["page", "backup", "export"]
    everything = run("departures")["departures"]
    assert [row["kind"] for row in everything] == ["page", "backup", "export"]


def test_no_verb_of_export_leaves_without_a_record():
    """Each verb of the group goes through the one place that writes departures down."""
    import inspect

    from orchestration.cli.export import export_app

    bodies = {
        command.callback.__name__: inspect.getsource(command.callback)
        for command in export_app.registered_commands
    }
    assert len(bodies) >= 9
    assert [name for name, body in bodies.items() if "_leave(" not in body] == []


def test_the_verbs_say_it_to_people_too(run, home, capsys):
    run("consent", "monday", *GIVEN)
    make_release(home)
    app(["terms", "monday"], standalone_mode=False, prog_name="daguerre")
    app(["departures"], standalone_mode=False, prog_name="daguerre")
    said = capsys.readouterr().out
    assert "monday: CC-BY-4.0, for research, stated at 20" in said
    assert "(detection): 4 of 8 frames (2 of train, 1 of val, 1 of test)" in said
    assert "nothing has left" in said
