"""Which language model answers what the rules cannot, and what a question may cost: as the settings say it.

Belongs here: the values, and what is refused of them. Does not: reading the environment, and asking a model.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_LOOPBACK = r"(127\.0\.0\.1|localhost|\[::1\])"
_ADDRESS = re.compile(rf"https://[^\s/@?#]+(/[^\s?#@]*)?|http://{_LOOPBACK}(:\d+)?(/[^\s?#@]*)?")  # fmt: skip
_ON_LOOPBACK = re.compile(rf"http://{_LOOPBACK}")


@dataclass(frozen=True)
class Limits:
    """Of one question, and `tokens_a_day` of all questions of a home on a day of UTC."""

    seconds: int = 120
    calls: int = 12  # of tools
    tokens: int = 60_000
    tokens_a_day: int = 600_000


@dataclass(frozen=True)
class ModelSource:
    """A model behind an address that speaks OpenAI's protocol, or in a GGUF file. `key` opens the address.

    Raises ValueError for an address that is neither https nor on loopback, and one that holds a key.
    """

    address: str = ""
    name: str = ""
    key: str = field(default="", repr=False)
    gguf: Path | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.address and not _ADDRESS.fullmatch(self.address):
            raise ValueError(
                "DAGUERRE_ASK_ADDRESS is no address of a model: give https://host/v1, or http://127.0.0.1:PORT/v1 for "
                "one on this machine, without a user or a query; the key goes into DAGUERRE_ASK_KEY"
            )
        if self.address and self.gguf:
            raise ValueError(
                "DAGUERRE_ASK_ADDRESS and DAGUERRE_ASK_GGUF both name a model: keep one of the two"
            )
        if self.address and not self.name:
            raise ValueError(
                "DAGUERRE_ASK_ADDRESS needs DAGUERRE_ASK_MODEL: the name by which the address knows the model"
            )

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine."""
        return self.gguf is not None or bool(_ON_LOOPBACK.match(self.address))

    @property
    def told(self) -> str:
        """What people are told of who worded an answer."""
        return self.name or (self.gguf.name if self.gguf else "no model")

    def __bool__(self) -> bool:
        return bool(self.address or self.gguf)
