"""Exactly-once intake: which file of which session is done, who works on which capture, and under which epoch.

A capture is claimed under a lease. Every claim raises the capture's epoch, and every later write names the epoch it was
claimed under: a worker that slept past its lease is refused, whatever it still believes. The lease of a worker that was
killed on this machine ends with it. Leases are measured by the database's clock: a worker's own may be minutes off.

Each row carries a seal, a hash of its values: a bit that is flipped on disk is found by `find_faults`.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from assets.exclusions import WHOLE, Exclusion
from assets.ledger import file
from assets.ledger.erased import ErasedFiles
from assets.ledger.rows import (
    Claim,
    FileOutcome,
    Intaken,
    LeaseLost,
    LedgerFinding,
    Pause,
    in_order,
    move_version,
    pause_s,
    to_outcomes,
)
from assets.ledger.seals import find_changed, list_values, seal_row, with_seal
from assets.worker import is_gone

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

T = TypeVar("T")
_ROWS_AT_ONCE = 10_000  # as parameters of one statement
_OUTCOME_FIELDS = tuple(f.name for f in fields(FileOutcome))
_list_outcome = attrgetter(*_OUTCOME_FIELDS)


class Ledger(ErasedFiles):
    """The intake ledger at a SQLAlchemy URL, see `Database`. A claim holds for `lease_s` after it was last renewed."""

    def __init__(
        self, url: str, lease_s: float = 120.0, is_read_only: bool = False
    ) -> None:
        super().__init__(url, is_read_only)
        self.lease_s = lease_s

    # ---- sources: sessions that lie outside the landing zone ---------------------------------------------------------

    def register_source(self, session: str, uri: str) -> None:
        """Remember where a session's files lie. Raises ValueError when the name is taken by another place."""
        insert = self._insert(self._sources).on_conflict_do_nothing()
        query = self._sa.select(self._sources.c.uri).filter_by(session=session)

        def register(connection: Connection) -> str:
            connection.execute(insert, with_seal({"session": session, "uri": uri}))
            return str(connection.execute(query).scalar_one())

        known = self._run(register)
        if known != uri:
            raise ValueError(
                f"session '{session}' is already {known}: rename the folder {uri}"
            )

    def sources(self) -> dict[str, str]:
        """session -> uri of every registered source."""
        query = self._sa.select(*list_values(self._sources))
        return {row["session"]: row["uri"] for row in self._fetch(query)}

    def move_session(self, session: str, uri: str) -> None:
        """The session's files lie elsewhere from now on. All of them are to be read again there, by content.

        What is said of a version here is said of none that could be listed: each file is new in its place, and what it
        was is replaced where its bytes are other ones.
        """
        insert = self._insert(self._sources).values(session=session, uri=uri)
        upsert = insert.on_conflict_do_update(
            index_elements=["session"], set_={"uri": uri}
        )

        def move(connection: Connection) -> None:
            connection.execute(upsert)
            seal_row(connection, self._sources, session=session)
            connection.execute(self._pauses.delete().filter_by(session=session))
            connection.execute(self._intakes.delete().filter_by(session=session))
            is_mine = self._files.c.session == session
            mine = is_mine & (self._files.c.outcome != "gone")
            query = self._sa.select(*self._file_columns).where(mine)
            known = to_outcomes(connection.execute(query))
            moved = {(o.path, o.version): o for o in map(move_version, known)}
            connection.execute(self._files.delete().where(mine))
            self._record(connection, in_order(moved.values()))

        self._run(move)

    # ---- sessions: whatever was heard of one -------------------------------------------------------------------------

    def note_landed(self, sessions: Iterable[str], without: Iterable[str]) -> None:
        """Remember that these sessions were seen in the landing zone for the first time, `without` others that were
        seen there before: nothing follows for those from these."""
        missed = json.dumps(sorted(without))
        rows = [
            with_seal({"session": name, "without": missed}) for name in sorted(sessions)
        ]
        insert = self._insert(self._landed).on_conflict_do_nothing()
        if rows:
            self._run(lambda connection: connection.execute(insert, rows))

    def landed(self) -> dict[str, set[str]]:
        """The sessions that were seen in the landing zone, there or not, each with those that it came without."""
        rows = self._fetch(self._landed.select())
        return {row["session"]: set(json.loads(row["without"])) for row in rows}

    def sessions(self) -> list[str]:
        """The sessions of which a file has an outcome."""
        walk = self._walk_sessions()
        found = self._fetch(walk.where(walk.selected_columns.session.is_not(None)))
        return [row["session"] for row in found]

    def sessions_with_files(self) -> set[str]:
        """The sessions of which a file was taken in that is not gone since."""
        walk = self._walk_sessions()
        mine = self._files.c.session == walk.selected_columns.session
        held = self._sa.exists().where(mine, self._files.c.outcome == "ingested")
        return {row["session"] for row in self._fetch(walk.where(held))}

    def _walk_sessions(self) -> Select[Any]:
        """Each session once, and null: a step of the index for each, not a look at every file."""
        sa = self._sa
        column = self._files.c.session
        first = sa.select(sa.func.min(column).label("session"))
        walk = first.cte("walk", recursive=True)
        following = sa.select(sa.func.min(column)).where(column > walk.c.session)
        step = sa.select(following.scalar_subquery()).where(walk.c.session.is_not(None))
        return sa.select(walk.union_all(step).c.session)

    def knows_any(self, session: str, paths: Sequence[str]) -> bool:
        """Whether a file of the session has ever had one of these paths."""
        query = self._sa.select(self._files.c.path).filter_by(session=session)
        return bool(self._fetch(query.where(self._files.c.path.in_(paths)).limit(1)))

    def holds_files(self, session: str) -> bool:
        """Whether a file of the session was taken in that is not gone since."""
        query = self._files.select().filter_by(session=session, outcome="ingested")
        return bool(self._fetch(query.limit(1)))

    # ---- intakes: what of a session was taken in last ----------------------------------------------------------------

    def note_intake(self, intaken: Intaken) -> None:
        """Remember what was taken in, in place of what was before."""
        values = asdict(intaken)
        upsert = self._insert(self._intakes).on_conflict_do_update(
            index_elements=["session"], set_=values
        )

        def note(connection: Connection) -> None:
            connection.execute(upsert, values)
            seal_row(connection, self._intakes, session=intaken.session)

        self._run(note)

    def end_intake(self, session: str, made_by: str) -> None:
        """Remember who makes what else the session needs, or has made it."""
        update = self._intakes.update().filter_by(session=session)

        def end(connection: Connection) -> None:
            connection.execute(update.values(made_by=made_by))
            seal_row(connection, self._intakes, session=session)

        self._run(end)

    def intake_of(self, session: str) -> Intaken | None:
        """What was taken in last; None where that is not known, or files are to be taken again."""
        query = self._sa.select(*list_values(self._intakes)).filter_by(session=session)
        return next((Intaken(**row) for row in self._fetch(query)), None)

    # ---- exclusions: what is left out until a person says otherwise --------------------------------------------------

    def exclude(self, exclusions: Sequence[Exclusion]) -> None:
        """Leave sessions, or files of them, out from now on, all at once. One of the same session and path is replaced.

        The place of a whole session outside the landing zone is looked at no more, and what failed there is no matter.
        """

        def exclude(connection: Connection) -> None:
            for exclusion in exclusions:
                values = asdict(exclusion)
                upsert = self._insert(self._exclusions).on_conflict_do_update(
                    index_elements=["session", "path"], set_=values
                )
                connection.execute(upsert, values)
                key = {"session": exclusion.session, "path": exclusion.path}
                seal_row(connection, self._exclusions, **key)
                if exclusion.path == WHOLE:
                    whole = {"session": exclusion.session}
                    connection.execute(self._pauses.delete().filter_by(**whole))

        self._run(exclude)

    def include(self, session: str, path: str) -> Exclusion | None:
        """Take back what `exclude` said, and return it; None where nothing was said."""
        found = self.exclusion(session, path)

        def include(connection: Connection) -> None:
            connection.execute(self._intakes.delete().filter_by(session=session))
            key = {"session": session, "path": path}
            connection.execute(self._exclusions.delete().filter_by(**key))

        self._run(include)
        return found

    def exclusion(self, session: str, path: str) -> Exclusion | None:
        """What was said of this very session and path."""
        return next((e for e in self.exclusions(session) if e.path == path), None)

    def exclusions(self, session: str | None = None) -> list[Exclusion]:
        """What is left out of a session, or (None) of all, by session and path."""
        table = self._exclusions
        query = self._sa.select(*list_values(table)).order_by(
            *table.primary_key.columns
        )
        if session is not None:
            query = query.filter_by(session=session)
        return [Exclusion(**row) for row in self._fetch(query)]

    # ---- erasures: those that are under way --------------------------------------------------------------------------

    def note_erasure(self, erasure_id: str, step: str, facts: str) -> None:
        """Remember which step of an erasure comes next, and what the steps before it found."""
        values = {"erasure_id": erasure_id, "step": step, "facts": facts}
        upsert = self._insert(self._erasures).on_conflict_do_update(
            index_elements=["erasure_id"], set_=values
        )

        def note(connection: Connection) -> None:
            connection.execute(upsert, values)
            seal_row(connection, self._erasures, erasure_id=erasure_id)

        self._run(note)

    def erasures(self) -> dict[str, tuple[str, str]]:
        """erasure -> the step that comes next, and what was found, of those that are not done."""
        query = self._sa.select(*list_values(self._erasures))
        return {
            row["erasure_id"]: (row["step"], row["facts"]) for row in self._fetch(query)
        }

    def end_erasure(
        self, erasure_id: str, exclusions: Sequence[Exclusion], sessions: Sequence[str]
    ) -> None:
        """Forget an erasure that is done, with what hid its files meanwhile and all that is known of its sessions."""

        def end(connection: Connection) -> None:
            for one in exclusions:
                key = {"session": one.session, "path": one.path}
                connection.execute(self._exclusions.delete().filter_by(**key))
            for session in sessions:
                for table in (self._sources, self._landed, self._pauses, self._intakes):
                    connection.execute(table.delete().filter_by(session=session))
            connection.execute(self._erasures.delete().filter_by(erasure_id=erasure_id))

        self._run(end)

    def erase_files(
        self, keys: Iterable[tuple[str, str, str]], captures: Sequence[str]
    ) -> None:
        """Forget these files (session, path, version) and captures, as if they had never been."""
        sa = self._sa
        names = ("session", "path", "version")
        mine = [self._files.c[name] == sa.bindparam(f"b_{name}") for name in names]
        delete = self._files.delete().where(*mine)
        capture = self._captures.c.capture_id == sa.bindparam("b_capture")
        rows = [dict(zip((f"b_{n}" for n in names), key, strict=True)) for key in keys]

        def erase(connection: Connection) -> None:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                connection.execute(delete, rows[start : start + _ROWS_AT_ONCE])
            if captures:
                given = [{"b_capture": capture_id} for capture_id in captures]
                connection.execute(self._captures.delete().where(capture), given)

        self._run(erase)

    def rewrite_texts(self, rewrite: Callable[[str], str]) -> None:
        """Give each text that people or readers wrote, and that is no key, the form that `rewrite` gives it."""
        sa = self._sa
        texts = {
            self._files: ("reason", "remedy"),
            self._landed: ("without",),
            self._pauses: ("reason",),
            self._proposal_steps: ("body",),
        }

        def mend(connection: Connection) -> None:
            for table, names in texts.items():
                columns = [table.c[name] for name in names]
                keys = list(table.primary_key.columns)
                said = sa.or_(*(column != "" for column in columns))
                rows = connection.execute(sa.select(*keys, *columns).where(said))
                for row in rows.fetchall():
                    old = {name: row._mapping[name] for name in names}
                    new = {name: rewrite(text) for name, text in old.items()}
                    if new != old:
                        key = {c.name: row._mapping[c.name] for c in keys}
                        update = table.update().filter_by(**key).values(**new)
                        connection.execute(update)
                        seal_row(connection, table, **key)

        self._run(mend)

    def give_back_pages(self) -> bool:
        """Write a ledger's file anew without what was deleted from it; False of a server, which does it by itself."""
        if self._file is None:
            return False
        self.engine.dispose()
        try:
            file.give_back(self._file)
        except sqlite3.Error as error:
            raise file.LedgerFault(self._file, error) from error
        return True

    # ---- pauses: what failed of a session, and waits -----------------------------------------------------------------

    def pauses(self) -> list[Pause]:
        """What failed and is tried again, by session."""
        table = self._pauses
        columns = [c for c in list_values(table) if c.name != "until"]
        left = (table.c.until - self._clock).label("left_s")
        query = self._sa.select(*columns, left).order_by(table.c.session, table.c.what)
        return [Pause(**row) for row in self._fetch(query)]

    def put_off(
        self, what: str, session: str, num_failures: int, reason: str, cause: str = ""
    ) -> None:
        """Begin the pause after so many failures in a row."""
        values = {
            "num_failures": num_failures,
            "reason": reason,
            "cause": cause,
            "until": self._clock + pause_s(num_failures),
        }
        insert = self._insert(self._pauses).values(what=what, session=session, **values)
        upsert = insert.on_conflict_do_update(
            index_elements=["what", "session"], set_=values
        )

        def put_off(connection: Connection) -> None:
            connection.execute(upsert)
            seal_row(connection, self._pauses, what=what, session=session)

        self._run(put_off)

    def end_pause(self, what: str, session: str) -> None:
        """It did not fail this time: the next failure is a first one."""
        delete = self._pauses.delete().filter_by(what=what, session=session)
        self._run(lambda connection: connection.execute(delete))

    # ---- files -------------------------------------------------------------------------------------------------------

    def outcomes(self, session: str) -> dict[tuple[str, str], FileOutcome]:
        """(path, version) -> outcome of every file of the session that is done."""
        return self.summarise(
            session, lambda outcomes: {(o.path, o.version): o for o in outcomes}
        )

    def summarise(self, session: str, work: Callable[[Iterable[FileOutcome]], T]) -> T:
        """What `work` makes of the outcomes of the session's files, which come one by one; it may be called again."""
        query = self._sa.select(*self._file_columns).filter_by(session=session)
        return self._run(
            lambda connection: work(to_outcomes(connection.execute(query)))
        )

    def file_table(self) -> pa.Table:
        """Every file's outcome, as a table for queries."""
        rows = self._fetch(self._sa.select(*self._file_columns))
        columns = {
            c.name: pa.int64() if c.name == "size_bytes" else pa.string()
            for c in self._file_columns
        }
        return pa.Table.from_pylist(rows, schema=pa.schema(columns.items()))

    def count_files(self) -> dict[str, int]:
        """outcome -> how many files have it."""
        sa = self._sa
        outcome = self._files.c.outcome
        query = sa.select(outcome, sa.func.count().label("files")).group_by(outcome)
        return {row["outcome"]: row["files"] for row in self._fetch(query)}

    def count_quarantined(self) -> list[tuple[str, str, int]]:
        """Reader and reason of the files that could not be read, and how many share them."""
        sa = self._sa
        columns = (self._files.c.reader, self._files.c.reason)
        query = (
            sa.select(*columns, sa.func.count().label("files"))
            .where(self._files.c.outcome == "quarantined")
            .group_by(*columns)
        )
        return [(r["reader"], r["reason"], r["files"]) for r in self._fetch(query)]

    def list_refused(self) -> list[FileOutcome]:
        """Files that could not be read as a whole, but for those of which another version was taken in."""
        other = self._files.alias()
        is_replaced = self._sa.exists().where(
            other.c.session == self._files.c.session,
            other.c.path == self._files.c.path,
            other.c.outcome == "ingested",
        )
        query = (
            self._sa.select(*self._file_columns)
            .where(self._files.c.outcome == "quarantined", ~is_replaced)
            .order_by(self._files.c.session, self._files.c.path)
        )
        return [FileOutcome(**row) for row in self._fetch(query)]

    def committed(self) -> list[str]:
        """The ids of all captures whose intake is complete."""
        query = self._sa.select(self._captures.c.capture_id).filter_by(
            is_committed=True
        )
        return sorted(row["capture_id"] for row in self._fetch(query))

    def record(self, outcomes: Iterable[FileOutcome]) -> None:
        """Record files that belong to no capture (unknown formats, documentation)."""
        done = in_order(outcomes)
        self._run(lambda connection: self._record(connection, done))

    def outcomes_of(self, capture_id: str) -> list[FileOutcome]:
        """What became of the files of a capture, in every session that has them."""
        query = (
            self._sa.select(*self._file_columns)
            .filter_by(capture_id=capture_id)
            .order_by(*self._files.primary_key.columns)
        )
        return self._run(
            lambda connection: list(to_outcomes(connection.execute(query)))
        )

    def is_committed(self, capture_id: str) -> bool:
        """Whether the capture's rows are in the tables."""
        query = self._sa.select(self._captures.c.is_committed).filter_by(
            capture_id=capture_id
        )
        return any(row["is_committed"] for row in self._fetch(query))

    def reopen(self, outcomes: Sequence[FileOutcome]) -> None:
        """Forget these outcomes and that their captures are complete, so that the next intake takes the files again."""
        ids = sorted({o.capture_id for o in outcomes if o.capture_id})
        sessions = sorted({o.session for o in outcomes})

        def reopen(connection: Connection) -> None:
            for session in sessions:
                connection.execute(self._intakes.delete().filter_by(session=session))
            self._forget(connection, outcomes)
            self._reopen(connection, ids)

        self._run(reopen)

    def settle_gone(
        self,
        gone: Sequence[FileOutcome],
        superfluous: Sequence[FileOutcome],
        emptied: Iterable[str],
    ) -> None:
        """Record files as gone, forget outcomes that say nothing more, and that these captures were complete."""
        done = in_order(gone)
        ids = sorted(emptied)

        def settle(connection: Connection) -> None:
            self._record(connection, done)
            self._forget(connection, superfluous)
            self._reopen(connection, ids)

        self._run(settle)

    def renew_versions(self, renewed: Mapping[FileOutcome, FileOutcome]) -> None:
        """Put outcomes in the place of others: of the same files, whose versions changed and whose bytes did not."""
        former = list(renewed)
        now = in_order(renewed.values())

        def renew(connection: Connection) -> None:
            self._forget(connection, former)
            self._record(connection, now)

        self._run(renew)

    def forget(self, outcomes: Sequence[FileOutcome]) -> None:
        """Forget these outcomes: should the files come back, they are new. Their captures stay complete."""
        self._run(lambda connection: self._forget(connection, outcomes))

    # ---- claims ------------------------------------------------------------------------------------------------------

    def claim(self, capture_id: str, owner: str) -> Claim | None:
        """Claim a capture; None while somebody holds it under a live lease.

        Threads share their worker's name: they exclude each other like workers do.
        """
        mine = f"{owner}#{uuid.uuid4().hex[:12]}"
        return self._run(lambda connection: self._claim(connection, capture_id, mine))

    def renew(self, claim: Claim) -> None:
        """Prolong the lease. Raises LeaseLost when somebody else has claimed the capture since."""
        self._run(
            lambda c: self._update_fenced(
                c, claim, lease_until=self._clock + self.lease_s
            )
        )

    def commit(self, claim: Claim, outcomes: Sequence[FileOutcome]) -> None:
        """Record the capture's files as done and end the lease, in one transaction. Raises LeaseLost."""
        done = in_order(outcomes)

        def commit(connection: Connection) -> None:
            self._update_fenced(
                connection,
                claim,
                is_committed=True,
                owner=_ended(claim),
                lease_until=0.0,
            )
            self._record(connection, done)

        self._run(commit)

    def release(self, claim: Claim) -> None:
        """Give the claim back without a commit."""
        self._run(
            lambda c: self._update_fenced(
                c, claim, owner=_ended(claim), lease_until=0.0
            )
        )

    def leases(self) -> list[dict[str, Any]]:
        """Who works on which capture now: capture_id, owner, epoch, and seconds until the lease ends."""
        table = self._captures
        columns = (
            table.c.capture_id,
            table.c.owner,
            table.c.epoch,
            (table.c.lease_until - self._clock).label("left_s"),
        )
        rows = self._fetch(
            self._sa.select(*columns).where(table.c.lease_until > self._clock)
        )
        return [row for row in rows if not is_gone(row["owner"])]

    # ---- what became of the rows on disk -----------------------------------------------------------------------------

    def find_faults(self) -> Iterator[LedgerFinding | None]:
        """Compare each row with its seal, and ask SQLite to check its file: None for each row that is right.

        Rows of a ledger from before seals are right. Raises LedgerFault where the file cannot be read.
        """
        for reason in self._run(self._check_file):
            yield LedgerFinding("file", reason)
        for table in self._metadata.tables.values():
            keys = self._run(partial(find_changed, table=table))
            for key in keys:
                yield None if key is None else _tell_changed(table.name, key)

    def _check_file(self, connection: Connection) -> list[str]:
        if connection.dialect.name != "sqlite":
            return []
        return file.list_damage(connection.exec_driver_sql)

    def compact(self, is_dry_run: bool) -> int:
        """Give the room of deleted rows back to the disk, where it is worth it: so many bytes. Postgres does it itself.

        Raises LedgerFault where the file cannot be written.
        """
        if self._file is None:
            return 0
        free = self._run(lambda c: file.measure_free(c.exec_driver_sql))
        if free and not is_dry_run:
            try:
                file.give_back(self._file)
            except sqlite3.Error as error:
                raise file.LedgerFault(self._file, error) from error
        return free

    # ---- below -------------------------------------------------------------------------------------------------------

    def _claim(
        self, connection: Connection, capture_id: str, mine: str
    ) -> Claim | None:
        table = self._captures
        is_alive = self._captures.c.lease_until > self._clock
        blank = {
            "capture_id": capture_id,
            "epoch": 0,
            "owner": "",
            "lease_until": 0.0,
            "is_committed": False,
        }
        connection.execute(self._insert(table).on_conflict_do_nothing(), blank)
        connection.execute(
            table.select().filter_by(capture_id=capture_id).with_for_update()
        )  # the clock is read after
        query = self._sa.select(
            table.c.owner, table.c.epoch, is_alive.label("is_alive")
        )
        row = connection.execute(query.filter_by(capture_id=capture_id)).one()
        if row.owner == mine:  # the reply to this very claim was lost
            return Claim(capture_id, mine, row.epoch)
        if row.is_alive and not is_gone(row.owner):
            return None
        change = {
            "epoch": row.epoch + 1,
            "owner": mine,
            "lease_until": self._clock + self.lease_s,
        }
        connection.execute(
            table.update().filter_by(capture_id=capture_id).values(**change)
        )
        seal_row(connection, table, capture_id=capture_id)
        return Claim(capture_id, mine, row.epoch + 1)

    def _update_fenced(
        self, connection: Connection, claim: Claim, **values: Any
    ) -> None:
        """Update the claim's row. To end a claim that this claim has ended already changes nothing."""
        owners = self._captures.c.owner.in_(
            {claim.owner, str(values.get("owner", claim.owner))}
        )
        update = (
            self._captures.update()
            .filter_by(capture_id=claim.capture_id, epoch=claim.epoch)
            .where(owners)
        )
        if connection.execute(update.values(**values)).rowcount != 1:
            raise LeaseLost(
                f"capture {claim.capture_id} was claimed by another worker after epoch {claim.epoch}"
            )
        seal_row(connection, self._captures, capture_id=claim.capture_id)

    def _record(self, connection: Connection, outcomes: Sequence[FileOutcome]) -> None:
        insert = self._insert(self._files)
        values = {
            c.name: insert.excluded[c.name]
            for c in self._files.columns
            if not c.primary_key
        }
        key = [c.name for c in self._files.primary_key.columns]
        upsert = insert.on_conflict_do_update(index_elements=key, set_=values)
        for start in range(0, len(outcomes), _ROWS_AT_ONCE):
            some = outcomes[start : start + _ROWS_AT_ONCE]
            connection.execute(upsert, [_seal_outcome(o) for o in some])

    def _forget(self, connection: Connection, outcomes: Sequence[FileOutcome]) -> None:
        for o in in_order(outcomes):
            connection.execute(
                self._files.delete().filter_by(
                    session=o.session, path=o.path, version=o.version
                )
            )

    def _reopen(self, connection: Connection, capture_ids: Sequence[str]) -> None:
        for capture_id in capture_ids:
            connection.execute(
                self._captures.update()
                .filter_by(capture_id=capture_id)
                .values(is_committed=False)
            )
            seal_row(connection, self._captures, capture_id=capture_id)


def _seal_outcome(outcome: FileOutcome) -> dict[str, Any]:
    """Its row of the table `files`. `asdict` would copy each text, at a third of what a commit costs."""
    return with_seal(dict(zip(_OUTCOME_FIELDS, _list_outcome(outcome), strict=True)))


def _tell_changed(table: str, key: str) -> LedgerFinding:
    return LedgerFinding(f"{table} {key}", "its row no longer matches its seal")


def _ended(claim: Claim) -> str:
    """What stands for the owner after the claim's end: to end it once more is no error."""
    return f"-{claim.owner.rpartition('#')[2]}"
