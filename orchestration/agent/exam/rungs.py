"""The rungs that can be examined, by name.

Belongs here: how each answers, and what its code is. Does not: answering.
"""

import hashlib
from pathlib import Path

from orchestration.agent.answer import Answer
from orchestration.agent.exam.sitting import Rung
from orchestration.agent.world import World

RULES = "rules"
_AGENT = Path(__file__).parents[1]
_CODE = (
    "answer.py",
    "tool.py",
    "asking",
    "tools",
)  # what the rules and tools are made of


def find_rung(name: str) -> Rung:
    """The rung of a name. Raises ValueError for one that there is not."""
    if name != RULES:
        raise ValueError(f"there is no rung '{name}': choose of {RULES}")
    return Rung(RULES, hash_code(), _ask_rules)


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
