"""Proposals: nothing is done before a person approves, then once, by the verb itself, and only in the same world."""

from __future__ import annotations

import re

import pytest

from assets.audit import read_acts
from assets.ledger import proposals as rows_of
from assets.tables.catalog import Catalog
from orchestration.agent.acts import find_act
from orchestration.agent.plan_text import tell_cost, tell_plan
from orchestration.agent.proposing import carry_out, open_book
from orchestration.agent.tools import PROPOSING
from orchestration.cli import run_verb
from orchestration.plan.lines import Cost
from tests.orchestration.agent.conftest import PLEA

QUEUE = {"task": "detection", "strategy": "random", "budget": 3}


def propose_queue(ask, **changes) -> str:
    answer = ask("propose_queue", **(QUEUE | {"because": "to see more"} | changes))
    return next(fact.value for fact in answer.facts if fact.name == "proposal")


def count_asked(home) -> int:
    return len(Catalog(str(home / "tables")).read_latest("label_queue"))


def test_a_proposal_is_kept_with_its_command_and_plan_and_does_nothing(ask, agent_home):
    name = propose_queue(ask)
    assert count_asked(agent_home) == 0
    shown = run_verb(("proposals", name)).facts
    command = "daguerre queue --task=detection --strategy=random --budget=3 --seed=0"
    assert (shown["command"], shown["state"]) == (command, "open")
    assert "asked: 3" in shown["plan"] and shown["because"] == "to see more"
    assert shown["by"] == "somebody" and shown["fingerprint"]


def test_who_approves_runs_the_verb_that_was_proposed_once(ask, agent_home):
    name = propose_queue(ask)
    looked = run_verb(("approve", name, "--dry-run")).facts
    assert looked["state"] == "open" and count_asked(agent_home) == 0
    done = run_verb(("approve", name))
    assert done.exit_code == 0 and done.facts["state"] == "done"
    assert done.facts["result"]["asked"] == 3 == count_asked(agent_home)
    (act,) = read_acts(agent_home)
    assert act["act"] == "approve proposal" and act["of"].startswith(
        f"{name}: daguerre"
    )
    for verb in (("approve", name), ("reject", name, "--because=late")):
        with pytest.raises(ValueError, match=f"proposal {name} was approved by"):
            run_verb(verb)
    assert count_asked(agent_home) == 3


def test_it_is_refused_where_the_world_has_changed_since(ask, agent_home):
    first, second = propose_queue(ask), propose_queue(ask, budget=5)
    run_verb(("approve", first))
    for words in (("approve", second), ("approve", second, "--dry-run")):
        with pytest.raises(ValueError, match=f"proposal {second} rests on what is"):
            run_verb(words)
    assert count_asked(agent_home) == 3
    assert run_verb(("proposals", second)).facts["state"] == "open"


def test_a_rejected_proposal_is_never_carried_out(ask, agent_home):
    name = propose_queue(ask)
    assert run_verb(("reject", name, "--because=not now")).facts["state"] == "rejected"
    with pytest.raises(ValueError, match=f"proposal {name} was rejected by"):
        run_verb(("approve", name))
    assert count_asked(agent_home) == 0


def test_of_two_who_approve_at_once_one_is_told_that_the_other_did(ask, open_world):
    name = propose_queue(ask)
    world = open_world()
    standing = open_book(world).find(name)  # as both have looked
    assert carry_out(world, standing, "").exit_code == 0
    again = open_book(world, to_write=True)
    with pytest.raises(ValueError, match="was approved by somebody"):
        again.begin(name, "other", "2026-01-01T00:00:00Z", "")


def test_a_verb_that_fails_is_told_and_not_tried_again(ask, agent_home, open_world):
    answer = ask("propose_retry", session="monday", because="mended")
    name = answer.facts[0].value
    lead = "takes 1 quarantined file of monday again; what was read before stays"
    assert run_verb(("proposals", name)).facts["plan"][0] == lead
    book = open_book(open_world(), to_write=True)
    book.begin(name, "somebody", "2026-01-01T00:00:00Z", "")
    with pytest.raises(ValueError, match="how it ended is not known"):
        run_verb(("approve", name))  # its process was killed here
    book.end(name, "somebody", "2026-01-01T00:00:01Z", 1, "a check refused")
    shown = run_verb(("proposals", name)).facts
    assert (shown["state"], shown["exit_code"]) == ("failed", 1)
    with pytest.raises(ValueError, match="was approved by somebody"):
        run_verb(("approve", name))


def test_a_file_that_was_replaced_is_another_world_for_a_retry(ask, agent_home):
    name = ask("propose_retry", session="monday", because="mended").facts[0].value
    (agent_home / "landing" / "monday" / PLEA).write_bytes(b"other bytes by now")
    with pytest.raises(ValueError, match="changed since it could not be read"):
        run_verb(("approve", name))


def test_what_is_proposed_twice_is_one_proposal_and_open_ones_are_bounded(
    ask, lower, agent_home
):
    assert propose_queue(ask) == propose_queue(ask)
    lower(rows_of, MAX_OPEN=2)
    propose_queue(ask, budget=4)
    with pytest.raises(ValueError, match="2 proposals are open: decide about some"):
        propose_queue(ask, budget=5)


def test_what_a_verb_refuses_is_not_proposed(ask, agent_home):
    for tool, arguments, told in (
        ("propose_queue", QUEUE | {"budget": 0}, "greater than or equal to 1"),
        ("propose_retry", {"session": "tuesday"}, "no quarantined file of tuesday"),
        ("propose_training", {"task": "cups"}, "there is no task 'cups'"),
        ("propose_training", {"task": "detection", "seed": -1}, "greater than or"),
        (
            "propose_training",
            {"task": "detection", "settings": ["epochs=1 --everything"]},
            "settings.0: String should match pattern",
        ),
        ("propose_retry", {"session": "--yes"}, "session: String should match"),
        ("propose_backfill", {"select": ["nothing"]}, "'nothing' is no asset"),
        ("propose_rollback", {"task": "detection"}, "has no champion to take back"),
    ):
        with pytest.raises(ValueError, match=re.escape(told)):
            ask(tool, because="why not", **arguments)
    assert run_verb(("proposals",)).facts == []


def test_only_verbs_that_are_listed_are_ever_proposed():
    for words in (("forget", "monday"), ("quarantine", "drop", "monday"), ("serve",)):
        with pytest.raises(ValueError, match="is never proposed"):
            find_act(words)
    assert all(tool.is_proposal for tool in PROPOSING) and len(PROPOSING) == 6


def test_a_backfill_rests_on_the_rows_that_it_would_make(ask, agent_home, frame_rows):
    wanted = {"select": ["frame_quality"], "sessions": ["tuesday"], "because": "new"}
    answer = ask("propose_backfill", **wanted)
    name = answer.facts[0].value
    assert run_verb(("approve", name, "--dry-run")).facts["state"] == "open"
    catalog = Catalog(str(agent_home / "tables"))
    rows = frame_rows(1, seed=77, session="tuesday")
    catalog.publish("frames", "tuesday", catalog.merge("frames", rows).version)
    with pytest.raises(ValueError, match=f"{name} rests on what is another by now"):
        run_verb(("approve", name))


def test_a_reason_goes_into_the_command_as_one_word(ask, agent_home):
    name = propose_queue(ask, because=PLEA)
    shown = run_verb(("proposals", name)).facts
    assert shown["because"] == PLEA and PLEA not in shown["command"]
    assert count_asked(agent_home) == 0


def test_a_proposal_has_no_last_day_and_a_model_needs_a_reason(agent_home):
    with pytest.raises(ValueError, match="--until 2099-01-01: only of a model"):
        run_verb(("approve", "P-00000000", "--until=2099-01-01"))
    with pytest.raises(ValueError, match="--because is empty: say why"):
        run_verb(("approve", "detection"))
    with pytest.raises(ValueError, match="no proposal begins with 'P-00000000'"):
        run_verb(("approve", "P-00000000"))


def test_a_plan_says_code_of_the_same_rows_in_one_line_and_what_it_leaves_out():
    looks = [{"said_same": {"a": "moved", "b": "renamed"}, "changes": [], "n": 1}]
    assert tell_plan(["makes 3 rows"], looks) == (
        "makes 3 rows",
        "n: 1",
        "other code, the same rows: 2 makers: `daguerre plan`",
    )
    told = tell_plan([], [{f"name{n}": n for n in range(70)}])
    assert (len(told), told[-1]) == (61, "and 10 more lines")


def test_a_price_is_told_in_seconds_minutes_and_hours():
    cost = Cost(0.01, 0.0001, 3.0, 5, 0.25)  # 36 s, 0.36 s, 3 h
    told = "takes 36 s on a device (under 1 s to 3.0 h, by 5 recorded runs)"
    assert tell_cost(cost) == f"{told}; it costs 0.25"
    assert tell_cost(None).startswith("how long it takes is not known")
