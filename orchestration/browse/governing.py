"""What is private, asked through the server: columns of a frame, SQL, originals. Each read is in the record of acts.

Belongs here: what a request may say, and what is noted of it. Does not: who may ask (`orchestration.browse.app`).
"""

import time
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from assets.audit import Act, note
from assets.browsing.browser import Browser
from assets.browsing.frame_index import FrameMissing
from assets.browsing.masked import name_masked, read_masked
from assets.privacy.keys import SealKeys
from assets.privacy.unsealing import Asked, Original, open_original
from assets.retrieval.query import Bounds, Found, run_query, to_json_rows
from orchestration.agent.tools.tables import look_up
from orchestration.agent.world import RunVerb, World
from orchestration.browse.writing import parse_body
from orchestration.profiles import Settings
from orchestration.roles.rights import Person, Right

_STRICT = ConfigDict(extra="forbid", strict=True)
MOST_ROWS = 10_000
_MOST_BYTES = 8 << 20
_MOST_SECONDS = 30.0


class FrameAsked(BaseModel):
    """One frame."""

    model_config = _STRICT
    frame_id: str = Field(pattern="^[0-9a-f]{32}$")


class OriginalAsked(FrameAsked):
    """Its original, and why."""

    because: str = Field(min_length=1, max_length=1000)


class Statement(BaseModel):
    """One SELECT in DuckDB's SQL."""

    model_config = _STRICT
    sql: str = Field(min_length=1, max_length=4000)


@dataclass(frozen=True)
class Governing:
    """Reads for a person whose rights were looked at."""

    settings: Settings
    browser: Browser
    run_verb: RunVerb

    def read_masked(self, person: Person, body: bytes) -> dict[str, Any]:
        """The private columns of a frame. Raises WriteRefused, FrameMissing."""
        frame_id = parse_body(FrameAsked, body).frame_id
        (position,) = self.browser.index.find([frame_id])
        if position < 0:
            raise FrameMissing(frame_id)
        self._note(person, ", ".join(name_masked()), f"frame {frame_id}")
        return {"columns": read_masked(self.browser.catalog, frame_id)}

    def query(self, person: Person, body: bytes) -> dict[str, Any]:
        """Rows, with private columns for who may read these alone. Raises WriteRefused, QueryError."""
        sql = parse_body(Statement, body).sql
        found = self._run(person, sql)
        return {
            "rows": to_json_rows(found.rows),
            "cut": found.cut or None,
            "groups_left_out": found.num_small or 0,
            "held": [vars(held) for held in found.held],
        }

    def unseal(self, person: Person, body: bytes) -> Original:
        """The original of a frame; who, when and why are kept. Raises WriteRefused, ValueError."""
        asked = parse_body(OriginalAsked, body)
        keys = SealKeys(self.settings.home, self.settings.seal_key)
        said = Asked(asked.frame_id, person.name, asked.because, time.time_ns())
        return open_original(self.browser.catalog, keys, said)

    def _run(self, person: Person, sql: str) -> Found:
        world = World(self.settings, person.name, self.run_verb, person.rights)
        if Right.READ_PRIVATE not in person.rights:
            return look_up(world, sql, Bounds(MOST_ROWS, _MOST_SECONDS, _MOST_BYTES))
        bounds = Bounds(MOST_ROWS, _MOST_SECONDS, _MOST_BYTES, is_private=True)
        found = run_query(world.catalog, world.ledger, sql, False, bounds)
        if found.restricted:
            self._note(person, ", ".join(found.restricted), sql)
        return found

    def _note(self, person: Person, what: str, why: str) -> None:
        note(self.settings.home, Act("read", person.name, what, why))
