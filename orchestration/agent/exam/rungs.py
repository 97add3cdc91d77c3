"""The rungs that can be examined, by name.

Belongs here: how each answers, and what its code is. Does not: answering.
"""

import hashlib
from pathlib import Path

from orchestration.agent.answer import Answer
from orchestration.agent.exam.sitting import Rung
from orchestration.agent.ladder.source import ModelSource
from orchestration.agent.world import World

RULES = "rules"
MODEL = "model"
RUNGS = (RULES, MODEL)
_AGENT = Path(__file__).parents[1]
# what the rules and tools are made of
_CODE = ("answer.py", "tool.py", "asking", "tools")


def find_rung(name: str, source: ModelSource) -> Rung:
    """The rung of a name; `source`: the language model of the settings. Raises ValueError for one that there is not."""
    if name not in RUNGS:
        raise ValueError(f"there is no rung '{name}': choose of {', '.join(RUNGS)}")
    if name == RULES:
        return Rung(RULES, hash_code(), _ask_rules)
    if not source:
        raise ValueError(
            "the settings name no language model to examine: set DAGUERRE_ASK_ADDRESS or DAGUERRE_ASK_GGUF"
        )
    return Rung(MODEL, source.told, _ask_model)


def hash_code() -> str:
    """The first 16 digits of the sha256 over the files of the rules and tools: other code is another version."""
    places = [_AGENT / name for name in _CODE]
    files = [
        f for p in places for f in ([p] if p.is_file() else sorted(p.rglob("*.py")))
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _ask_rules(world: World, text: str) -> Answer:
    from orchestration.agent.asking.answering import answer

    return answer(world, text)[1]


def _ask_model(world: World, text: str) -> Answer:
    from orchestration.agent.ladder.answering import reply

    return reply(world, text, "model").answer
