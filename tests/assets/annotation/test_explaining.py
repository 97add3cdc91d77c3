"""What alarms ask for: frames of the sessions that explain them, and no more than a day has labels for."""

from __future__ import annotations

import pytest

from assets.annotation.defs import QueueConfig
from assets.annotation.queue.build import draft_queue, write_queue
from assets.annotation.queue.explaining import DAY_NS, count_asked
from assets.annotation.queue.finished import list_requests
from assets.annotation.queue.stored import count_open, read_queue
from assets.tables.catalog import Catalog
from assets.tables.champions import read_champion
from assets.tables.schemas import TABLES, content_id, to_table
from tests.assets.annotation.queue_home import QueueHome

DETECTION = "detection"


@pytest.fixture
def home(tmp_path, frame_rows) -> QueueHome:
    """With a champion of detection, and no labels."""
    made = QueueHome(Catalog(str(tmp_path / "tables")), frame_rows)
    made.cluster()
    made.crown(DETECTION)
    return made


def alarm(home: QueueHome, session: str, at_ns: int = 1, is_told: bool = True) -> str:
    alarm_id = content_id(session, at_ns)
    row = {
        "alarm_id": alarm_id,
        "kind": "answers",
        "cause": "answers/detection",
        "task": DETECTION,
        "session": session,
        "summary": "cones have come",
        "remedy": "label",
        "raised_ns": at_ns,
        "is_told": is_told,
        "num_tries": 0,
        "told": "log" if is_told else "none",
    }
    home.catalog.merge("alarms", to_table(TABLES["alarms"], [row]))
    return alarm_id


def ask(home: QueueHome, alarm_id: str, budget: int) -> list[str]:
    """The names of the frames that a run for an alarm asks."""
    config = QueueConfig(alarm=alarm_id, budget=budget, strategy="random")
    names = []
    for question in config.list_questions(home.catalog):
        draft = draft_queue(home.catalog, question)
        write_queue(home.catalog, draft)
        names += [home.name(i) for i in draft.rows["frame_id"].to_pylist()]
    return names


def test_frames_of_the_session_that_raised_it_are_asked_and_say_for_which_alarm(home):
    alarm_id = alarm(home, "monday")
    names = ask(home, alarm_id, 4)
    assert {home.session_of(name) for name in names} == {"monday"} and len(names) == 4
    rows = read_queue(home.catalog, task=DETECTION)
    assert set(rows["alarm_id"].to_pylist()) == {alarm_id}


def test_sessions_of_its_cause_that_nobody_was_told_of_explain_it_too(home):
    alarm_id = alarm(home, "monday")
    alarm(home, "tuesday", at_ns=2, is_told=False)
    names = ask(home, alarm_id, 30)
    assert {home.session_of(name) for name in names} == {"monday", "tuesday"}


def test_alarms_share_the_labels_of_a_day(home):
    assert len(ask(home, alarm(home, "monday"), 6)) == 6
    home.label(DETECTION, dict.fromkeys(home.ids, "cup"))
    assert ask(home, alarm(home, "tuesday", at_ns=5), 6) == []
    made_ns = read_made(home)
    assert count_asked(home.catalog, DETECTION, made_ns + DAY_NS - 1) == 6
    assert count_asked(home.catalog, DETECTION, made_ns + DAY_NS) == 0


def read_made(home: QueueHome) -> int:
    return max(home.catalog.read_latest("label_queue")["made_ns"].to_pylist())


def test_an_alarm_that_there_is_not_is_refused(home):
    with pytest.raises(ValueError, match="there is no alarm nope: `daguerre drift`"):
        ask(home, "nope", 4)


def test_a_forgotten_frame_holds_neither_the_budget_nor_the_end_of_its_queue(home):
    names = ask(home, alarm(home, "tuesday"), 3)
    assert count_open(home.catalog, DETECTION) == 3
    home.catalog.delete_keys("frames", [home.ids[names[0]]])
    assert count_open(home.catalog, DETECTION) == 2
    close(home, names[1:])
    champion = read_champion(home.catalog, DETECTION)
    (request,) = list_requests(home.catalog, champion, 0)
    assert request["reason"].startswith("2 frames of label queue")


def close(home: QueueHome, names: list[str]) -> None:
    from assets.annotation.queue.stored import close_answered

    home.label(DETECTION, dict.fromkeys(names, "cup"))
    assert close_answered(home.catalog) == len(names)
