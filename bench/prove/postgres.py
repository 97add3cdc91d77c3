"""A throw-away Postgres on loopback, from Debian's binaries: for the ledger, and to be killed under it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_BINARIES = Path("/usr/lib/postgresql")
_USER = "postgres"  # initdb refuses root
_INSTALL_S = 300


class PostgresMissing(RuntimeError):
    """No Postgres server on this machine, and none can be installed."""


class Postgres:
    """`with Postgres() as server: server.make_database()`; all its data goes with it."""

    def __init__(self) -> None:
        self._binaries = find_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="daguerre-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, _USER, _USER)
        self._password = secrets.token_hex(8)
        self._port = _free_port()
        self._databases = 0

    def __enter__(self) -> Postgres:
        try:
            self._initialise()
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start, and come back when connections are taken."""
        local = (
            f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        )
        options = f"-p {self._port} {local} -c fsync=off"  # the server dies here, never the machine
        self._run(
            "pg_ctl",
            "-D",
            self._data,
            "-l",
            str(self._folder / "log"),
            "-o",
            options,
            "-w",
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        """ "fast" breaks connections off; "immediate" is a crash: the next start recovers from the log."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def restart(self) -> None:
        """Crash and start again."""
        self.stop("immediate")
        self.start()

    def make_database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        import psycopg

        self._databases += 1
        name = f"ledger{self._databases}"
        address = f"postgresql://{_USER}:{self._password}@127.0.0.1:{self._port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{address.replace('postgresql', 'postgresql+psycopg')}/{name}"

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _initialise(self) -> None:
        password = self._folder / "password"
        password.write_text(self._password)
        if os.geteuid() == 0:
            shutil.chown(password, _USER, _USER)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            _USER,
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )

    def _run(self, program: str, *args: str) -> None:
        become = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
        command = [*become, str(self._binaries / program), *args]
        log = self._folder / "commands"
        with log.open("a") as out:  # a pipe would stay open as long as the server runs
            done = subprocess.run(
                command,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(
                f"{program} ended with {done.returncode}: {log.read_text()[-2000:]}"
            )


def find_binaries() -> Path:
    """Debian's folder of the newest server. Root installs it where it is missing. Raises PostgresMissing."""
    found = _newest()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(
            ["apt-get", "update", "-qq"],
            [
                "apt-get",
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
                "postgresql",
            ],
        )
        found = _newest()
    if found is None:
        raise PostgresMissing(
            "no Postgres server on this machine: install the package 'postgresql'"
        )
    return found


def _newest() -> Path | None:
    found = [p for p in _BINARIES.glob("*/bin") if (p / "initdb").exists()]
    return max(
        found,
        key=lambda p: int(p.parent.name) if p.parent.name.isdigit() else 0,
        default=None,
    )


def _install(*commands: Sequence[str]) -> None:
    """Without starting the distribution's own server: `policy-rc.d` is what Debian asks about that."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in commands:
        try:
            subprocess.run(
                command, env=env, check=True, capture_output=True, timeout=_INSTALL_S
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise PostgresMissing(
                f"Postgres cannot be installed ({error}): install the package 'postgresql'"
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
