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
        """session key -> its folder. A folder whose name gives no key, or one that is taken, is left out: see `unusable`."""
        found: dict[str, Folder] = {}
        for name in self.folder.folders():
            key = _key_or_none(name)
            if key is not None and key not in found:
                found[key] = self.folder.below(name)
        for session, uri in self.ledger.sources().items():
            found.setdefault(session, Folder(uri, self.folder.options))
        return found

    def unusable(self) -> list[str]:
        """Folder names that cannot be a session: nothing usable in the name, or the same key as another folder."""
        seen: set[str] = set()
        bad = []
        for name in self.folder.folders():
            key = _key_or_none(name)
            if key is None or key in seen:
                bad.append(name)
            else:
                seen.add(key)
        return bad

    def locate(self, session: str) -> Folder:
        """The session's folder. Raises FileNotFoundError when nothing was landed under that name."""
        folder = self.sessions().get(session)
        if folder is None:
            raise FileNotFoundError(f"session '{session}' is not below {self.folder.uri}: land it there, or ingest its folder")
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
