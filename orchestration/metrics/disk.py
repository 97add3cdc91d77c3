"""Samples of the disk: what stores of this machine take, and what is free. Blobs are too many to be weighed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestration.metrics import families as f
from orchestration.metrics.families import Sample
from orchestration.profiles import Settings

_SQLITE = "sqlite:///"


def read_disk(settings: Settings) -> Iterator[Sample]:
    """Of each store that lies on this machine; of a bucket or a database server there is no sample."""
    yield f.FREE_BYTES.at(shutil.disk_usage(settings.home).free)
    yield f.STORE_BYTES.at(_weigh_below(settings.dagster_home), "runs")
    if "://" not in settings.tables_uri:
        yield f.STORE_BYTES.at(_weigh_below(Path(settings.tables_uri)), "tables")
    for name, url in (
        ("ledger", settings.ledger_url),
        ("registry", settings.mlflow_url),
    ):
        if url.startswith(_SQLITE):
            yield f.STORE_BYTES.at(_weigh_database(url.removeprefix(_SQLITE)), name)


def _weigh_database(path: str) -> int:
    total = 0
    for part in (path, f"{path}-wal"):
        with suppress(FileNotFoundError):
            total += os.stat(part).st_size
    return total


def _weigh_below(folder: Path) -> int:
    """Bytes of the files below; what vanishes meanwhile does not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(root, name)).st_size
    return total
