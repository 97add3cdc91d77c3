"""Machines of a team on one computer: each has a home, a working and a user's folder of its own, and no other's.

Belongs here: where a machine's processes run, and what they are told. Does not: what they do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.prove.access import ACCESS

CHECKOUT = Path(__file__).resolve().parents[2]
# of whoever runs this: not of the machines
_OWN = ("AWS_", "DAGUERRE_", "DAGSTER_", "MLFLOW_", "RAY_", "XDG_")
_ENDS_S = 500.0


@dataclass(frozen=True)
class Places:
    """What the machines of a team share: a bucket at an endpoint, and empty databases by setting."""

    bucket: str
    endpoint: str
    databases: Mapping[str, str]

    def to_settings(self) -> dict[str, str]:
        """The environment of profile team."""
        root = f"s3://{self.bucket}"
        return {
            "DAGUERRE_PROFILE": "team",
            "DAGUERRE_S3_ENDPOINT": self.endpoint,
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "DAGUERRE_LANDING": f"{root}/landing",
            "DAGUERRE_TABLES": f"{root}/tables",
            "DAGUERRE_BLOBS": f"{root}/blobs",
            "DAGUERRE_MLFLOW_ARTIFACTS": f"{root}/mlflow",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
            **self.databases,
        }


class Work:
    """One process of a machine, which tells what it comes to by a JSON object a line, and waits for lines."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def read(self) -> str:
        """The next line that it says. Raises AssertionError, with its log, where it ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().rstrip("\n")
        assert line, f"it ended with {self._process.wait()}: {self.tell()}"
        return line

    def await_fact(self, name: str) -> dict[str, Any]:
        """The next object with that name in it; what comes before is dropped."""
        while True:
            for fact in _parse([self.read()]):
                if name in fact:
                    return fact

    def go_on(self) -> None:
        """Let it go on from where it waits."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> list[dict[str, Any]]:
        """Wait for its end; what it told that was not read yet. Raises AssertionError, with its log, for a bad one."""
        out, _ = self._process.communicate(timeout=_ENDS_S)
        assert self._process.returncode == 0, self.tell()
        return _parse(out.splitlines())

    def kill(self) -> None:
        """End it, and all that it started, at once: as a power cut of its machine does."""
        if self._process.poll() is None:
            process = psutil.Process(self._process.pid)
            for one in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream and not stream.closed:
                with suppress(BrokenPipeError):
                    stream.close()

    def tell(self) -> str:
        """The end of its log."""
        return self._log.read_text()[-4000:]


def _parse(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Their objects; Ray says other things there, too."""
    return [json.loads(line) for line in lines if line.startswith("{")]


class Machine:
    """`with Machine(root, "one", places) as one:` all that it started is gone with it; its folder is left."""

    def __init__(self, root: Path, name: str, places: Places, **env: str) -> None:
        """`root` holds the folders of all machines: what else is in it no process of this one can open."""
        self.root = root
        self.folder = root / name
        self.home = self.folder / "home"
        for part in ("home", "work", "user", "tmp"):
            (self.folder / part).mkdir(parents=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}
        self.env = {
            **kept,
            **ACCESS,
            **places.to_settings(),
            "DAGUERRE_HOME": str(self.home),
            "HOME": str(self.folder / "user"),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(
                [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
            ),
            "PYTHONWARNINGS": "ignore",
            **env,
        }
        self._works = list[Work]()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        for work in self._works:
            work.kill()

    def start(self, module: str, *args: str) -> Work:
        """`python -m module` with the arguments, in the machine's working folder."""
        return self.start_command([sys.executable, "-m", module, *args])

    def start_command(self, command: list[str], **options: Any) -> Work:
        """Any command; `options` are those of Popen."""
        log = self.folder / f"{len(self._works)}.log"
        alone = [
            *(sys.executable, "-m", "bench.prove.own_files"),
            *(str(self.root), str(self.folder)),
        ]
        with log.open("w") as stream:
            process = subprocess.Popen(
                [*alone, *command],
                cwd=self.folder / "work",
                env=self.env,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                **options,
            )
        work = Work(process, log)
        self._works.append(work)
        return work
