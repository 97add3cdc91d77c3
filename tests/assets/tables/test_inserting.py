"""Few new rows are appended at the cost of their bytes, and no key is there twice, whoever writes beside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from assets.tables.catalog import Catalog, Written
from assets.tables.inserting import insert_absent
from assets.tables.schemas import TABLES, to_table

MOST_BYTES = (
    16 << 10
)  # of a manifest or a transaction; the filter of a merge has 32 KiB


def point(*names: str, at: str = "target"):
    rows = [{"pointer": name, "target": at} for name in names]
    return to_table(TABLES["pointers"], rows)


def measure_largest(catalog: Catalog, folder: str) -> int:
    """Bytes of the largest manifest or transaction of the pointers."""
    place = Path(catalog.uri) / "pointers.lance" / folder
    return max(path.stat().st_size for path in place.iterdir())


def read(catalog: Catalog) -> dict[str, str]:
    rows = catalog.read_latest("pointers").to_pylist()
    assert len(rows) == len({r["pointer"] for r in rows})
    return {r["pointer"]: r["target"] for r in rows}


def test_new_rows_write_no_filter_of_keys(catalog):
    assert catalog.upsert("pointers", point("a")).inserted == 1
    assert catalog.merge("pointers", point("b", "c")).inserted == 2
    assert measure_largest(catalog, "_versions") < MOST_BYTES
    assert measure_largest(catalog, "_transactions") < MOST_BYTES
    assert read(catalog) == {"a": "target", "b": "target", "c": "target"}


def test_a_key_that_is_there_is_replaced_or_left_as_asked(catalog):
    catalog.upsert("pointers", point("a", at="first"))
    done = catalog.upsert("pointers", point("a", "b", at="second"))
    assert done == Written(done.version, 1, 1)
    assert catalog.merge("pointers", point("a", "c", at="third")).inserted == 1
    assert read(catalog) == {"a": "second", "b": "second", "c": "third"}


def test_a_key_with_a_quote_is_found_again(catalog):
    catalog.merge("pointers", point("it's"))
    assert catalog.merge("pointers", point("it's")).inserted == 0


def test_rows_are_not_appended_to_a_version_that_another_writer_has_left(catalog):
    catalog.upsert("pointers", point("a"))
    seen = catalog.dataset("pointers")
    catalog.upsert("pointers", point("b", at="theirs"))
    assert insert_absent(seen, "pointer", point("b", at="ours"), None) is None
    assert read(catalog) == {"a": "target", "b": "theirs"}


def test_writers_that_race_lose_nothing_and_double_nothing(catalog, home):
    """Threads with a catalog each: all write one key, and one of their own a round."""
    catalog.upsert("pointers", point("shared"))

    def write(writer: int) -> None:
        mine = Catalog(str(home / "tables"))
        for turn in range(4):
            mine.upsert("pointers", point(f"{writer}-{turn}", "shared", f"new-{turn}"))
            mine.upsert("pointers", point(f"{writer}-{turn}-alone"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    own = {
        f"{w}-{t}{end}" for w in range(4) for t in range(4) for end in ("", "-alone")
    }
    assert read(catalog).keys() == {*own, "shared", *(f"new-{t}" for t in range(4))}
