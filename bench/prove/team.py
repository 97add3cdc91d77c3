"""A team on one computer: machines that share a bucket and databases, and who looks at what they made."""

from __future__ import annotations

import itertools
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from bench.prove import ray_node
from bench.prove.machines import Machine, Places, Work
from bench.prove.postgres import Postgres
from bench.prove.seaweed import Weed
from orchestration.profiles import Settings, load_settings

_NUMBERS = itertools.count()
_DATABASES = ("DAGUERRE_LEDGER", "DAGUERRE_DAGSTER", "DAGUERRE_MLFLOW")


class Team:
    """`with Team(store, postgres) as team:` a bucket and databases of its own; no machine outlives it.

    `endpoint` is the machines' way to the store, where that is not its own address.
    """

    def __init__(self, store: Weed, postgres: Postgres, endpoint: str = "") -> None:
        from s3fs import S3FileSystem

        bucket = f"team-{next(_NUMBERS)}"
        self._fs = S3FileSystem(client_kwargs={"endpoint_url": store.endpoint})
        self._fs.mkdir(bucket)
        urls = (postgres.make_database().replace("+psycopg", "") for _ in _DATABASES)
        databases = dict(zip(_DATABASES, urls, strict=True))
        self.places = Places(bucket, endpoint or store.endpoint, databases)
        # a short path, of which Ray makes those of sockets
        self._root = Path(tempfile.mkdtemp(prefix="team-", dir="/tmp"))
        direct = replace(self.places, endpoint=store.endpoint).to_settings()
        self.environment = {**direct, "DAGUERRE_HOME": str(self._root / "looker")}
        self._stack = ExitStack()
        self._token = secrets.token_hex(32)
        self._nodes: dict[str, Work] = {}

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def settings(self) -> Settings:
        """Of one who looks at what the machines made, from a home with nothing in it."""
        return load_settings(self.environment)

    def land(self, session: str, files: Mapping[str, bytes]) -> None:
        """Producers drop a session."""
        for path, data in files.items():
            self._fs.pipe_file(f"{self.places.bucket}/landing/{session}/{path}", data)

    def add_machine(self, name: str, **env: str) -> Machine:
        """One more machine, with the embedder's net in its cache."""
        from assets.inference.embed import Embedder

        machine = Machine(self._root, name, self.places, **env)
        Embedder(machine.home / "cache")
        return self._stack.enter_context(machine)

    def add_node(self, name: str, num_cpus: int = 1) -> Machine:
        """A machine that is a node of the team's Ray: the first is its head, on which programs may join it."""
        env = {**ray_node.SETTINGS, "RAY_AUTH_TOKEN": self._token}
        machine = self.add_machine(name, **env)
        joins = list(self._address)
        work = machine.start(
            "bench.prove.ray_node", str(machine.folder / "ray"), str(num_cpus), *joins
        )
        self._nodes[name] = work
        machine.env["DAGUERRE_RAY"] = str(work.await_fact("raylet")["address"])
        if not joins:
            self._address = (machine.env["DAGUERRE_RAY"],)
        return machine

    def kill_node(self, name: str) -> None:
        """As a power cut of its machine."""
        self._nodes.pop(name).kill()

    _address: tuple[str, ...] = ()
