"""What a tool looks at: one home as it is now, who asks, and whether they are told what others did and why.

Belongs here: the stores of the settings, opened to look. Does not: anything that is read from them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.tables.catalog import Catalog
from orchestration.profiles import Settings
from orchestration.resources import (
    build_catalog,
    build_tracker,
    open_landing_zone,
    open_ledger,
)
from orchestration.roles.rights import Right

if TYPE_CHECKING:
    from assets.registry.tracker import Tracker


@dataclass(frozen=True)
class Done:
    """What came of a verb: its exit code, and what it says with --json."""

    exit_code: int
    facts: Any


# runs the verb of these words, as a person's command does; raises ValueError where it is refused
RunVerb: TypeAlias = Callable[[Sequence[str]], Done]


@dataclass(frozen=True)
class Heard:
    """A call of a tool."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class World:
    """A home. Stores are opened at the first look, and see what was written until then: make one for each call.

    `rights` are those of who asks, by the one table of roles; a program that nobody with a role has sent has none.
    """

    settings: Settings
    who: str
    run_verb: RunVerb
    rights: frozenset[Right] = frozenset()
    heard: "list[Heard] | None" = None  # what is called, in place of the home's log

    def may_know(self, doer: str, decided_by: Right = Right.READ_PRIVATE) -> bool:
        """Whether who asks is told that `doer` did something, and why: of their own, of what they may decide about, and
        with the right to read private columns."""
        return doer == self.who or bool(self.rights & {Right.READ_PRIVATE, decided_by})

    @cached_property
    def catalog(self) -> Catalog:
        """The tables."""
        return build_catalog(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """To look at."""
        return open_ledger(self.settings)

    @cached_property
    def zone(self) -> LandingZone:
        """To look at."""
        return open_landing_zone(self.settings, self.ledger)

    @cached_property
    def tracker(self) -> "Tracker":
        """The registered models."""
        return build_tracker(self.settings)
