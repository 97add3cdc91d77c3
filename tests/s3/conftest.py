"""An S3 server on loopback with dummy credentials, and a bucket a test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from assets.ledger import Ledger
from bench.prove.access import ACCESS
from orchestration.profiles import Settings, load_settings

_NUMBERS = itertools.count()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dummy credentials, and nothing of this machine's own configuration."""
    for name, value in ACCESS.items():
        monkeypatch.setenv(name, value)
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def make_settings(credentials, tmp_path) -> Callable[[str], Settings]:
    """The settings that a person gets who points a home at a bucket of this endpoint; the bucket is made."""

    def make(endpoint: str) -> Settings:
        from s3fs import S3FileSystem

        bucket = f"bucket-{next(_NUMBERS)}"
        S3FileSystem(client_kwargs={"endpoint_url": endpoint}).mkdir(bucket)
        return load_settings(
            {
                "DAGUERRE_HOME": str(tmp_path / "home"),
                "DAGUERRE_S3_ENDPOINT": endpoint,
                "DAGUERRE_LANDING": f"s3://{bucket}/landing",
                "DAGUERRE_TABLES": f"s3://{bucket}/tables",
                "DAGUERRE_BLOBS": f"s3://{bucket}/blobs",
            }
        )

    return make


@pytest.fixture
def settings(make_settings, moto_endpoint) -> Settings:
    return make_settings(moto_endpoint)


@pytest.fixture
def ledger(settings) -> Ledger:
    return Ledger(settings.ledger_url)
