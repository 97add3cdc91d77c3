"""Small inputs that people have: made by the tests, and those of the folder of cases, where it is present."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assets.storage import Folder
from checks.gates import INTAKE_TABLES, gate_session

CASES = Path(
    os.environ.get(
        "DAGUERRE_TEST_CASES",
        Path(__file__).resolve().parents[2].parent / "shared" / "cases",
    )
)


@pytest.fixture(params=["made", "given"])
def find_case(request, tmp_path) -> Callable[[str, Callable[[Path], None]], Path]:
    """find_case(name, make): a case made by `make` in an empty folder, or that of its name in the folder of cases."""

    def find(name: str, make: Callable[[Path], None]) -> Path:
        if request.param == "made":
            folder = tmp_path / name
            folder.mkdir()
            make(folder)
            return folder
        if not (CASES / name).is_dir():
            pytest.skip(f"{CASES / name} is not present: set DAGUERRE_TEST_CASES")
        return CASES / name

    return find


@pytest.fixture
def take_in(intake) -> Callable[[Path], dict[str, list[dict]]]:
    """take_in(folder): the rows of the intake tables after the folder was ingested and met its gates."""

    def take(folder: Path) -> dict[str, list[dict]]:
        report = intake.ingest(Folder(str(folder)), "case")
        verdicts = {
            v.name: v
            for table in INTAKE_TABLES
            for v in gate_session(intake.catalog, table, "case")
        }
        tables = {
            table: intake.catalog.read_latest(table).to_pylist()
            for table in INTAKE_TABLES
        }
        return {
            **tables,
            "report": [vars(report)],
            "failed": [vars(v) for v in verdicts.values() if not v.passed],
        }

    return take
