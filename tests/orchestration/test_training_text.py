"""The last screen of `daguerre train`: model, data, score beside the champion's, verdict and what comes next."""

from __future__ import annotations

from typing import Any

from orchestration.cli.training_text import describe_training

SCORE = {
    "metric": "map50",
    "value": 0.8721,
    "interval": [0.8504, 0.8917],
    "num_units": 72,
    "num_samples": 72,
}
FACTS: dict[str, Any] = {
    "task": "detection",
    "recipe": "base_detection",
    "seed": 3,
    "model_sha256": "ab" * 32,
    "release_id": "c2fa9ce22c90e9220000000000000000",
    "is_champion": True,
    "version": 2,
    "is_promoted": True,
    "outcome": "passed",
    "verdict": ["map50 reaches the floor: 0.8721 (map50, floor 0.4)"],
    "warnings": [],
    "learnt_from": {
        "parts": {"train": 1204, "val": 86, "test": 72},
        "sessions": ["bccd"],
        "classes": {"RBC": 2373, "WBC": 213},
    },
    "main_score": SCORE,
    "champion": {
        "version": 1,
        "model_sha256": "cd" * 32,
        "main_score": {**SCORE, "value": 0.861, "interval": None},
    },
    "num_epochs": 3,
    "max_epochs": 3,
    "max_minutes": None,
    "success": True,
    "run_id": "0123456789abcdef",
    "error": "",
    "failed_checks": [],
}


def read(facts: dict[str, Any]) -> list[str]:
    return describe_training(facts).splitlines()


def test_a_training_that_its_time_ended_says_so() -> None:
    ended = {**FACTS, "num_epochs": 1, "max_minutes": 2.0}
    assert "trained      1 of 3 epochs: max_minutes=2 ended it" in read(ended)
    for facts in (
        FACTS,
        {**FACTS, "max_minutes": 60.0},
        {**ended, "max_minutes": None},
    ):
        assert not [line for line in read(facts) if line.startswith("trained")]


def test_a_new_champion_stands_beside_the_one_before_it() -> None:
    lines = read(FACTS)
    assert lines[0].startswith("daguerre-detection v2: champion (recipe base_detection")
    assert (
        "learnt from  release c2fa9ce22c90e922: train 1,204, val 86, test 72 frames"
        in lines
    )
    assert "             2 classes in train: RBC 2,373, WBC 213" in lines
    assert (
        "score        map50 0.872 [0.850, 0.892] on 72 test frames (95 % interval over 72 independent units)"
        in lines
    )
    (champion,) = [line for line in lines if line.startswith("champion")]
    assert champion.startswith("champion     v1 until now: map50 0.861 on 72")
    assert "no interval" in champion
    place = lines.index("gate         passed:")
    assert lines[place + 1].strip() == FACTS["verdict"][0]


def test_a_challenger_that_was_refused_leaves_the_champion_where_it_is() -> None:
    check = "registry/detection_release: challenger_meets_the_gate"
    refused = {
        **FACTS,
        "is_champion": False,
        "is_promoted": False,
        "outcome": "refused",
        "failed_checks": [check],
    }
    lines = read(refused)
    assert lines[0].startswith("daguerre-detection v2: challenger")
    assert any(line.startswith("champion     v1, stays: ") for line in lines)
    assert "gate         refused:" in lines
    # the verdict says it, with its reasons
    assert not any("challenger_meets" in line for line in lines)


def test_a_challenger_that_waits_for_a_person_says_how_it_is_let_in() -> None:
    waits = {**FACTS, "is_champion": False, "is_promoted": False, "outcome": "waits"}
    lines = read(waits)
    assert "gate         waits for a person:" in lines
    assert any("daguerre approve detection/2 --because TEXT" in line for line in lines)
    assert any(f"daguerre compare detection {'ab' * 8}" in line for line in lines)


def test_what_comes_next_names_the_model_where_it_is_not_the_champion() -> None:
    assert any("daguerre predict SESSION --pictures" in line for line in read(FACTS))
    challenger = {**FACTS, "is_champion": False}
    wanted = f"daguerre predict SESSION --model {'ab' * 8} --pictures found"
    assert any(wanted in line for line in read(challenger))


def test_a_task_that_examines_itself_is_not_in_the_report() -> None:
    lines = read({**FACTS, "task": "keypoints"})
    assert any("daguerre results --task keypoints" in line for line in lines)
    assert not any("daguerre report" in line for line in lines)


def test_a_first_model_has_no_champion_before_it() -> None:
    first = {name: value for name, value in FACTS.items() if name != "champion"}
    assert "champion     none before this one" in read(first)


def test_a_champion_of_other_classes_is_not_compared() -> None:
    other = {**FACTS, "champion": {"version": 1, "main_score": None}}
    (line,) = [line for line in read(other) if line.startswith("champion")]
    assert "do not compare" in line and "0." not in line


def test_a_score_that_was_not_measured_is_no_number() -> None:
    unknown = {**FACTS, "main_score": {**SCORE, "value": None}}
    assert "score        not measured" in read(unknown)


def test_a_training_that_failed_says_why_and_where_to_look() -> None:
    failed = {
        "task": "detection",
        "success": False,
        "run_id": "0123456789abcdef",
        "error": "no published frames: ingest a session",
        "failed_checks": ["curation/splits: splits_share_no_session"],
    }
    text = "\n".join(read(failed))
    assert text.startswith("no detection model was made")
    assert "failed       no published frames: ingest a session" in text
    assert "checks       failed: curation/splits: splits_share_no_session" in text
    assert "run 01234567" in text


def test_names_from_outside_move_no_cursor_and_many_are_counted() -> None:
    classes = {"\x1b[31mred": 1, **{f"class {n}": n for n in range(20)}}
    learnt = {**FACTS["learnt_from"], "classes": classes}
    text = describe_training({**FACTS, "learnt_from": learnt})
    assert "\x1b" not in text and "\\x1b[31mred 1" in text
    assert "and 9 more" in text
