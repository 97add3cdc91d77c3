"""What the machines of a team share: an S3 store that keeps its data, a Postgres, and a bucket and databases a team."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.prove.access import ACCESS
from bench.prove.postgres import Postgres
from bench.prove.s3_proxy import S3Proxy
from bench.prove.seaweed import Weed, WeedMissing
from bench.prove.team import Team


@pytest.fixture(scope="module", autouse=True)
def credentials() -> Iterator[None]:
    """The process of the tests looks at the store, too."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patched.delenv(name)
        for name, value in ACCESS.items():
            patched.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    try:
        server = Weed(tmp_path_factory.mktemp("store"))
    except WeedMissing as missing:
        pytest.skip(str(missing))
    with server.running():
        yield server


@pytest.fixture
def proxy(store: Weed) -> Iterator[S3Proxy]:
    """A way to the store on which requests can fail."""
    with S3Proxy(store.endpoint) as made:
        yield made


@pytest.fixture
def team(store: Weed, postgres: Postgres) -> Iterator[Team]:
    with Team(store, postgres) as made:
        yield made


@pytest.fixture
def team_behind_proxy(
    store: Weed, postgres: Postgres, proxy: S3Proxy
) -> Iterator[Team]:
    with Team(store, postgres, proxy.endpoint) as made:
        yield made
