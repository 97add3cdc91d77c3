"""Verbs as a person runs them, in this process; and the connections to databases that it makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner


@pytest.fixture
def run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Callable[..., Any]]:
    """run_on(home)("status"): the verb on that home, in a working folder of its own; its answer from JSON."""
    from orchestration.cli import app

    def choose(home: Path, exit_codes: tuple[int, ...] = (0,)) -> Callable[..., Any]:
        monkeypatch.setenv("DAGUERRE_HOME", str(home))
        monkeypatch.chdir(tmp_path)

        def invoke(*words: str) -> Any:
            result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
            assert result.exit_code in exit_codes, result.output
            return json.loads(result.stdout)

        return invoke

    return choose


@pytest.fixture
def connected() -> Iterator[list[Any]]:
    """Every connection that SQLAlchemy makes in this process during the test."""
    made: list[Any] = []

    def note(connection: Any, _: object) -> None:
        made.append(connection)

    sa.event.listen(sa.pool.Pool, "connect", note)
    yield made
    sa.event.remove(sa.pool.Pool, "connect", note)
