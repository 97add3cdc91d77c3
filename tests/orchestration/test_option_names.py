"""One word for one thing: the names of options and arguments over all verbs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import typer

from orchestration.cli import app

# each name of an option, and what it means wherever it stands; a new one is a word that people have to learn
MEANINGS = {
    "accept-thin-test": "let a champion rest on a thin test part",
    "all-scores": "answers below the operating score too",
    "alone": "say that nobody else has the tables open",
    "base": "the commit that code is compared with",
    "batch": "images that are computed together, at most",
    "because": "why a person decides so",
    "board": "what is printed on a calibration board",
    "box": "where an object is, in px",
    "browse-port": "port of the frame browser",
    "budget": "frames that may be open at once",
    "by": "who says it",
    "by-proxy": "a proxy says who it is",
    "canary": "share of requests that a new champion answers at first",
    "captures": "how many captures are simulated",
    "check": "hold a rig against its calibration",
    "class": "class of one object",
    "classes": "only these classes",
    "confirm": "say that what stands is right",
    "csv": "print CSV",
    "device": "what splats are learned on",
    "detections": "the file of boxes that were found",
    "dry-run": "say what would be done",
    "erase": "bytes go too",
    "end": "a consent has ended",
    "every": "each so many frames",
    "everything": "all published data",
    "fault": "what is broken on purpose",
    "format": "form of the label files, of a calibration or of a model",
    "frames": "frames in place of documents",
    "give-up": "start nothing where others are at it",
    "guideline": "id of a guideline",
    "health": "say what confinement lacks",
    "holder": "who gives a consent",
    "home-only": "leave out what lies elsewhere",
    "html": "the page that is written besides",
    "ignore-scores": "all boxes count alike",
    "imu": "of the IMU, by motion",
    "json": "print JSON",
    "keep-days": "how long samples of requests stay",
    "keep-rows": "forget the place alone",
    "kind": "only documents of this kind",
    "label": "id of a label",
    "lens": "model of a lens",
    "licence": "under which data may be used",
    "limit": "no more frames than this",
    "loop": "the closed loop in place of the demo",
    "looks": "how boxes look counts too",
    "markdown": "print Markdown",
    "mask": "the picture of an object's pixels",
    "min-score": "from which score on a box counts",
    "misses": "list what was missed",
    "mlflow-port": "port of MLflow",
    "model": "id of a model",
    "once": "print, and end",
    "out": "the file that is written",
    "path": "only files like this",
    "pictures": "folder for pictures of what was found",
    "plan": "the file of a plan",
    "port": "port of the UI",
    "propose": "offer what keeps proposals",
    "purposes": "what data may be used for",
    "questions": "only this set of questions",
    "recipe": "training recipe",
    "region": "pixels of a picture, as x,y,w,h",
    "reject": "say that what stands is wrong",
    "release": "id of a release",
    "remove": "take it out",
    "replicas": "processes that compute",
    "resume": "end what was cut short",
    "rung": "what answers questions",
    "sample": "share of requests that are kept",
    "score": "let a model sit the exam that it lacks",
    "seconds": "length of a simulated capture",
    "seed": "same seed, same result",
    "seen": "the version that was looked at",
    "select": "as if these assets had to be made anew",
    "sensor": "only this sensor",
    "session": "name that a session gets",
    "sessions": "only these sessions",
    "set": "a setting in place of the recipe's, or the asset's",
    "shadow": "id of a model that is asked as well",
    "shadow-share": "share of requests that it is asked",
    "shift": "how the simulated world differs",
    "source": "place of real data for the demo",
    "space": "a setting that is searched",
    "strategy": "how frames are chosen",
    "strict": "write nothing where something would be lost",
    "task": "only this task",
    "timeout": "seconds that a request may take",
    "to": "the version to go back to",
    "tracker": "what joins boxes to tracks",
    "trials": "how many trainings a search has",
    "truth": "the file of true tracks",
    "undo": "take it back",
    "until": "the last day of an approval or a consent",
    "verbose": "every file and check by itself",
    "version": "which Daguerre this is",
    "way": "by words, by meaning, by texts that are shown, by pictures, or by both",
    "where": "only frames for which this SQL holds",
    "wide": "all columns, rows on one line",
    "with-labels": "begin with the labels there are",
    "yes": "do not ask",
    "voxel-mm": "side of a voxel, in mm",
}


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every verb with its parameters."""
    verbs = getattr(command, "commands", None)
    if verbs is None:
        yield " ".join(path), command.params
        return
    yield " ".join(path), command.params
    for name, verb in verbs.items():
        yield from walk(verb, (*path, name))


def list_options() -> dict[str, list[tuple[str, Any]]]:
    """Name without dashes -> the verbs that have it, with the option."""
    found = defaultdict(list)
    for verb, params in walk(typer.main.get_command(app)):
        for param in params:
            if param.param_type_name == "option" and "--help" not in param.opts:
                found[param.opts[0].removeprefix("--")].append((verb, param))
    return found


def test_every_option_is_a_word_of_the_list():
    assert set(list_options()) == set(MEANINGS)


def test_an_option_has_one_spelling_and_no_negation():
    for uses in list_options().values():
        for verb, param in uses:
            assert len(param.opts) == 1 and not param.secondary_opts, (verb, param.opts)


def test_an_option_is_the_same_kind_of_thing_in_every_verb():
    for name, uses in list_options().items():
        kinds = {(p.is_flag, p.multiple, p.metavar) for _, p in uses}
        assert len(kinds) == 1, (name, [verb for verb, _ in uses])


def test_arguments_that_mean_the_same_have_the_same_name():
    named = {
        verb: [p.metavar or p.name for p in params if p.param_type_name == "argument"]
        for verb, params in walk(typer.main.get_command(app))
    }
    assert {verb for verb, names in named.items() if "folder" in names} == {
        "simulate",
        "backup",
        "export edge",
        "export frames",
        "export labels",
        "export mesh",
        "export release",
        "export sparse",
    }
    assert {verb for verb, names in named.items() if "session" in names} == {
        "quarantine list",
        "quarantine retry",
        "quarantine drop",
        "export rerun",
        "export rig",
        "export mesh",
        "export splats",
    }
    assert named["ingest"] == ["PLACE"]


def test_a_name_of_an_argument_has_no_marks_that_its_help_puts_around_it():
    params = [p for _, params in walk(typer.main.get_command(app)) for p in params]
    names = [p.metavar or "" for p in params if p.param_type_name == "argument"]
    assert [name for name in names if set(name) & set("[]{}.")] == []


def test_what_is_printed_as_a_table_has_a_wide_form():
    having = {name: {verb for verb, _ in uses} for name, uses in list_options().items()}
    assert having["wide"] == {"drift", "status", "query", "results", "slices"}
    assert having["csv"] == {"query", "results", "slices"}
    verbs = {verb for verb, _ in walk(typer.main.get_command(app))}
    groups = {"", "quarantine", "export", "labels", "role"}
    assert verbs - groups - having["json"] == {"browse", "mcp", "serve", "ui"}
