"""Two machines take in the same landing zone at once, through one store and one ledger: each session exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from assets.retrieval.verify import Stores, verify
from assets.storage import BlobStore
from assets.tables.schemas import TABLES
from bench.prove.team import Team
from orchestration.resources import build_catalog, build_ledger

PICTURES = 2  # of a session, beside one text

Lines = list[dict[str, Any]]


def draw(number: int) -> bytes:
    """A PNG of seeded blocks: no two numbers look alike."""
    cells = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = cv2.resize(cells, (64, 64), interpolation=cv2.INTER_NEAREST)
    return bytes(cv2.imencode(".png", image)[1])


def take_in(
    team: Team, num_sessions: int, act: Callable[[], object] = lambda: None
) -> tuple[Lines, Lines]:
    """Land so many sessions, and let two machines take in all of them, both in the same order: what each of them said.

    `act` is called when the first session of one of them is done, while both work on.
    """
    for number in range(num_sessions):
        pictures = {f"images/{n}.png": draw(2 * number + n) for n in range(PICTURES)}
        text = f"session {number}".encode()
        team.land(f"session-{number}", {**pictures, "README.md": text})
    one, two = (
        team.add_machine(name).start("bench.prove.machine_work", "take_in")
        for name in ("one", "two")
    )
    assert [one.read(), two.read()] == ["ready", "ready"]
    one.go_on()
    two.go_on()
    first = one.await_fact("session")
    act()
    return [first, *one.end()], two.end()


def require_once(team: Team, told: tuple[Lines, Lines], num_sessions: int) -> None:
    """Both have done every session; each row and blob is there once, and is what its hash says."""
    names = [f"session-{n}" for n in range(num_sessions)]
    for lines in told:
        done = [line for line in lines if "session" in line]
        assert [line["session"] for line in done] == names
        assert all(line["published"] for line in done)
    settings = team.settings
    catalog = build_catalog(settings)
    for table in ("frames", "frame_quality", "frame_embeddings"):
        rows = catalog.read(table, [TABLES[table].key, "session"])
        assert len(set(rows[TABLES[table].key].to_pylist())) == len(rows), table
        counts = Counter(rows["session"].to_pylist())
        assert counts == dict.fromkeys(names, PICTURES), table
    ledger = build_ledger(settings)
    try:
        assert len(ledger.file_table()) == num_sessions * (PICTURES + 1)
        assert ledger.leases() == []
        blobs = BlobStore(settings.blobs_uri, settings.file_options)
        assert verify(Stores(catalog, ledger, blobs, settings.home)) == []
    finally:
        ledger.engine.dispose()


def test_two_machines_take_in_each_session_once(team):
    told = take_in(team, 4)
    assert not any("failed" in line for lines in told for line in lines), told
    require_once(team, told, 4)


def test_a_database_that_restarts_under_two_machines_costs_nothing(team, postgres):
    told = take_in(team, 2, act=postgres.restart)
    require_once(team, told, 2)


def test_a_store_that_fails_for_a_while_costs_nothing(team_behind_proxy, proxy):
    num_failed = 30
    told = take_in(
        team_behind_proxy, 2, act=lambda: proxy.arm("slow_down", 1, num_failed)
    )
    assert len(proxy.requests) > num_failed, "the work ended before the store was back"
    require_once(team_behind_proxy, told, 2)
