"""How probable it is that a question is of a kind, by all that was learnt of how people put each kind.

Belongs here: both models together, their file, the forms of what is counted. Does not: learning, which
`orchestration.agent.learning` does, and choosing by it.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestration.agent.asking.neighbours import Neighbours
from orchestration.agent.asking.regression import Regression

LEARNT = Path(__file__).with_name("learnt.safetensors")
UNANSWERED = "unanswered"  # the kind of what no tool says
_FORMS = Path(__file__).with_name("forms.toml")
_OF_REGRESSION = 0.7  # of what both say together


@dataclass(frozen=True)
class Learnt:
    """Both models of the same kinds. `examples_sha256`: of what they learnt from."""

    kinds: tuple[str, ...]
    regression: Regression
    neighbours: Neighbours
    examples_sha256: str

    def find_shares(self, words: Sequence[str]) -> dict[str, float]:
        """The probability of each kind, of a question in words; together 1 at most."""
        shares = _OF_REGRESSION * self.regression.find_shares(words)
        shares += (1.0 - _OF_REGRESSION) * self.neighbours.find_shares(words)
        return dict(zip(self.kinds, shares.tolist(), strict=True))

    def save(self, path: Path) -> None:
        """As a file of safetensors."""
        from safetensors.numpy import save_file

        told = {
            "kinds": json.dumps(self.kinds),
            "examples_sha256": self.examples_sha256,
        }
        tensors = self.regression.to_tensors() | self.neighbours.to_tensors()
        save_file(tensors, path, told)

    @classmethod
    def load(cls, path: Path) -> "Learnt":
        """That of a file. Raises SafetensorError where it is cut."""
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            told = file.metadata()
            read = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        kinds = tuple(json.loads(told["kinds"]))
        return cls(
            kinds,
            Regression.of_tensors(read),
            Neighbours.of_tensors(read, len(kinds)),
            told["examples_sha256"],
        )


@cache
def load_learnt() -> Learnt:
    """That which lies beside this file."""
    return Learnt.load(LEARNT)


@cache
def read_forms() -> dict[str, tuple[str, ...]]:
    """The form of each kind that is counted or listed, in words that the grammar reads."""
    told: dict[str, str] = tomllib.loads(_FORMS.read_text())
    return {kind: (form,) for kind, form in told.items()}
