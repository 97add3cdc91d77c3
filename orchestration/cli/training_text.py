"""The last screen of a training: what it made, from what, how good that is, what the gate said, and what comes next."""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.wording import many
from models.task_names import TASK_NAMES
from orchestration.cli.output import join_lines

_MOST_NAMES = 12  # of classes and sessions
_WIDTH = 13
_UI = "the champion judges each session that comes in"
_GATE = ": challenger_meets_the_gate"  # says what the verdict says


def describe_training(facts: Mapping[str, Any]) -> str:
    """What `train_here` returned, for a person. A training that came to nothing says why, and where to look."""
    lines = [_name_model(facts), ""]
    if "learnt_from" in facts:
        lines += _tell("learnt from", _list_data(facts))
        lines += _tell("trained", _tell_end(facts))
        lines += _tell("score", [_tell_score(facts["main_score"])])
        lines += _tell("champion", [_tell_champion(facts)])
    if "verdict" in facts:
        waits = facts["outcome"] == "waits"
        word = "waits for a person" if waits else facts["outcome"]
        lines += _tell("gate", [f"{word}:", *(f"  {r}" for r in facts["verdict"])])
    lines += _tell("warnings", facts.get("warnings", ()))
    if facts["error"]:
        lines += _tell("failed", [facts["error"]])
    failed = [check for check in facts["failed_checks"] if not check.endswith(_GATE)]
    lines += _tell("checks", [f"failed: {check}" for check in failed])
    return join_lines([*lines, *_tell("next", _list_next(facts))])


def _name_model(facts: Mapping[str, Any]) -> str:
    if "model_sha256" not in facts:
        return f"no {facts['task']} model was made"
    version = f" v{facts['version']}" if "version" in facts else ""
    standing = "champion" if facts["is_champion"] else "challenger"
    if not version:
        standing = "not registered"
    made = f"recipe {facts['recipe']}, seed {facts['seed']}"
    sha256 = facts["model_sha256"][:16]
    return f"daguerre-{facts['task']}{version}: {standing} ({made}, model {sha256})"


def _list_data(facts: Mapping[str, Any]) -> list[str]:
    learnt = facts["learnt_from"]
    parts = ", ".join(f"{part} {count:,}" for part, count in learnt["parts"].items())
    classes = [f"{name} {count:,}" for name, count in learnt["classes"].items()]
    sessions = f"sessions: {_shorten_list(learnt['sessions'])}"
    lines = [f"release {facts['release_id'][:16]}: {parts} frames", sessions]
    if classes:
        lines.append(
            f"{many(len(classes), 'class', 'classes')} in train: {_shorten_list(classes)}"
        )
    return lines


def _tell_end(facts: Mapping[str, Any]) -> list[str]:
    """That the time was over before the epochs were."""
    num_epochs = facts.get("num_epochs", 0)
    max_epochs = facts.get("max_epochs", 0)
    if num_epochs >= max_epochs or facts["max_minutes"] is None:
        return []
    limit = f"max_minutes={facts['max_minutes']:g}"
    return [f"{num_epochs} of {max_epochs} epochs: {limit} ended it"]


def _tell_score(score: Mapping[str, Any] | None) -> str:
    if score is None or score["value"] is None:
        return "not measured"
    told = f"{score['metric']} {score['value']:.3f}"
    if score["interval"] is None:
        sure = "no interval: too few recordings or pictures that are independent"
        return f"{told} on {score['num_samples']:,} test frames ({sure})"
    low, high = score["interval"]
    drawn = f"95 % interval over {score['num_units']:,} independent units"
    return f"{told} [{low:.3f}, {high:.3f}] on {score['num_samples']:,} test frames ({drawn})"


def _tell_champion(facts: Mapping[str, Any]) -> str:
    former = facts.get("champion")
    if former is None:
        return "none before this one"
    name = f"v{former['version']}"
    if former["main_score"] is None:
        return f"{name}: other classes, so its figures do not compare"
    after = " until now" if facts["is_champion"] else ", stays"
    return f"{name}{after}: {_tell_score(former['main_score'])}"


def _list_next(facts: Mapping[str, Any]) -> list[str]:
    if "model_sha256" not in facts:
        return [
            f"daguerre ui                   # run {facts['run_id'][:8]}: where it failed",
            "daguerre status               # sessions, what waits, what was held back",
        ]
    task = facts["task"]
    which = "" if facts["is_champion"] else f" --model {facts['model_sha256'][:16]}"
    verbs = {
        "report": "labels beside predictions, worst mistakes, slices",
        f"predict SESSION{which} --pictures found": "what it finds on a session",
        f"results --task {task}": "beside every other model of the task",
        "ui": _UI
        if facts["is_champion"]
        else "runs, checks and pictures of each asset",
    }
    if facts.get("champion") and not facts["is_champion"]:
        mine = facts["model_sha256"][:16]
        verbs[f"compare {task} {mine}"] = "beside the champion, frame by frame"
    if task not in TASK_NAMES:  # it examines itself: its answers are not stored
        verbs = {v: why for v, why in verbs.items() if v.startswith("results")}
    if facts.get("outcome") == "waits":
        name = f"{task}/{facts['version']}"
        verbs[f"approve {name} --because TEXT"] = "to let it be champion"
    width = max(map(len, verbs))
    return [f"daguerre {verb:<{width}}  # {why}" for verb, why in verbs.items()]


def _tell(title: str, lines: Sequence[str]) -> list[str]:
    """The lines, with the title before the first."""
    return [
        f"{title if n == 0 else '':<{_WIDTH}}{line}" for n, line in enumerate(lines)
    ]


def _shorten_list(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
