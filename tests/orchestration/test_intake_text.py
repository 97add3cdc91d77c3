"""What `daguerre ingest` says to a person: what is dropped, what is a copy, and one cause where a session is held."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from types import SimpleNamespace

import pytest
from mcap.writer import Writer
from typer.testing import CliRunner

from assets.formats.lookalikes import find_likeness
from assets.storage import Folder
from orchestration.cli import app
from orchestration.cli.intake import fails, take_in
from orchestration.cli.intake_text import describe_twins
from orchestration.profiles import load_settings

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")

FRAME = {
    "timestamp": {"sec": 1, "nsec": 0},
    "parent_frame_id": "world",
    "child_frame_id": "rig",
    "translation": {"x": 0.0, "y": 0.0, "z": 0.0},
    "rotation": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0},
}


def record() -> bytes:
    """Five poses, which are read, and three grids, which are not."""
    stream = BytesIO()
    writer = Writer(stream)
    writer.start()
    topics = {
        "/pose": ("foxglove.FrameTransform", FRAME, 5),
        "/grid": ("foxglove.Grid", {}, 3),
    }
    for topic, (schema_name, message, count) in topics.items():
        schema = writer.register_schema(schema_name, "jsonschema", b"{}")
        channel = writer.register_channel(topic, "json", schema)
        for number in range(count):
            stamped = {**message, "timestamp": {"sec": number, "nsec": 0}}
            writer.add_message(channel, number, json.dumps(stamped).encode(), number)
    writer.finish()
    return stream.getvalue()


@pytest.fixture(scope="module")
def said(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., SimpleNamespace]]:
    """said("monday"): `ingest` of that folder, in one home for all; exit code, text, and the folders beside it."""
    base = tmp_path_factory.mktemp("words")
    monday = base / "monday"
    monday.mkdir()
    (monday / "drive.mcap").write_bytes(record())
    for number in range(40):
        (monday / f"{number}.rar").write_bytes(b"not read")
    tuesday = base / "tuesday"
    tuesday.mkdir()
    (tuesday / "again.mcap").write_bytes(record())
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGUERRE_HOME", str(base / "home"))
        patched.chdir(base)

        def ingest(session: str, *options: str) -> SimpleNamespace:
            done = CliRunner().invoke(
                app, ["ingest", str(base / session), *options], catch_exceptions=False
            )
            assert done.exit_code == 0, done.output
            return SimpleNamespace(text=done.stdout, lines=done.stdout.splitlines())

        yield ingest


def test_a_dry_run_says_which_topics_are_not_read_and_how_many_messages_they_have(said):
    lines = said("monday", "--dry-run").lines
    assert lines[0] == "would be session monday"
    assert "  read: /pose (foxglove.FrameTransform): 5 messages" in lines
    assert "  not read: /grid (foxglove.Grid): 3 messages" in lines


def test_equal_lines_of_a_dry_run_are_one_with_a_count_unless_all_is_asked_for(said):
    told = [line for line in said("monday", "--dry-run").lines if "rar" in line]
    assert len(told) == 1 and told[0].startswith("not read: 40 files: 0.rar, 1.rar, ")
    assert "and 35 more: no reader for .rar yet. unpack it" in told[0]
    every = said("monday", "--dry-run", "--verbose").lines
    assert sum(".rar" in line for line in every) == 40


def test_intake_counts_signals_and_says_what_it_dropped_and_what_is_a_copy(said):
    lines = said("monday").lines
    assert (
        lines[0] == "session monday: 41 files, 1 capture, 0 frames, 5 signals (5 pose)"
    )
    assert "  not read: /grid (foxglove.Grid): 3 messages" in lines
    assert sum("quarantined 40 files: " in line for line in lines) == 1

    copy = said("tuesday").lines
    assert copy[2:] == ["already in session monday: again.mcap"]
    facts = json.loads(said("tuesday", "--json").text)
    assert facts["copies"] == [{"path": "again.mcap", "session": "monday"}]
    assert facts["published"] is False

    status = CliRunner().invoke(app, ["status"]).stdout
    assert "copy         tuesday: 1 file" in status
    assert "already in session monday" in status and "held" not in status


def test_intake_counts_scans_by_sensor(said, tmp_path):
    """A folder elsewhere is a session too."""
    for number in range(2):
        scan = tmp_path / "thursday" / "velodyne" / f"{number}.bin"
        scan.parent.mkdir(parents=True, exist_ok=True)
        scan.write_bytes(bytes(range(32)))
    lines = said(str(tmp_path / "thursday")).lines
    assert lines[0].endswith(", 0 frames, 2 scans (2 of velodyne)")


def test_a_landed_session_of_which_nothing_is_read_has_one_cause(said, tmp_path):
    """As the graph takes it in: there, every folder that lands is a session."""
    for number in range(3):
        (tmp_path / f"{number}.rar").write_bytes(b"not read")
    settings = load_settings()
    facts, text = take_in(settings, Folder(str(tmp_path)), "wednesday")
    told = [line for line in text.splitlines() if "held" in line or "check" in line]
    assert told == [
        "held back from datasets: nothing of this session could be read: "
        "0.rar: no reader for .rar yet, and 2 more"
    ]
    assert fails(facts)
    _, every = take_in(settings, Folder(str(tmp_path)), "wednesday", is_verbose=True)
    assert every.count("\n  held: ") > 10


def test_a_session_of_pointers_to_recordings_has_one_cause(said, tmp_path):
    """Each is a capture of which nothing could be read."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1017\n"
    landed = tmp_path / "thursday"
    landed.mkdir()
    for number in range(2):
        text = pointer.format(f"{number}" * 64)
        (landed / f"{number}.mcap").write_text(text)
    _, text = take_in(load_settings(), Folder(str(landed)), "thursday")
    (held,) = [line for line in text.splitlines() if line.startswith("held")]
    assert held.startswith(
        "held back from datasets: nothing of this session could be read: 0.mcap: "
    )
    assert held.endswith(", and 1 more")
    assert "checks fail" not in text


@pytest.mark.parametrize(
    ("path", "line", "told", "not_told"),
    [
        ("gt/gt.txt", "1,1,912,484,97,109", "daguerre track", "MCAP"),
        ("gt/gt.txt", "1 2009 2 1080 1920 UkU", "labels as COCO", "MCAP"),
        ("labels.csv", "frame,x1,y1,x2,y2,class", "labels as COCO", "MCAP"),
        ("seqinfo.ini", "[Sequence]", "daguerre track", "MCAP"),
        ("imu.csv", "t,gyro x,gyro y", "MCAP", "COCO"),
        ("trajectory.txt", "1 2 3", "poses as rows", "MCAP"),
        ("what.csv", "1,2", "labels as COCO", "poses"),
    ],
)
def test_remedies_fit_the_file(path: str, line: str, told: str, not_told: str):
    likeness = find_likeness(path, f"{line}\n".encode())
    assert likeness and told in likeness.remedy and not_told not in likeness.remedy


def test_a_corrected_label_file_says_what_it_replaced_and_its_classes_are_no_news(
    tmp_path, monkeypatch, make_png
):
    def write(session: str, name: str, num_objects: int) -> None:
        place = tmp_path / session
        place.mkdir(exist_ok=True)
        for n in range(3):
            (place / f"{n}.png").write_bytes(make_png(10 * len(session) + n))
        images = [{"id": n, "file_name": f"{n}.png"} for n in range(3)]
        objects = [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 5, 5 + n]}
            for n in range(num_objects)
        ]
        names = [{"id": 1, "name": name}]
        said = {"images": images, "annotations": objects, "categories": names}
        (place / "labels.json").write_text(json.dumps(said))

    def ingest(session: str) -> str:
        done = CliRunner().invoke(app, ["ingest", session], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write("monday", "cup", 3)
    ingest("monday")
    write("tuesday", "mug", 3)
    assert "classes_are_known: 1 of 1 classes" in ingest("tuesday")
    write("tuesday", "mug", 2)
    told = ingest("tuesday")
    line = (
        "labels of 3 pictures replaced by the new version of labels.json: 2 labels now"
    )
    assert line in told.splitlines()
    assert "are gone" not in told and "classes_are_known" not in told
    (tmp_path / "tuesday/2.png").unlink()
    assert "1 file gone or with other bytes: 1 frame and 0 labels" in ingest("tuesday")


def test_sessions_with_the_same_files_are_one_line():
    twins = {"a": 1, "b": 3, "c": 2, "d": 1}
    (line,) = describe_twins("mine", twins)
    assert "in sessions b (3 files), c (2 files), a (1 file) and 1 more" in line
    assert "`daguerre forget mine`" in line
    assert "in session a (1 file) already" in describe_twins("mine", {"a": 1})[0]
    assert describe_twins("mine", {}) == []
