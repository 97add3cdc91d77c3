"""Two nodes of Ray on loopback, which this process has joined; the second has another home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.cluster.connection import open_ray
from bench.ray_nodes import RayNodes, start_ray_nodes
from tests.assets.training.conftest import store_release as store_release


@pytest.fixture(scope="module")
def other_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("other") / "home"


@pytest.fixture(scope="module")
def nodes(other_home: Path) -> Iterator[RayNodes]:
    """Joined. The first has one core, the second two, so that losing the second leaves room."""
    with (
        start_ray_nodes(2, 1, [{}, {"DAGUERRE_HOME": str(other_home)}]) as found,
        open_ray(2, found.address),
    ):
        yield found
