"""Dagster's own settings for a home, its dagster.yaml: where runs and events are kept, and how many runs go on at once.

Belongs here: writing that file, and telling whether it fits the settings. Does not: the servers, the graph.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import yaml

from assets.whole_output import writing_file
from models.known_tasks import all_task_names
from orchestration.profiles import STORAGE_SETTING, Settings
from orchestration.run_tags import (
    CONCURRENCY_KEY,
    INTAKE,
    MONITORING,
    TRAINING,
    TRAINS,
)

CONFIG = "dagster.yaml"
_HEAD = "# Written by daguerre, which writes it anew until you edit it."
_REFERENCE = "https://docs.dagster.io/deployment/oss/dagster-yaml"
# at once, on all machines of a team together
_TEAM_RUNS = 10
_TEAM_KINDS = {INTAKE: 4, MONITORING: 2, TRAINING: 4}
_TEAM_BACKFILL = 4  # runs of one backfill


def prepare_instance(settings: Settings) -> Path:
    """Make the Dagster home with its dagster.yaml and return it.

    A file that somebody has edited stays. Raises ValueError where it keeps runs elsewhere than the settings say.
    """
    folder = settings.dagster_home
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG
    wanted = _write(settings)
    known = path.read_text() if path.exists() else None
    if known is None or (known != wanted and _is_ours(known)):
        with writing_file(path) as partial:
            partial.write_text(wanted)
    elif known != wanted:
        _require_storage(path, known, settings)
    if settings.dagster_url:
        # which the file names: with the driver that Dagster wants
        os.environ[STORAGE_SETTING] = settings.dagster_url
    return folder


def describe_instance(settings: Settings) -> dict[str, Any]:
    """What dagster.yaml says for these settings. Addresses stay in the environment."""
    is_team = settings.dagster_url is not None
    config: dict[str, Any] = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
        },
        "concurrency": {"runs": _limit_runs(is_team)},
        "python_logs": {
            "managed_python_loggers": ["daguerre"],
            "python_log_level": "INFO",
        },
        "run_monitoring": {"enabled": True},
        "run_retries": {
            "enabled": True,
            "max_retries": 2,
            "retry_on_asset_or_op_failure": False,
        },
    }
    if is_team:
        config["storage"] = {"postgres": {"postgres_url": {"env": STORAGE_SETTING}}}
    return config


def _limit_runs(is_team: bool) -> dict[str, Any]:
    if not is_team:
        training = {"key": CONCURRENCY_KEY, "value": TRAINING, "limit": 1}
        return {"max_concurrent_runs": 2, "tag_concurrency_limits": [training]}
    kinds = [
        {"key": CONCURRENCY_KEY, "value": kind, "limit": limit}
        for kind, limit in _TEAM_KINDS.items()
    ]
    tasks = [{"key": TRAINS + task, "limit": 1} for task in all_task_names()]
    backfills = {
        "key": "dagster/backfill",
        "value": {"applyLimitPerUniqueValue": True},
        "limit": _TEAM_BACKFILL,
    }
    return {
        "max_concurrent_runs": _TEAM_RUNS,
        "tag_concurrency_limits": [*kinds, *tasks, backfills],
    }


def _write(settings: Settings) -> str:
    body = yaml.safe_dump(describe_instance(settings), sort_keys=False)
    return f"{_HEAD} {_REFERENCE} {_digest(body)}\n{body}"


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _is_ours(text: str) -> bool:
    head, _, body = text.partition("\n")
    return head.startswith(_HEAD) and head.endswith(f" {_digest(body)}")


def _require_storage(path: Path, text: str, settings: Settings) -> None:
    """Raise ValueError where an edited file keeps runs elsewhere than the settings say."""
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML ({error}): mend it or remove it") from None
    storage = describe_instance(settings).get("storage")
    if storage is not None and found.get("storage") != storage:
        lines = yaml.safe_dump({"storage": storage}, default_flow_style=True).strip()
        raise ValueError(
            f"{STORAGE_SETTING} is set, and {path}, which was edited, keeps runs elsewhere: remove it, or write "
            f"{lines} into it"
        )
