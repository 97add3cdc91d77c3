"""What a morning tells: everything once, what waits until it is done, and an empty day as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import plain_row
from orchestration.agent.answer import Fact, Source
from orchestration.agent.tool import call
from orchestration.agent.tools import find_tool
from orchestration.agent.world import World
from orchestration.cli import app, run_verb
from orchestration.morning import page
from orchestration.profiles import load_settings
from tests.orchestration.agent.conftest import HELD, PLEA


def wake(*words: str) -> dict:
    done = run_verb(("morning", *words))
    assert done.exit_code == 0
    return done.facts


def list_ids(told: dict, part: str) -> list[str]:
    return [f"{one['section']} {one['id']}"[:16] for one in told[part]]


def test_everything_is_told_once_and_what_waits_until_it_is_done(agent_home):
    first = wake()
    assert first["since"] is None and not first["is_empty"]
    assert [one["section"] for one in first["happened"]] == ["trainings"] * 2
    waits = {one["id"]: one for one in first["waits"]}
    assert {"monday", "tuesday"} < waits.keys() and all(
        one["is_new"] for one in first["waits"]
    )
    assert waits["tuesday"]["command"] == "daguerre triage tuesday"
    assert HELD in waits["tuesday"]["says"]
    (run,) = [one for one in first["waits"] if one["section"] == "runs"]
    assert run["command"] == f"daguerre triage {run['id'][:8]}"
    cost = {fact["name"]: fact["value"] for fact in first["cost"]}
    assert (cost["runs"], cost["failed"]) == (2, 1)

    second = wake()
    assert second["since"] == first["until"]
    assert second["happened"] == [] == second["cost"]
    assert list_ids(second, "waits") == ["sessions monday", "sessions tuesday"]
    assert not any(one["is_new"] for one in second["waits"])

    run_verb(("quarantine", "drop", "monday", "--yes"))
    third = wake()
    assert list_ids(third, "happened") == ["sessions monday"]
    assert list_ids(third, "waits") == ["sessions tuesday"]


def test_a_morning_speaks_in_words_and_short_durations(agent_home):
    says = {one["id"]: one["says"] for one in wake("--dry-run")["waits"]}
    assert '"monday" is taken in but for files that could not be read' in says["monday"]
    assert "does not lie in the landing zone any more" in says["tuesday"]
    assert f'held because "{HELD}"' in says["tuesday"]
    hours = [Fact("took", h, Source("runs", "ended"), "h") for h in (0.0265, 0.5, 2.25)]
    assert [str(fact) for fact in hours] == ["1.59 min", "30 min", "2.25 h"]


def test_a_model_is_told_of_once_where_it_was_promoted(agent_home):
    catalog = Catalog(str(agent_home / "tables"))
    model = catalog.read_latest("models").to_pylist()[0]["model_sha256"]
    given = {"task": "recognition", "act": "promoted", "who": "the gate", "why": "all rules hold",
             "after_sha256": model, "after_version": 1, "promotion_id": "a" * 32}  # fmt: skip
    row = plain_row("promotions", given)
    catalog.merge("promotions", to_table(TABLES["promotions"], [row]))
    told = wake("--dry-run")["happened"]
    assert [one["section"] for one in told] == ["gates", "trainings"]
    assert told[0]["says"].startswith('Version 1 of "recognition" was promoted by "the')
    assert "It was trained by" in told[0]["says"] and told[1]["id"] != model


def test_a_proposal_waits_until_somebody_has_decided_and_is_then_told(agent_home):
    wake()
    world = World(load_settings(), "somebody", run_verb)
    asked = {"task": "detection", "strategy": "random", "budget": 3, "because": PLEA}
    name = call(find_tool("propose_queue"), world, asked).facts[0].value
    (new,) = [one for one in wake()["waits"] if one["is_new"]]
    assert (new["id"], new["command"]) == (name, f"daguerre proposals {name}")
    run_verb(("approve", name))
    told = wake()
    assert [one["id"] for one in told["happened"]] == [name]
    (queue,) = [one for one in told["waits"] if one["section"] == "labels"]
    assert "3 of 3 frames are open" in queue["says"] and queue["is_new"]


def test_a_dry_run_notes_nothing_and_the_tool_neither(agent_home):
    wake("--dry-run")
    world = World(load_settings(), "somebody", run_verb)
    answer = call(find_tool("morning"), world, {})
    assert answer.text.startswith("Told for the first time: 2 things happened; 3 wait")
    assert {rows.name: len(rows.rows) for rows in answer.rows} == {
        "happened": 2,
        "waits": 3,
    }
    assert not (agent_home / "morning.json").exists()
    assert len(wake()["happened"]) == 2


def test_a_day_on_which_nothing_happened_says_so(home: Path, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    told = wake()
    assert told["is_empty"] and told["happened"] == told["waits"] == []
    assert told["text"] == "Nothing happened yet, and nothing waits."
    assert wake()["text"].startswith('Nothing happened since "20')


def test_a_page_shows_strangers_names_as_text_and_a_few_of_many(
    agent_home, tmp_path, capsys, lower
):
    lower(page, MOST_SHOWN=1)
    out = tmp_path / "page.html"
    words = ["morning", "--markdown", "--html", str(out), "--dry-run"]
    app(words, standalone_mode=False)
    markdown, html = capsys.readouterr().out, out.read_text()
    assert "`daguerre triage monday`" in markdown
    assert "- and 2 more: --json lists all" in markdown
    assert '<li id="monday">' in html and "and 2 more" in html
    assert "<script" not in html and "http" not in html.replace("http-equiv", "")


def test_a_note_of_what_was_told_that_is_none_is_named_and_kept(agent_home):
    path = agent_home / "morning.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="does not say what was told last"):
        wake()
    assert json.loads(path.read_text()) == []
