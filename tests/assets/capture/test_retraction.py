"""What came of files that were taken away or replaced goes from the tables, is marked, and comes back with them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from assets.landing import LandingZone
from assets.retrieval.quarantine import drop, find_files, list_quarantine
from assets.storage import Folder, GoneFolder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from checks.gates import gate_session
from checks.verdicts import stops_flow

GATED = ("captures", "frames", "labels", "gone")
BOX = "0 .5 .5 .5 .5"


def take_in(intake, root: Path):
    return intake.ingest(Folder(str(root)), "monday")


def list_labels(intake) -> list[tuple[str, str]]:
    rows = intake.catalog.read_latest(
        "labels", ["source_path", "class_name"]
    ).to_pylist()
    return sorted((r["source_path"], r["class_name"]) for r in rows)


def count(intake, table: str) -> int:
    return len(intake.catalog.read_latest(table))


@pytest.fixture
def yolo(intake, write_files, make_png) -> Path:
    root = write_files(
        {
            "data.yaml": "names: [cat]\n",
            "images/a.png": make_png(),
            "images/b.png": make_png(1),
            "labels/a.txt": BOX,
            "labels/b.txt": BOX,
        }
    )
    take_in(intake, root)
    return root


def test_a_label_file_that_is_taken_away_says_nothing_any_more(intake, yolo):
    (yolo / "labels/b.txt").unlink()
    report = take_in(intake, yolo)
    assert list_labels(intake) == [("labels/a.txt", "cat")]
    assert count(intake, "frames") == 2 and count(intake, "annotated_frames") == 1
    assert intake.catalog.read_latest("captures", ["num_labels"])[
        "num_labels"
    ].to_pylist() == [1]
    assert (report.files, report.new, report.gone_labels) == (4, 0, 1)


def test_labels_of_a_folder_that_cannot_be_listed_stay(intake, yolo, permissions_bind):
    before = list_labels(intake), count(intake, "annotated_frames")
    (yolo / "labels").chmod(0)
    report = take_in(intake, yolo)
    (yolo / "labels").chmod(0o755)
    assert report.gone == 0 and "labels/" in {r["path"] for r in report.reasons}
    assert (list_labels(intake), count(intake, "annotated_frames")) == before


def test_a_label_file_that_comes_back_as_it_was_is_read_again(intake, yolo, tmp_path):
    moved = tmp_path / "aside.txt"
    (yolo / "labels/b.txt").rename(moved)
    take_in(intake, yolo)
    moved.rename(yolo / "labels/b.txt")
    assert take_in(intake, yolo).new == 1
    assert list_labels(intake) == [("labels/a.txt", "cat"), ("labels/b.txt", "cat")]
    assert take_in(intake, yolo).new == 0


def test_all_labels_that_are_taken_away_leave_a_folder_of_images(intake, yolo):
    for path in ("labels/a.txt", "labels/b.txt", "data.yaml"):
        (yolo / path).unlink()
    take_in(intake, yolo)
    assert list_labels(intake) == [] and count(intake, "frames") == 2
    rows = intake.catalog.read_latest(
        "captures", ["num_frames", "num_labels"]
    ).to_pylist()
    assert (
        sum(r["num_frames"] for r in rows) == 2
        and sum(r["num_labels"] for r in rows) == 0
    )


def list_gone(intake) -> list[tuple[str, str, int, int]]:
    rows = intake.catalog.read_latest("gone").to_pylist()
    return sorted(
        (r["path"], r["cause"], r["num_frames"], r["num_labels"]) for r in rows
    )


def list_pictures(intake) -> list[str]:
    rows = intake.catalog.read_latest("frames", ["source_path"])
    return sorted(rows["source_path"].to_pylist())


def is_in_order(intake) -> bool:
    verdicts = [v for t in GATED for v in gate_session(intake.catalog, t, "monday")]
    return not stops_flow(verdicts)


def test_a_picture_that_is_taken_away_goes_with_its_label_and_comes_back(
    intake, yolo, read_tables, tmp_path
):
    before = read_tables(intake.catalog)
    version = intake.catalog.latest_version("frames")
    moved = {
        yolo / path: tmp_path / Path(path).name
        for path in ("labels/b.txt", "images/b.png")
    }
    for place, aside in moved.items():
        place.rename(aside)
    report = take_in(intake, yolo)
    assert (report.gone, report.gone_frames, report.gone_labels) == (2, 1, 1)
    assert list_pictures(intake) == ["images/a.png"]
    assert list_labels(intake) == [("labels/a.txt", "cat")]
    assert count(intake, "frame_quality") == count(intake, "annotated_frames") == 1
    assert list_gone(intake) == [
        ("images/b.png", "deleted", 1, 1),
        ("labels/b.txt", "deleted", 0, 0),
    ]
    assert is_in_order(intake) and take_in(intake, yolo).gone == 0
    pinned = intake.catalog.read("frames", ["source_path"], version=version)
    assert len(pinned) == 2
    for place, aside in moved.items():
        aside.rename(place)
    take_in(intake, yolo)
    assert read_tables(intake.catalog) == before and is_in_order(intake)


def test_a_picture_alone_that_is_taken_away_takes_its_label_along(intake, yolo):
    (yolo / "images/b.png").unlink()
    take_in(intake, yolo)
    assert list_labels(intake) == [("labels/a.txt", "cat")]
    assert list_gone(intake) == [("images/b.png", "deleted", 1, 1)]


def test_a_picture_with_other_bytes_takes_the_place_of_the_older_one(
    intake, yolo, make_png, tmp_path
):
    older = (yolo / "images/b.png").read_bytes()
    (yolo / "images/b.png").write_bytes(make_png(2))
    report = take_in(intake, yolo)
    assert (report.new, report.gone_frames, report.gone_labels) == (1, 1, 1)
    assert list_pictures(intake) == ["images/a.png", "images/b.png"]
    assert [path for path, _ in list_labels(intake)] == ["labels/a.txt", "labels/b.txt"]
    assert count(intake, "frame_quality") == count(intake, "annotated_frames") == 2
    assert list_gone(intake) == [("images/b.png", "replaced", 1, 1)]
    (yolo / "images/b.png").write_bytes(older)
    take_in(intake, yolo)
    stored = intake.catalog.read_latest("frames", ["payload"])["payload"].to_pylist()
    assert older in stored and make_png(2) not in stored


def test_a_picture_that_is_only_touched_stays(intake, yolo, read_tables):
    before = read_tables(intake.catalog)
    os.utime(yolo / "images/b.png", ns=(1, 1))
    assert take_in(intake, yolo).gone == 0
    assert read_tables(intake.catalog) == before and list_gone(intake) == []
    assert len(intake.ledger.outcomes("monday")) == 5


def test_a_label_file_that_is_replaced_says_what_it_says_now(intake, yolo):
    (yolo / "labels/b.txt").write_text("0 .4 .4 .2 .2")
    take_in(intake, yolo)
    rows = intake.catalog.read_latest("labels", ["source_path", "x_min"]).to_pylist()
    found = {r["source_path"]: r["x_min"] for r in rows}
    assert len(rows) == 2 and found["labels/b.txt"] == pytest.approx(0.3 * 16)


def test_a_trajectory_that_is_replaced_leaves_no_pose_of_the_older_one(
    intake, write_files, make_png
):
    root = write_files(
        {
            "rgb/1.0.png": make_png(),
            "rgb.txt": "1.0 rgb/1.0.png\n",
            "groundtruth.txt": "1.0 0 0 0 0 0 0 1\n1.1 1 0 0 0 0 0 1\n",
        }
    )
    take_in(intake, root)
    assert count(intake, "signals") == 2
    (root / "groundtruth.txt").write_text("1.0 5 0 0 0 0 0 1\n")
    take_in(intake, root)
    values = intake.catalog.read_latest("signals", ["values"])["values"].to_pylist()
    assert [v[0] for v in values] == [5.0]
    (root / "groundtruth.txt").unlink()
    take_in(intake, root)
    assert count(intake, "signals") == 0 and count(intake, "frames") == 1


def test_a_session_that_is_known_to_be_no_more_leaves_nothing_and_comes_back(
    intake, yolo, read_tables
):
    before = read_tables(intake.catalog)
    report = intake.ingest(GoneFolder(str(yolo)), "monday")
    assert (report.files, report.gone, report.gone_frames) == (0, 5, 2)
    assert not any(read_tables(intake.catalog).values())
    assert intake.ledger.committed() == [] and is_in_order(intake)
    take_in(intake, yolo)
    assert read_tables(intake.catalog) == before and is_in_order(intake)


def test_a_session_that_is_no_more_is_known_in_no_words(intake, yolo):
    rows = [
        {
            "document_id": content_id(session),
            "kind": "session",
            "source": session,
            "session": session,
            "title": session,
            "text": "two pictures",
            "input_sha256": "0" * 64,
            "code_version": "1",
        }
        for session in ("monday", "friday")
    ]
    intake.catalog.merge("documents", to_table(TABLES["documents"], rows))
    intake.ingest(GoneFolder(str(yolo)), "monday")
    left = intake.catalog.read_latest("documents", ["session"])
    assert left["session"].to_pylist() == ["friday"]


def test_a_session_of_which_nothing_could_be_read_is_not_in_order_when_a_file_goes(
    intake, write_files, make_png
):
    root = write_files({"a.png": make_png()})
    take_in(intake, root)
    (root / "a.png").write_bytes(b"no picture")
    take_in(intake, root)
    assert list_gone(intake) == [("a.png", "replaced", 1, 0)]
    assert not is_in_order(intake)


@pytest.fixture
def half_broken(intake, write_files, make_png) -> Path:
    """Two pictures and two texts of their name: half cannot be read, and the session is held."""
    root = write_files(
        {
            "a.png": make_png(),
            "b.png": make_png(1),
            "c.jpg": "no picture",
            "d.jpg": "none either",
        }
    )
    take_in(intake, root)
    assert is_held(intake) and count(intake, "quarantine") == 2
    return root


def is_held(intake) -> bool:
    verdicts = gate_session(intake.catalog, "frames", "monday")
    return any(v.name == "images_are_readable" and v.stops for v in verdicts)


def count_problems(intake) -> int:
    rows = intake.catalog.read_latest("captures", ["num_problems"])
    return sum(rows["num_problems"].to_pylist())


def test_broken_pictures_that_are_deleted_hold_their_session_no_more(
    intake, half_broken
):
    (half_broken / "c.jpg").unlink()
    (half_broken / "d.jpg").unlink()
    report = take_in(intake, half_broken)
    assert (report.files, report.quarantined, report.problems) == (2, 0, 0)
    assert count(intake, "quarantine") == 0 and not is_held(intake)
    assert {(path, cause) for path, cause, _, _ in list_gone(intake)} == {
        ("c.jpg", "deleted"),
        ("d.jpg", "deleted"),
    }


def test_broken_pictures_that_are_replaced_hold_their_session_no_more(
    intake, half_broken, make_png
):
    for n, name in enumerate(("c.jpg", "d.jpg"), 2):
        (half_broken / name).write_bytes(make_png(n))
    assert take_in(intake, half_broken).problems == 0
    assert count(intake, "frames") == 4 and not is_held(intake)


def test_broken_pictures_that_are_dropped_hold_their_session_no_more(
    intake, half_broken, make_png
):
    zone = LandingZone(Folder(str(half_broken.parent)), intake.ledger)
    zone.register("monday", Folder(str(half_broken)))
    drop(zone, find_files(zone, "monday", ["*.jpg"], ("quarantined",)), "ada", "now")
    report = take_in(intake, half_broken)
    assert (report.dropped, report.quarantined, report.problems) == (2, 0, 0)
    assert count_problems(intake) == 0 and not is_held(intake)
    assert [e["what"] for e in list_quarantine(intake.catalog, zone)] == ["dropped"] * 2
    # its folder is read again as a whole
    (half_broken / "e.png").write_bytes(make_png(4))
    assert take_in(intake, half_broken).dropped == 2
    assert count(intake, "quarantine") == 0 and not is_held(intake)


def test_an_emptied_landing_zone_loses_nothing(intake, yolo):
    for path in sorted(p for p in yolo.rglob("*") if p.is_file()):
        path.unlink()
    for _ in range(2):
        assert take_in(intake, yolo).files == 0
    assert (
        len(list_labels(intake)) == 2
        and count(intake, "frames") == 2
        and count(intake, "annotated_frames") == 2
    )


def test_a_document_that_another_replaces_leaves_only_what_the_newer_says(
    intake, write_files, make_png
):
    def describe(name: str, x: float) -> str:
        return json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 16, "height": 12}],
                "categories": [{"id": 1, "name": name}],
                "annotations": [
                    {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x, 2, 6, 6]}
                ],
            }
        )

    root = write_files({"images/a.png": make_png(), "v1.json": describe("cat", 1)})
    take_in(intake, root)
    (root / "v1.json").unlink()
    (root / "v2.json").write_text(describe("dog", 3))
    take_in(intake, root)
    assert list_labels(intake) == [("v2.json", "dog")]


def test_a_picture_that_is_moved_to_another_class_has_that_class_alone(
    intake, write_files, make_png
):
    files = {
        f"{name}/{n}.png": make_png(i * 10 + n)
        for i, name in enumerate(("cat", "dog"))
        for n in range(3)
    }
    root = write_files(files)
    take_in(intake, root)
    (root / "cat/0.png").rename(root / "dog/0a.png")
    take_in(intake, root)
    labels = list_labels(intake)
    assert (
        ("cat/0.png", "cat") not in labels
        and ("dog/0a.png", "dog") in labels
        and len(labels) == 6
    )


def test_a_container_that_is_taken_away_takes_all_along_and_comes_back(
    intake, write_files, recording, make_png, read_tables
):
    root = write_files({"still.png": make_png()})
    take_in(intake, root)
    bare = read_tables(intake.catalog)
    (root / "desk.mcap").write_bytes(recording)
    take_in(intake, root)
    before = read_tables(intake.catalog)
    num_frames, num_labels = (
        len(before[name]) - len(bare[name]) for name in ("frames", "labels")
    )
    shutil.copy(root / "desk.mcap", root / "copy.mcap")
    take_in(intake, root)
    (root / "desk.mcap").unlink()
    assert take_in(intake, root).gone_frames == 0  # its bytes are there as the copy
    assert read_tables(intake.catalog)["frames"] == before["frames"]
    (root / "z.mcap").write_bytes(recording)
    (root / "copy.mcap").unlink()
    take_in(intake, root)
    shutil.copy(root / "z.mcap", root / "copy.mcap")
    (root / "z.mcap").unlink()
    take_in(intake, root)
    known = {o.path: o.outcome for o in intake.ledger.outcomes("monday").values()}
    assert known["copy.mcap"] == "ingested" and take_in(intake, root).new == 0
    assert read_tables(intake.catalog)["frames"] == before["frames"]
    (root / "copy.mcap").unlink()
    assert take_in(intake, root).gone_frames == num_frames > 0
    assert read_tables(intake.catalog) == bare
    assert list_gone(intake) == [("copy.mcap", "deleted", num_frames, num_labels)]
    (root / "desk.mcap").write_bytes(recording)
    take_in(intake, root)
    assert read_tables(intake.catalog) == before


def test_a_container_with_other_bytes_takes_the_place_of_the_older_one(
    intake, write_files, recording, pack_zip
):
    root = write_files({"a.zip": pack_zip(3), "b.mcap": recording})
    take_in(intake, root)
    (root / "a.zip").write_bytes(pack_zip(2, seed=7))
    take_in(intake, root)
    assert len([p for p in list_pictures(intake) if p.startswith("a.zip!/")]) == 2
    assert ("a.zip", "replaced", 3, 0) in list_gone(intake)


@pytest.fixture
def pack_zip(make_png, tmp_path):
    """pack_zip(3): a zip of so many pictures."""
    import io
    import zipfile

    def pack(num_pictures: int, seed: int = 0) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for n in range(num_pictures):
                archive.writestr(f"{n}.png", make_png(seed + n))
        return packed.getvalue()

    return pack


class Dying(Catalog):
    """Its worker is killed before so many deletions are done."""

    lives = 0

    def open_or_create(self, name: str):
        self.lives -= 1
        if self.lives < 0:
            raise KeyboardInterrupt
        return super().open_or_create(name)


def test_a_worker_that_is_killed_anywhere_is_made_good_by_the_next(
    open_at, write_files, make_png, tmp_path, read_tables
):
    files = {"data.yaml": "names: [cat]\n"}
    for n in range(3):
        files |= {f"images/{n}.png": make_png(n), f"labels/{n}.txt": BOX}
    root = write_files(files)
    (tmp_path / "home").mkdir()
    whole = open_at(tmp_path / "home")
    take_in(whole, root)
    (root / "images/0.png").unlink()
    (root / "labels/1.txt").unlink()
    homes = []
    for lives in range(40):
        home = shutil.copytree(tmp_path / "home", tmp_path / f"home{lives}")
        dying = Dying(str(home / "tables"))
        dying.lives = lives
        try:
            take_in(open_at(home, catalog=dying), root)
        except KeyboardInterrupt:
            take_in(open_at(home), root)
        else:
            break
        homes.append(home)
    take_in(whole, root)
    wanted = read_tables(whole.catalog)
    assert len(homes) > 6 and len(wanted["frames"]) == 2
    for home in homes:
        later = open_at(home)
        assert read_tables(later.catalog) == wanted, home.name
        assert list_gone(later) == list_gone(whole)
        assert take_in(later, root).gone == 0


class Returning(Folder):
    """A file comes back, and is taken in by another worker, between the listing and the retraction."""

    other = None

    def files(self):
        found = super().files()
        if self.other:
            self.other, other = None, self.other
            other()
        return found


def test_what_another_worker_has_taken_in_meanwhile_stays(
    intake, open_intake, yolo, read_tables, tmp_path
):
    before = read_tables(intake.catalog)
    (yolo / "images/b.png").rename(tmp_path / "b.png")
    source = Returning(str(yolo))

    def come_back() -> None:
        (tmp_path / "b.png").rename(yolo / "images/b.png")
        take_in(open_intake(), yolo)

    source.other = come_back
    assert intake.ingest(source, "monday").gone == 0
    assert read_tables(intake.catalog) == before
