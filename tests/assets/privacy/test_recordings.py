"""Recordings under a privacy policy: no byte of a picture lies in the home, and all that is made of them is as ever."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.capture.intake import Intake
from assets.capture.session import anonymise
from assets.images import decode_rgb
from assets.maintenance.blobs import find_unnamed
from assets.point_clouds import read_points
from assets.privacy.keys import SealKeys
from assets.privacy.told import tell_privacy
from assets.privacy.unsealing import Asked, open_original
from assets.retrieval.verify import Stores, verify
from assets.storage import Folder
from assets.tables.commits import pin
from checks.gates import gate_session
from models.faces.covering import FILL_RGB
from tests.assets.formats.messages.bags import NUM_TICKS, points_of, write_ros2
from tests.assets.formats.messages.test_mcap_reader import Recording, picture

SIZE = (64, 48)
BOX = (8, 8, 40, 32)
REGIONS = ", ".join(f"{name}: [{[*BOX]}]" for name in ("camera", "cam0"))
POLICY = f"privacy: {{faces: false, regions: {{{REGIONS}}}}}\n"


def draw(number: int) -> np.ndarray:
    """Noise, which no two pictures share a piece of."""
    width, height = SIZE
    return np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)


def encode(number: int) -> bytes:
    return cv2.imencode(".png", draw(number))[1].tobytes()


def write_film(path: Path, numbers: range) -> bytes:
    """A video of pictures that are JPEGs, one after the other."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, SIZE)
    for number in numbers:
        writer.write(draw(number))
    writer.release()
    return path.read_bytes()


def write_recordings(folder: Path) -> dict[str, bytes]:
    """A video, an MCAP file and an archive with pictures and a video: by name what each holds."""
    folder.mkdir(parents=True)
    film = write_film(folder / "film.avi", range(3))
    recording = Recording()
    for number in (10, 11):
        recording.add("/cam0/image", picture(encode(number), number, "png"), number)
    (folder / "log.mcap").write_bytes(recording.finish())
    inner = write_film(folder / "inner.avi", range(20, 22))
    with zipfile.ZipFile(folder / "box.zip", "w") as archive:
        archive.write(folder / "inner.avi", "inner.avi")
        archive.writestr("cam0/0.png", encode(30))
    (folder / "inner.avi").unlink()
    return {"film": film, "log": encode(10), "inner": inner, "box": encode(30)}


def list_places_of(content: bytes, home: Path) -> list[str]:
    """The files of the home that hold a piece of these bytes: of a picture, behind what a video begins with."""
    piece = content[len(content) * 3 // 4 :][:64]
    assert len(set(piece)) > 32
    return [
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and piece in path.read_bytes()
    ]


@pytest.fixture
def sealing(intake: Intake, home: Path) -> Intake:
    return replace(intake, keys=SealKeys(home))


@pytest.fixture
def take_in(sealing: Intake) -> Callable[..., None]:
    def run(folder: Path, session: str = "street") -> None:
        sealing.ingest(Folder(str(folder)), session)
        gate_session(sealing.catalog, "frames", session)
        anonymise(session, sealing)

    return run


@pytest.fixture
def street(tmp_path, take_in) -> dict[str, bytes]:
    """The recordings of a session that was taken in under a policy."""
    contents = write_recordings(tmp_path / "in")
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "in")
    return contents


def read(intake: Intake, table: str, *columns: str) -> list[dict]:
    return intake.catalog.read_latest(table, list(columns) or None).to_pylist()


def find_findings(intake: Intake, home: Path) -> list[str]:
    """What `verify` says of blobs and frames."""
    stores = Stores(intake.catalog, intake.ledger, intake.blobs, home)
    return [f"{f.kind}: {f.reason}" for f in verify(stores)]


def test_no_file_of_the_home_holds_a_picture_and_frames_are_covered(
    street, sealing, home
):
    assert [place for c in street.values() for place in list_places_of(c, home)] == []
    frames = read(sealing, "frames")
    assert len(frames) == 3 + 2 + 2 + 1
    assert {f["encoding"] for f in frames} == {"jpeg", "png"}
    x_min, y_min, x_max, y_max = BOX
    for frame in frames:
        shown = decode_rgb(frame["payload"]).astype(int)
        inside = shown[
            y_min + 8 : y_max - 8, x_min + 8 : x_max - 8
        ]  # beside JPEG's blocks
        assert np.abs(inside - FILL_RGB[0]).max() <= 8  # by JPEG
        assert np.ptp(shown) > 100
    verdicts = gate_session(sealing.catalog, "anonymised_frames", "street")
    assert [v.name for v in verdicts if not v.passed] == []


def test_without_a_policy_the_same_look_finds_all(tmp_path, sealing, home):
    """The test above can fail."""
    contents = write_recordings(tmp_path / "in")
    sealing.ingest(Folder(str(tmp_path / "in")), "street")
    assert all(list_places_of(content, home) for content in contents.values())


def test_verify_proves_sealed_recordings_without_the_key_and_misses_one(
    street, sealing, home
):
    (home / "seal_key").unlink()
    assert find_findings(sealing, home) == []
    lost = read(sealing, "sealed_recordings")[0]["sealed_sha256"]
    (home / "blobs" / lost[:2] / lost).unlink()
    assert find_findings(sealing, home) == ["blob: a file is gone from the blob store"]


def test_taken_in_again_nothing_is_sealed_twice_and_what_is_lost_is_sealed_anew(
    tmp_path, street, sealing, take_in, home
):
    before = read(sealing, "sealed_recordings")
    assert len(before) == 4  # the archive, and the video in it
    take_in(tmp_path / "in")
    assert read(sealing, "sealed_recordings") == before
    (log,) = (c for c in read(sealing, "captures") if c["path"] == "log.mcap")
    (lost,) = (r for r in before if r["capture_id"] == log["capture_id"])
    (home / "blobs" / lost["sealed_sha256"][:2] / lost["sealed_sha256"]).unlink()
    (tmp_path / "in" / "log.mcap").touch()
    take_in(tmp_path / "in")
    assert find_findings(sealing, home) == []


def test_a_person_gets_a_frame_of_a_video_and_a_whole_recording(
    tmp_path, street, sealing, home
):
    (film,) = (c for c in read(sealing, "captures") if c["path"] == "film.avi")
    keys = SealKeys(home)
    asked = Asked(film["capture_id"], "ada", "the court asks", 1)
    whole = open_original(sealing.catalog, keys, asked)
    assert (whole.kind, whole.encoding) == ("recording", "video")
    assert whole.stream.read() == street["film"]
    frames = read(sealing, "frames", "frame_id", "capture_id", "sequence")
    (first,) = (
        f["frame_id"]
        for f in frames
        if f["capture_id"] == film["capture_id"] and f["sequence"] == 0
    )
    original = open_original(sealing.catalog, keys, Asked(first, "ada", "so", 2))
    pixels = decode_rgb(original.stream.read())[..., ::-1].astype(int)
    own, another = (np.abs(pixels - draw(number)).mean() for number in (0, 1))
    assert own < 0.7 * another  # of noise, through JPEG
    kept = [(row["frame_id"], row["capture_id"]) for row in read(sealing, "unsealings")]
    assert sorted(kept, key=str) == sorted(
        [(None, film["capture_id"]), (first, None)], key=str
    )


def test_signals_and_points_of_sealed_recordings_are_as_ever(
    tmp_path, take_in, sealing
):
    (tmp_path / "in").mkdir()
    write_ros2(tmp_path / "in" / "a", "mcap")
    write_ros2(tmp_path / "in" / "b", "db3")
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "in")
    scans = read(sealing, "scans")
    assert len(scans) == 2 * NUM_TICKS
    for scan in scans:
        points = read_points(sealing.catalog, scan["scan_id"])
        assert points.tobytes() == points_of(scan["sequence"]).tobytes()
    kinds = [row["kind"] for row in read(sealing, "signals", "kind")]
    assert kinds.count("imu") == 2 * NUM_TICKS
    (told,) = tell_privacy(sealing.catalog)
    assert (told.recordings, told.sealed_recordings) == (0, 2)
    assert told.scans == 2 * NUM_TICKS


def test_recordings_that_lay_open_are_sealed_by_the_next_intake(
    tmp_path, take_in, sealing, home
):
    """Their open bytes may go but for videos that a pinned version of `frames` shows."""
    contents = write_recordings(tmp_path / "in")
    take_in(tmp_path / "in")
    catalog = sealing.catalog
    before = catalog.latest_version("frames")
    ids = {f["frame_id"] for f in read(sealing, "frames", "frame_id")}
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    pin(catalog.dataset("frames"), "old", before)
    take_in(tmp_path / "in")
    assert {f["frame_id"] for f in read(sealing, "frames", "frame_id")} == ids
    (told,) = tell_privacy(catalog)
    assert (told.recordings, told.sealed_recordings) == (4, 4)
    unnamed, _ = find_unnamed(catalog, sealing.ledger, home)
    assert len(unnamed) == 2  # the MCAP file and the archive
    assert contents["film"] not in [sealing.blobs.get(name) for name in unnamed]


def test_a_recording_that_another_session_sealed_is_not_stored_open(
    tmp_path, street, take_in, sealing, home
):
    (tmp_path / "yard").mkdir()
    (tmp_path / "yard" / "film.avi").write_bytes(street["film"])
    take_in(tmp_path / "yard", "yard")
    assert list_places_of(street["film"], home) == []
    assert {f["session"] for f in read(sealing, "frames")} == {"street"}


def test_what_another_session_shows_is_not_taken_for_private(
    tmp_path, take_in, sealing
):
    """To seal it here would leave it in view there, and make it blank there with its next reading."""
    contents = write_recordings(tmp_path / "open")
    take_in(tmp_path / "open", "open")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.avi").write_bytes(contents["film"])
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "in")
    assert read(sealing, "sealed_recordings") == []
    (told,) = read(sealing, "quarantine")
    assert told["session"] == "street"
    assert told["reason"].startswith("is shown as it came by session 'open'")
    (tmp_path / "open" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "open", "open")
    sealing.ledger.reopen(sealing.ledger.outcomes("street").values())
    take_in(tmp_path / "in")
    assert read(sealing, "quarantine") == []
    assert len(read(sealing, "sealed_recordings")) == 4


def test_a_video_out_of_a_sealed_archive_is_not_blank_in_a_session_without_a_policy(
    tmp_path, street, take_in, sealing, home
):
    (tmp_path / "yard").mkdir()
    (tmp_path / "yard" / "inner.avi").write_bytes(street["inner"])
    take_in(tmp_path / "yard", "yard")
    assert {f["session"] for f in read(sealing, "frames")} == {"street"}
    (told,) = read(sealing, "quarantine")
    assert "sealed under the privacy policy of session 'street'" in told["reason"]
    assert list_places_of(street["inner"], home) == []
    (tmp_path / "yard" / "daguerre.yaml").write_text(POLICY)
    sealing.ledger.reopen(sealing.ledger.outcomes("yard").values())
    take_in(tmp_path / "yard", "yard")
    yard = [f for f in read(sealing, "frames") if f["session"] == "yard"]
    assert {f["encoding"] for f in yard} == {"jpeg"}
    assert len(yard) == 2


def test_with_its_file_a_sealed_recording_goes(tmp_path, street, take_in, sealing):
    (tmp_path / "in" / "box.zip").unlink()
    take_in(tmp_path / "in")
    paths = {c["capture_id"]: c["path"] for c in read(sealing, "captures")}
    left = [paths[r["capture_id"]] for r in read(sealing, "sealed_recordings")]
    assert sorted(left) == ["film.avi", "log.mcap"]
