"""Recordings with the bytes of one that another session holds: sealed there and open here, or the other way round.

A container is one capture, whose rows are of the session that came first, and shown as that one's policy says. So the
same bytes are not taken in where they would be shown otherwise, sealed without anybody to cover them, or stored open.
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.formats.protocol import CapturePlan
from assets.ledger import Ledger
from assets.privacy.recordings import find_sealed, list_sizes, name_container
from assets.storage import Folder, hash_stream
from assets.tables.catalog import Catalog, is_in, repr_sql

_CONTAINERS = "sha256 IS NOT NULL"


@dataclass(frozen=True)
class Sharing:
    """Whether a container is sealed, here or by whoever had its bytes before; `reason` says why it is not taken in."""

    is_sealed: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class SharedRecordings:
    """What other sessions hold, as one session is taken in: a file is hashed where its size is one of these alone."""

    catalog: Catalog
    ledger: Ledger
    session: str
    sealed_sizes: frozenset[int]
    open_sizes: frozenset[int]

    @classmethod
    def of(cls, catalog: Catalog, ledger: Ledger, session: str) -> SharedRecordings:
        """What there is by now."""
        where = f"{_CONTAINERS} AND session != {repr_sql(session)}"
        rows = catalog.read_latest("captures", ["size_bytes"], where)
        sizes = frozenset(rows["size_bytes"].to_pylist())
        return cls(catalog, ledger, session, list_sizes(catalog), sizes)

    def compare(self, plan: CapturePlan, source: Folder) -> Sharing:
        """Raises what `Folder.open` raises."""
        sizes = self.open_sizes if plan.is_sealed else self.sealed_sizes
        if not plan.is_container or plan.files[0].size_bytes not in sizes:
            return Sharing(plan.is_sealed)
        with source.open(plan.files[0]) as stream:
            sha256 = hash_stream(stream)
        return self._look_open(sha256) if plan.is_sealed else self._look_sealed(sha256)

    def _look_sealed(self, sha256: str) -> Sharing:
        """Of a session without a policy: what another's has sealed is a copy of that, once that is taken in.

        What is a capture already, and sealed inside an archive alone, was open before that and stays so.
        """
        row = find_sealed(self.catalog, sha256)
        if row is None:
            return Sharing(False)
        capture_id = name_container(sha256)
        if self.ledger.is_committed(capture_id):
            mine = f"capture_id = {repr_sql(capture_id)}"
            return Sharing(find_sealed(self.catalog, sha256, mine) is not None)
        return Sharing(
            True,
            f"is sealed under the privacy policy of session '{row['session']}', which holds it in an archive, or whose "
            "intake is not done",
            f"ingest that session, or put this one under a privacy policy; then {self._again}",
        )

    def _look_open(self, sha256: str) -> Sharing:
        """Of a session under a policy: what another shows as it came is not covered by sealing it here."""
        where = f"capture_id = {repr_sql(name_container(sha256))} AND {_CONTAINERS}"
        owners = self.catalog.read_latest("captures", ["session"], where)["session"]
        for owner in owners.to_pylist():
            own = is_in("session", [owner])
            if owner != self.session and find_sealed(self.catalog, sha256, own) is None:
                return Sharing(
                    True,
                    f"is shown as it came by session '{owner}', whose bytes it has",
                    f"put that session under a privacy policy and ingest it; then {self._again}",
                )
        return Sharing(True)

    @property
    def _again(self) -> str:
        return f"`daguerre quarantine retry {self.session}`"
