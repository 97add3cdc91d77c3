"""Every table whose rows have a code version has a maker, and the code of every maker is listed."""

from __future__ import annotations

from assets.code_versions import list_versions
from assets.code_versions.__main__ import describe
from assets.code_versions.makers import read_listed
from assets.stages import all_stages
from assets.tables.schemas import TABLES


def test_every_table_with_a_code_version_has_a_maker():
    made = {maker.table for stage in all_stages() for maker in stage.makers}
    assert made == {
        name for name, table in TABLES.items() if "code_version" in table.schema.names
    }
    for stage in all_stages():
        assert {m.table for m in stage.makers} <= {t.name for t in stage.tables}


def test_the_code_that_makes_rows_is_listed():
    versions = list_versions()
    unlisted = [v for v in versions.values() if not v.is_listed]
    assert not unlisted, describe(unlisted)
    assert read_listed().keys() <= versions.keys(), "a maker is listed that is no more"
