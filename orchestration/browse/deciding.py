"""What a person decides through the server: proposals, models that wait, erasure. Each runs its verb in a child.

Belongs here: what a request may say, the words of the verb, and in whose name it runs. Does not: what verbs do. One may
take hours: it goes on when nobody waits any more, and when the server ends.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestration.agent.acts import find_act
from orchestration.agent.proposing import open_book
from orchestration.agent.world import RunVerb, World
from orchestration.browse.writing import WriteRefused, parse_body
from orchestration.profiles import CHECKOUT, Settings
from orchestration.resources import open_ledger
from orchestration.roles.rights import Person

_STRICT = ConfigDict(extra="forbid", strict=True)
_WAIT_S = 60.0
_Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]  # fmt: skip
_Named = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Decision(BaseModel):
    """What becomes of a proposal."""

    model_config = _STRICT
    proposal: str = Field(pattern="^P-[0-9a-f]{8}$")
    act: Literal["approve", "reject"]
    because: _Why


class Approval(BaseModel):
    """A version of a task that waits for a person."""

    model_config = _STRICT
    name: str = Field(pattern="^[a-z][a-z0-9_]{0,63}(/[1-9][0-9]{0,8})?$")
    because: _Why


class Erasure(BaseModel):
    """What goes for good, as `daguerre forget --erase` names it; `dry_run` says what would."""

    model_config = _STRICT
    what: list[_Named] = Field(min_length=1, max_length=100)
    because: _Why
    dry_run: bool = False


@dataclass(frozen=True)
class Deciding:
    """Decisions in the name of who asks, one after the other."""

    settings: Settings
    run_verb: RunVerb
    _busy: Lock = field(default_factory=Lock, compare=False)

    def decide(self, person: Person, body: bytes) -> dict[str, Any]:
        """A proposal is carried out, or rejected, by who may decide about its verb. Raises RightMissing, WriteRefused,
        and ValueError for a proposal that there is not."""
        asked = parse_body(Decision, body)
        world = World(self.settings, person.name, self.run_verb, person.rights)
        standing = open_book(world).find(asked.proposal)
        person.require(find_act(standing.proposal.words).right)
        words = [asked.act, asked.proposal, f"--because={asked.because}", "--json"]
        return self._run(person, words)

    def approve(self, person: Person, body: bytes) -> dict[str, Any]:
        """A model becomes champion. Raises WriteRefused."""
        asked = parse_body(Approval, body)
        words = ["approve", asked.name, f"--because={asked.because}", "--json"]
        return self._run(person, words)

    def erase(self, person: Person, body: bytes) -> dict[str, Any]:
        """Everything of what is named goes from every store: what is hidden at once, and bytes once no process has the
        tables open, of which this server is one. Raises WriteRefused."""
        asked = parse_body(Erasure, body)
        how = ["--dry-run"] if asked.dry_run else ["--yes"]
        because = f"--because={asked.because}"
        words = ["forget", "--erase", because, *how, "--json", "--", *asked.what]
        before = open_ledger(self.settings).erasures()
        try:
            return self._run(person, words)
        except WriteRefused as error:
            begun = open_ledger(self.settings).erasures().keys() - before.keys()
            if not begun:
                raise
            return {"is_done": False, "is_hidden": True, "said": str(error)}

    def _run(self, person: Person, words: Sequence[str]) -> dict[str, Any]:
        """What the verb says; nothing but that it is under way where it takes long."""
        if not self._busy.acquire(blocking=False):
            raise WriteRefused(
                "another decision is being carried out: wait for its end"
            )
        try:
            with tempfile.TemporaryFile() as said:
                process = self._start(person, words, said)
                try:
                    exit_code = process.wait(_WAIT_S)
                except subprocess.TimeoutExpired:
                    return {"is_done": False, "said": None}
                said.seek(0)
                return _read(exit_code, said.read())
        finally:
            self._busy.release()

    def _start(
        self, person: Person, words: Sequence[str], said: Any
    ) -> "subprocess.Popen[bytes]":
        logs = self.settings.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "decided.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "orchestration.cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                env=self._make_environment(person),
                start_new_session=True,
            )

    def _make_environment(self, person: Person) -> dict[str, str]:
        """Verbs write down who LOGNAME says."""
        paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "LOGNAME": person.name,
            "DAGUERRE_HOME": str(self.settings.home),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }


def _read(exit_code: int, said: bytes) -> dict[str, Any]:
    """Raises WriteRefused with what the verb says where it has failed."""
    try:
        facts = json.loads(said)
    except ValueError:
        facts = None
    if exit_code and isinstance(facts, dict) and "error" in facts:
        raise WriteRefused(str(facts["error"])[:300])
    if exit_code and facts is None:
        raise WriteRefused("it failed: logs/decided.log in the home says why")
    return {"is_done": True, "exit_code": exit_code, "said": facts}
