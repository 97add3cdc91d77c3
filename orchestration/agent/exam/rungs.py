"""The rungs that can be examined, by name.

Belongs here: how each answers, and what its code is. Does not: answering.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from orchestration.agent.answer import Answer
from orchestration.agent.exam.sitting import Rung
from orchestration.agent.ladder.source import ModelSource
from orchestration.agent.world import World

RULES, MODEL = "rules", "model"
_AGENT = Path(__file__).parents[1]
_CODE = (
    "answer.py",
    "tool.py",
    "asking",
    "tools",
)  # what the rules and tools are made of
_SUFFIXES = (".py", ".toml", ".safetensors")
_LADDER = (*_CODE, "ladder")


def find_rung(name: str, source: ModelSource) -> Rung:
    """The rung of a name; `source` is the model of the settings, whose name is in the version of its rung.

    Raises ValueError for a rung that there is not, and where no model is named.
    """
    if name == RULES:
        return Rung(RULES, hash_code(), _ask_rules)
    if name != MODEL:
        raise ValueError(f"--rung {name}: choose one of {RULES}, {MODEL}")
    if not source:
        raise ValueError(
            "the settings name no language model: set DAGUERRE_ASK_ADDRESS or DAGUERRE_ASK_GGUF, or examine the rules"
        )
    return Rung(MODEL, f"{hash_code(_LADDER)} {source.told}", _ask_model)


def hash_code(names: Sequence[str] = _CODE) -> str:
    """The first 16 digits of the sha256 over files and folders of the agent: other code is another version."""
    places = [_AGENT / name for name in names]
    files = [f for p in places for f in ([p] if p.is_file() else _list_files(p))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _list_files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.suffix in _SUFFIXES)


def _ask_rules(world: World, text: str) -> Answer:
    from orchestration.agent.asking.answering import answer

    return answer(world, text)[1]


def _ask_model(world: World, text: str) -> Answer:
    from orchestration.agent.ladder.answering import reply

    return reply(world, text, "model").answer
