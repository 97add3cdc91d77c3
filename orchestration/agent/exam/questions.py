"""Questions about a home: how people put them, with the names that the home has.

Belongs here: the sets of templates, and filling them. That of `checks.agent_exam.HELD_OUT` stands apart: its questions
and misses were not looked at while the rules were made, and those of the other sets were.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from orchestration.agent.exam.kinds import KINDS, UNANSWERED

_FOLDER = Path(__file__).parent / "questions"
SETS = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
_SLOT = re.compile(r"\{(\w+)\}")
_TASKS = ("detection", "recognition", "segmentation")
_ASSETS = ("curation/frame_quality", "capture/frames", "monitoring/drift")
_NUMBERS = ("8", "10", "15")  # of frames or labels
_DAYS = ("2026-11-27", "2026-11-28", "2026-11-30")
_ID_LETTERS = 12


@dataclass(frozen=True)
class Asked:
    """One question, its kind, and the names in it by slot."""

    text: str
    kind: str
    names: Mapping[str, str] = field(default_factory=dict)


def list_questions(
    catalog: Catalog, which: str, num_each: int = 1
) -> tuple[list[Asked], int]:
    """The questions of a set, each template about so many names in turn; and how many templates the home has no names
    for. Raises ValueError for a set that there is not."""
    names = list_names(catalog)
    found: list[Asked] = []
    num_lacking = 0
    for number, (kind, template) in enumerate(read_templates(which)):
        mine = list(fill(kind, template, names, number, num_each))
        num_lacking += not mine
        found += mine
    return list({one.text: one for one in found}.values()), num_lacking


def read_templates(which: str) -> list[tuple[str, str]]:
    """(kind, template) of a set."""
    if which not in SETS:
        raise ValueError(f"there is no set '{which}': choose of {', '.join(SETS)}")
    told = tomllib.loads((_FOLDER / f"{which}.toml").read_text())
    unknown = sorted(set(told) - set(KINDS))
    assert not unknown, unknown
    return [(kind, template) for kind, some in told.items() for template in some]


def hash_questions(asked: Sequence[Asked]) -> str:
    """The sha256 over all that is asked."""
    told = json.dumps([[one.kind, one.text] for one in asked])
    return hashlib.sha256(told.encode()).hexdigest()


def list_names(catalog: Catalog) -> dict[str, list[str]]:
    """What the home has names for, by slot."""

    def read(table: str, column: str) -> list[str]:
        values = catalog.read_latest(table, [column])[column].unique()
        return sorted(values.drop_null().to_pylist())

    def shorten(ids: list[str]) -> list[str]:
        return [one[:_ID_LETTERS] for one in ids]

    return {
        "session": read("captures", "session"),
        "sensor": read("frames", "sensor"),
        "class": read("labels", "class_name"),
        "release": shorten(read("releases", "release_id")),
        "model": shorten(read("models", "model_sha256")),
        "frame": shorten(read("frames", "frame_id")),
        "task": list(_TASKS),
        "asset": list(_ASSETS),
        "table": sorted(TABLES),
        "number": list(_NUMBERS),
        "day": list(_DAYS),
    }


def fill(
    kind: str,
    template: str,
    names: Mapping[str, Sequence[str]],
    number: int,
    num_each: int,
) -> Iterator[Asked]:
    """A template about so many names in turn, from that of a number on; nothing where there are none."""
    slots = _SLOT.findall(template)
    num_needed = {s.rstrip("2"): 1 + s.endswith("2") for s in slots}
    if any(len(names[slot]) < n for slot, n in num_needed.items()):
        return
    for turn in range(number, number + num_each):
        chosen = {
            s: _choose(names[s.rstrip("2")], turn + s.endswith("2")) for s in slots
        }
        text = template.format(**{slot: _tell(name) for slot, name in chosen.items()})
        yield Asked(text, kind, {} if kind == UNANSWERED else chosen)


def _tell(name: str) -> str:
    """A name as people write it: in quotation marks where it would not be one word."""
    return name if re.fullmatch(r"[\w./:-]+", name) or not name else f"'{name}'"


def _choose(names: Sequence[str], turn: int) -> str:
    return names[turn % len(names)]
