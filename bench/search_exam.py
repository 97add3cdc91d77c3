"""A home whose content is known, and questions of which it is known which document answers them.

Belongs here: rows that are stored, and words that ask for them. Does not: what is measured. Sessions, classes, causes
and failures are drawn from lists; each question asks for one document, by words that its text has or by others for the
same thing. No template and no synonym was chosen after looking at an answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

_PLACES = ("desk", "kitchen", "yard", "street", "hall", "garage", "office", "roof")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# a class, and what others call it
_CLASSES = (
    ("mug", "drinking cup"),
    ("bicycle", "bike with pedals"),
    ("sofa", "couch to sit on"),
    ("laptop", "portable computer"),
    ("pedestrian", "person who walks"),
    ("lorry", "heavy truck"),
    ("puppy", "young dog"),
    ("spectacles", "eye glasses"),
    ("cutlery", "forks and knives"),
    ("aeroplane", "passenger jet"),
    ("infant", "little baby"),
    ("boulder", "big rock"),
    ("lantern", "portable light"),
    ("rucksack", "backpack"),
    ("telephone", "mobile handset"),
    ("stallion", "male horse"),
)
_COLOURS = (
    ("crimson", "dark red"),
    ("azure", "sky blue"),
    ("emerald", "bright green"),
    ("ivory", "nearly white"),
    ("charcoal", "almost black"),
    ("golden", "yellowish metal"),
)
# reason, remedy, and how somebody asks who does not know these words
_CAUSES = (
    (
        "the file ends without the magic bytes of MCAP: it is not whole",
        "let the upload end",
        "an interrupted transfer",
    ),
    (
        "declared as 'jpeg', but begins with other bytes",
        "check the program that recorded it",
        "a picture whose format is mislabelled",
    ),
    (
        "no image in a format that is read",
        "export it again as JPEG or PNG",
        "a photo that nobody can open",
    ),
    (
        "timestamps go backwards by 2 s",
        "set the clock of the recorder",
        "time that jumps into the past",
    ),
    (
        "label is for a frame that is not there",
        "add the image, or take the label out",
        "annotations without their picture",
    ),
    (
        "the archive asks for a password",
        "pack it again without one",
        "an encrypted zip",
    ),
    (
        "calibration has a negative focal length",
        "calibrate the camera again",
        "impossible lens parameters",
    ),
    (
        "the box lies outside of the image",
        "draw it anew",
        "an annotation beyond the border",
    ),
)
_HELD = (
    ("frame_quality", "31 % of frames are blurred; at most 20 % may", "pictures that are not sharp"),
    ("clock_reports", "cameras are apart by 41 ms", "unsynchronised sensors"),
    ("labels", "12 of 90 boxes have no area", "empty rectangles"),
    ("depth_maps", "only 8 % of pixels have depth", "missing distances"),
    ("odometry", "the path drifts by 40 cm a loop", "a trajectory that does not close"),
)  # fmt: skip
_ALARMS = (
    ("drift", "brightness of frames fell from 0.61 to 0.22", "retrain on recordings of the evening", "it became dark"),
    ("estimate", "estimated accuracy fell to 0.71", "label what the queue asks", "answers got worse"),
    ("rig", "the left camera turned by 1.2 degrees", "calibrate the rig again", "somebody bumped into a sensor"),
)  # fmt: skip
LITERAL = {
    "class": ("objects of class {word}", "{word}"),
    "attribute": ("labels with colour {word}", "colour {word}"),
    "quarantine": ("{session}: {word}", "quarantine of {session} {word}"),
    "check": ("{session} {word}", "held back in {session}: {word}"),
    "alarm": ("alarm of {session}: {word}", "{word} {session}"),
}
PARAPHRASED = {
    "class": ("do we have pictures of a {word}?", "find me a {word}"),
    "attribute": ("things that look {word}", "what is painted {word}?"),
    "quarantine": (
        "why was data of {session} refused: {word}?",
        "{word} in {session}",
    ),
    "check": (
        "which gate failed for {session} because of {word}?",
        "{session} has {word}",
    ),
    "alarm": ("were we warned for {session} that {word}?", "{word} on {session}"),
}


@dataclass(frozen=True)
class Question:
    """`source` is the document of `kind` that answers; `is_literal`: it has the words that are asked."""

    text: str
    kind: str
    source: str
    is_literal: bool


def fill_home(catalog: Catalog, seed: int = 0) -> list[Question]:
    """Store what is asked about, and ask about each thing, in its words and in others."""
    draw = random.Random(seed)
    sessions = [f"{place}-{day}" for place in _PLACES for day in _DAYS]
    questions: list[Question] = []
    _store(catalog, "labels", _draw_labels(draw, sessions))
    for name, other in _CLASSES:
        questions += _ask(draw, "class", name, name, other)
    for name, other in _COLOURS:
        questions += _ask(draw, "attribute", f"colour: {name}", name, other)
    for session in sessions:
        row, told, other = _draw_quarantine(draw, session)
        _store(catalog, "quarantine", [row])
        source = f"{session}/{row['source_path']}"
        questions += _ask(draw, "quarantine", source, told, other, session)
        table, reason, other = draw.choice(_HELD)
        catalog.hold(table, session, 1, reason)
        questions += _ask(draw, "check", f"{table}/{session}", reason, other, session)
    for session in sessions[::2]:
        row, other = _draw_alarm(draw, session)
        _store(catalog, "alarms", [row])
        questions += _ask(
            draw, "alarm", row["alarm_id"], row["summary"], other, session
        )
    return questions


def _ask(
    draw: random.Random,
    kind: str,
    source: str,
    told: str,
    other: str,
    session: str = "",
) -> Iterator[Question]:
    for templates, word in ((LITERAL, told), (PARAPHRASED, other)):
        text = draw.choice(templates[kind]).format(word=word, session=session)
        yield Question(text, kind, source, templates is LITERAL)


def _draw_labels(draw: random.Random, sessions: list[str]) -> Iterator[dict[str, Any]]:
    for number in range(1_000):
        session = draw.choice(sessions)
        colour = draw.choice(_COLOURS)[0]
        yield make_row(
            "labels",
            label_id=content_id("label", number),
            session=session,
            class_name=draw.choice(_CLASSES)[0],
            attributes=f'[["colour", "{colour}"]]',
        )


def _draw_quarantine(draw: random.Random, session: str) -> tuple[dict[str, Any], str, str]:  # fmt: skip
    reason, remedy, other = draw.choice(_CAUSES)
    row = make_row(
        "quarantine",
        problem_id=content_id("problem", session),
        session=session,
        reader=draw.choice(("mcap", "coco", "image folder")),
        reason=reason,
        remedy=remedy,
        source_path=f"part_{draw.randrange(1000):03d}.bin",
    )
    return row, reason, other


def _draw_alarm(draw: random.Random, session: str) -> tuple[dict[str, Any], str]:
    _, summary, remedy, other = draw.choice(_ALARMS)
    row = make_row(
        "alarms",
        alarm_id=content_id("alarm", session),
        session=session,
        summary=summary,
        remedy=remedy,
    )
    return row, other


def make_row(name: str, **known: Any) -> dict[str, Any]:
    """A row with these columns, and of the others what its schema takes at least."""
    plain = {"string": "", "int64": 0, "bool": False, "double": 0.0, "float": 0.0}
    row: dict[str, Any] = {}
    for column in TABLES[name].columns:
        value = plain.get(str(column.type), [])
        if column.regex and "0-9a-f" in column.regex:
            value = content_id(name, column.name)
        row[column.name] = None if column.nullable else (column.values or (value,))[0]
    return row | known


def _store(catalog: Catalog, name: str, rows: Any) -> None:
    catalog.merge(name, to_table(TABLES[name], list(rows)))
