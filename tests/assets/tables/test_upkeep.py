"""Files and versions of a table stay few however many commits there are, and nothing that is needed goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assets.tables import upkeep
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog, TableMissing
from assets.tables.commits import merge_files, pin
from assets.tables.fencing import FencedWriter
from assets.tables.presence import is_alone, writing
from assets.tables.schemas import TABLES, to_table
from assets.tables.seals import find_broken, find_unsealed, seal_tables
from assets.tables.upkeep import LARGE_BYTES, MANY, SMALL_BYTES, find_run

ROOT = Path(__file__).resolve().parents[3]
FEW = 4
SESSIONS = 20
PINNED = 5  # the session after which a release is made
FOLDERS = ("data", "_versions", "_transactions", "_deletions")


def count_files(catalog: Catalog, table: str) -> dict[str, int]:
    folder = Path(catalog.uri, f"{table}.lance")
    return {kind: len(list(folder.glob(f"{kind}/*"))) for kind in FOLDERS}


def point(catalog: Catalog, *names: str) -> None:
    for name in names:
        catalog.point(name, "a")


def names(catalog: Catalog) -> list[str]:
    return sorted(catalog.read_latest("pointers")["pointer"].to_pylist())


def pointers(*names: str):
    rows = [{"pointer": name, "target": "a"} for name in names]
    return to_table(TABLES["pointers"], rows)


def is_stored(catalog: Catalog, version: int) -> bool:
    try:
        catalog.dataset("pointers", version)
    except TableMissing:
        return False
    return True


@pytest.fixture(scope="module")
def grown(tmp_path_factory, frame_rows) -> tuple[Catalog, list[dict]]:
    """A home after so many sessions of one frame, and how many files it had after each of them."""
    catalog = Catalog(str(tmp_path_factory.mktemp("home") / "tables"))
    counts = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "MANY", FEW)
        patch.setattr(upkeep, "ALONE_S", 0.0)
        for number in range(1, SESSIONS + 1):
            session = f"session-{number}"
            catalog.merge("frames", frame_rows(1, session=session, seed=number))
            catalog.publish("frames", session, catalog.latest_version("frames"))
            if number == PINNED:
                dataset = catalog.dataset("frames")
                pin(dataset, "release-1", dataset.version)
            seal_tables(catalog, ["frames", "publications"])
            counts.append(
                {t: count_files(catalog, t) for t in ("frames", "publications")}
            )
    return catalog, counts


def test_a_home_of_twenty_sessions_has_no_more_files_than_one_of_ten(grown):
    _, counts = grown
    for table in ("frames", "publications"):
        for kind in FOLDERS:
            first = max(count[table][kind] for count in counts[: SESSIONS // 2])
            later = max(count[table][kind] for count in counts[SESSIONS // 2 :])
            assert later <= first + FEW, f"{table}/{kind}"


def test_every_session_is_there_once_and_published(grown):
    catalog, _ = grown
    wanted = sorted(f"session-{number}" for number in range(1, SESSIONS + 1))
    assert sorted(catalog.read("frames")["session"].to_pylist()) == wanted


def test_the_version_of_a_release_is_as_it_was_and_sealed(grown):
    catalog, _ = grown
    version = int(catalog.dataset("frames").tags.list()["release-1"]["version"])
    assert len(catalog.read("frames", version=version)) == PINNED
    assert find_unsealed(catalog, [("frames", version)]) == []


def test_no_file_is_gone_that_a_seal_names(grown):
    catalog, _ = grown
    assert [b for b in find_broken(catalog) if b is not None] == []


def test_a_version_that_another_process_may_have_open_stays(catalog, lower):
    lower(upkeep, MANY=FEW, ALONE_S=0.0)
    point(catalog, "first")
    old = catalog.latest_version("pointers")
    code = f"from assets.tables.presence import announce; announce({catalog.uri!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        point(catalog, *map(str, range(3 * FEW)))
        assert not is_alone(catalog.uri) and is_stored(catalog, old)
        other.communicate("\n")
    point(catalog, *map(str, range(3 * FEW, 6 * FEW)))
    assert is_alone(catalog.uri) and not is_stored(catalog, old)


def test_a_version_that_another_thread_may_commit_on_stays(catalog, lower):
    """Without it Lance would not see what was inserted meanwhile, and insert a key twice."""
    lower(upkeep, MANY=FEW, ALONE_S=0.0)
    point(catalog, "first")
    with writing(catalog.uri):
        stale = catalog.dataset("pointers")
        point(catalog, *map(str, range(3 * FEW)))
        assert is_stored(catalog, stale.version)
    point(catalog, *map(str, range(3 * FEW, 6 * FEW)))
    assert not is_stored(catalog, stale.version)


def test_a_version_that_another_process_drops_between_two_looks_is_none(
    catalog, monkeypatch
):
    catalog.point("a", "first")
    catalog.point("b", "second")
    versions = Path(catalog.uri) / "pointers.lance" / "_versions"
    listed = sorted(path.name for path in versions.glob("*.manifest"))
    before = upkeep.count_versions(catalog.place("pointers"))
    (versions / listed[0]).unlink()
    monkeypatch.setattr(upkeep.os, "listdir", lambda folder: listed)
    assert upkeep.count_versions(catalog.place("pointers")) == before - 1


def test_a_version_just_out_of_date_stays(catalog, lower):
    lower(upkeep, MANY=FEW)
    point(catalog, "first")
    old = catalog.latest_version("pointers")
    point(catalog, *map(str, range(4 * FEW)))
    assert len(catalog.dataset("pointers").get_fragments()) <= FEW
    assert is_stored(catalog, old)


def test_an_appender_whose_version_was_dropped_inserts_what_is_new(catalog, lower):
    lower(upkeep, MANY=FEW, ALONE_S=0.0)
    point(catalog, "first")
    appender = Appender(catalog, "pointers", "true", lambda: None)
    point(catalog, *map(str, range(4 * FEW)))
    assert not is_stored(catalog, appender.base.version)
    assert appender.append(pointers("3", "new")) == 1
    assert len(names(catalog)) == len(set(names(catalog))) == 4 * FEW + 2


def test_what_appenders_and_fenced_writers_write_is_merged_too(catalog, lower):
    lower(upkeep, MANY=FEW)
    appender = Appender(catalog, "pointers", "true", lambda: None)
    writer = FencedWriter(catalog, lambda: None)
    for number in range(3 * FEW):
        appender.append(pointers(f"appended-{number}"))
    for number in range(3 * FEW):
        writer.upsert("pointers", pointers(f"upserted-{number}"))
    assert len(names(catalog)) == 6 * FEW
    assert len(catalog.dataset("pointers").get_fragments()) <= FEW


def test_files_are_not_merged_over_what_another_writer_deletes(catalog):
    point(catalog, "a", "b", "c")
    stale = catalog.dataset("pointers")
    ids = [fragment.fragment_id for fragment in stale.get_fragments()]
    catalog.delete("pointers", "pointer = 'b'")
    assert not merge_files(stale, ids, batch_rows=2)
    assert names(catalog) == ["a", "c"]


@pytest.mark.parametrize(
    ("sizes", "run"),
    [
        ([10] * (MANY - 1), range(0)),
        ([10] * MANY, range(MANY)),
        ([LARGE_BYTES, *[10] * MANY], range(1, MANY + 1)),
        ([*[10] * (MANY - 1), LARGE_BYTES, *[10] * (MANY - 1)], range(0)),
        ([SMALL_BYTES] * MANY, range(MANY)),
        ([*[SMALL_BYTES] * (MANY // 2), *[10] * (MANY // 2)], range(0)),
        ([LARGE_BYTES] * 2 * MANY, range(0)),
    ],
    ids=[
        "too few",
        "many small ones",
        "small ones behind a large one",
        "a large one between too few",
        "larger ones that make a large one",
        "larger ones that do not",
        "large ones",
    ],
)
def test_fragments_side_by_side_are_merged_where_it_is_worth_it(sizes, run):
    assert find_run(sizes) == run
