"""The process that looks at the champions for a server: `python -m orchestration.serving_follower DESCRIPTOR`.

Belongs here: which tables and which registry are looked at. Does not: what a look gives, and what a server makes of it.
"""

import sys

from assets.serving.champions import Champions, RegistryLook
from assets.serving.follower import follow
from assets.tables.rows import ChampionRow
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_tracker


def build_champions(settings: Settings) -> Champions:
    """The champions of a home, as its table and its registry say."""
    return Champions(
        build_catalog(settings), settings.home, look_into_registry(settings)
    )


def look_into_registry(settings: Settings) -> RegistryLook:
    """What MLflow says. A store behind a server is not looked into for what is gone."""
    tracker = build_tracker(settings)
    reader = tracker.reader

    def find_fault(row: ChampionRow) -> str | None:
        if not reader.is_readable:
            return None
        model = row["task"], row["model_version"]
        known = {(v.task, v.version): v.tags.get("model_sha256") for v in reader.versions()}  # fmt: skip
        if known.get(model) == row["model_sha256"]:
            return None
        return (
            f"champion {row['model_name']} v{row['model_version']} is not in MLflow any more: restore MLflow's store "
            f"from a backup, or let another be champion with `daguerre train {row['task']}`"
        )

    def find_version(task: str, model_sha256: str) -> int | None:
        if not reader.is_readable and not tracker.is_there():
            return None
        found = [
            (v.tags.get("model_sha256"), v.version)
            for v in (reader.versions() if reader.is_readable else tracker.versions(task))
            if v.task == task
        ]  # fmt: skip
        return max((n for sha256, n in found if sha256 == model_sha256), default=None)

    return RegistryLook(find_fault, find_version)


if __name__ == "__main__":
    follow(build_champions(load_settings()), int(sys.argv[1]))
