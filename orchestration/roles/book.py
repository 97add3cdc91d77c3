"""The file `roles.yaml` of a home: the roles of people, their tokens as salted hashes, and the proxy that is believed.

Belongs here: what it may hold, and how it is read and written. Does not: requests (`orchestration.roles.keys`).
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assets.disk import sync
from assets.formats.strict_yaml import MAX_YAML_BYTES, parse_yaml
from assets.locks import waiting_for
from orchestration.roles.rights import ROLES, Person

_STRICT = ConfigDict(extra="forbid", frozen=True)
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}"
_HEX = r"^[0-9a-f]{64}$"
_REMEDY = "`daguerre role grant` writes it; docs/how-to/share-a-home.md shows all of it"


class Entry(BaseModel):
    """Of one person. Without a token only a proxy can say that it is them."""

    model_config = _STRICT
    roles: list[Literal[ROLES]] = Field(min_length=1)  # type: ignore[valid-type]
    salt: str = Field("", pattern=r"^$|" + _HEX)
    token_sha256: str = Field("", pattern=r"^$|" + _HEX)

    def fits(self, token: str) -> bool:
        """Whether this is their token."""
        found = hash_token(self.salt, token)
        return secrets.compare_digest(found, self.token_sha256)


class Proxy(BaseModel):
    """What says who asks: a header, believed of requests from these addresses alone."""

    model_config = _STRICT
    header: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")
    addresses: list[IPv4Address | IPv6Address] = Field(min_length=1)


class Roles(BaseModel):
    """All of the file."""

    model_config = _STRICT
    people: dict[Annotated[str, StringConstraints(pattern=f"^{_NAME}$")], Entry] = (
        Field(default_factory=dict)
    )
    proxy: Proxy | None = None

    def find(self, name: str) -> Person | None:
        """The person of a name."""
        entry = self.people.get(name)
        return Person(name, tuple(entry.roles)) if entry else None

    def find_by_token(self, token: str) -> Person | None:
        """The person whose token it is."""
        fitting = [name for name, entry in self.people.items() if entry.fits(token)]
        return self.find(fitting[0]) if fitting else None


class RoleBook:
    """The file, read anew whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, ...] = ()
        self._roles = Roles()

    def read(self) -> Roles:
        """What it holds; nothing where there is no file. Raises ValueError for a faulty one."""
        seen = _look(self.path)
        if seen != self._seen or not seen:
            self._roles = _parse(self.path) if seen else Roles()
            self._seen = seen
        return self._roles

    def grant(
        self,
        name: str,
        roles: list[str],
        with_token: bool = True,
        before: Callable[[], object] = lambda: None,
    ) -> str:
        """Give a person these roles in place of what they had; their new token, which is stored nowhere.

        "" where none is wanted. `before` is called when all is well, before it counts. Raises ValueError for a name or
        role that is none.
        """
        if not re.fullmatch(_NAME, name):
            raise ValueError(
                f"{name!r} is no name: give 1 to 64 letters, digits and _ . @ + -, the first a letter, a digit or _"
            )
        for role in roles:
            if role not in ROLES:
                raise ValueError(
                    f"there is no role {role!r}: choose of {', '.join(ROLES)}"
                )
        token = secrets.token_urlsafe(32) if with_token else ""
        salt = secrets.token_hex(32) if with_token else ""
        said = {
            "roles": roles,
            "salt": salt,
            "token_sha256": hash_token(salt, token) if with_token else "",
        }
        with waiting_for(self._lock):
            kept = self.read().model_dump(mode="json", exclude_none=True)
            kept["people"][name] = said
            changed = _validate(kept, "this grant cannot be written")
            before()
            _write(self.path, changed)
        return token

    def revoke(self, name: str, before: Callable[[], object] = lambda: None) -> None:
        """Let a person be without a role; `before` as of `grant`. Raises ValueError for one who has none."""
        with waiting_for(self._lock):
            kept = self.read().model_dump(mode="json", exclude_none=True)
            if kept["people"].pop(name, None) is None:
                known = ", ".join(kept["people"]) or "nobody"
                raise ValueError(f"{name!r} has no role: {known} has one")
            changed = _validate(kept, "this cannot be written")
            before()
            _write(self.path, changed)

    @property
    def _lock(self) -> Path:
        return self.path.with_suffix(".lock")


def hash_token(salt: str, token: str) -> str:
    """The token has 256 random bits: a fast hash of it cannot be guessed backwards."""
    return hashlib.sha256(f"{salt}{token}".encode()).hexdigest()


def _look(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}; {_REMEDY}") from error
    return found.st_ino, found.st_mtime_ns, found.st_size


def _parse(path: Path) -> Roles:
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise ValueError(f"it has more than {MAX_YAML_BYTES} bytes")
        said = parse_yaml(path.read_bytes())
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is no file of roles: {error}; {_REMEDY}") from error
    return _validate(said, f"{path} is no file of roles")


def _validate(said: Any, otherwise: str) -> Roles:
    try:
        return Roles.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise ValueError(f"{otherwise}: {where}: {first['msg']}; {_REMEDY}") from None


def _write(path: Path, roles: Roles) -> None:
    """For this user alone, and whole on disk before it counts."""
    import yaml

    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        yaml.safe_dump(roles.model_dump(mode="json", exclude_none=True), stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    sync(path.parent)
