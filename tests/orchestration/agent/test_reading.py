"""Tools that read: what they say is right, within bounds, follows to its source, and holds nothing private."""

from __future__ import annotations

import json
import re
import shlex
from hashlib import sha256

import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from assets.tables.sql import list_private
from orchestration.agent.answer import Fact, Sentence, Source
from orchestration.agent.call_log import Call, CallLog
from orchestration.agent.tools import READING
from orchestration.agent.tools.watching import tell_moved
from orchestration.cli import app, run_verb
from tests.orchestration.agent.conftest import HELD, PLEA, SERIAL

_WITH_ARGUMENTS = (
    *("sql", "lineage", "similar_frames", "search"),
    *("compare_models", "compare_releases"),
)


def value(answer, name: str):
    return next(fact.value for fact in answer.facts if fact.name == name)


def rows(answer, name: str) -> list[dict]:
    return [dict(row) for r in answer.rows if r.name == name for row in r.rows]


def test_one_value_is_said_as_a_fact_whose_source_is_its_statement(ask):
    sql = "select count(*) from frames where session = 'tuesday'"
    answer = ask("sql", sql=sql)
    assert answer.text == "20."
    assert answer.facts == (Fact("value", 20, Source("sql", sql)),)
    words = shlex.split(answer.facts[0].source.follow)
    assert run_verb(words[1:]).facts["rows"] == [{"count_star()": 20}]


def test_more_rows_than_the_limit_are_cut_off_with_a_sentence(ask):
    answer = ask("sql", sql="select frame_id from frames", limit=3)
    assert len(rows(answer, "rows")) == 3 and answer.rows[0].is_cut
    assert "There are more than the limit of 3: ask for a count" in answer.text
    whole = ask("sql", sql="select frame_id from frames limit 3", limit=3)
    assert not whole.rows[0].is_cut and whole.text == "3 rows."


def test_what_is_too_large_or_takes_too_long_is_cut_off_with_a_sentence(ask):
    large = "select repeat('x', 40000) from range(8)"
    answer = ask("sql", sql=large)
    assert "cut off at 100000 bytes: ask for fewer columns" in answer.text
    assert len(rows(answer, "rows")) == 2
    with pytest.raises(ValueError, match="first row is larger than 100,000 bytes"):
        ask("sql", sql="select repeat('x', 200000)")
    slow = "select count(*) from range(100000) a, range(100000) b, range(1000) c"
    with pytest.raises(ValueError, match=r"it took more than 0\.2 s: ask for fewer"):
        ask("sql", sql=slow, seconds=0.2)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select body_serial from frame_exif", "body_serial is private"),
        ("select payload from frames", "payload is private"),
        ("select author from label_versions", "author is private"),
        ("select 1; select 2", "only one SELECT"),
        ("delete from frames", "only one SELECT"),
        ("select * from duckdb_views()", "duckdb_views is no table"),
        ("select * from query_table('frames')", "query_table is no table"),
        ("select * from 'notes.csv'", "there is no table 'notes.csv'"),
        ("select * from information_schema.tables", "there is no table 'tables'"),
        (
            "select v.* from duckdb_views v, (with duckdb_views as (select 1) from duckdb_views)",
            "'duckdb_views' is a name of DuckDB's own",
        ),
        ("summarize frame_exif", "no description of a table"),
        ("select * from (show tables)", "no description of a table"),
    ],
)
def test_a_statement_reads_tables_and_views_without_private_columns_alone(
    ask, sql: str, told: str
):
    with pytest.raises(ValueError, match=re.escape(told)):
        ask("sql", sql=sql)


def test_no_way_to_take_all_columns_takes_a_private_one(ask):
    for sql in (
        "select * from frame_exif",
        "select columns(*) from frame_exif",
        "select e from frame_exif e",
        "from frame_exif",
        "with e as (select * from frame_exif) select e.* from e",
        "select to_json(e) from frame_exif e",
        "with e as (from frame_exif) select e from e join frames using (frame_id)",
        "select max_by(e, e.frame_id) from Frame_Exif e",
        "select list(e) from frame_exif e",
        "select (select to_json(e) from frame_exif e limit 1) as a",
        "select * from frame_exif union all by name select * from frame_exif",
    ):
        answer = ask("sql", sql=sql)
        assert answer.rows[0].rows and SERIAL not in json.dumps(answer.to_dict())


def test_a_person_reads_private_columns_with_their_own_command(agent_home):
    found = run_verb(("query", "select body_serial from frame_exif"))
    assert found.facts["rows"] == [{"body_serial": SERIAL}]


def test_columns_of_a_private_class_are_counted_and_not_named(ask):
    answer = ask("tables", table="frame_exif")
    hidden = list_private("frame_exif")
    named = {row["column"] for row in rows(answer, "columns")}
    assert value(answer, "private") == len(hidden) > 1 and not named & hidden
    assert named | hidden == set(TABLES["frame_exif"].schema.names)


def test_failed_checks_come_with_their_numbers_and_held_sessions_with_the_reason(ask):
    answer = ask("failed_checks")
    (failed,) = rows(answer, "failed")
    assert (failed["asset"], failed["check"]) == (
        "capture/frames",
        "images_are_readable",
    )
    assert failed["numbers"] == "num_checked 8, share_offending 0.25"
    assert rows(answer, "held") == [
        {"session": "tuesday", "table": "frame_exif", "says": HELD}
    ]
    assert [value(answer, n) for n in ("failed", "held")] == [1, 1]
    assert value(ask("failed_checks", session="monday"), "held") == 0


def test_the_log_of_the_newest_run_that_failed_says_why(ask):
    answer = ask("run_log")
    assert value(answer, "status") == "FAILURE"
    assert "the loss is not finite after 3 steps" in value(answer, "error")
    run = value(answer, "run")
    assert value(ask("run_log", run=run[:8]), "run") == run
    with pytest.raises(ValueError, match="no run begins with '0000'"):
        ask("run_log", run="0000")
    assert [r["status"] for r in rows(ask("runs"), "runs")] == ["FAILURE", "SUCCESS"]


def test_quarantine_names_the_file_the_reason_and_the_remedy(ask):
    (cause,) = rows(ask("quarantine"), "causes")
    assert (cause["example"], cause["count"]) == (PLEA, 1)
    assert cause["reason"] == "it is cut off after 10 bytes"


def test_two_models_are_compared_on_the_exam_that_both_sat(ask):
    models = {row["model"]: row for row in rows(ask("models"), "models")}
    worse, better = (sha256(name).hexdigest() for name in (b"one", b"two"))
    assert set(models) == {worse, better}
    answer = ask("compare_models", first=worse[:10], second=better[:10])
    figures = [value(answer, n) for n in ("first", "second", "difference", "won")]
    assert figures == [0.5, 1.0, 0.5, 1]
    release = str(models[better]["release"])
    same = ask("compare_releases", first=release[:8], second=release[:8])
    assert [value(same, n) for n in ("same", "added", "removed")] == [2, 0, 0]


def test_terms_are_told_of_sessions_and_releases_and_name_nobody(ask, agent_home):
    words = ["consent", "monday", "--licence", "CC-BY-4.0", "--purposes", "research"]
    by = ["--holder", "Annabel", "--by", "Robert", "--because", "Annabel signed"]
    run_verb([*words, *by])
    answer = ask("terms")
    assert value(answer, "silent") == 1 and value(answer, "refused") == 0
    answer = ask("terms", of="monday")
    assert value(answer, "frames") == 10
    (said,) = rows(answer, "statements")
    assert said["licence"] == "CC-BY-4.0" and said["purposes"] == "research"
    told = json.dumps(answer.to_dict())
    assert "Annabel" not in told and "Robert" not in told
    release = ask("sql", sql="select release_id from releases").facts[0].value
    assert value(ask("terms", of=release[:8]), "licences") == "CC-BY-4.0"
    with pytest.raises(ValueError, match="no session is called 'abcdef0123'"):
        ask("terms", of="abcdef0123")


def test_what_left_is_told_without_its_place(ask, agent_home):
    run_verb(["export", "frames", "out", "--sessions", "tuesday", "--format", "images"])
    answer = ask("departures", of="tuesday")
    (left,) = rows(answer, "departures")
    assert (left["what"], left["num_frames"]) == ("frames as images", 20)
    assert str(agent_home.parent) not in json.dumps(answer.to_dict())
    assert value(ask("departures", of="monday"), "departures") == 0


def test_lineage_goes_both_ways_and_its_rows_can_be_followed(ask):
    release = rows(ask("models"), "models")[0]["release"]
    answer = ask("lineage", kind="release", id=release[:8])
    assert value(answer, "id") == release
    assert value(answer, "downstream_models") == 2
    models = next(r for r in answer.rows if r.name == "downstream: models")
    sources = {models.source_of(row).kind for row in models.rows}
    assert sources == {"model"}
    for row in models.rows:
        words = shlex.split(models.source_of(row).follow)
        assert run_verb(words[1:]).facts["id"] == row["model_sha256"]


def test_the_frame_that_looks_most_like_another_comes_first(ask, agent_home):
    catalog = Catalog(str(agent_home / "tables"))
    vectors = catalog.read_latest("frame_embeddings").to_pylist()
    one, other = vectors[0], vectors[1]
    other["vector"] = [a * 0.8 + b * 0.6 for a, b in pair(one, other)]
    written = catalog.upsert(
        "frame_embeddings", to_table(TABLES["frame_embeddings"], [other])
    )
    catalog.publish("frame_embeddings", other["session"], written.version)
    answer = ask("similar_frames", frame=one["frame_id"][:12], limit=3)
    assert value(answer, "best") == other["frame_id"]
    assert value(answer, "similarity") == pytest.approx(0.8, abs=0.01)
    assert len(rows(answer, "alike")) == 3
    found = run_verb(("similar", one["frame_id"], "--limit=4")).facts
    assert (
        rows(answer, "alike") == found[1:] and found[0]["frame_id"] == one["frame_id"]
    )
    of_one = ask("similar_frames", frame=one["frame_id"], sessions=["tues*"])
    assert {row["session"] for row in rows(of_one, "alike")} == {"tuesday"}


def test_a_search_finds_what_the_verb_finds_and_says_what_has_changed_since(
    ask, agent_home
):
    before = ask("search", text="the first images")
    assert not before.is_known and value(before, "changed") > 3
    found = run_verb(("search", "rows have no class", "--kind=check")).facts
    answer = ask("search", text="rows have no class", kinds=["check"])
    assert rows(answer, "documents") == found != []
    assert [fact.name for fact in answer.facts] == ["found"]
    Catalog(str(agent_home / "tables")).delete("frame_exif", "true")
    Catalog(str(agent_home / "tables")).delete("models", "true")
    assert value(ask("search", text="no class"), "changed") == 2
    with pytest.raises(ValueError, match="no documents of kind 'cup'"):
        ask("search", text="cut", kinds=["cup"])
    with pytest.raises(ValueError, match="has no word to look for"):
        ask("search", text="?!")


def pair(one: dict, other: dict) -> zip:
    return zip(one["vector"], other["vector"], strict=True)


def test_stale_rows_costs_sessions_and_drift_are_said_of_this_home(ask):
    stale = rows(ask("stale", select=["frame_quality"]), "stale")
    due = {row["asset"]: row["rows"] for row in stale}
    assert due["curation/frame_quality"] == 30
    assert not ask("cost").is_known
    found = ask("sessions")
    assert value(found, "sessions") == 2
    held = {row["session"]: row["held"] for row in rows(found, "sessions")}
    assert held["monday"] == "" and HELD in held["tuesday"]
    assert value(ask("drift"), "judged") == 0
    said = str(ask("drift", session="monday").sentences[0])
    assert said.startswith('No champion has judged "monday": 0 verdicts')
    with pytest.raises(ValueError, match="there is no session 'sunday'"):
        ask("sessions", session="sunday")


def test_what_moved_most_is_a_sentence_of_each_statistic_once():
    figures = [("left", "brightness", -9.5), ("left", "brightness", -9.0)]
    figures += [("left", "contrast", 4.25), ("right", "contrast", 2.0), ("left", "x", 1.0)]  # fmt: skip
    named = ("sensor", "statistic", "value")
    causes = [dict(zip(named, figure, strict=True)) for figure in figures]
    said = str(tell_moved(causes, Source("drift", "tuesday")))
    moved = '"brightness" of "left" -9.5, "contrast" of "left" 4.25, "contrast" of "right" 2'
    assert said == f"Moved, in standard deviations: {moved}."


def test_words_around_facts_have_no_numbers_of_their_own():
    fact = Fact("frames", 20, Source("home", "status"))
    assert str(Sentence("{frames} frames.", (fact,))) == "20 frames."
    with pytest.raises(AssertionError):
        Sentence("20 of {frames} frames.", (fact,))
    with pytest.raises(AssertionError):
        Sentence("{frames} of {others}.", (fact,))


def test_every_source_is_followed_by_a_verb_that_there_is():
    import typer

    from orchestration.agent import answer

    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for kind in (*answer._FOLLOWED_BY, *answer._TRACED):
        words = shlex.split(Source(kind, "a b").follow)
        assert words[0] == "daguerre" and words[1] in verbs, kind


def test_wrong_arguments_are_refused_in_one_line(ask):
    for tool, arguments, told in (
        ("sql", {"sql": "select 1", "limit": 0}, "sql: limit: Input should be"),
        ("sql", {"sql": "select 1", "depth": 2}, "its arguments are sql, limit"),
        (
            "lineage",
            {"kind": "cup", "id": "abcdef"},
            "'cup' has no lineage: use one of",
        ),
        ("lineage", {"kind": "frame", "id": "abc"}, "at least 6 characters"),
    ):
        with pytest.raises(ValueError, match=re.escape(told)) as caught:
            ask(tool, **arguments)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="there is no tool 'destroy': choose of"):
        ask("destroy")


def test_a_plea_in_a_name_is_shown_as_a_name_and_changes_nothing(ask, agent_home):
    for tool in READING:
        if tool.name not in _WITH_ARGUMENTS:
            text = json.dumps(ask(tool.name).to_dict())
            assert SERIAL not in text, tool.name
    assert PLEA in ask("quarantine").to_dict()["rows"][0]["rows"][0]
    assert run_verb(("proposals",)).facts == []


def test_each_call_is_written_down_with_its_sizes_and_without_its_answer(
    ask, agent_home
):
    ask("sql", sql="select frame_id from frames limit 2")
    with pytest.raises(ValueError):
        ask("sql", sql="select nothing")
    wrong, right = CallLog(agent_home).read(2)
    assert (right["who"], right["tool"], right["num_rows"]) == ("somebody", "sql", 2)
    assert right["arguments"] == {"sql": "select frame_id from frames limit 2"}
    assert (right["error"], wrong["error"]) == ("", "QueryError")
    path = CallLog(agent_home).path
    assert path.stat().st_mode & 0o077 == 0
    ids = [r["frame_id"] for r in rows(ask("sql", sql="from frames"), "rows")]
    assert not any(frame_id in path.read_text() for frame_id in ids)


def test_an_answer_is_given_where_its_call_cannot_be_written_down(
    ask, agent_home, caplog
):
    (agent_home / "logs").write_text("a file where the folder should be")
    assert ask("sql", sql="select 1 as n").facts[0].value == 1
    assert "tool_calls.jsonl is not written" in caplog.text


def test_a_line_of_the_log_that_was_cut_costs_no_other(tmp_path):
    log = CallLog(tmp_path)
    log.note(Call("me", "first", {}))
    with log.path.open("a") as file:
        file.write('{"who": "me", "tool": "sec')
    log.note(Call("me", "third", {}))
    assert [call["tool"] for call in log.read(9)] == ["third", "first"]


def test_the_log_of_calls_stays_within_its_bounds(tmp_path):
    log = CallLog(tmp_path, max_bytes=1000)
    for number in range(50):
        log.note(Call("me", f"tool{number}", {"sql": "x" * 500}))
    files = list((tmp_path / "logs").glob("*.jsonl"))
    assert len(files) == 2 and all(f.stat().st_size <= 1000 for f in files)
    assert log.read(1)[0]["tool"] == "tool49"
    assert len(log.read(1)[0]["arguments"]["sql"]) == 200
