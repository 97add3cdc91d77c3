"""Which tool the rules choose for the questions of the exam, without calling one, also where words are mistyped.

python -m bench.known_home HOME && DAGUERRE_HOME=HOME python -m bench.chosen_tools second held_out roles --slips 2
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator

from checks.agent_exam import HELD_OUT
from orchestration.agent.asking import choosing
from orchestration.agent.asking.names import list_names
from orchestration.agent.asking.spelling import KEYS_BESIDE
from orchestration.agent.exam.kinds import KINDS, UNANSWERED
from orchestration.agent.exam.questions import SETS, Asked, list_questions
from orchestration.cli import run_verb
from orchestration.cli.proposing import open_world

_WORD = re.compile(r"[A-Za-z]{4,}[?.,]?")
_SEED = 7


def main() -> None:
    """Prints the counts of each set, and what was missed but of the set that stands apart."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("sets", nargs="*", default=SETS)
    options.add_argument(
        "--slips", type=int, default=0, help="mistyped words a question"
    )
    args = options.parse_args()
    world = open_world(run_verb)
    names = list_names(world)
    choosing.list_names = lambda world: names  # read once
    for which in args.sets:
        asked, _ = list_questions(world.catalog, which)
        marks: Counter[str] = Counter()
        for one, mark in _mark_all(world, asked, args.slips):
            marks[mark] += 1
            if mark in ("wrong", "refused", "answered") and which != HELD_OUT:
                print(f"  {mark}: {one.kind}: {one.text}")
        print(f"{which}, {args.slips} slips: {dict(sorted(marks.items()))}")


def _mark_all(world, asked: list[Asked], num_slips: int) -> Iterator[tuple[Asked, str]]:
    rng = random.Random(_SEED)
    for one in asked:
        mistyped = Asked(_mistype(one, num_slips, rng), one.kind, one.names)
        yield mistyped, _mark(world, mistyped)


def _mark(world, one: Asked) -> str:
    chosen = choosing.choose(world, one.text)
    tools = tuple(dict.fromkeys(c.intent.tool for c in chosen if c.intent))
    is_clear = all(c.is_clear for c in chosen)
    if one.kind == UNANSWERED:
        return "answered" if is_clear else "rightly refused"
    if not is_clear:
        return "refused"
    return "right" if tools == KINDS[one.kind].tools else "wrong"


def _mistype(one: Asked, num_slips: int, rng: random.Random) -> str:
    """With a slip in each of some words that are no names."""
    words = one.text.split(" ")
    own = [
        n
        for n, w in enumerate(words)
        if _WORD.fullmatch(w) and w not in one.names.values()
    ]
    for at in rng.sample(own, min(num_slips, len(own))):
        words[at] = _slip(words[at], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    """Two letters in turn, one left out, doubled, or that of a key beside."""
    at = rng.randrange(len(word) - 1)
    begun, first, second, rest = word[:at], word[at], word[at + 1], word[at + 2 :]
    beside = rng.choice(KEYS_BESIDE.get(second.lower(), second))
    slips = (second + first, first, first + first + second, first + beside)
    return begun + rng.choice(slips) + rest


if __name__ == "__main__":
    main()
