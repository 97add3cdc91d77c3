"""What tools tell a role that only looks: nothing of a private column, nor what others did and why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from assets.search.sources import list_documents
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, Column, to_table
from assets.tables.schemas.registry import APPROVED
from assets.tables.sql import VIEWS, list_private
from bench.synthetic_home import plain_row
from orchestration.agent.call_log import Call, CallLog
from orchestration.agent.proposing import propose
from orchestration.agent.tool import call
from orchestration.agent.tools import READING, find_tool
from orchestration.agent.world import World
from orchestration.cli import run_verb
from orchestration.profiles import load_settings
from orchestration.resources import build_records
from orchestration.roles.rights import Person, Right

WORD = "wagtail"
NUMBER, WHOLE = 61.0625, 610625  # exact in float32
NEEDLES = (WORD, str(NUMBER), str(WHOLE))
PRIVATE = {name: list_private(name) for name in TABLES if list_private(name)}
ALL = [tool.name for tool in READING]
_OF_MODELS = ("models", "model_sha256")
MASKING = {"proposals", "calls", "morning"}
# bytes are told by how many they are; a handle that rows are joined by is none of a person's
NOT_PLANTED = {"model_sha256"}


def plant(column: Column) -> Any:
    """A value of the column's type that stands nowhere else in the home."""
    kind = column.type
    if pa.types.is_fixed_size_list(kind):
        return [NUMBER] * kind.list_size
    if pa.types.is_list(kind):
        return [WORD if pa.types.is_string(kind.value_type) else NUMBER]
    if pa.types.is_string(kind):
        return f"{WORD} {column.name}"
    return WHOLE if pa.types.is_integer(kind) else NUMBER


def plant_in(catalog: Catalog, table: str, known: dict[str, Any]) -> None:
    """Every row of the table has canaries in its private columns; one is made where there is none."""
    rows = catalog.read_latest(table).to_pylist()
    rows = rows or [plain_row(table, _choose(table, known))]
    private = {
        column.name: plant(column)
        for column in TABLES[table].columns
        if column.name in PRIVATE[table] - NOT_PLANTED
        and not pa.types.is_large_binary(column.type)
    }
    written = catalog.upsert(
        table, to_table(TABLES[table], [r | private for r in rows])
    )
    for session in {r["session"] for r in rows if r.get("session")}:
        catalog.publish(table, session, written.version)


def _choose(table: str, known: dict[str, Any]) -> dict[str, Any]:
    return {
        c.name: known[c.name]
        for c in TABLES[table].columns
        if c.name in known and (not c.values or known[c.name] in c.values)
    }


@pytest.fixture(scope="module")
def planted(known_home, tmp_path_factory) -> Iterator[Catalog]:
    """The home with canaries, a call, a proposal and an approval by somebody else."""
    home = tmp_path_factory.mktemp("planted") / "home"
    shutil.copytree(known_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(home))
        catalog = Catalog(str(home / "tables"))
        (frame,) = catalog.read("frames", ["frame_id", "capture_id"]).slice(0, 1).to_pylist()  # fmt: skip
        known = {**frame, "session": "monday", "act": APPROVED}
        for table in PRIVATE:
            plant_in(catalog, table, known)
        anna = f"{WORD}-anna"
        CallLog(home).note(Call(anna, "sql", {"sql": WORD}, "2026-01-01"))
        by = World(load_settings(), anna, run_verb)
        propose(by, ("queue", "--task=detection", "--strategy=random"), WORD)
        yield catalog


def look_by(
    world: World, catalog: Catalog, tools: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Each tool, and all that it says, refusals too."""
    for tool in tools:
        for arguments in _list_arguments(tool, catalog):
            try:
                said = call(find_tool(tool), world, arguments).to_dict()
            except ValueError as refused:
                said = {"error": str(refused)}
            yield tool, json.dumps(said, default=str)


def _list_arguments(tool: str, catalog: Catalog) -> Iterator[dict[str, Any]]:
    from assets.retrieval.lineage import KINDS

    if tool == "sql":
        one_each = (f"(select * from {name} limit 1)" for name in [*PRIVATE, *VIEWS])
        yield {"sql": f"select * from {', '.join(one_each)}"}
    elif tool == "lineage":
        for kind, (table, column) in KINDS.items():
            for row in catalog.read_latest(table, [column]).slice(0, 1).to_pylist():
                yield {"kind": kind, "id": row[column][:32]}
    elif tool == "similar_frames":
        yield {"frame": catalog.read("frames", ["frame_id"])["frame_id"][0].as_py()}
    elif tool in ("compare_models", "compare_releases"):
        is_model = tool == "compare_models"
        table, column = _OF_MODELS if is_model else ("releases", "release_id")
        ids = catalog.read_latest(table, [column])[column].to_pylist()
        yield {"first": ids[0], "second": ids[-1]}
    elif tool == "search":
        yield {"text": "approved by a person"}
    elif tool == "triage":
        yield from ({"what": what} for what in ("last", "monday", "tuesday"))
    elif tool == "terms":
        yield from ({"of": of} for of in ("", "monday"))
    else:
        yield {}


def find_disclosing(told: Iterable[tuple[str, str]]) -> set[str]:
    """The tools that said a canary."""
    return {tool for tool, text in told if any(needle in text for needle in NEEDLES)}


def make_world(*roles: str) -> World:
    person = Person("ben", roles)
    return World(load_settings(), person.name, run_verb, person.rights)


def test_no_tool_tells_a_reader_of_a_private_column_or_of_what_others_did(planted):
    told = list(look_by(make_world("reader"), planted, ALL))
    assert find_disclosing(told) == set()
    refused = {tool for tool, text in told if text.startswith('{"error')}
    assert refused == set()


def test_each_tool_that_masks_tells_it_to_who_may_know(planted):
    """The test above can fail: these say it, as its home has it."""
    officer = make_world("privacy-officer")
    assert find_disclosing(look_by(officer, planted, MASKING)) == MASKING
    private = run_verb(("query", "select why from promotions")).facts["rows"]
    assert private == [{"why": f"{WORD} why"}]


def test_what_is_masked_is_counted(planted):
    reader = make_world("reader")
    for tool in ("proposals", "calls"):
        said = call(find_tool(tool), reader, {})
        assert "is not told of 1 of them" in said.text, tool
    (row,) = call(find_tool("calls"), reader, {}).rows[0].rows
    assert (row["tool"], row["who"], row["arguments"]) == ("sql", None, None)


def test_who_decides_about_a_proposal_is_told_why_and_by_whom(planted):
    for role, is_told in (("operator", True), ("approver", False), ("annotator", False)):  # fmt: skip
        (row,) = call(find_tool("proposals"), make_world(role), {}).rows[0].rows
        assert (row["because"] == WORD) == is_told, role
        assert (row["by"] == f"{WORD}-anna") == is_told, role


def test_ones_own_calls_are_told_whole(agent_home):
    log = CallLog(agent_home)
    log.note(Call("anna", "sql", {"sql": "select 2"}, "2026-01-01"))
    log.note(Call("ben", "sql", {"sql": "select 1"}, "2026-01-02"))
    own, other = call(find_tool("calls"), make_world("reader"), {}).rows[0].rows
    assert (own["who"], own["arguments"]) == ("ben", "sql select 1")
    assert (other["who"], other["arguments"]) == (None, None)


def test_no_document_has_a_reason_that_a_person_gave(planted):
    told = [str(vars(d)) for d in list_documents(planted, build_records(load_settings()))]  # fmt: skip
    assert any("approved" in text for text in told)
    assert not any(needle in text for text in told for needle in NEEDLES)


def test_a_world_of_nobody_with_a_role_has_no_rights_of_its_own(agent_home):
    world = World(load_settings(), "mcp", run_verb)
    assert not world.may_know("anna") and not world.may_know("anna", Right.APPROVE)
    assert world.may_know("mcp")
