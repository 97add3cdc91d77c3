"""A home with a release, seals, publications and versions that are left over, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assets.ledger import Ledger
from assets.maintenance.home import Stores
from assets.tables import upkeep
from assets.tables.catalog import Catalog
from assets.tables.commits import pin
from assets.tables.seals import seal_tables

SESSIONS = 6
RELEASED = 2  # sessions that the release has
TABLES = ("frames", "publications")


@pytest.fixture(scope="session")
def grown_home(tmp_path_factory, frame_rows) -> Path:
    """Six sessions of a frame, one by one; a release after the second; all sealed. Nothing was dropped yet."""
    home = tmp_path_factory.mktemp("grown")
    catalog = Catalog(str(home / "tables"))
    for number in range(1, SESSIONS + 1):
        session = f"session-{number}"
        catalog.merge("frames", frame_rows(1, session=session, seed=number))
        catalog.publish("frames", session, catalog.latest_version("frames"))
        if number == RELEASED:
            dataset = catalog.dataset("frames")
            pin(dataset, "release-a", dataset.version)
        seal_tables(catalog, TABLES)
    return home


@pytest.fixture
def open_home(grown_home, tmp_path) -> Callable[[str], Stores]:
    """open_home("first"): a copy of that home."""

    def copy(name: str) -> Stores:
        home = tmp_path / name
        shutil.copytree(grown_home, home)
        ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
        return Stores(Catalog(str(home / "tables")), ledger, home, 7.0)

    return copy


@pytest.fixture
def stores(open_home) -> Stores:
    return open_home("home")


@pytest.fixture
def at_once(monkeypatch) -> Iterator[None]:
    """Versions may go as soon as they are out of date, and four fragments are many."""
    monkeypatch.setattr(upkeep, "ALONE_S", -1.0)
    monkeypatch.setattr(upkeep, "MANY", 4)
    yield
