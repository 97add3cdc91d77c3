"""What is erased is in no store of the home any more, whoever was killed on the way, and does not come back."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from assets.audit import read_acts
from assets.capture.forgetting import Target
from assets.capture.session import anonymise
from assets.curation.release import Draft, write_release
from assets.departures import EXPORT, Departure, leaving
from assets.erasure.certificates import (
    audit_certificates,
    hash_ids,
    list_certificates,
)
from assets.erasure.erase import begin, go_on
from assets.erasure.files import Held
from assets.erasure.plan import RETOLD, Plan, make_plan
from assets.erasure.subject import find_subject
from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.privacy.keys import SealKeys
from assets.storage import Folder
from assets.tables import purge
from assets.tables.catalog import Catalog
from assets.tables.presence import is_alone
from assets.tables.releases import hash_content, open_release, summarise
from assets.tables.schemas import TABLES, content_id, to_table
from bench.prove.canaries import find_canaries, name_needles
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from orchestration.cli import app
from orchestration.cli.erasing import _describe, build_home
from orchestration.profiles import load_settings

BOX = "0 .5 .5 .5 .5"
GATED = ("captures", "frames", "labels", "annotated_frames", "frame_quality", "gone")


class Home:
    """A home with a landing zone, and the command on it."""

    def __init__(self, folder, intake) -> None:
        self.folder = folder
        self.intake = intake
        self.zone = LandingZone(Folder(str(folder / "landing")), intake.ledger)

    def run(self, *words: str, code: int = 0):
        result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def take_in(self, session: str):
        return self.intake.ingest(self.zone.locate(session), session)

    def pictures(self) -> list[str]:
        rows = self.intake.catalog.read("frames", ["session", "source_path"])
        return sorted(f"{r['session']}/{r['source_path']}" for r in rows.to_pylist())

    def frame(self, session: str, path: str) -> dict:
        where = f"session = '{session}' AND source_path = '{path}'"
        columns = ["frame_id", "capture_id", "session", "sensor", "sha256", "payload"]
        rows = self.intake.catalog.read_latest("frames", columns, where)
        return rows.to_pylist()[0]


@pytest.fixture(scope="module")
def stored(tmp_path_factory, open_at, make_png):
    """monday of three pictures with labels, tuesday of two, and a release of one picture of each."""
    folder = tmp_path_factory.mktemp("stored")
    for n, session in enumerate(("monday", "tuesday")):
        place = folder / "landing" / session
        for below in ("images", "labels"):
            (place / below).mkdir(parents=True)
        (place / "data.yaml").write_text("names: [cat]\n")
        for k in range(3 - n):
            name = f"{session}-{k}"
            (place / f"images/{name}.png").write_bytes(make_png(10 * n + k))
            (place / f"labels/{name}.txt").write_text(BOX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(folder))
        home = Home(folder, open_at(folder))
        for session in ("monday", "tuesday"):
            home.take_in(session)
            for table in GATED:
                gate_session(home.intake.catalog, table, session)
    return folder


@pytest.fixture
def home(stored, tmp_path, open_at, monkeypatch) -> Home:
    """A copy of that home."""
    folder = shutil.copytree(stored, tmp_path / "home")
    monkeypatch.setenv("DAGUERRE_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return Home(folder, open_at(folder))


def test_what_went_is_told_as_it_was_planned_a_line_a_store(home):
    words = ("forget", "monday", "--erase", "--because", "asked")
    said = CliRunner().invoke(app, [*words, "--yes"], catch_exceptions=False).stdout
    assert "\\n" not in said
    assert "  table frames: 3 rows: removed" in said.splitlines()


def test_databases_are_one_line_and_stores_beyond_those_shown_are_counted():
    """Each run of Dagster has a database: here three runs, and 40 tables beside them."""
    runs = [Held(f"{n}.db", RETOLD, 2, 10, "rewritten") for n in "abc"]
    tables = [Held(f"table {n}", "rows", 1, 0) for n in range(40)]
    plan = Plan("e", 1, 1, 3, 3, [*runs, *tables], [], [], 0, [])
    lines = _describe(plan, is_plan=True)
    assert lines[1].startswith("  3 databases: 6 values") and "30 bytes" in lines[1]
    assert lines[-1] == "  ... and 1 more stores: --json lists them"
    assert len(lines) == 1 + 40 + 1


def release(home: Home, name: str, *places: tuple[str, str]) -> str:
    """A release of pretraining of these pictures, pinned at the newest version of frames."""
    frames = [home.frame(*place) for place in places]
    rows = [
        {
            **{
                k: f[k]
                for k in ("frame_id", "capture_id", "session", "sensor", "sha256")
            },
            "split": "train",
            "boxes_xyxy": [],
            "box_class_ids": [],
        }
        for f in frames
    ]
    catalog = home.intake.catalog
    bare = [r | {"row_id": content_id(r["frame_id"]), "release_id": ""} for r in rows]
    table = to_table(TABLES["release_frames"], bare)
    content = hash_content("pretraining", [], table)
    release_id = content[:32]
    mine = [
        r | {"release_id": release_id, "row_id": content_id(name, r["frame_id"])}
        for r in bare
    ]
    version = catalog.latest_version("frames")
    row = {
        "release_id": release_id,
        "task": "pretraining",
        "class_names": [],
        "content_sha256": content,
        "frames_version": version,
        "code_version": "1",
        **summarise(table),
    }
    draft = Draft(row, to_table(TABLES["release_frames"], mine))
    return write_release(catalog, draft)


def needles_of(*frames: dict) -> dict[str, bytes]:
    """What nothing but these frames has."""
    found = name_needles(f[k] for f in frames for k in ("frame_id", "sha256"))
    return found | {f"bytes {f['frame_id']}": f["payload"][-80:] for f in frames}


def decode(frame: dict) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(frame["payload"], np.uint8), cv2.IMREAD_COLOR)


ERASE = ("--erase", "--because", "a face", "--yes")
DOOMED = ("monday", "images/monday-0.png")


def test_an_erased_picture_is_nowhere_and_all_that_is_not_it_stays(home):
    frame, gone = home.frame(*DOOMED), home.frame("monday", "images/monday-2.png")
    held = release(home, "held", DOOMED, ("tuesday", "images/tuesday-0.png"))
    # its version of frames has the picture too, and alone has one that is forgotten
    other = release(home, "other", ("monday", "images/monday-2.png"))
    home.run("forget", "monday/images/monday-2.png")
    needles = {**needles_of(frame), "name": b"images/monday-0.png"}
    (home.folder / "logs").mkdir()
    log = home.folder / "logs" / "ui.log"
    log.write_text(f"read {frame['frame_id']} of monday/images/monday-0.png\nkept\n")
    pictures = {"doomed": decode(frame)}
    found = find_canaries(home.folder, needles, pictures)
    stores = {line.split(":")[0].split("/")[0] for line in found}
    assert stores >= {"tables", "landing", "logs"}, found
    assert stores & {"ledger.db", "ledger.db-wal"}
    assert any("picture doomed" in line for line in found)

    planned = home.run("forget", "/".join(DOOMED), "--erase", "--dry-run")
    rows = {h["store"]: h["count"] for h in planned["held"]}
    assert rows["table frames"] == rows["table labels"] == 1
    assert planned["releases"] == [held] and planned["frames"] == 1
    assert find_canaries(home.folder, needles, {}) == [
        line for line in found if "picture" not in line
    ]
    done = home.run("forget", frame["frame_id"], *ERASE)

    assert find_canaries(home.folder, needles, pictures) == []
    assert "kept" in log.read_text()
    assert home.pictures() == [
        "monday/images/monday-1.png",
        *(f"tuesday/images/tuesday-{n}.png" for n in range(2)),
    ]
    catalog = home.intake.catalog
    assert len(open_release(catalog, held).frames) == 1
    (row,) = catalog.read_latest(
        "releases", where=f"release_id = '{other}'"
    ).to_pylist()
    where = f"frame_id = '{gone['frame_id']}'"
    kept = catalog.read("frames", ["sha256"], where, row["frames_version"])
    assert kept["sha256"].to_pylist() == [gone["sha256"]]
    assert home.run("verify")["ok"]
    (certificate,) = list_certificates(home.folder)
    assert str(certificate.path) == done["certificate"]
    told = certificate.path.read_text()
    assert frame["frame_id"] not in told and "monday" not in told
    assert certificate.facts["frames"] == hash_ids([frame["frame_id"]])


def test_what_was_erased_does_not_come_back_under_any_name_until_it_is_let_in(
    home, make_png
):
    home.run("forget", "/".join(DOOMED), *ERASE)
    again = home.folder / "landing/tuesday/images/other.png"
    again.write_bytes(make_png(0))
    report = home.take_in("tuesday")
    assert report.erased == ["images/other.png"] and report.new == 0
    sessions = {s["session"]: s for s in home.run("status")["sessions"]}
    assert sessions["tuesday"]["waiting"] == 0
    told = home.run("forget", str(again), "--undo", "--because", "she agreed")
    assert told["lifted"] == [str(again)]
    assert home.take_in("tuesday").new == 1
    act = read_acts(home.folder)[-1]
    assert (act["act"], act["why"]) == ("undo erase", "she agreed")
    (lifted,) = home.intake.ledger.list_lifted()
    assert "she agreed" in lifted.lifted and getpass.getuser() in lifted.lifted
    assert home.run("verify")["ok"]


def test_a_session_goes_whole_with_copies_of_its_pictures_elsewhere(home, make_png):
    copy = home.folder / "landing/tuesday/images/copy.png"
    copy.write_bytes(make_png(1))
    (home.folder / "landing/tuesday/labels/copy.txt").write_text(BOX)
    home.take_in("tuesday")
    frames = [home.frame("monday", f"images/monday-{n}.png") for n in range(3)]
    needles = {**needles_of(*frames), "session": b"monday"}
    told = home.run("forget", "monday", *ERASE)
    assert (told["sessions"], told["frames"]) == (1, 4)
    assert find_canaries(home.folder, needles, {}) == []
    assert home.pictures() == [f"tuesday/images/tuesday-{n}.png" for n in range(2)]
    assert not copy.exists() and not (home.folder / "landing/monday").exists()
    assert [s["session"] for s in home.run("status")["sessions"]] == ["tuesday"]
    assert home.run("verify")["ok"]


def take_in_sealed(home: Home, session: str, *contents: bytes, box: str) -> None:
    """A session under a policy that covers a fixed box. Its pictures are blank yet."""
    place = home.folder / "landing" / session
    (place / "cam0").mkdir(parents=True)
    policy = f"privacy: {{faces: false, regions: {{cam0: [[{box}]]}}}}\n"
    (place / "daguerre.yaml").write_text(policy)
    for number, content in enumerate(contents):
        (place / f"cam0/{number}.png").write_bytes(content)
    intake = replace(home.intake, keys=SealKeys(home.folder))
    intake.ingest(home.zone.locate(session), session)


def test_blank_pictures_of_others_stay_and_copies_of_an_original_go(home, make_png):
    """Blank pictures of one size have the same bytes, and say nothing of what they came as."""
    contents = [make_png(n) for n in range(20, 24)]
    take_in_sealed(home, "street", *contents[:2], box="0, 0, 9, 9")
    take_in_sealed(home, "yard", *contents[1:], box="4, 4, 12, 12")
    blank = home.frame("street", "cam0/0.png")
    assert blank["sha256"] == home.frame("yard", "cam0/1.png")["sha256"]
    told = home.run("forget", "street/cam0/0.png", *ERASE)
    assert told["frames"] == 1
    # the other one of street is the first one of yard, covered otherwise
    anonymise("yard", replace(home.intake, keys=SealKeys(home.folder)))
    told = home.run("forget", "street/cam0/1.png", *ERASE)
    assert told["frames"] == 2
    rows = home.intake.catalog.read_latest("frames", ["session", "source_path"])
    left = {(r["session"], r["source_path"]) for r in rows.to_pylist()}
    assert {p for p in left if p[0] in ("street", "yard")} == {
        ("yard", "cam0/1.png"),
        ("yard", "cam0/2.png"),
    }
    sealed = home.intake.catalog.read_latest("sealed_frames", ["session"])
    assert sealed["session"].to_pylist() == ["yard", "yard"]
    assert home.run("verify")["ok"]


def test_a_sealed_recording_goes_with_its_blob_and_its_key(home, tmp_path, make_png):
    folder = tmp_path / "street"
    folder.mkdir()
    with zipfile.ZipFile(folder / "box.zip", "w") as archive:
        archive.writestr("cam0/0.png", make_png(20))
    (folder / "daguerre.yaml").write_text("privacy: {faces: false, classes: [cat]}\n")
    sealing = replace(home.intake, keys=SealKeys(home.folder))
    sealing.ingest(Folder(str(folder)), "street")
    catalog = home.intake.catalog
    (row,) = catalog.read_latest("sealed_recordings").to_pylist()
    assert home.intake.blobs.exists(row["sealed_sha256"])
    home.run("forget", "street", *ERASE)
    assert not home.intake.blobs.exists(row["sealed_sha256"])
    assert not len(catalog.read_latest("sealed_recordings"))
    assert home.run("verify")["ok"]


def test_a_session_of_which_picture_after_picture_goes_leaves_nothing(home):
    for number in range(2):
        home.run("forget", f"tuesday/images/tuesday-{number}.png", *ERASE)
    assert all(place.startswith("monday/") for place in home.pictures())
    assert home.run("verify")["ok"]


def test_rows_of_others_do_not_name_an_erased_session(home):
    catalog = home.intake.catalog
    whole = Departure(
        EXPORT, "frames of monday", "/out/monday.zip", ["monday", "tuesday"]
    )
    with leaving(catalog, whole):
        pass
    alarm = {"alarm_id": "4" * 32, "kind": "drift", "cause": "c", "session": None}
    catalog.upsert(
        "alarms",
        to_table(
            TABLES["alarms"],
            [plain_row("alarms", alarm | {"summary": "monday is dark"})],
        ),
    )
    score = {"score_id": "1" * 32, "model_sha256": "2" * 64, "release_id": "3" * 32}
    score |= {"split": "test", "slice_by": "session", "slice_value": "monday"}
    score |= {"metric": "accuracy", "value": 1.0, "num_samples": 1}
    catalog.upsert("scores", to_table(TABLES["scores"], [score | {"code_version": ""}]))
    home.run("forget", "monday", *ERASE)
    (row,) = catalog.read_latest("departures").to_pylist()
    assert row["sessions"] == ["tuesday"] and row["what"].startswith("frames of erased")
    assert row["place"].startswith("/out/erased-") and row["place"].endswith(".zip")
    (told,) = catalog.read_latest("alarms", ["summary"])["summary"].to_pylist()
    assert told.startswith("erased-") and told.endswith(" is dark")
    assert find_canaries(home.folder / "tables", {"session": b"monday"}, {}) == []
    assert home.run("verify")["ok"]


def test_a_file_that_nobody_could_read_takes_nobody_elses_rows_with_it(home):
    """The ledger has no hash of it, and the tables none of folders."""
    (home.folder / "landing/monday/images/broken.png").write_bytes(b"no picture")
    home.take_in("monday")
    home.run("forget", "monday", *ERASE)
    captures = home.intake.catalog.read_latest("captures", ["session"])
    assert captures["session"].to_pylist() == ["tuesday"]
    assert home.run("verify")["ok"]


def test_a_region_is_filled_and_the_rest_of_the_picture_is_taken_in_anew(home):
    frame = home.frame(*DOOMED)
    before = decode(frame)
    home.run("forget", "/".join(DOOMED), "--region", "2,3,8,6", *ERASE)
    new = home.frame(*DOOMED)
    after = decode(new)
    inside = np.zeros(before.shape[:2], bool)
    inside[3:9, 2:10] = True
    assert (after[~inside] == before[~inside]).all()
    assert len(np.unique(after[inside], axis=0)) == 1
    assert find_canaries(home.folder, needles_of(frame), {}) == []
    labels = home.intake.catalog.read_latest("labels", ["frame_id"])["frame_id"]
    assert new["frame_id"] in labels.to_pylist()
    assert home.run("verify")["ok"]


class Killed(BaseException):
    """Ends the process in the real world."""


def plan_one(home: Home):
    """All stores, and the subject of the doomed picture, written down."""
    stores = build_home(load_settings())
    subject = find_subject(
        stores.catalog,
        stores.ledger,
        [Target(*DOOMED)],
        "e" * 32,
        "a face",
        "ada",
        "now",
    )
    begin(stores, subject, make_plan(stores, subject))
    return stores


def test_who_is_killed_in_any_step_is_finished_by_the_next_call(home, monkeypatch):
    """Each step is ended by a kill before its first write and behind its last one, and in it at every second write."""
    frame = home.frame(*DOOMED)
    held = release(home, "held", DOOMED, ("tuesday", "images/tuesday-0.png"))
    release(home, "other", ("monday", "images/monday-2.png"))
    home.run("forget", "monday/images/monday-2.png")
    stores = plan_one(home)
    left = 0

    def count(method):
        def call(*args, **options):
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return method(*args, **options)

        return call

    with monkeypatch.context() as patched:
        for owner, name in (
            *((Catalog, n) for n in ("delete", "merge", "upsert", "publish")),
            *((purge, n) for n in ("write_out_deleted", "drop_tag", "drop_history")),
            *((Ledger, n) for n in ("exclude", "ban", "erase_files", "end_erasure")),
            (Ledger, "note_erasure"),
        ):
            patched.setattr(owner, name, count(getattr(owner, name)))
        num_kills = 0
        for budget in range(0, 400, 5):
            left = budget
            try:
                go_on(stores, "e" * 32)
                break
            except Killed:
                num_kills += 1
    assert num_kills > 4, "it was killed on the way, and came to its end"
    assert home.pictures() == [
        "monday/images/monday-1.png",
        *(f"tuesday/images/tuesday-{n}.png" for n in range(2)),
    ]
    assert find_canaries(home.folder, needles_of(frame), {}) == []
    assert len(open_release(stores.catalog, held).frames) == 1
    assert home.run("verify")["ok"]
    assert len(list(list_certificates(home.folder))) == 1


def test_an_erasure_that_is_under_way_is_told_and_ended(home):
    plan_one(home)
    assert home.run("status")["erasures_under_way"] == ["e" * 32]
    (wrong,) = home.run("verify", code=1)["wrong"]
    assert wrong["kind"] == "erasure" and "--resume" in wrong["remedy"]
    with pytest.raises(ValueError, match="--resume"):
        home.run("forget", "tuesday", *ERASE)
    (ended,) = home.run("forget", "--resume")["ended"]
    assert ended["erasure_id"] == "e" * 32
    assert home.run("verify")["ok"] and home.run("forget", "--resume")["ended"] == []


def test_bytes_wait_until_no_other_process_has_the_tables_open(home):
    code = f"from assets.tables.catalog import Catalog; Catalog({str(home.folder / 'tables')!r}).names(); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        wait_for_reader(home)
        with pytest.raises(ValueError, match="another process has the tables"):
            home.run("forget", "/".join(DOOMED), *ERASE)
        assert "/".join(DOOMED) not in home.pictures(), "it is hidden by then"
    finally:
        other.communicate(b"\n", timeout=60)
    assert home.run("forget", "--resume")["ended"]
    assert home.run("verify")["ok"]


def wait_for_reader(home: Home) -> None:
    deadline = time.monotonic() + 60
    while is_alone(str(home.folder / "tables")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


OTHER = """
import sys
from pathlib import Path
from assets import home_lock
with getattr(home_lock, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_process(act: str, home: Home):
    """One that erases in the home, or makes a backup of it."""
    words = [sys.executable, "-c", OTHER, act, str(home.folder)]
    other = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        yield other.pid
    finally:
        other.communicate("\n", timeout=60)


def test_of_two_erasures_at_once_one_waits_for_the_other_and_so_does_a_backup(
    home, tmp_path
):
    copies = str(tmp_path / "copies")
    with another_process("erasing", home) as pid:
        for words in (
            ("forget", "monday", *ERASE),
            ("forget", "--resume"),
            ("backup", copies),
        ):
            with pytest.raises(ValueError, match=f"process {pid} erases in this home"):
                home.run(*words)
        assert home.run("forget", "monday", "--erase", "--dry-run")["sessions"] == 1
    assert home.run("status")["erasures_under_way"] == [] and len(home.pictures()) == 5
    assert home.run("backup", copies)["num_files"] > 10
    assert home.run("forget", "monday", *ERASE)["certificate"]


def test_nothing_is_erased_while_a_backup_is_made_and_two_backups_may_be(
    home, tmp_path
):
    with another_process("copying", home):
        with pytest.raises(ValueError, match="a backup is being made of this home"):
            home.run("forget", "monday", *ERASE)
        assert home.run("backup", str(tmp_path / "copies"))["damaged"] == []
    assert len(home.pictures()) == 5, "nothing was hidden"
    assert home.run("forget", "--resume")["ended"] == []


def test_a_backup_of_before_has_what_was_erased_and_restored_it_is_erased_again(
    home, tmp_path, monkeypatch
):
    """What the plan says of backups holds: each made before has it, and nothing is torn."""
    home.run("backup", str(tmp_path / "copies"))
    told = home.run("forget", "monday", *ERASE)
    assert any(line.startswith("backups:") for line in told["advice"])
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path / "again"))
    home.run("restore", str(tmp_path / "copies"))
    assert home.run("verify")["ok"]
    again = home.run("forget", "monday", *ERASE)
    assert (again["sessions"], again["frames"]) == (1, 3)
    assert home.run("verify")["ok"]


def test_a_certificate_that_was_changed_or_is_gone_is_found(home):
    home.run("forget", "/".join(DOOMED), *ERASE)
    home.run("forget", "tuesday", *ERASE)
    first, second = list_certificates(home.folder)
    assert second.facts["previous_sha256"] == first.sha256
    text = first.path.read_text()
    first.path.write_text(text.replace("a face", "a fact"))
    assert [r for _, r in audit_certificates(home.folder)] == [
        "has changed since it was written",
        "",
    ]
    first.path.unlink()
    reasons = {w["reason"] for w in home.run("verify", code=1)["wrong"]}
    assert "follows number 0: those between are gone" in reasons
    assert "its certificate is gone" in reasons


def test_a_wrong_region_and_what_has_no_reason_are_refused(home):
    why = ["--because", "a face"]
    for words, told in (
        (["monday", "--region", "1,1,4,4", *why], "no file in the landing zone"),
        (["/".join(DOOMED), "--region", "1,1,400,4", *why], "reaches over the edge"),
        (["/".join(DOOMED), "--region", "1,1", *why], "no x,y,w,h"),
        (["/".join(DOOMED), "--erase"], "--because"),
        ([], "nothing is named"),
    ):
        with pytest.raises(ValueError, match=told):
            home.run("forget", *words, "--yes")
    assert len(home.pictures()) == 5
