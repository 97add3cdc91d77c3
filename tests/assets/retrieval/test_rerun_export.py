"""The recording that Rerun opens holds what the tables hold: read back with Rerun's own reader."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.images import decode_rgb
from assets.retrieval.rerun_export import export_session
from assets.retrieval.rerun_recording import CLOCK, SEQUENCE
from assets.storage import Folder
from assets.tables.rows import SIDES
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row


def read_back(path: Path) -> dict[str, list[dict]]:
    """Entity -> its rows in order of time, as Rerun reads them: component -> value, timeline -> time."""
    import rerun as rr

    entities: dict[str, list[dict]] = {}
    for chunk in rr.chunk.RrdReader(path).stream():
        entities.setdefault(chunk.entity_path, []).extend(
            chunk.to_record_batch().to_pylist()
        )
    # a recording is in chunks, whose number and order are those in which Rerun's own threads came to write them
    for rows in entities.values():
        rows.sort(key=lambda row: [to_ns(row.get(CLOCK)), row.get(SEQUENCE) or 0])
    return entities


def count(entities: dict[str, list[dict]], component: str) -> int:
    """How many values of a component there are in the recording."""
    return sum(
        len(row[component])
        for rows in entities.values()
        for row in rows
        if row.get(component)
    )


@pytest.fixture
def session(tmp_path, intake):
    """Two simulated captures of ten frames a camera."""
    simulate(tmp_path / "monday", SimulationSpec(2, 1.0, 3, width_px=96, height_px=72))
    intake.ingest(Folder(str(tmp_path / "monday")), "monday")
    return intake.catalog


def test_counts_equal_the_tables(session, tmp_path):
    counts = export_session(session, "monday", tmp_path / "monday.rrd")
    entities = read_back(tmp_path / "monday.rrd")
    color = session.dataset("frames").count_rows("kind = 'color'")
    boxes = session.dataset("labels").count_rows(
        "task = 'detection' AND x_min IS NOT NULL"
    )
    signals = Counter(
        r["kind"] for r in session.read_latest("signals", ["kind"]).to_pylist()
    )
    assert color == 40 and boxes > 0
    assert count(entities, "EncodedImage:blob") == counts["images"] == color
    assert count(entities, "DepthImage:buffer") == counts["depth_images"] == 20
    assert count(entities, "Boxes2D:half_sizes") == counts["boxes"] == boxes
    assert count(entities, "Scalars:scalars") == 6 * signals["imu"] == 6 * counts["imu"]
    rigs = [len(rows) for path, rows in entities.items() if path.endswith("/world/rig")]
    assert sum(rigs) == signals["pose"] == counts["poses"]


def test_rerun_itself_finds_no_fault(session, tmp_path):
    export_session(session, "monday", tmp_path / "monday.rrd")
    rerun = Path(sys.executable).with_name("rerun")
    done = subprocess.run(
        [rerun, "rrd", "verify", tmp_path / "monday.rrd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_box_lies_where_its_label_says_at_the_time_of_its_frame(session, tmp_path):
    export_session(session, "monday", tmp_path / "monday.rrd")
    label = (
        session.read_latest("labels", where="task = 'detection'")
        .sort_by("label_id")
        .to_pylist()[0]
    )
    frame = session.read_latest(
        "frames", ["t_ns", "sensor", "capture_id"], f"frame_id = '{label['frame_id']}'"
    ).to_pylist()[0]
    capture = session.read_latest(
        "captures", ["path"], f"capture_id = '{frame['capture_id']}'"
    ).to_pylist()[0]
    entity = f"/{Path(capture['path']).stem}/world/rig/{frame['sensor']}/boxes"
    (row,) = [
        r
        for r in read_back(tmp_path / "monday.rrd")[entity]
        if to_ns(r[CLOCK]) == frame["t_ns"]
    ]
    index = row["Boxes2D:labels"].index(label["class_name"])
    centers = np.array(row["Boxes2D:centers"])
    halves = np.array(row["Boxes2D:half_sizes"])
    corners = np.hstack([centers - halves, centers + halves])
    assert [label[n] for n in ("x_min", "y_min", "x_max", "y_max")] in corners.round(
        3
    ).tolist()
    assert index < len(corners)


@pytest.mark.parametrize(
    ("m_per_unit", "meter"), [(0.001, [1000.0]), (0.0002, [5000.0]), (None, None)]
)
def test_depth_says_how_many_units_a_metre_has_or_nothing(
    catalog, frame_rows, tmp_path, m_per_unit, meter
):
    """One over metres a unit: 1 / 0.001 and 1 / 0.0002."""
    depth = np.arange(16 * 12, dtype=np.uint16).reshape(12, 16)
    payload = cv2.imencode(".png", depth)[1].tobytes()
    catalog.merge(
        "frames",
        frame_rows(1, kind="depth", payload=payload, depth_m_per_unit=m_per_unit),
    )
    add_capture(catalog, num_frames=1)
    export_session(catalog, "monday", tmp_path / "a.rrd")
    (row,) = read_back(tmp_path / "a.rrd")["/monday/world/cam"]
    assert row.get("DepthImage:meter") == meter
    stored = np.frombuffer(bytes(row["DepthImage:buffer"][0]), np.uint16)
    assert stored.reshape(12, 16).tolist() == depth.tolist()


def test_a_picture_of_16_bits_is_exported_as_everything_else_sees_it(
    catalog, frame_rows, tmp_path
):
    counts = np.arange(16 * 12, dtype=np.uint16).reshape(12, 16) + 7000
    payload = cv2.imencode(".png", counts)[1].tobytes()
    catalog.merge("frames", frame_rows(1, payload=payload))
    add_capture(catalog, num_frames=1)
    export_session(catalog, "monday", tmp_path / "a.rrd")
    (row,) = [
        r
        for r in read_back(tmp_path / "a.rrd")["/monday/world/cam"]
        if r.get("EncodedImage:blob")
    ]
    shown = decode_rgb(bytes(row["EncodedImage:blob"][0]))
    assert (shown == decode_rgb(payload)).all() and (shown.min(), shown.max()) == (
        0,
        255,
    )


def test_a_body_that_moves_in_another_hangs_below_it(catalog, tmp_path):
    """map -> odom -> base_link, as ROS has it; a ring of frames comes to an end."""
    pairs = [
        ("map", "odom"),
        ("odom", "base_link"),
        ("ring_a", "ring_b"),
        ("ring_b", "ring_a"),
    ]
    for world, body in pairs:
        add_pose(catalog, world, body)
    add_capture(catalog, num_frames=0)
    assert export_session(catalog, "monday", tmp_path / "a.rrd")["poses"] == 4
    entities = read_back(tmp_path / "a.rrd")
    assert {
        "/monday/map/odom",
        "/monday/map/odom/base_link",
        "/monday/ring_b/ring_a/ring_b",
    } <= set(entities)


def test_poses_without_a_clock_lie_on_the_sequence(catalog, tmp_path):
    add_pose(catalog, "world", "camera", t_ns=None, sequence=7)
    add_capture(catalog, num_frames=0)
    export_session(catalog, "monday", tmp_path / "a.rrd")
    (row,) = read_back(tmp_path / "a.rrd")["/monday/world/camera"]
    assert row[SEQUENCE] == 7 and row["Transform3D:translation"] == [[1.0, 2.0, 3.0]]


def test_frames_without_a_clock_lie_on_the_sequence(catalog, frame_rows, tmp_path):
    catalog.merge("frames", frame_rows(3, t_ns=None))
    add_capture(catalog, num_frames=3)
    assert export_session(catalog, "monday", tmp_path / "a.rrd")["images"] == 3
    rows = read_back(tmp_path / "a.rrd")["/monday/world/cam"]
    assert [row[SEQUENCE] for row in rows] == [0, 1, 2] and all(
        CLOCK not in row for row in rows
    )


def test_what_a_camera_wrote_beside_the_pixels_is_not_handed_on(
    catalog, frame_rows, tmp_path
):
    import io

    from PIL import Image

    target = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "SECRET MAKER"
    Image.new("RGB", (16, 12)).save(target, "JPEG", exif=exif)
    assert b"SECRET" in target.getvalue()
    catalog.merge("frames", frame_rows(1, payload=target.getvalue(), encoding="jpeg"))
    add_capture(catalog, num_frames=1)
    export_session(catalog, "monday", tmp_path / "a.rrd")
    (row,) = [
        r
        for r in read_back(tmp_path / "a.rrd")["/monday/world/cam"]
        if r.get("EncodedImage:blob")
    ]
    payload = bytes(row["EncodedImage:blob"][0])
    assert b"SECRET" not in payload and Image.open(io.BytesIO(payload)).size == (16, 12)


def test_the_same_rows_give_the_same_rows(session, tmp_path):
    export_session(session, "monday", tmp_path / "a.rrd")
    export_session(session, "monday", tmp_path / "b.rrd")
    first, second = (read_back(tmp_path / name) for name in ("a.rrd", "b.rrd"))
    for row in (row for rows in (*first.values(), *second.values()) for row in rows):
        del row["rerun.controls.RowId"]  # made from the clock
    assert first == second


def test_odd_names_stay_one_part_of_a_path(catalog, frame_rows, tmp_path):
    catalog.merge("frames", frame_rows(1, sensor="a b/c\n'"))
    add_capture(catalog, num_frames=1)
    export_session(catalog, "monday", tmp_path / "a.rrd")
    (path,) = [
        p for p in read_back(tmp_path / "a.rrd") if p.startswith("/monday/world/")
    ]
    assert path.count("/") == path.count("\\/") + 3


def test_a_session_without_captures_is_refused_and_leaves_no_file(catalog, tmp_path):
    with pytest.raises(ValueError, match="session 'friday' has no captures"):
        export_session(catalog, "friday", tmp_path / "a.rrd")
    assert list(tmp_path.glob("*.rrd")) == []


def test_a_failure_in_the_middle_leaves_no_file(catalog, frame_rows, tmp_path):
    catalog.merge("frames", frame_rows(1, payload=b"not an image", kind="depth"))
    add_capture(catalog, num_frames=1)
    with pytest.raises(ValueError, match="does not decode"):
        export_session(catalog, "monday", tmp_path / "a.rrd")
    assert [p.name for p in tmp_path.iterdir() if "rrd" in p.name] == []


def add_pose(
    catalog,
    world: str,
    body: str,
    t_ns: int | None = 10**9,
    sequence: int | None = None,
) -> None:
    row = {
        "signal_id": content_id("signal", world, body),
        "capture_id": content_id("capture", "monday"),
        "session": "monday",
        "sensor": body,
        "kind": "pose",
        "t_ns": t_ns,
        "sequence": sequence,
        "values": [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0],
        "frame_of_reference": world,
        "child_frame": body,
        "source_path": "a",
        "source_offset": 0,
        "source_length": None,
        "source_inner_offset": None,
    }
    catalog.merge("signals", to_table(TABLES["signals"], [row]))


def to_ns(time) -> int:
    return int(pd.Timestamp(time).value)


def add_capture(catalog, num_frames: int) -> None:
    """The capture of `frame_rows`, a folder of loose files."""
    row = {
        "capture_id": content_id("capture", "monday"),
        "session": "monday",
        "path": "",
        "source_uri": "monday",
        "reader": "image_folder",
        "sha256": None,
        "size_bytes": 1,
        "num_frames": num_frames,
        "num_signals": 0,
        "num_labels": 0,
        "num_problems": 0,
        "start_ns": None,
        "end_ns": None,
        "code_version": "1",
    }
    catalog.merge("captures", to_table(TABLES["captures"], [row]))


def test_scans_hang_below_what_carries_them_and_lose_what_is_not_finite(
    intake, write_files, tmp_path
):
    points = np.array([(1, 2, 3, 0.5), (np.nan, 0, 0, 0), (-4, 5, 6, 1)], "<f4")
    name = "a__LIDAR_TOP__1532402927647951.pcd.bin"
    five = np.hstack([points, np.zeros((3, 1), "<f4")])
    root = write_files({f"LIDAR_TOP/{name}": five.tobytes()})
    intake.ingest(Folder(str(root)), "monday")
    counts = export_session(intake.catalog, "monday", tmp_path / "a.rrd")
    assert counts["scans"] == 1
    (row,) = read_back(tmp_path / "a.rrd")["/LIDAR_TOP/world/lidar_top"]
    assert np.array(row["Points3D:positions"]).tolist() == [[1, 2, 3], [-4, 5, 6]]
    assert np.datetime64(row[CLOCK], "ns").astype(int) == 1532402927647951000


def test_tracks_are_boxes_below_their_camera_with_the_way_they_came(
    catalog, frame_rows, tmp_path
):
    capture = {"capture_id": content_id("capture", "monday"), "session": "monday"}
    frames = frame_rows(3)
    tracks = [
        plain_row(
            "tracks",
            {
                "track_box_id": content_id("box", n),
                "frame_id": frame_id,
                "session": "monday",
                "frame_number": n,
                "class_name": "cup",
                "is_filled": n == 1,
                **dict(zip(SIDES, (n, 0.0, n + 4.0, 6.0), strict=True)),
            },
        )
        for n, frame_id in enumerate(frames["frame_id"].to_pylist()[:2])
    ]
    catalog.upsert("frames", frames)
    for table, rows in (("captures", [capture]), ("tracks", tracks)):
        made = [plain_row(table, row) for row in rows]
        catalog.upsert(table, to_table(TABLES[table], made))
    counts = export_session(catalog, "monday", tmp_path / "monday.rrd")
    assert counts["tracked"] == 2 and counts["images"] == 3
    entities = read_back(tmp_path / "monday.rrd")
    boxes = next(
        rows
        for path, rows in entities.items()
        if path.endswith("/tracks/offline-00000000")
    )
    told = [row.get("Boxes2D:labels") for row in boxes]
    # the third frame has none: those of the second must not stay
    assert told == [["cup 1"], ["cup 1, put into a gap"], []]
    ways = next(rows for path, rows in entities.items() if path.endswith("/ways"))
    assert ways[1]["LineStrips2D:strips"][0] == [[2.0, 3.0], [3.0, 3.0]]
