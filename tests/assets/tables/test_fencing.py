"""A writer that lost its lease changes no row, wherever it was stopped."""

from __future__ import annotations

import pytest

from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, to_table


class Lost(RuntimeError):
    pass


class Takeover:
    """A fence during whose first question another writer does its work, unseen: the asker was stopped just after."""

    def __init__(self, other) -> None:
        self.other = other
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked == 1:
            self.other()
        else:
            raise Lost


def pointer(name: str, target: str):
    return to_table(TABLES["pointers"], [{"pointer": name, "target": target}])


def targets(catalog) -> dict[str, str]:
    return {
        row["pointer"]: row["target"]
        for row in catalog.read_latest("pointers").to_pylist()
    }


def test_a_writer_with_a_lease_inserts_replaces_and_deletes(catalog):
    writer = FencedWriter(catalog, lambda: None)
    assert writer.upsert("pointers", pointer("a", "1")).inserted == 1
    assert writer.upsert("pointers", pointer("a", "2")).updated == 1
    assert targets(catalog) == {"a": "2"}
    writer.delete("pointers", "pointer = 'a'")
    assert targets(catalog) == {}


def test_a_writer_without_a_lease_is_refused_before_it_writes(catalog):
    catalog.upsert("pointers", pointer("a", "1"))

    def refuse() -> None:
        raise Lost

    for act in (
        lambda w: w.upsert("pointers", pointer("a", "2")),
        lambda w: w.delete("pointers", "true"),
    ):
        with pytest.raises(Lost):
            act(FencedWriter(catalog, refuse))
    assert targets(catalog) == {"a": "1"}


@pytest.mark.parametrize(
    "before", [{}, {"a": "old"}], ids=["new row", "row that is there"]
)
def test_a_writer_stopped_between_its_look_and_its_write_replaces_nothing(
    catalog, before
):
    catalog.upsert("pointers", pointer("z", "z"))
    for name, target in before.items():
        catalog.upsert("pointers", pointer(name, target))
    fence = Takeover(lambda: catalog.upsert("pointers", pointer("a", "young")))
    with pytest.raises(Lost):
        FencedWriter(catalog, fence).upsert("pointers", pointer("a", "stale"))
    assert targets(catalog) == {"a": "young", "z": "z"} and fence.asked == 2


def test_a_writer_stopped_between_its_look_and_its_write_deletes_no_younger_row(
    catalog,
):
    catalog.upsert("pointers", pointer("a", "1"))
    fence = Takeover(lambda: catalog.upsert("pointers", pointer("b", "young")))
    with pytest.raises(Lost):
        FencedWriter(catalog, fence).delete("pointers", "true")
    assert targets(catalog) == {"a": "1", "b": "young"} and fence.asked == 2


def test_writers_of_other_rows_do_not_wait_for_each_other(catalog):
    catalog.upsert("pointers", pointer("a", "1"))
    seen = []

    def fence() -> None:
        if not seen:
            catalog.upsert("pointers", pointer("b", "1"))
        seen.append(1)

    FencedWriter(catalog, fence).upsert("pointers", pointer("a", "2"))
    assert targets(catalog) == {"a": "2", "b": "1"}
