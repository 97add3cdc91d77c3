"""Who a request comes from: the token of a server's start, the token of a person, or what a proxy says.

Belongs here: what is believed. Does not: what is answered to who is nobody (`orchestration.gate`).
"""

import logging
import secrets
from ipaddress import ip_address

from starlette.requests import HTTPConnection

from orchestration.roles.book import RoleBook, Roles
from orchestration.roles.rights import Person

_ASKS = "daguerre.person"  # in the scope of a request that was let in
_log = logging.getLogger("daguerre.roles")


class Keys:
    """What opens a server: its own token, which is `holder`'s, and, where there is a `book`, what that says."""

    def __init__(
        self, token: str, holder: Person, book: RoleBook | None = None
    ) -> None:
        """Raises ValueError for a token that is empty: it would let in whoever gives none."""
        if not token:
            raise ValueError(
                "the token of this server is empty: start it again, or write one into the file that the settings name"
            )
        self._token = token
        self._holder = holder
        self._book = book

    def find_by_token(self, given: str) -> Person | None:
        """Whose token it is."""
        if secrets.compare_digest(given.encode(), self._token.encode()):
            return self._holder
        return self._read().find_by_token(given) if given else None

    def find_by_proxy(self, request: HTTPConnection) -> Person | None:
        """Whom a proxy names. Of any other address than those in the file the header means nothing."""
        roles = self._read()
        if roles.proxy is None or request.client is None:
            return None
        named = request.headers.getlist(roles.proxy.header)
        is_believed = _find_address(request.client.host) in map(
            str, roles.proxy.addresses
        )
        return roles.find(named[0]) if is_believed and len(named) == 1 else None

    def _read(self) -> Roles:
        """A faulty file lets nobody in."""
        if self._book is None:
            return Roles()
        try:
            return self._book.read()
        except ValueError as error:
            _log.warning(str(error))
            return Roles()


def let_in(request: HTTPConnection, person: Person) -> None:
    """Write down in the request who it comes from."""
    request.scope[_ASKS] = person


def find_person(request: HTTPConnection, otherwise: str) -> Person:
    """Who asks; where no gate stands before, who started the server, who is called `otherwise`."""
    found = request.scope.get(_ASKS)
    return found if isinstance(found, Person) else Person(otherwise)


def _find_address(text: str) -> str:
    """In one form; "" for what is none, such as a socket of this machine."""
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)
