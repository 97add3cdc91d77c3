"""What a gate reads of a large table: its own rows and equal pictures, wherever they stand."""

from __future__ import annotations

import pyarrow as pa
import pytest

from assets.tables import catalog as of_catalog
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import fill, name_sessions, write
from checks.gates import gate_session, judge_session
from checks.stored_rows import RowStream, StoredRows, scope_of
from checks.verdicts import Verdict, stops_flow

SESSIONS = name_sessions(12)
FRAMES = 3


@pytest.fixture
def filled(catalog, home):
    (home / "tables").mkdir()
    fill(catalog, SESSIONS, FRAMES, is_labelled=True)
    # rows before those that are looked for are gone, so that places and rows differ
    catalog.delete("frames", f"frame_id = '{content_id('frame', SESSIONS[0], 0)}'")
    catalog.delete("frames", f"frame_id = '{content_id('frame', SESSIONS[4], 1)}'")
    return catalog


@pytest.mark.parametrize("session", [SESSIONS[0], SESSIONS[4], SESSIONS[-1]])
def test_rows_taken_by_place_are_those_that_a_scan_finds(filled, session, monkeypatch):
    rows = StoredRows(filled, "frames", scope_of(session))
    columns = ("frame_id", "payload", "sequence")
    stream = RowStream(rows, "frames", columns)
    taken = [r for b in stream.to_batches() for r in b.to_pylist()]
    assert list_scans(stream, monkeypatch) == []
    where = f"session = '{session}'"
    assert taken == filled.read_latest("frames", columns, where).to_pylist()
    assert rows.count("frames") == len(taken) == FRAMES - (session != SESSIONS[-1])


def test_a_good_part_of_a_table_is_scanned(filled, monkeypatch):
    filled.delete("frames", f"session NOT IN ('{SESSIONS[1]}', '{SESSIONS[2]}')")
    rows = StoredRows(filled, "frames", scope_of(SESSIONS[1]))
    stream = RowStream(rows, "frames", ("sequence",))
    assert sum(map(len, stream.to_batches())) == len(stream) == FRAMES
    assert list_scans(stream, monkeypatch) == ["session = 'session-00001'"]


def list_scans(stream: RowStream, monkeypatch) -> list[str]:
    """The filters of the scans that reading the rows once more takes."""
    import lance

    filters = []
    scan = lance.LanceDataset.scanner

    def note(self, *args, filter=None, **options):
        filters.append(filter)
        return scan(self, *args, filter=filter, **options)

    with monkeypatch.context() as patch:
        patch.setattr(lance.LanceDataset, "scanner", note)
        list(stream.to_batches())
    return filters


def test_the_gates_of_a_session_look_for_its_frames_once(filled, monkeypatch):
    """As labels, figures and vectors are judged by them, too."""
    import lance

    write(filled, ["new"], FRAMES, is_labelled=True)
    looks = []
    scan = lance.LanceDataset.scanner

    def count(self, *args, filter=None, **options):
        if filter == "session = 'new'":
            looks.append(self.uri.rsplit("/")[-1])
        return scan(self, *args, filter=filter, **options)

    monkeypatch.setattr(lance.LanceDataset, "scanner", count)
    for table in ("captures", "frames", "labels", "annotated_frames", "frame_quality"):
        assert not stops_flow(gate_session(filled, table, "new")), table
    assert looks.count("frames.lance") == looks.count("captures.lance") == 1


def test_classes_count_as_known_when_an_admitted_session_has_them(filled, monkeypatch):
    """And no more labels are read than it takes to find them."""
    monkeypatch.setattr(of_catalog, "_PART_ROWS", 2)
    write(filled, ["new"], FRAMES, is_labelled=True)
    parts = []
    read_parts = Catalog.read_parts

    def count(self, *args):
        for part in read_parts(self, *args):
            parts.append(len(part))
            yield part

    monkeypatch.setattr(Catalog, "read_parts", count)
    assert judge_classes(filled, "new").passed
    assert len(parts) == 1
    filled.merge("labels", label_as(filled, "new", "plate"))
    verdict = judge_classes(filled, "new")
    assert not verdict.passed and verdict.num_checked == 2
    assert verdict.examples == ("plate (detection): 1 labels",)
    assert sum(parts) > FRAMES * len(SESSIONS)
    # a class of a session that is held is not known
    version = filled.latest_version("labels")
    for session in SESSIONS:
        filled.hold("labels", session, version, "for the test")
    verdict = judge_classes(filled, "new")
    assert verdict.passed and "first labels for detection" in (
        verdict.empty_reason or ""
    )


def judge_classes(catalog, session: str) -> Verdict:
    verdicts = judge_session(catalog, "labels", session)
    return next(v for v in verdicts if v.name == "classes_are_known")


def label_as(catalog, session: str, name: str) -> pa.Table:
    """One more label of the session, of another class."""
    rows = catalog.read_latest("labels", where=f"session = '{session}'")
    row = rows.to_pylist()[0] | {"label_id": content_id(name), "class_name": name}
    return to_table(TABLES["labels"], [row])


def test_a_session_is_judged_with_one_look_a_table(filled, monkeypatch):
    """Whatever the number of its rules: each look costs that of all rows of the table."""
    import lance

    write(filled, ["new"], FRAMES, is_labelled=True)
    looks = []
    scan = lance.LanceDataset.scanner

    def count(self, columns=None, filter=None, **options):
        if filter and "session = 'new'" in str(filter):
            looks.append(self.uri.rsplit("/")[-1])
        return scan(self, columns, filter, **options)

    monkeypatch.setattr(lance.LanceDataset, "scanner", count)
    verdicts = gate_session(filled, "frames", "new")
    assert not stops_flow(verdicts)
    assert sorted(looks) == sorted(set(looks)) and "frames.lance" in looks


def test_labels_of_equal_pictures_of_published_sessions_are_compared(
    filled, monkeypatch
):
    """Of many sessions, too, whose names are too many for a condition; those that are held say nothing."""
    monkeypatch.setattr(of_catalog, "_MOST_NAMED", 2)
    first, held = SESSIONS[1], SESSIONS[2]
    copy_of(filled, first, "twin")
    verdicts = {v.name: v for v in gate_session(filled, "labels", "twin")}
    assert (
        verdicts["labels_do_not_contradict"].figures["num_copies_with_other_labels"]
        == 1
    )
    assert first in str(verdicts["labels_do_not_contradict"].examples)
    filled.hold("labels", held, filled.latest_version("labels"), "for the test")
    copy_of(filled, held, "other")
    verdicts = {v.name: v for v in gate_session(filled, "labels", "other")}
    assert verdicts["labels_do_not_contradict"].passed


def copy_of(catalog, session: str, name: str) -> None:
    """A session with the first picture of another, on which it sees something else."""
    write(catalog, [name], 1, is_labelled=True)
    like = catalog.read_latest(
        "frames", where=f"frame_id = '{content_id('frame', session, 0)}'"
    ).to_pylist()[0]
    mine = catalog.read_latest("frames", where=f"session = '{name}'").to_pylist()[0]
    shown = {key: like[key] for key in ("payload", "sha256")}
    catalog.upsert("frames", to_table(TABLES["frames"], [mine | shown]))
    label = catalog.read_latest("labels", where=f"session = '{name}'").to_pylist()[0]
    catalog.upsert(
        "labels", to_table(TABLES["labels"], [label | {"class_name": "plate"}])
    )


def test_readers_see_the_same_of_many_sessions_as_of_few(filled, monkeypatch):
    filled.hold("frames", SESSIONS[3], filled.latest_version("frames"), "for the test")
    write(filled, ["unjudged"], 1)
    where = "sequence > 0"
    few = filled.read("frames", ("frame_id", "sequence"), where)
    ids = filled.read("frames")["frame_id"].to_pylist()
    monkeypatch.setattr(of_catalog, "_MOST_NAMED", 2)
    assert filled.read("frames", ("frame_id", "sequence"), where).equals(few)
    assert filled.read("frames")["frame_id"].to_pylist() == ids
    sessions = set(filled.read("frames", ("session",))["session"].to_pylist())
    assert sessions == {*SESSIONS} - {SESSIONS[3]}
    found = filled.read_published_of("frames", ("sequence",), "frame_id", ids[:5])
    assert len(found) == 5 and found.column_names == ["sequence"]
