"""The one table of roles: what each may do through a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What somebody may do; each stands in a sentence that refuses it."""

    LOOK = "look"
    ANNOTATE = "correct labels and decide on queues"
    EXPORT = "take out labels and releases"
    PROPOSE = "let a program propose"
    OPERATE = "carry out what is proposed"
    APPROVE = "approve models"
    READ_PRIVATE = "read private columns"
    UNSEAL = "open sealed originals"
    ERASE = "erase"


# of whoever opens the link that a server printed at its start
HOLDER = "holder"
_RIGHTS: Mapping[str, frozenset[Right]] = {
    "reader": frozenset({Right.LOOK}),
    "annotator": frozenset({Right.LOOK, Right.ANNOTATE, Right.EXPORT}),
    "operator": frozenset({Right.LOOK, Right.EXPORT, Right.PROPOSE, Right.OPERATE}),
    "approver": frozenset({Right.LOOK, Right.APPROVE}),
    "privacy-officer": frozenset(
        {Right.LOOK, Right.READ_PRIVATE, Right.UNSEAL, Right.ERASE}
    ),
    HOLDER: frozenset({Right.LOOK, Right.ANNOTATE, Right.PROPOSE}),
}
# that are given to people
ROLES = tuple(name for name in _RIGHTS if name != HOLDER)


class RightMissing(ValueError):
    """Somebody asks for what their roles do not let them do."""


@dataclass(frozen=True)
class Person:
    """Who asks. What `is_proven`, a token or a proxy says; otherwise it is who started the server."""

    name: str
    roles: tuple[str, ...] = (HOLDER,)

    @property
    def is_proven(self) -> bool:
        """Whether the name is that of somebody who was given a role."""
        return self.roles != (HOLDER,)

    @property
    def rights(self) -> frozenset[Right]:
        """Those of all roles together."""
        return frozenset().union(*(_RIGHTS[role] for role in self.roles))

    def require(self, right: Right) -> None:
        """Raises RightMissing, with the right and who can give it."""
        if right not in self.rights:
            raise RightMissing(
                f"{self.name} has no right to {right}, which the role {' or '.join(list_roles(right))} has: "
                "whoever runs this home gives it by `daguerre role grant`"
            )


def list_roles(right: Right) -> list[str]:
    """The roles that have a right."""
    return [role for role in ROLES if right in _RIGHTS[role]]


def list_rights(role: str) -> list[Right]:
    """The rights of a role, in the order of the table."""
    return [right for right in Right if right in _RIGHTS[role]]
