"""Every stage declares itself: its files, tables, gates and assets are those of its `stage.py`, and of no other."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from assets.stages import all_stages, list_session_steps
from assets.tables.schemas import TABLES
from assets.tables.schemas import tables as own
from assets.tables.schemas.order import sort_by_after
from checks.gates import GATES, INTAKE_TABLES, SESSION_ASSETS, TASK_GATES, WHOLE_ASSETS
from orchestration.definitions import defs
from orchestration.jobs import ingest_session, list_task_keys, train_jobs
from orchestration.resources import RESOURCE_FACTORIES
from orchestration.session import session_keys

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = all_stages()
GRAPH = defs.resolve_asset_graph()
KEYS = {tuple(key.path) for key in GRAPH.get_all_asset_keys()}
stages = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def list_keys(job) -> set[tuple[str, ...]]:
    return {
        tuple(key.path)
        for key in defs.resolve_job_def(job.name).asset_layer.executable_asset_keys
    }


def test_every_folder_with_assets_declares_a_stage():
    with_assets = {file.parent.name for file in (CHECKOUT / "assets").glob("*/defs.py")}
    assert with_assets == {stage.name for stage in STAGES}


def test_stages_and_tables_follow_what_they_come_after():
    places = {stage.name: n for n, stage in enumerate(STAGES)}
    assert all(
        places[earlier] < places[stage.name]
        for stage in STAGES
        for earlier in stage.after
    )
    in_order = [table.name for stage in STAGES for table in stage.tables]
    assert list(TABLES) == [*in_order, *(table.name for table in own.TABLES)]


def test_order_is_by_what_comes_before_then_by_the_alphabet():
    assert sort_by_after({"d": ["b"], "b": ["a"], "c": ["a"], "a": []}) == [
        "a",
        "b",
        "c",
        "d",
    ]
    with pytest.raises(ValueError, match="b comes after c, but there are only a, b"):
        sort_by_after({"a": [], "b": ["c"]})
    with pytest.raises(ValueError, match="these come after each other: "):
        sort_by_after({"a": ["b"], "b": ["a"]})


def test_every_table_belongs_to_one_stage_and_stands_in_its_file():
    owners = {
        table.name: [stage.name for stage in STAGES if table in stage.tables]
        for table in TABLES.values()
    }
    assert {name: found for name, found in owners.items() if len(found) != 1} == {
        t.name: [] for t in own.TABLES
    }
    for table in TABLES.values():
        module = import_module(f"assets.tables.schemas.{table.stage}")
        assert table in module.TABLES and CHECKOUT / table.declared_in == Path(
            module.__file__ or ""
        )
        assert owners[table.name] in ([table.stage], [])


@stages
def test_gates_judge_the_tables_of_their_stage(stage):
    module = import_module(stage.gates)
    assert stage.gates == f"checks.{stage.name}"
    assert {gate.table for gate in module.GATES} == {
        table.name for table in stage.tables
    }
    assert {gate.table for gate in module.GATES} <= GATES.keys()
    by_asset = {
        **getattr(module, "SESSION_ASSETS", {}),
        **getattr(module, "WHOLE_ASSETS", {}),
    }
    by_task = [gate.tables for gate in getattr(module, "TASK_GATES", ())]
    judged = [table for tables in (*by_asset.values(), *by_task) for table in tables]
    assert set(judged) <= {gate.table for gate in module.GATES}
    assert len(set(judged)) == len(judged), "a table is judged with one asset"


def test_gates_judge_assets_that_there_are():
    gates = [(stage, gate) for (stage, _), gate in TASK_GATES.items()]
    by_task = {
        (stage, gate.asset.format(task=task))
        for stage, gate in gates
        for task in gate.list_tasks()
    }
    assert {*SESSION_ASSETS, *WHOLE_ASSETS, *by_task} <= KEYS


@stages
def test_assets_are_in_the_group_and_the_module_of_their_stage(stage):
    assert stage.assets == f"assets.{stage.name}.defs"
    mine = {
        key for made in import_module(stage.assets).defs.assets for key in made.keys
    }
    assert {tuple(key.path) for key in mine} == {
        key for key in KEYS if key[0] == stage.name
    }
    assert {GRAPH.get(key).group_name for key in mine} == {stage.name}


@stages
def test_what_a_session_or_a_task_needs_are_assets_of_the_stage(stage):
    assert all(key[0] == stage.name and key in KEYS for key in stage.session_assets)
    assert all(
        key[0] == stage.name and key in KEYS
        for key in stage.list_task_assets("detection", "detection")
    )


def test_the_job_of_a_session_is_what_sessions_need_and_that_of_a_task_what_tasks_need():
    assert list_keys(ingest_session) == set(session_keys()) and len(
        session_keys()
    ) == len(set(session_keys()))
    assert all(
        list_keys(job) == set(list_task_keys(task)) for task, job in train_jobs.items()
    )


def test_steps_run_behind_what_they_read_and_their_assets_say_the_same():
    made: set[tuple[str, str]] = set()
    for step in list_session_steps():
        assert made.issuperset(step.after)
        made.update(step.keys)
        nodes = [
            node
            for node in map(GRAPH.get, GRAPH.get_all_asset_keys())
            if tuple(node.key.path) in step.keys
        ]
        assert {tuple(key.path) for node in nodes for key in node.parent_keys} == set(
            step.after
        )
        assert (
            all(node.is_partitioned for node in nodes)
            and set(step.keys) <= SESSION_ASSETS.keys()
        )


@pytest.mark.parametrize("step", list_session_steps(), ids=lambda step: step.keys[0][1])
def test_functions_of_steps_take_what_there_is(step):
    given = {"session", "folder", "on_progress"}
    parameters = inspect.signature(step.load()).parameters
    assert (
        parameters.keys() <= given | RESOURCE_FACTORIES.keys()
        and {"session", "on_progress"} <= parameters.keys()
    )
    find_due = step.load_find_due()
    assert (
        find_due is None
        or inspect.signature(find_due).parameters.keys() <= RESOURCE_FACTORIES.keys()
    )


def test_tables_of_intake_are_those_judged_when_files_were_taken_in():
    assert INTAKE_TABLES == (
        "captures",
        "quarantine",
        "gone",
        "frames",
        "frame_exif",
        "signals",
        "scans",
        "calibrations",
        "labels",
        "annotated_frames",
    )


def test_the_contract_of_independence_lists_exactly_the_stages():
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"][
        "importlinter"
    ]["contracts"]
    (independent,) = [
        contract["modules"]
        for contract in contracts
        if contract["type"] == "independence"
    ]
    assert independent == [f"assets.{stage.name}" for stage in STAGES]


def test_declarations_load_alone_and_light():
    script = """
import sys
from importlib import import_module
stage = import_module(sys.argv[1]).STAGE
from assets.stages import all_stages
assert stage in all_stages()
print([m for m in ("dagster", "torch", "cv2", "lance", "scipy") if m in sys.modules])
"""
    for stage in (STAGES[0], STAGES[-1]):
        command = [sys.executable, "-c", script, f"assets.{stage.name}.stage"]
        done = subprocess.run(
            command, cwd=CHECKOUT, capture_output=True, text=True, check=True
        )
        assert done.stdout == "[]\n"
