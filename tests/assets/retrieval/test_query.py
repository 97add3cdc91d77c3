"""SQL that reads the tables, and nothing but the tables."""

from __future__ import annotations

import hashlib
import json

import pytest

from assets.retrieval.query import Held, QueryError, run_query, to_json_rows
from assets.tables.schemas import TABLES


@pytest.fixture
def ask(catalog, ledger):
    return lambda sql: to_json_rows(run_query(catalog, ledger, sql).rows)


def test_tables_can_be_counted_and_joined(world):
    def ask(sql):
        return to_json_rows(run_query(world.catalog, world.stores.ledger, sql).rows)

    assert ask("select count(*) as n from frames where source_path like '%.png'") == [
        {"n": 4}
    ]
    joined = ask(f"""
        with mine as (select * from release_frames where split = 'test')
        select r.split, l.class_name, f.width_px
        from mine r join frames f using (frame_id) join labels l using (frame_id)
        where f.frame_id = '{world.frame_id}'
    """)
    assert joined == [{"split": "test", "class_name": "cup", "width_px": 16}]
    assert ask("from models select task, seed") == [{"task": "detection", "seed": 7}]


def test_the_ledgers_files_are_a_table(world):
    rows = to_json_rows(
        run_query(
            world.catalog,
            world.stores.ledger,
            "select path, outcome from files order by path",
        ).rows
    )
    assert {"path": "README.md", "outcome": "ingested"} in rows and len(rows) == 7


def test_bytes_are_shown_as_length_and_hash(catalog, frame_rows, ask, make_png):
    catalog.merge("frames", frame_rows(1))
    (row,) = ask(
        "select payload, [payload] as listed, {'inner': payload} as named from frames"
    )
    shown = {
        "bytes": len(make_png(0)),
        "sha256": hashlib.sha256(make_png(0)).hexdigest(),
    }
    assert row == {"payload": shown, "listed": [shown], "named": {"inner": shown}}
    json.dumps(row)


def test_what_json_cannot_hold_becomes_text_or_null(ask):
    (row,) = ask(
        "select 'nan'::double as a, 'inf'::double as b, date '2026-11-03' as c, 1.50::decimal(4,2) as d, null as e, "
        "true as f"
    )
    assert row == {
        "a": None,
        "b": None,
        "c": "2026-11-03",
        "d": "1.50",
        "e": None,
        "f": True,
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_does_not_exist_yet_has_no_rows(ask, name):
    assert ask(f"select * from {name}") == []


def test_a_table_that_lost_all_rows_has_no_rows(catalog, frame_rows, ask):
    catalog.merge("frames", TABLES["frames"].schema.empty_table())
    assert ask("select frame_id, payload from frames where t_ns > 0") == []
    catalog.merge("frames", frame_rows(2))
    catalog.delete("frames", "true")
    assert ask("select count(*) as n, max(t_ns) as t from frames") == [
        {"n": 0, "t": None}
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from frames",
        "insert into frames select * from frames",
        "update frames set sensor = 'x'",
        "drop view frames",
        "create table t as select 1",
        "copy (select 1) to 'out.csv'",
        "attach 'other.db'",
        "pragma database_list",
        "set enable_external_access = true",
        "install httpfs",
        "load httpfs",
        "call pragma_version()",
        "export database 'x'",
        "select 1; select 2",
        "select 1; drop view frames",
        "",
        "   ",
        "-- nothing",
        "explain analyze select 1",
    ],
)
def test_anything_but_one_select_is_refused(ask, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError):
        ask(sql)
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == []


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('a.csv')",
        "read_text('a.csv')",
        "read_blob('a.csv')",
        "'a.csv'",
        "glob('*')",
        "read_parquet('s3://bucket/x')",
        "read_json('http://127.0.0.1:9/x')",
        "sniff_csv('a.csv')",
    ],
)
def test_files_and_addresses_cannot_be_read(ask, source, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError):
        ask(f"select * from {source}")


def test_variables_of_the_program_cannot_be_read(ask, frame_rows):
    secret = frame_rows(1)
    with pytest.raises(QueryError, match="secret"):
        ask("select * from secret")
    assert len(secret) == 1


@pytest.mark.parametrize(
    "sql",
    ["select nothing from frames", "select * from frame", "selec 1", "select 'a'::int"],
)
def test_a_wrong_statement_is_said_in_one_line_or_two(ask, sql):
    with pytest.raises(QueryError, match=r"(?i)error"):
        ask(sql)


@pytest.fixture
def one_held(catalog, frame_rows):
    """Two frames of monday, which is published, and one of tuesday, which is held."""
    catalog.merge("frames", frame_rows(2))
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    catalog.merge("frames", frame_rows(1, 9, "tuesday"))
    catalog.hold("frames", "tuesday", catalog.latest_version("frames"), "too dark")
    return catalog


@pytest.mark.parametrize(
    "sql, is_told",
    [
        ("select count(*) as n from frames", True),
        ("with f as (from frames) select n from (select count(*) as n from f)", True),
        ("select session, count(*) from frames group by all", True),
        ("select frame_id, session from frames where session = 'monday'", False),
        ("select * from labels", False),
        ("describe frames", False),
        ("select session, reason from publications where is_held", False),
        ("select 1 as n", False),
    ],
)
def test_held_sessions_among_the_rows_are_named(one_held, ledger, sql, is_told):
    held = run_query(one_held, ledger, sql).held
    assert held == (Held("tuesday", "frames"),) * is_told


def test_a_table_that_is_held_as_a_whole_is_named(one_held, ledger):
    one_held.hold("splits", None, 1, "a recording in two parts")
    sql = "select count(*) as n from frames left join splits using (frame_id) where frames.session = 'monday'"
    assert run_query(one_held, ledger, sql).held == (
        Held("", "splits"),
        Held("tuesday", "frames"),
    )
