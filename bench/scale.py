"""Measure what a home of 10,000 sessions costs those who look at it again and again, against one of 100 sessions.

Measured are a tick of each sensor, `daguerre plan`, `daguerre status`, and what the pages of Dagster ask for by
GraphQL. The graph is made one of 100 assets by tasks of a user's own. Rows, runs and events are synthetic
(`synthetic_home`, `synthetic_runs`). Of every ten sessions the champions have learnt from five and judged four, of
which every twentieth drifted. Figures are medians of a few rounds after a first one, in seconds of processor and by the
clock: of this process, and for the pages of the server of the graph as well.

Run: `python -m bench.scale --json`. It takes half an hour, most of it to make the larger home.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.synthetic_home import fill, name_sessions, plain_row, publish_table

BASE = 100  # sessions of the home that is compared with
ASSETS = 100
ROUNDS = 3
TASKS = ("detection", "recognition", "segmentation")
_STATISTICS = 30  # rows of one verdict
_TASK = """\
from models.recipes.config import TrainConfig
from models.tasks.multilabel import MultiLabel


class Other(MultiLabel):
    name = "{name}"
    dataset = "multilabel"


def base_{name}():
    return TrainConfig(
        name="base_{name}", task="{name}", image_size_px=64, epochs=1, batch_size=8, lr=1e-3
    )


TASK = Other()
RECIPES = (base_{name},)
"""
# as the pages of Dagster ask, without what they ask for many assets one by one
_QUERIES = {
    "assets": """
        query Assets {
          assetNodes { id assetKey { path } groupName description isPartitioned opNames kinds
                       hasMaterializePermission changedReasons
                       dependencyKeys { path } dependedByKeys { path } jobNames }
        }""",
    "asset_states": """
        query Live($keys: [AssetKeyInput!]!) {
          assetNodes(assetKeys: $keys, loadMaterializations: true) {
            id assetKey { path }
            assetMaterializations(limit: 1) { timestamp runId stepKey }
            partitionStats { numMaterialized numMaterializing numPartitions numFailed }
            assetChecksOrError { ... on AssetChecks { checks {
              name
              executionForLatestMaterialization { id runId status timestamp evaluation { severity } }
            } } }
          }
          assetsLatestInfo(assetKeys: $keys) { id assetKey { path } unstartedRunIds inProgressRunIds
                                               latestRun { id status } }
        }""",
    "partitions": """
        query Partitions($key: AssetKeyInput!) {
          assetNodeOrError(assetKey: $key) { ... on AssetNode {
            id
            partitionKeysByDimension { name type partitionKeys }
            assetPartitionStatuses { ... on DefaultPartitionStatuses {
              materializedPartitions materializingPartitions failedPartitions } }
          } }
        }""",
    "runs": """
        query Runs {
          runsFeedOrError(limit: 31, view: ROOTS) { ... on RunsFeedConnection {
            cursor hasMore
            results { id runStatus creationTime startTime endTime jobName tags { key value }
                      ... on Run { assetSelectionCount assetCheckSelectionCount
                                   assetSelectionPreview: assetSelection(limit: 25) { path } } }
          } }
          runsFeedCountOrError(view: ROOTS) { ... on RunsFeedCount { count } }
        }""",
}
_SHOWN = ["curation", "frame_quality"]
Figures = dict[str, list[float]]


def main() -> None:
    """Print the figures as text or as one JSON object. A home is measured in a process of its own (`--alone`)."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10, help="of a session")
    parser.add_argument("--alone", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(
            json.dumps(measure(Path(options.alone), options.sessions, options.frames))
        )
        return
    figures: dict[str, Any] = {"sessions": options.sessions, "frames": options.frames}
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        for number in (BASE, options.sessions):
            home = Path(folder) / f"home-{number}"
            figures[f"at_{number}"] = _measure_apart(home, number, options.frames)
    print(json.dumps(figures) if options.json else _draw(figures, options.sessions))


def _measure_apart(home: Path, num_sessions: int, num_frames: int) -> Mapping[str, Any]:
    command = [sys.executable, "-m", "bench.scale", "--alone", str(home)]
    command += ["--sessions", str(num_sessions), "--frames", str(num_frames)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _draw(figures: Mapping[str, Any], num_sessions: int) -> str:
    small, large = figures[f"at_{BASE}"], figures[f"at_{num_sessions}"]
    lines = [f"{'seconds of processor, by the clock':36}{BASE:>16}{num_sessions:>16}"]
    for name, value in large.items():
        both = [small[name], value]
        told = [
            f"{v[0]:.2f}, {v[1]:.2f}" if isinstance(v, list) else str(v) for v in both
        ]
        lines.append(f"{name:36}{told[0]:>16}{told[1]:>16}")
    return "\n".join(lines)


def measure(home: Path, num_sessions: int, num_frames: int) -> dict[str, Any]:
    """[seconds of processor, seconds by the clock] of each, in a new home of so many sessions."""
    home.mkdir(parents=True)
    settings = _prepare(home)
    sessions = name_sessions(num_sessions)
    _fill(settings, sessions, num_frames)
    return _measure_home(settings, sessions)


def _prepare(home: Path) -> Any:
    """Settings of a home, with tasks enough."""
    os.environ["DAGUERRE_HOME"] = str(home)
    os.environ["DAGUERRE_TASKS"] = _write_tasks(home.parent / "tasks")
    from orchestration.profiles import load_settings

    return load_settings()


def _fill(settings: Any, sessions: Sequence[str], num_frames: int) -> None:
    from bench.synthetic_runs import land
    from orchestration.resources import build_catalog

    catalog = build_catalog(settings)
    _tell(f"{len(sessions)} sessions: rows")
    fill(catalog, sessions, num_frames, is_labelled=True)
    _judge(catalog, sessions)
    _tell("landing zone and ledger")
    land(settings, sessions)


def _measure_home(settings: Any, sessions: Sequence[str]) -> dict[str, Any]:
    from bench.synthetic_runs import run, watch
    from orchestration.plan.making import list_assets, make_plan
    from orchestration.sensors.drift import drift_sensor
    from orchestration.sensors.landing import landing_zone_sensor
    from orchestration.sensors.monitoring import unjudged_session_sensor
    from orchestration.ticks import LocalEngine

    found: dict[str, Any] = {"assets": len(list_assets())}
    with LocalEngine(settings) as engine:
        _tell("runs and events")
        run(settings, engine.instance, sessions)
        cursor = json.dumps(asdict(watch(settings, sessions)))
        for sensor in (landing_zone_sensor, unjudged_session_sensor, drift_sensor):
            _tell(sensor.name)
            tick = partial(_tick, settings, engine.instance, sensor)
            found[sensor.name] = _time(
                partial(tick, cursor if sensor is landing_zone_sensor else None)
            )
    _tell("plan")
    found["plan"] = _time(lambda: make_plan(settings))
    _tell("status")
    found["status"] = _time(lambda: _read_status(settings))
    _tell("pages")
    return found | _measure_pages(str(settings.dagster_home))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write_tasks(folder: Path) -> str:
    """Files of tasks, as many as make the graph one of a hundred assets: each adds a training, scores and a gate."""
    from orchestration.plan.making import list_assets

    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(-(-(ASSETS - len(list_assets())) // 3)):
        name = f"other_{number:02d}"
        path = folder / f"{name}.py"
        path.write_text(_TASK.format(name=name))
        paths.append(str(path))
    return os.pathsep.join(paths)


def _judge(catalog: Any, sessions: Sequence[str]) -> None:
    """Champions of three tasks, their releases, and verdicts on sessions that these have not learnt from."""
    from assets.tables.schemas import TABLES, content_id, to_table
    from assets.tables.schemas.monitoring import WHOLE_SESSION

    learnt = [s for n, s in enumerate(sessions) if n % 10 < 5]
    judged = [s for n, s in enumerate(sessions) if 5 <= n % 10 < 9]
    champions, releases = [], []
    for task in TASKS:
        of_task = {"task": task, "release_id": content_id("release", task)}
        name = {"model_name": f"daguerre-{task}", "model_version": 1}
        champions.append(plain_row("champions", of_task | name))
        releases.append(plain_row("releases", of_task | {"sessions": learnt}))
    catalog.merge("champions", to_table(TABLES["champions"], champions))
    catalog.merge("releases", to_table(TABLES["releases"], releases))
    for champion in champions:
        shared = {k: champion[k] for k in ("model_name", "model_version", "release_id")}
        for start in range(0, len(judged), 1000):
            rows = [
                plain_row("drift", shared)
                | {
                    "drift_id": content_id(champion["task"], session, number),
                    "session": session,
                    "statistic": f"statistic {number}" if number else WHOLE_SESSION,
                    "is_drifted": n % 20 == 0,
                }
                for n, session in enumerate(judged[start : start + 1000])
                for number in range(_STATISTICS)
            ]
            catalog.merge("drift", to_table(TABLES["drift"], rows))
    publish_table(catalog, "drift", judged)


def _tick(settings: Any, instance: Any, sensor: Any, cursor: str | None) -> object:
    """Evaluate a sensor once, as the daemon does; nothing is done of what it asks for."""
    import dagster as dg

    from orchestration.resources import RESOURCE_FACTORIES

    names = sensor.required_resource_keys
    resources = {
        n: make(settings) for n, make in RESOURCE_FACTORIES.items() if n in names
    }
    with dg.build_sensor_context(instance, cursor, resources=resources) as context:
        return sensor(context)


def _read_status(settings: Any) -> object:
    from assets.retrieval.status import Home, read_status
    from orchestration.resources import build_catalog, open_landing_zone, open_ledger

    zone = open_landing_zone(settings, open_ledger(settings))
    return read_status(Home(build_catalog(settings), zone, settings.home))


def _time(work: Callable[[], object]) -> list[float]:
    """Medians of a few rounds after a first one."""
    costs = []
    for _ in range(ROUNDS + 1):
        with _measuring() as cost:
            work()
        costs.append(cost)
    return [round(median(c[n] for c in costs[1:]), 3) for n in (0, 1)]


@contextmanager
def _measuring() -> Iterator[list[float]]:
    """A list that has seconds of processor and by the clock at the end."""
    cost: list[float] = []
    start = _read_processor(), time.perf_counter()
    yield cost
    cost += [_read_processor() - start[0], time.perf_counter() - start[1]]


def _read_processor() -> float:
    """Seconds of this process and of the children that it has now."""
    import psutil

    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def _measure_pages(dagster_home: str) -> dict[str, list[float]]:
    """What each of the queries takes, with its answer as JSON. Raises AssertionError for one that is not answered."""
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster_graphql.schema import create_schema

    from orchestration.profiles import CHECKOUT
    from orchestration.ui import MODULE

    target = ModuleTarget(MODULE, None, str(CHECKOUT), MODULE)
    schema = create_schema()
    os.environ["DAGSTER_HOME"] = dagster_home
    found = {}
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target) as workspace,
    ):

        def ask(query: str, variables: Mapping[str, object]) -> Any:
            answer = asyncio.run(
                schema.execute_async(
                    query,
                    context_value=workspace.create_request_context(),
                    variable_values=dict(variables),
                )
            )
            assert answer.errors is None, answer.errors
            json.dumps(answer.data)
            return answer.data

        nodes = ask(_QUERIES["assets"], {})["assetNodes"]
        keys = [{"path": node["assetKey"]["path"]} for node in nodes]
        assert len(keys) >= ASSETS, keys
        variables = {"keys": keys, "key": {"path": _SHOWN}}
        for name, query in _QUERIES.items():
            given = {k: v for k, v in variables.items() if f"${k}:" in query}
            found[f"ui_{name}"] = _time(lambda q=query, g=given: ask(q, g))
    return found


if __name__ == "__main__":
    main()
