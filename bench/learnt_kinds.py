"""How well kinds of questions are learnt: each quarter of the examples asked of a model that learnt from the others.

The grammar of counts, which comes first in `daguerre ask`, has no part in it.

python -m bench.learnt_kinds [--json]
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence

from orchestration.agent.asking.guessing import list_probable, list_ways
from orchestration.agent.asking.learnt import UNANSWERED
from orchestration.agent.learning.examples import (
    Example,
    hash_texts,
    list_examples,
    list_texts,
)
from orchestration.agent.learning.fitting import fit

_PARTS = 4
_SEED = 1


def main() -> None:
    """Prints how many are right, wrong, refused; and of those without an answer refused and answered."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    texts = list_texts()
    examples = list(list_examples(texts))
    random.Random(_SEED).shuffle(examples)
    counts: Counter[str] = Counter()
    for part in range(_PARTS):
        counts.update(_mark(examples, part))
    told = {"examples_sha256": hash_texts(texts), **dict(sorted(counts.items()))}
    print(json.dumps(told) if args.json else told)


def _mark(examples: Sequence[Example], part: int) -> Iterator[str]:
    rest = [one for n, one in enumerate(examples) if n % _PARTS != part]
    learnt = fit(rest, "")
    for one in examples[part::_PARTS]:
        probable = list_probable(learnt.find_shares(one.words))
        kind = next((kind for kind, _ in probable if _has_names(kind, one)), "")
        if one.kind == UNANSWERED:
            yield "answered" if kind else "rightly refused"
        else:
            yield "refused" if not kind else "right" if kind == one.kind else "wrong"


def _has_names(kind: str, asked: Example) -> bool:
    wanted = _list_names(asked.words)
    return any(_list_names(way.split()) == wanted for way in list_ways(kind))


def _list_names(words: Sequence[str]) -> set[str]:
    return {word for word in words if word.startswith("<")}


if __name__ == "__main__":
    main()
