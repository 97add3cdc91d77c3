"""Find sessions: folders below the landing zone, and places that were registered by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from assets.ledger import Ledger
from assets.storage import Folder, session_key


@dataclass(frozen=True)
class LandingZone:
    """Where producers drop sessions, one folder each."""

    folder: Folder
    ledger: Ledger

    def sessions(self) -> dict[str, Folder]:
        """session key -> its folder, without the folders that are `unusable`."""
        found = {session: Folder(uri, self.folder.options) for session, uri in self.ledger.sources().items()}
        for name in self.folder.folders():
            key = _key_or_none(name)
            if key is not None and key not in found:
                found[key] = self.folder.below(name)
        return found

    def unusable(self) -> list[str]:
        """Folder names that cannot be a session: nothing usable in the name, or a key that is another place's."""
        found = {session: folder.uri for session, folder in self.sessions().items()}
        return [
            name for name in self.folder.folders() if found.get(_key_or_none(name) or "") != self.folder.below(name).uri
        ]

    def register(self, session: str, folder: Folder) -> None:
        """Remember a place outside the landing zone. Raises ValueError when the session's name is another place's."""
        landed = self.sessions().get(session)
        if landed is not None and landed.uri != folder.uri:
            raise ValueError(
                f"session '{session}' is already {landed.uri}: rename {folder.uri}, or give it another name"
            )
        self.ledger.register_source(session, folder.uri)

    def locate(self, session: str) -> Folder:
        """The session's folder. Raises FileNotFoundError when nothing was landed under that name."""
        folder = self.sessions().get(session)
        if folder is None:
            remedy = "land it there, or ingest its folder"
            raise FileNotFoundError(f"session '{session}' is not below {self.folder.uri}: {remedy}")
        return folder


def fingerprint(folder: Folder) -> str:
    """Changes when a file below is added, removed or rewritten; costs one listing."""
    digest = hashlib.sha256()
    for file in folder.files():
        digest.update(repr((file.path, file.size_bytes, file.version)).encode())
    return digest.hexdigest()[:16]


def _key_or_none(name: str) -> str | None:
    try:
        return session_key(name)
    except ValueError:
        return None
