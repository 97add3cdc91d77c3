"""Figures over private columns: of groups of sessions that are large enough, by one plain form of a statement."""

from __future__ import annotations

import pytest

from assets.retrieval.grouped import run_bounded
from assets.retrieval.query import Bounds, QueryError, to_json_rows
from assets.tables.schemas import content_id
from assets.terms.policy import Policy, parse_policy
from tests.assets.browsing.conftest import put

# make, session, latitude: three sessions of Acme, one of them twice; two of Bolt, one of which nobody located
KNOWN = [
    ("Acme", "a", 10.0),
    ("Acme", "b", 20.0),
    ("Acme", "b", 30.0),
    ("Acme", "c", 40.0),
    ("Bolt", "d", 50.0),
    ("Bolt", "e", None),
]


@pytest.fixture
def ask(catalog, ledger):
    """ask(sql, min_group=3): the rows, and how many groups were left out."""
    rows = [
        {
            "frame_id": content_id(number),
            "session": session,
            "make": make,
            "model": make[0],
            "latitude_deg": latitude,
            "body_serial": f"S-{session}",
            "iso": 100,
        }
        for number, (make, session, latitude) in enumerate(KNOWN)
    ]
    put(catalog, "frame_exif", rows)

    def act(sql: str, min_group: int | None = 3):
        found = run_bounded(catalog, ledger, sql, Bounds(), min_group)
        return to_json_rows(found.rows), found.num_small

    return act


def test_a_group_of_enough_sessions_is_told_and_a_smaller_one_counted(ask):
    rows, num_small = ask(
        "select make, avg(latitude_deg) as mean, count(*) as n from frame_exif group by make"
    )
    assert rows == [{"make": "Acme", "mean": 25.0, "n": 4}]
    assert num_small == 1


def test_sessions_count_and_not_rows(ask):
    # Acme has four rows with a latitude, and three sessions
    sql = "select avg(latitude_deg) from frame_exif where make = 'Acme'"
    assert ask(sql, 3) == ([{"avg(latitude_deg)": 25.0}], 0)
    assert ask(sql, 4) == ([], 1)


def test_a_session_without_a_value_does_not_hide_the_one_that_has_one(ask):
    # two sessions of Bolt, of which one has a latitude; both have a serial number
    of = "from frame_exif where make = 'Bolt'"
    assert ask(f"select sum(latitude_deg) {of}", 2) == ([], 1)
    assert ask(f"select count(distinct body_serial) as n {of}", 2) == ([{"n": 2}], 0)
    both = f"select sum(latitude_deg), count(body_serial) {of}"
    assert ask(both, 2) == ([], 1)


def test_by_session_each_group_is_one_and_nothing_is_told(ask):
    sql = "select session, sum(latitude_deg) from frame_exif group by session"
    assert ask(sql, 2) == ([], 5)


def test_without_private_columns_nothing_is_left_out(ask):
    sql = "select make, count(*) as n from frame_exif group by make order by make"
    assert ask(sql) == ([{"make": "Acme", "n": 4}, {"make": "Bolt", "n": 2}], None)


def test_without_a_policy_private_columns_are_not_there(ask):
    with pytest.raises(QueryError, match="latitude_deg is private, and not read here"):
        ask("select avg(latitude_deg) from frame_exif", None)


@pytest.mark.parametrize(
    "sql",
    [
        "select latitude_deg from frame_exif",
        "select min(latitude_deg) from frame_exif",
        "select max(latitude_deg) from frame_exif",
        "select any_value(body_serial) from frame_exif",
        "select list(latitude_deg) from frame_exif",
        "select avg(latitude_deg + iso) from frame_exif",
        "select sum(distinct latitude_deg) from frame_exif",
        "select avg(latitude_deg) filter (where session = 'a') from frame_exif",
        "select avg(latitude_deg) over () from frame_exif",
        "select count(*) from frame_exif where latitude_deg > 20",
        "select avg(iso) from frame_exif where body_serial like 'S-a%'",
        "select avg(latitude_deg) from frame_exif where iso in (select 100)",
        "select avg(latitude_deg) from frame_exif where length(make) = 4",
        "select body_serial, count(*) from frame_exif group by body_serial",
        "select count(*) from frame_exif group by body_serial",
        "select iso + 1, avg(latitude_deg) from frame_exif group by iso + 1",
        "select make, avg(latitude_deg) from frame_exif group by all",
        "select make, avg(latitude_deg) from frame_exif group by 1",
        "select make, avg(latitude_deg) from frame_exif group by rollup (make)",
        "select avg(latitude_deg) from frame_exif having avg(latitude_deg) > 20",
        "select make, avg(latitude_deg) from frame_exif group by make order by 2",
        "select make, avg(latitude_deg) from frame_exif group by make limit 1",
        "select distinct avg(latitude_deg) from frame_exif",
        "select avg(latitude_deg) from frame_exif using sample 2 rows",
        "select avg(latitude_deg) from frame_exif as make",
        "with x as (select 1) select avg(latitude_deg) from frame_exif",
        "select *, latitude_deg from frame_exif",
        "select avg(frame_exif.latitude_deg) + 1 from frame_exif",
    ],
)
def test_any_other_form_that_names_a_private_column_is_refused(ask, sql):
    with pytest.raises(QueryError, match="private columns are asked as SELECT"):
        ask(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select avg(latitude_deg) from (select * from frame_exif)",
        "select avg(a.latitude_deg) from frame_exif a join frames b using (frame_id)",
        "select 1 union select avg(latitude_deg) from frame_exif",
    ],
)
def test_in_statements_of_several_parts_private_columns_are_not_there(ask, sql):
    with pytest.raises(QueryError, match="latitude_deg"):
        ask(sql)


def test_names_of_columns_cannot_stand_for_the_counts_of_sessions(ask):
    sql = "select count(latitude_deg) as n, count(*) as n from frame_exif where session = 'a'"
    assert ask(sql, 2) == ([], 1)


def test_a_table_without_sessions_has_no_groups(catalog, ledger):
    sql = "select count(image_sha256) from requests"
    with pytest.raises(QueryError, match="private columns are asked as SELECT"):
        run_bounded(catalog, ledger, sql, Bounds(), 3)


def test_the_policy_says_how_many_and_judges_no_release_by_it():
    assert parse_policy({"min_group": 5}).min_group == 5
    assert parse_policy({"min_group": 5}).text == Policy().text
    for wrong in (1, 0, True, "5", 2.5):
        with pytest.raises(ValueError, match="min_group"):
            parse_policy({"min_group": wrong})
