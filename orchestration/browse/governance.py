"""What who asks may do here: roles with their rights, and what waits for somebody who has one.

Belongs here: what is told. Does not: what is done with a right (`orchestration.browse.deciding`, `exporting`).
"""

from typing import Any

from orchestration.browse.exporting import FORMS
from orchestration.profiles import Settings
from orchestration.resources import build_tracker, open_ledger
from orchestration.roles.rights import HOLDER, ROLES, Person, Right, list_rights


def tell_governance(settings: Settings, person: Person) -> dict[str, Any]:
    """`waiting` are models that wait for an approval, `erasures` those that have not ended: for who may do something
    about them."""
    return {
        "rights": list(Right),
        "roles": {role: list_rights(role) for role in (*ROLES, HOLDER)},
        "formats": list(FORMS),
        "waiting": _list_waiting(settings) if Right.APPROVE in person.rights else [],
        "erasures": _list_erasures(settings) if Right.ERASE in person.rights else [],
    }


def _list_waiting(settings: Settings) -> list[str]:
    """Of a store behind a server nothing is known, as in `daguerre status`."""
    registry = build_tracker(settings).reader
    found = registry.waiting() if registry.is_readable else []
    return [f"{task}/{version}" for task, version in found]


def _list_erasures(settings: Settings) -> list[str]:
    return sorted(open_ledger(settings).erasures())
