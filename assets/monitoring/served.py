"""What serving has to tell of champions: requests that drifted, canaries that were taken back, shadows that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from assets.monitoring.control import (
    REQUESTS,
    SUBJECTS,
    Reading,
    Subject,
    follow_requests,
)
from assets.monitoring.estimates import has_fallen
from assets.monitoring.event import Event
from assets.monitoring.pending import champions
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import (
    CanaryReturnRow,
    ChampionRow,
    RequestRow,
    RequestWindowRow,
)

# what a server holds a canary to (`assets/serving/versions.py`)
MAX_DISAGREEMENT = 0.3  # mean, between 0 and 1
LEAST_IMAGES = 30
_LAND = "pictures of requests are not kept, so land some like them, label and train"


def find_in_requests(catalog: Catalog, champion: ChampionRow) -> list[Event]:
    """Windows of requests to the champion at which the evidence of a change sufficed, or whose estimate fell."""
    found = [
        _of_requests(champion, subject, reading)
        for subject in SUBJECTS
        for reading in follow_requests(catalog, champion, subject)
        if reading.is_alarm
    ]
    mine = (
        f"{is_in('model_name', [champion['model_name']])} "
        f"AND model_version = {champion['model_version']}"
    )
    windows: list[RequestWindowRow] = catalog.read_latest(
        "request_windows", where=mine
    ).to_pylist()
    return found + [
        _of_window(row)
        for row in windows
        if has_fallen(row["estimate"], row["error"], row["reference"])
    ]


def find_served(catalog: Catalog) -> list[Event]:
    """Canaries that were taken back, and shadows of which enough sampled answers differ from the champion's."""
    returned: list[CanaryReturnRow] = catalog.read_latest("canary_returns").to_pylist()
    return [_of_canary(row) for row in returned] + _find_differing(catalog)


def _find_differing(catalog: Catalog) -> list[Event]:
    where = "role = 'shadow' AND disagreement IS NOT NULL"
    columns = ["task", "model_name", "model_version", "model_sha256", "request_id"]
    rows = catalog.read_latest("requests", [*columns, "disagreement"], where)
    asked: dict[tuple[str, str], list[RequestRow]] = defaultdict(list)
    for row in rows.to_pylist():
        asked[row["task"], row["model_sha256"]].append(row)
    return [
        event
        for champion in champions(catalog)
        for (task, _), mine in asked.items()
        if task == champion["task"]
        for event in _judge_shadow(catalog, champion, mine)
    ]


def _judge_shadow(
    catalog: Catalog, champion: ChampionRow, rows: Sequence[RequestRow]
) -> list[Event]:
    """One event at most, of the requests that this champion answered."""
    if len(rows) < LEAST_IMAGES:
        return []
    mine = f"{is_in('model_sha256', [champion['model_sha256']])} AND role = 'champion'"
    answered = catalog.read_latest("requests", ["request_id"], mine)
    ids = set(answered["request_id"].to_pylist())
    found = [row["disagreement"] or 0.0 for row in rows if row["request_id"] in ids]
    mean = float(np.mean(found)) if found else 0.0
    if len(found) < LEAST_IMAGES or mean <= MAX_DISAGREEMENT:
        return []
    return [_of_shadow(champion, rows[0], mean, len(found))]


def _of_requests(champion: ChampionRow, subject: Subject, reading: Reading) -> Event:
    name, version = champion["model_name"], champion["model_version"]
    who = f"{name} version {version}"
    what = f"Images that {who} is asked about"
    if subject == "answers":
        what = f"Answers of {who} to requests"
    kind = REQUESTS + subject
    return Event(
        kind,
        f"{kind}/{champion['task']}",
        f"{name}/{version}/{reading.session}",
        f"{what} have drifted on {reading.session}: {reading.statistic} {reading.distance:+.1f} sd from what it knows",
        f"`daguerre drift` has all figures; {_LAND}",
        champion["task"],
    )


def _of_window(row: RequestWindowRow) -> Event:
    who = f"{row['model_name']} version {row['model_version']}"
    kind = f"{REQUESTS}estimate"
    return Event(
        kind,
        f"{kind}/{row['task']}",
        f"{row['model_name']}/{row['model_version']}/{row['window']}",
        f"The {row['metric']} of {who} on requests of {row['window']} is estimated at {row['estimate']:.2f}, "
        f"after {row['reference']:.2f} on the test part of its release",
        f"Labels would tell the truth: {_LAND}",
        row["task"],
    )


def _of_canary(row: CanaryReturnRow) -> Event:
    who = f"{row['model_name']} version {row['model_version']}"
    return Event(
        "canary",
        f"canary/{row['task']}",
        row["return_id"],
        f"A server has taken {who} back after {row['num_images']} images: {row['cause']}; version "
        f"{row['champion_version']} answers in its place",
        f"`daguerre compare {row['task']} {row['model_sha256'][:16]}` says where it differs; `daguerre rollback "
        f"{row['task']}` takes it back everywhere, else a server that starts tries it again",
        row["task"],
    )


def _of_shadow(
    champion: ChampionRow, shadow: RequestRow, mean: float, num_images: int
) -> Event:
    task = champion["task"]
    return Event(
        "shadow",
        f"shadow/{task}",
        f"{champion['model_sha256']}/{shadow['model_sha256']}",
        f"The shadow {shadow['model_name']} version {shadow['model_version']} differs from the champion, version "
        f"{champion['model_version']}, by {mean:.2f} (0 to 1) on {num_images} sampled images of requests",
        f"`daguerre compare {task} {shadow['model_sha256'][:16]}` says where; labels say which of the two is right",
        task,
    )
