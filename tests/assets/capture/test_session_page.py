"""The session's page: missing samples are found where they are, tables hold text from outside as text."""

from __future__ import annotations

from dataclasses import replace

import cv2
import dagster as dg
import numpy as np
import pytest

from assets.capture.defs import captures
from assets.capture.session_page import (
    count_changes,
    list_notes,
    list_quarantine,
    list_sync,
    markdown_table,
)
from assets.capture.streams import describe_stream, find_skips, read_streams
from assets.capture.timeline import draw_timeline
from assets.clocks.offsets import Stream, report_sync
from assets.landing import LandingZone
from assets.ledger import FileOutcome
from assets.previews import stored_frames
from assets.storage import Folder

MS = 1_000_000


def at(*milliseconds: int) -> np.ndarray:
    return np.array(milliseconds, np.int64) * MS


def test_a_missing_sample_is_a_step_of_two():
    assert find_skips(at(0, 100, 200, 400, 500)) == [(200 * MS, 400 * MS)]


def test_even_steps_skip_nothing_and_two_samples_say_nothing():
    assert find_skips(at(0, 100, 200, 300)) == []
    assert find_skips(at(0, 900)) == [] == find_skips(at())


def test_a_stream_is_described_by_its_numbers():
    """Steps of 100, 100, 300 and 100 ms: 10 Hz, and room for two samples in the long one."""
    (report,) = report_sync([Stream("left", "color", at(0, 100, 200, 500, 600), 5)])
    assert (
        describe_stream(report) == "5 samples, 10.0 Hz, 2 dropped, longest step 0.30 s"
    )


def test_samples_without_a_clock_are_told():
    (report,) = report_sync([Stream("left", "color", at(), 7)])
    assert describe_stream(report) == "7 samples, 7 without a clock"


def test_red_lies_where_the_samples_are_missing_and_nowhere_else():
    even = np.arange(0, 1000, 10)
    broken = np.concatenate([np.arange(0, 400, 10), np.arange(600, 1000, 10)])
    clean = count_red(draw_timeline({"a": [Stream("left", "color", at(*even), 100)]}))
    png = draw_timeline({"a": [Stream("left", "color", at(*broken), 80)]})
    assert clean == 0 and count_red(png) > 500
    red = np.flatnonzero(find_red(png).any(axis=0))
    ticks = np.flatnonzero(find_ticks(png).any(axis=0))
    # of the record, 0 to 990 ms
    share = (red - ticks.min()) / (ticks.max() - ticks.min())
    assert share.min() == pytest.approx(
        390 / 990, abs=0.01
    ) and share.max() == pytest.approx(600 / 990, abs=0.01)


def test_no_samples_no_picture():
    assert draw_timeline({}) is None


def test_a_session_without_any_clock_is_drawn():
    assert draw_timeline({"a": [Stream("cam", "color", at(), 3)]}).startswith(
        b"\x89PNG"
    )


def test_many_captures_draw_the_first_and_say_how_many_follow():
    streams = {str(n): [Stream("cam", "color", at(0, 100, 200), 3)] for n in range(9)}
    six = {name: streams[name] for name in list(streams)[:6]}
    tall, short = (
        cv2.imdecode(np.frombuffer(draw_timeline(s), np.uint8), 1).shape[0]
        for s in (streams, six)
    )
    assert tall == short


def test_streams_come_from_frames_and_signals(catalog, intake, write_files, recording):
    folder = write_files({"drive.mcap": recording}, "monday")
    intake.ingest(Folder(str(folder)), "monday")
    (streams,) = read_streams(catalog, "monday").values()
    assert {(s.sensor, s.kind) for s in streams} >= {
        ("left", "color"),
        ("depth", "depth"),
        ("imu", "imu"),
    }
    left = next(s for s in streams if s.sensor == "left")
    frames = catalog.read_latest("frames", ["t_ns"], "sensor = 'left'")[
        "t_ns"
    ].to_pylist()
    assert left.t_ns.tolist() == sorted(frames)
    table = list_sync(catalog, "monday", {"drive.mcap": streams})
    assert table.splitlines()[0].startswith("| capture | sensor | samples")
    assert f"| drive.mcap | left | {len(frames)} |" in table.replace("\\", "")


def test_quarantine_lists_files_once_and_records_with_their_place(
    catalog, intake, write_files, recording, make_png
):
    files = {
        "drive.mcap": recording,
        "cut.png": make_png(1)[:50],
        "good.png": make_png(2),
    }
    intake.ingest(Folder(str(write_files(files, "monday"))), "monday")
    outcomes = intake.ledger.outcomes("monday").values()
    refused = [o for o in outcomes if o.outcome == "quarantined"]
    table = list_quarantine(catalog, "monday", refused).replace("\\", "")
    assert (
        table.count("| cut.png |") == 1
        and "drive.mcap at byte" in table
        and "good.png" not in table
    )
    assert table.splitlines()[0] == "| what | reader | reason | remedy |"


def test_nothing_in_quarantine_says_so(catalog):
    assert list_quarantine(catalog, "monday", []) == "nothing"


def test_text_from_outside_ends_no_cell_and_becomes_no_markup():
    table = markdown_table([{"reason": "a|b\nc <img src=x> [x](y) `z`"}])
    assert table.splitlines()[2] == r"| a\|b c &lt;img src=x&gt; \[x\](y) \`z\` |"


def test_absent_values_are_a_dash_and_numbers_are_short():
    assert (
        markdown_table([{"rate_hz": 1 / 3, "jitter_ms": None}]).splitlines()[2]
        == "| 0.333333 | – |"
    )


def test_changes_are_counted_by_version():
    """a is unchanged, b has other bytes, c is new, d cannot be read."""
    a = FileOutcome("monday", "a", "1", 1, "ingested", None, "x")
    b, c = replace(a, path="b"), replace(a, path="c")
    d = replace(a, path="d", outcome="quarantined", reason="cut", remedy="copy")
    before = {("a", "1"): a, ("b", "1"): b}
    after = before | {("b", "2"): replace(b, version="2"), ("c", "1"): c, ("d", "1"): d}
    assert count_changes(before, after) == "1 new, 1 stale, 1 failed"
    assert count_changes(after, after) == "0 new, 0 stale, 0 failed"


@pytest.mark.filterwarnings("default")  # Dagster warns inside its runs
def test_the_asset_shows_the_page(intake, tmp_path, recording, make_png, monkeypatch):
    drawn = []
    draw = stored_frames.draw_contact_sheet

    def draw_and_count(*args, **kwargs):
        drawn.append(args)
        return draw(*args, **kwargs)

    monkeypatch.setattr(stored_frames, "draw_contact_sheet", draw_and_count)
    folder = tmp_path / "landing" / "monday"
    folder.mkdir(parents=True)
    (folder / "drive.mcap").write_bytes(recording)
    (folder / "cut.png").write_bytes(make_png(1)[:50])
    zone = LandingZone(Folder(str(folder.parent)), intake.ledger)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sessions", ["monday"])
        resources = {"landing_zone": zone, "intake": intake, "catalog": intake.catalog}
        run = dg.materialize(
            [captures], instance=instance, resources=resources, partition_key="monday"
        )
        found = [e.materialization for e in run.get_asset_materialization_events()]
    events = {m.asset_key.path[-1]: m.metadata for m in found}
    page = events["recordings"]
    assert page["files changed"].value == "1 new, 0 stale, 1 failed"
    assert page["timeline"].value.startswith("![picture](data:image/png;base64,")
    assert page["contact sheet"].value == events["frames"]["contact sheet"].value
    assert len(drawn) == 1  # for both
    assert "| drive.mcap | left |" in page["sync report"].value.replace("\\", "")
    assert "| cut.png |" in page["quarantine"].value


def find_red(png: bytes) -> np.ndarray:
    blue, green, red = cv2.split(
        cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).astype(int)
    )
    return (red > 180) & (green < 120) & (blue < 150)


def find_ticks(png: bytes) -> np.ndarray:
    """Pixels of the ticks' hue: more blue than red."""
    blue, _, red = cv2.split(
        cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).astype(int)
    )
    return blue - red > 40


def count_red(png: bytes) -> int:
    return int(find_red(png).sum())


def test_notes_of_the_readers_are_shown_beside_their_captures(
    intake, write_files, make_png
):
    folder = write_files({"a.png": make_png(1)})
    intake.ingest(Folder(str(folder)), "monday")
    assert list_notes(intake.catalog, "monday") == "none"
    (folder / "daguerre.yaml").write_text("no_clock: [camera]\n")
    intake.ingest(Folder(str(folder)), "monday")
    assert list_notes(intake.catalog, "monday").splitlines()[-1] == (
        "| monday | image\\_folder | without a clock, by daguerre.yaml | camera: 0 samples |"
    )
