"""What `daguerre ui` starts is what plain Dagster starts in a checkout."""

from __future__ import annotations

from pathlib import Path

import yaml

from orchestration.profiles import CHECKOUT, load_settings
from orchestration.ui import _commands


def test_the_servers_load_the_code_that_the_workspace_names(tmp_path: Path) -> None:
    (location,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"]
    command = _commands(load_settings({"DAGUERRE_HOME": str(tmp_path)}), 3000, 5000)[
        "dagster"
    ]
    *_, module_flag, module, folder_flag, folder = command
    assert (module_flag, folder_flag, Path(folder)) == ("-m", "-d", CHECKOUT)
    assert location == {
        "python_module": {"module_name": module, "working_directory": "."}
    }
