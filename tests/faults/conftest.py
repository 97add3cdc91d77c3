"""The servers and references that schedules share; one survey of the points that the product's workers pass."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from bench.prove.prove import open_store
from bench.prove.stage import Points, Stage, survey


@pytest.fixture(scope="session")
def stage(tmp_path_factory) -> Iterator[Stage]:
    """The product's stage; tests that need Postgres put it there themselves."""
    with warnings.catch_warnings(), open_store() as (proxy, endpoint):
        warnings.simplefilter("ignore", ResourceWarning)  # sockets of killed workers
        yield Stage.build(
            tmp_path_factory.mktemp("stage"), "daguerre", proxy, endpoint, None
        )


@pytest.fixture(scope="session")
def points(stage) -> dict[str, Points]:
    return survey(stage)
