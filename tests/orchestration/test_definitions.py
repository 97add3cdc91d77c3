"""The code location loads light, and holds what the stages promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assets.stages import all_stages

CHECKOUT = Path(__file__).resolve().parents[2]
_PROBE = """
import json, sys
from orchestration.definitions import defs
graph = defs.resolve_asset_graph()
print(json.dumps({
    "heavy": [m for m in ("torch", "ray", "mlflow", "great_expectations", "scipy") if m in sys.modules],
    "groups": sorted({graph.get(key).group_name for key in graph.get_all_asset_keys()}),
    "checks": len(graph.asset_check_keys), "unchecked": sorted(
        key.to_user_string() for key in graph.get_all_asset_keys()
        if not any(check.asset_key == key for check in graph.asset_check_keys)),
    "undescribed": sorted(
        [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description]
        + [str(key) for key in graph.asset_check_keys if not graph.get_check_spec(key).description]
        + [made.name for made in [*defs.jobs, *defs.sensors] if not made.description]),
}))
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Load the definitions in a process of its own."""
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [sys.executable, "-c", _PROBE],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        env={"DAGUERRE_HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    return json.loads(done.stdout)


def test_definitions_load_nothing_heavy(facts: dict) -> None:
    assert facts["heavy"] == []


def test_every_stage_is_a_group_and_every_asset_has_checks(facts: dict) -> None:
    assert facts["groups"] == sorted(stage.name for stage in all_stages())
    assert facts["unchecked"] == []
    assert facts["checks"] > 40


def test_the_ui_tells_what_everything_is(facts: dict) -> None:
    assert facts["undescribed"] == []


def test_what_commands_share_loads_without_the_orchestrator() -> None:
    script = "import sys, orchestration.cli, orchestration.resources; raise SystemExit('dagster' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", script], cwd=CHECKOUT, check=False
        ).returncode
        == 0
    )


def test_the_help_of_a_verb_loads_nothing_that_computes_or_stores() -> None:
    script = (
        "import sys, orchestration.cli\n"
        "try: orchestration.cli.app(['export', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('cv2', 'lance', 'numpy', 'pandas', 'pyarrow', 'sqlalchemy')\n"
        "print('loaded:', [name for name in heavy if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Usage" in told
    assert told.splitlines()[-1] == "loaded: []"
