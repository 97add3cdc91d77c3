"""What a person tells to forget goes from the next release, stays away, and comes back when that is undone."""

from __future__ import annotations

import getpass
import json
import shutil

import pytest
from typer.testing import CliRunner

from assets.audit import read_acts
from assets.capture.forgetting import forget
from assets.capture.obsolete import OF_FRAMES
from assets.capture.retraction import SAID_OF_FRAMES
from assets.exclusions import WHOLE, Exclusion
from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from orchestration.cli import app
from orchestration.profiles import load_settings
from orchestration.session import judge_again

GATED = ("captures", "frames", "labels", "annotated_frames", "frame_quality", "gone")
BOX = "0 .5 .5 .5 .5"


class Home:
    """A home with a landing zone, and the command on it."""

    def __init__(self, folder, intake) -> None:
        self.folder = folder
        self.intake = intake
        self.zone = LandingZone(Folder(str(folder / "landing")), intake.ledger)

    def run(self, *words: str):
        result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def take_in(self, session: str):
        return self.intake.ingest(self.zone.locate(session), session)

    def pictures(self) -> list[str]:
        rows = self.intake.catalog.read("frames", ["session", "source_path"])
        return sorted(f"{r['session']}/{r['source_path']}" for r in rows.to_pylist())

    def state(self, session: str) -> str:
        rows = self.run("status")["sessions"]
        return next(r["state"] for r in rows if r["session"] == session)


@pytest.fixture(scope="module")
def stored(tmp_path_factory, open_at, make_png):
    """monday of two pictures with labels and tuesday of one in the landing zone, taken in and published, and a release
    of one picture of monday's."""
    folder = tmp_path_factory.mktemp("stored")
    for n, session in enumerate(("monday", "tuesday")):
        place = folder / "landing" / session
        for below in ("images", "labels"):
            (place / below).mkdir(parents=True)
        (place / "data.yaml").write_text("names: [cat]\n")
        for k in range(2 - n):
            (place / f"images/{k}.png").write_bytes(make_png(10 * n + k))
            (place / f"labels/{k}.txt").write_text(BOX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(folder))
        home = Home(folder, open_at(folder))
        for session in ("monday", "tuesday"):
            home.take_in(session)
            for table in GATED:
                gate_session(home.intake.catalog, table, session)
    where = "source_path = 'images/0.png' AND session = 'monday'"
    columns = ["frame_id", "capture_id", "session", "sensor", "sha256"]
    (frame,) = home.intake.catalog.read("frames", columns, where).to_pylist()
    row = {**frame, "row_id": content_id("r"), "release_id": content_id("one")}
    row |= {"split": "train", "boxes_xyxy": [], "box_class_ids": []}
    home.intake.catalog.merge(
        "release_frames", to_table(TABLES["release_frames"], [row])
    )
    return folder


@pytest.fixture
def home(stored, tmp_path, open_at, monkeypatch) -> Home:
    """A copy of that home."""
    folder = shutil.copytree(stored, tmp_path / "home")
    monkeypatch.setenv("DAGUERRE_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return Home(folder, open_at(folder))


ALL = ["monday/images/0.png", "monday/images/1.png", "tuesday/images/0.png"]


def test_a_session_a_file_and_a_folder_are_forgotten_and_come_back(home):
    told = home.run("forget", "monday", "--dry-run")
    assert (told["files"], told["frames"], told["labels"]) == (5, 2, 2)
    assert told["releases"] == [content_id("one")] and home.pictures() == ALL
    told = home.run("forget", "monday", "--because", "a face")
    assert home.pictures() == ALL[2:] and home.state("monday") == "forgotten"
    (said,) = home.run("status")["forgotten"]
    assert (said["by"], said["reason"]) == (getpass.getuser(), "a face")
    (act,) = read_acts(home.folder)
    assert (act["act"], act["of"], act["why"]) == ("forget", "monday", "a face")
    assert home.zone.look_around().sessions.keys() == {"tuesday"}
    with pytest.raises(ValueError, match=r"a face.*--undo monday"):
        home.run("ingest", str(home.folder / "landing/monday"))
    rows = home.intake.catalog.read_latest("gone").to_pylist()
    assert {r["cause"] for r in rows} == {"forgotten"} and len(rows) == 5
    assert len(home.intake.catalog.read_latest("release_frames")) == 1
    assert home.run("verify")["ok"]

    home.intake.ledger.include("monday", "")  # what undo begins with
    home.take_in("monday")
    judge_again(load_settings(), "monday")
    assert home.pictures() == ALL

    place = str(home.folder / "landing/monday/images/1.png")
    home.run("forget", place)
    assert home.pictures() == [ALL[0], ALL[2]] and home.state("monday") == "ingested"
    assert home.take_in("monday").new == 0 and home.pictures() == [ALL[0], ALL[2]]
    home.run("forget", "monday/images")
    assert home.pictures() == ALL[2:]
    home.intake.ledger.include("monday", "images")
    home.take_in("monday")
    judge_again(load_settings(), "monday")
    assert home.pictures() == [ALL[0], ALL[2]]


def test_a_place_that_is_given_up_leaves_its_rows(home, tmp_path):
    shutil.move(home.folder / "landing/monday", tmp_path / "disk")
    home.zone.register("monday", Folder(str(tmp_path / "disk")))
    told = home.run("forget", str(tmp_path / "disk"), "--keep-rows")
    assert (told["targets"][0]["session"], told["frames"]) == ("monday", 2)
    assert home.pictures() == ALL and home.state("monday") == "forgotten"
    assert home.zone.look_around().sessions.keys() == {"tuesday"}
    assert home.run("forget", "monday", "--undo")["undone"]
    assert home.zone.locate("monday").uri == str(tmp_path / "disk")
    home.run("forget", "monday", "--keep-rows")
    shutil.copytree(tmp_path / "disk", tmp_path / "another")
    assert home.zone.take_up("monday", Folder(str(tmp_path / "another")))
    assert home.zone.locate("monday").uri == str(tmp_path / "another")


def test_what_is_told_while_an_intake_is_under_way_is_forgotten(home, make_png):
    (home.folder / "landing/tuesday/images/1.png").write_bytes(make_png(80))
    (home.folder / "landing/tuesday/labels/1.txt").write_text(BOX)

    def tell(*_: object) -> None:
        said = Exclusion("tuesday", WHOLE, False, "", "ada", "2026-11-21T12:00:00Z")
        home.intake.ledger.exclude([said])

    home.intake.ingest(home.zone.locate("tuesday"), "tuesday", tell)
    judge_again(load_settings(), "tuesday")
    assert home.pictures() == ALL[:2]


def test_many_things_are_forgotten_in_one_write_and_come_back_in_one(home):
    catalog = home.intake.catalog
    names = ["monday/images/0.png", "monday/labels/1.txt", "tuesday", "tuesday/images"]
    plan = home.run("forget", *names, "--dry-run")
    told = [(t["session"], t["path"], t["files"]) for t in plan["targets"]]
    # what lies in another of them is meant by it
    parts = [("monday", "images/0.png", 1), ("monday", "labels/1.txt", 1)]
    assert told == [*parts, ("tuesday", "", 3)]
    assert (plan["files"], plan["frames"], plan["labels"]) == (5, 2, 3)
    assert plan["releases"] == [content_id("one")]
    assert home.pictures() == ALL and not home.intake.ledger.exclusions()

    versions = {name: catalog.latest_version(name) for name in ("frames", "labels")}
    done = home.run("forget", *names, "--because", "faces")
    assert {**done, "dry_run": True, "reason": "", "at": plan["at"]} == plan
    assert home.pictures() == [ALL[1]]
    assert len(catalog.read("labels", ["label_id"])) == 0
    # a delete a session
    for name, before in versions.items():
        assert catalog.latest_version(name) == before + 2, name
    said = [(e.session, e.path, e.reason) for e in home.intake.ledger.exclusions()]
    assert said == [(s, path, "faces") for s, path, _ in told]

    undone = home.run("forget", *names[:3], "--undo")
    assert [i["session"] for i in undone["intakes"]] == ["monday", "tuesday"]
    assert home.pictures() == ALL and not home.intake.ledger.exclusions()
    assert home.run("verify")["ok"]


def test_where_one_of_several_names_means_nothing_all_such_are_told_and_nothing_goes(
    home,
):
    names = ["monday", "friday", "monday/images/9.png", "tuesday//"]
    with pytest.raises(ValueError) as caught:
        home.run("forget", *names)
    assert "'monday' is" not in str(caught.value)
    for fault in ("'friday' is no", "never had 'images/9.png'", "'tuesday//' is no"):
        assert fault in str(caught.value)
    assert home.pictures() == ALL and not home.intake.ledger.exclusions()
    home.run("forget", "monday")
    with pytest.raises(ValueError, match="session tuesday was not forgotten"):
        home.run("forget", "monday", "tuesday", "--undo")
    assert [e.session for e in home.intake.ledger.exclusions()] == ["monday"]


def test_a_name_of_nothing_is_refused_with_what_to_look_at(home):
    for named, told in (
        ("friday", "daguerre status"),
        ("monday/images/9.png", "select path from files"),
        ("/nowhere", "daguerre status"),
    ):
        with pytest.raises(ValueError, match=told):
            home.run("forget", named)
    with pytest.raises(ValueError, match="was not forgotten"):
        home.run("forget", "monday", "--undo")
    with pytest.raises(ValueError, match="whole session"):
        home.run("forget", "monday/images", "--keep-rows")


OF_RECORDINGS = ("tracks", "tracked_recordings", "object_boxes", "object_views")


def calibrate(home: Home, session: str, path: str) -> None:
    """A calibration of two cameras that rests on one picture of the session, and what was made of its recording."""
    catalog = home.intake.catalog
    where = f"session = '{session}' AND source_path = '{path}'"
    columns = ["frame_id", "capture_id", "session"]
    (frame,) = catalog.read_latest("frames", columns, where).to_pylist()
    rows = {
        "rig_calibrations": [
            {
                "calibration_id": content_id(session, name),
                "session": session,
                "sensor": name,
            }
            for name in ("left", "right")
        ],
        "board_views": [{**frame, "board_view_id": content_id(session, path)}],
        "rig_fits": [{**frame, "rig_fit_id": content_id(session, path)}],
        "depth_maps": [{**frame, "depth_map_id": content_id(session, path)}],
        **{
            name: [{**frame, TABLES[name].key: content_id(session, path)}]
            for name in OF_RECORDINGS
        },
    }
    for table, some in rows.items():
        known = TABLES[table].schema.names
        plain = [
            plain_row(table, {k: v for k, v in row.items() if k in known})
            for row in some
        ]
        catalog.merge(table, to_table(TABLES[table], plain))


def count_rig_rows(home: Home) -> dict[str, int]:
    names = ("rig_calibrations", "board_views", "rig_fits", "depth_maps")
    names += OF_RECORDINGS
    return {name: home.intake.catalog.read_latest(name).num_rows for name in names}


def test_a_calibration_goes_with_a_picture_that_it_rests_on(home):
    calibrate(home, "monday", "images/0.png")
    other = home.run("forget", "monday/images/1.png", "--dry-run")
    assert other["calibrations"] == 0, "it rests on another picture"
    words = ["forget", "monday/images/0.png"]
    assert home.run(*words, "--dry-run")["calibrations"] == 2
    said = CliRunner().invoke(app, [*words, "--dry-run"]).output
    assert "with the calibration of 2 cameras, would go" in said
    assert set(count_rig_rows(home).values()) == {1, 2}
    assert home.run(*words)["calibrations"] == 2
    left = count_rig_rows(home)
    assert left["rig_calibrations"] == left["board_views"] == 0
    assert left["rig_fits"] == 1, "its recording has a picture left"
    home.run("forget", "monday")
    assert set(count_rig_rows(home).values()) == {0}


def reconstruct(home: Home, session: str, path: str) -> None:
    """A sparse model and a mesh that rest on one picture of the session."""
    catalog = home.intake.catalog
    where = f"session = '{session}' AND source_path = '{path}'"
    columns = ["frame_id", "capture_id", "session"]
    (frame,) = catalog.read_latest("frames", columns, where).to_pylist()
    for name in MADE_OF_PICTURES:
        known = TABLES[name].schema.names
        row = {k: v for k, v in frame.items() if k in known}
        row[TABLES[name].key] = content_id(name, session)
        if name == "odometry":
            row["color_frame_id"] = frame["frame_id"]
        catalog.merge(name, to_table(TABLES[name], [plain_row(name, row)]))


MADE_OF_PICTURES = (
    "sparse_models",
    "sparse_images",
    "sparse_rungs",
    "splats",
    "splat_views",
    "odometry",
    "meshes",
)
MADE_OF_RECORDINGS = ("imu_mounts", "gravities", "tracks", "object_boxes")


def test_a_model_and_a_surface_go_with_a_picture_that_they_rest_on(home):
    reconstruct(home, "monday", "images/0.png")
    catalog = home.intake.catalog

    def count() -> set[int]:
        return {len(catalog.read_latest(name)) for name in MADE_OF_PICTURES}

    home.run("forget", "monday/images/1.png")
    assert count() == {1}, "they rest on another picture"
    home.run("forget", "monday/images/0.png")
    assert count() == {0}


def test_splats_go_with_a_picture_that_their_model_found_no_place_for(home):
    reconstruct(home, "monday", "images/0.png")
    catalog = home.intake.catalog
    where = "session = 'monday' AND source_path = 'images/1.png'"
    (other,) = catalog.read_latest("frames", ["frame_id"], where).to_pylist()
    (row,) = catalog.read_latest("sparse_images").to_pylist()
    row |= {"sparse_image_id": content_id("unplaced"), **other}
    catalog.merge("sparse_images", to_table(TABLES["sparse_images"], [row]))
    home.run("forget", "monday/images/1.png")
    left = {n: len(catalog.read_latest(n)) for n in MADE_OF_PICTURES}
    assert {n for n, count in left.items() if count} == {"odometry", "meshes"}


def test_words_of_a_forgotten_picture_are_found_no_more(home):
    """A caption is a document of no session: it goes too, and with the next question comes what others say."""
    catalog = home.intake.catalog
    said = {"attribute": None, "class": None, "release": None, "session": "monday"}
    rows = [
        plain_row("documents", {"document_id": content_id(kind), "vector": None})
        | {"kind": kind, "session": session}
        for kind, session in said.items()
    ]
    catalog.merge("documents", to_table(TABLES["documents"], rows))
    home.run("forget", "monday/images/0.png")
    kinds = catalog.read_latest("documents", ["kind"])["kind"].to_pylist()
    assert sorted(kinds) == ["release", "session"]
    home.run("forget", "monday")
    assert catalog.read_latest("documents", ["kind"])["kind"].to_pylist() == ["release"]


def test_what_was_made_of_a_recording_goes_with_it(home):
    catalog = home.intake.catalog
    for session in ("monday", "tuesday"):
        mine = f"session = '{session}'"
        frames = catalog.read_latest("frames", ["frame_id", "capture_id"], mine)
        frame = frames.to_pylist()[0] | {"session": session}
        for name in MADE_OF_RECORDINGS:
            known = TABLES[name].schema.names
            row = {k: v for k, v in frame.items() if k in known}
            row[TABLES[name].key] = content_id(name, session)
            catalog.merge(name, to_table(TABLES[name], [plain_row(name, row)]))
    home.run("forget", "monday")
    for name in MADE_OF_RECORDINGS:
        left = catalog.read_latest(name, ["session"])["session"].to_pylist()
        assert left == ["tuesday"], name


def test_what_is_killed_before_its_files_are_settled_is_finished_by_the_next_call(
    home, monkeypatch
):
    reconstruct(home, "monday", "images/0.png")
    catalog = home.intake.catalog

    class Killed(BaseException):
        """Ends the process in the real world."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle_gone", die)
        with pytest.raises(Killed):
            home.run("forget", "monday/images/0.png")
    assert {len(catalog.read_latest(name)) for name in MADE_OF_PICTURES} == {0}
    home.run("forget", "monday/images/0.png")
    assert home.pictures() == ["monday/images/1.png", "tuesday/images/0.png"]


# said by people, or of them, bound to a release, or made anew as a whole with the next one
KEPT = {
    *("label_versions", "label_queue", "unsealings"),
    *("release_frames", "release_labels", "frame_scores", "object_scores"),
    *("unique_frames", "splits"),
}
ON_FRAMES = {
    name
    for name, table in TABLES.items()
    if {"frame_id", "session"} <= {column.name for column in table.columns}
} - {*KEPT, *OF_FRAMES, *SAID_OF_FRAMES, "frames"}


def derive(home: Home, session: str) -> None:
    """A row of each table that rests on frames, for each frame of the session, and tables that go with those."""
    catalog = home.intake.catalog
    columns = ["frame_id", "capture_id", "session", "sensor"]
    mine = f"session = '{session}'"
    for frame in catalog.read_latest("frames", columns, mine).to_pylist():
        facts = {**frame, "purpose": "monitoring", "color_frame_id": frame["frame_id"]}
        for name in {*ON_FRAMES, "meshes", "object_boxes", "tracked_recordings"}:
            key, known = TABLES[name].key, TABLES[name].schema.names
            row = {k: v for k, v in facts.items() if k in known}
            row[key] = content_id(name, frame["frame_id"])
            catalog.upsert(name, to_table(TABLES[name], [plain_row(name, row)]))


def list_derived(home: Home, session: str) -> dict[str, int]:
    """How many rows each table has of it."""
    catalog, mine = home.intake.catalog, f"session = '{session}'"
    names = {*ON_FRAMES, "meshes", "object_boxes", "tracked_recordings"}
    return {name: len(catalog.read_latest(name, where=mine)) for name in sorted(names)}


# a run makes them again for those that are left, each by itself
OF_ONE_FRAME = {"depth_maps", "predictions"}


def test_all_that_rests_on_a_forgotten_file_goes_and_what_others_say_of_themselves_stays(
    home,
):
    derive(home, "monday")
    derive(home, "tuesday")
    before = list_derived(home, "tuesday")
    home.run("forget", "monday/images/0.png")
    left = list_derived(home, "monday")
    assert {name for name, count in left.items() if count} == OF_ONE_FRAME
    assert all(left[name] == 1 for name in OF_ONE_FRAME)
    assert list_derived(home, "tuesday") == before


def test_a_forgetting_that_is_killed_after_any_write_is_finished_by_the_calls_after_it(
    home, monkeypatch
):
    derive(home, "monday")
    said = Exclusion("monday", "images/0.png", False, "", "ada", "2026-11-21T12:00:00Z")

    class Killed(BaseException):
        """Ends the process in the real world."""

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
            (Catalog, "delete"),
            (Catalog, "merge"),
            (FencedWriter, "delete"),
            (Ledger, "settle_gone"),
        ):
            patched.setattr(owner, name, count(getattr(owner, name)))
        for num_writes in range(60):
            left = num_writes  # as far as this call comes
            try:
                forget(home.intake, [said])
            except Killed:
                continue
            break
    assert 5 < num_writes < 59, "it was killed on the way, and came to its end"
    home.run("forget", "monday/images/0.png")
    left_over = {n for n, count in list_derived(home, "monday").items() if count}
    assert left_over == OF_ONE_FRAME
    assert home.pictures() == ALL[1:]


def test_what_was_left_after_the_files_were_settled_goes_with_the_next_call(home):
    home.run("forget", "monday")
    rows = [plain_row("drift", {"drift_id": content_id("d"), "session": "monday"})]
    home.intake.catalog.merge("drift", to_table(TABLES["drift"], rows))
    home.run("forget", "monday")
    assert not len(home.intake.catalog.read_latest("drift"))


def test_an_object_that_has_a_reason_in_place_of_a_box_goes_with_any_picture(home):
    """Nothing tells which pictures the reason is of; one with a view of another picture stays."""
    catalog = home.intake.catalog
    where = "session = 'monday' AND source_path = 'images/1.png'"
    columns = ["frame_id", "capture_id", "session"]
    (frame,) = catalog.read_latest("frames", columns, where).to_pylist()
    seen, unseen = content_id("seen"), content_id("unseen")
    for box in (seen, unseen):
        row = {"object_box_id": box, "session": "monday"}
        row |= {"capture_id": frame["capture_id"], "reason": "it has one view"}
        row = plain_row("object_boxes", row)
        catalog.merge("object_boxes", to_table(TABLES["object_boxes"], [row]))
    view = {**frame, "object_view_id": content_id("view"), "object_box_id": seen}
    rows = to_table(TABLES["object_views"], [plain_row("object_views", view)])
    catalog.merge("object_views", rows)
    home.run("forget", "monday/images/0.png")
    left = catalog.read_latest("object_boxes", ["object_box_id"])
    assert left["object_box_id"].to_pylist() == [seen]


def test_a_calibration_of_another_session_stays(home):
    calibrate(home, "monday", "images/0.png")
    home.run("forget", "tuesday")
    assert count_rig_rows(home)["rig_calibrations"] == 2
