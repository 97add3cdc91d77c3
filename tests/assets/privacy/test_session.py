"""A session under a privacy policy: what anybody reads is covered, and what it came with opens to its key."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.audit import read_acts
from assets.browsing.frame_index import build_index
from assets.browsing.pictures import Thumbnails, draw_whole
from assets.capture.intake import Intake
from assets.capture.session import anonymise
from assets.formats.images.exif import ExifFacts, read_exif
from assets.images import decode_rgb
from assets.inference.predict import StoredImages
from assets.maintenance.blobs import find_unnamed
from assets.previews.stored_frames import draw_contact_sheet
from assets.privacy.keys import SealKeyMissing, SealKeys
from assets.privacy.sealing import unseal
from assets.privacy.session import find_unanonymised
from assets.privacy.unsealing import Asked, open_original
from assets.retrieval.frame_export import read_images
from assets.retrieval.verify import Stores, verify
from assets.storage import Folder
from assets.tables.incremental import read_images as read_for_vectors
from assets.tables.schemas import TABLES
from checks.gates import gate_session
from models.faces.covering import FILL_RGB
from tests.assets.formats.images.test_exif import encode as encode_with_exif

MAGENTA = (255, 0, 255)
BOX = (30, 20, 80, 60)  # where the picture is magenta
POLICY = "privacy:\n  faces: false\n  regions: {cam0: [[30, 20, 80, 60]]}\n"


def draw(number: int) -> np.ndarray:
    """120 x 160, noise with a magenta rectangle that no noise is near to."""
    image = np.random.default_rng(number).integers(0, 200, (120, 160, 3), np.uint8)
    image[BOX[1] : BOX[3], BOX[0] : BOX[2]] = MAGENTA
    return image


def write(folder: Path, count: int = 2, policy: str = POLICY) -> list[bytes]:
    """Pictures of cam0, and the policy."""
    (folder / "cam0").mkdir(parents=True)
    (folder / "daguerre.yaml").write_text(policy)
    contents = [
        cv2.imencode(".png", draw(n)[..., ::-1])[1].tobytes() for n in range(count)
    ]
    for number, content in enumerate(contents):
        (folder / "cam0" / f"{number}.png").write_bytes(content)
    return contents


def is_seen(image_rgb: np.ndarray) -> bool:
    """Whether anything is magenta, also in a picture that was made smaller."""
    red, green, blue = np.moveaxis(image_rgb.astype(int), -1, 0)
    return bool(((red > 220) & (blue > 220) & (green < 60)).any())


@pytest.fixture
def sealing(intake: Intake, home: Path) -> Intake:
    return replace(intake, keys=SealKeys(home))


@pytest.fixture
def take_in(sealing: Intake) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        sealing.ingest(Folder(str(folder)), "street")
        gate_session(sealing.catalog, "frames", "street")
        anonymise("street", sealing)

    return run


def read_pixels(intake: Intake, where: str = "kind = 'color'") -> list[np.ndarray]:
    rows = intake.catalog.read_latest("frames", ["frame_id", "payload"], where)
    return [decode_rgb(one) for one in rows.sort_by("frame_id")["payload"].to_pylist()]


def list_files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def list_places_of(content: bytes, home: Path) -> list[str]:
    """The files of the home that hold a piece out of the middle of these bytes."""
    piece = content[len(content) // 2 :][:64]
    return [
        str(path.relative_to(home))
        for path in list_files(home)
        if piece in path.read_bytes()
    ]


def test_no_file_of_the_home_holds_what_came(tmp_path, sealing, take_in, home):
    contents = write(tmp_path / "in")
    take_in(tmp_path / "in")
    assert [place for one in contents for place in list_places_of(one, home)] == []


def test_without_a_policy_the_same_look_finds_it(tmp_path, sealing, home):
    """The test above can fail: a picture of a session without a policy lies in the table as it came."""
    contents = write(tmp_path / "in", policy="looked_at: true\n")
    sealing.ingest(Folder(str(tmp_path / "in")), "street")
    assert all(list_places_of(one, home) for one in contents)


def test_all_that_reads_frames_reads_them_covered(tmp_path, sealing, take_in):
    write(tmp_path / "in")
    take_in(tmp_path / "in")
    catalog = sealing.catalog
    frames = catalog.read("frames").drop_columns("payload").to_pylist()
    assert len(frames) == 2
    index = build_index(catalog)
    ids = [frame["frame_id"] for frame in frames]
    stored = catalog.dataset("frames")
    row_ids = stored.to_table(columns=[], with_row_id=True)["_rowid"].to_pylist()
    seen = {
        "browser": [decode_rgb(draw_whole(catalog, index, i)) for i in ids],
        "thumbnails": [
            decode_rgb(jpeg) for jpeg in Thumbnails(catalog).make(index, ids).values()
        ],
        "contact sheet": [decode_rgb(draw_contact_sheet(catalog, "true") or b"")],
        "export and label tools": [
            decode_rgb(image) for _, _, image in read_images(catalog, frames)
        ],
        "predictions and trainings": list(StoredImages(catalog).read(frames).values()),
        "vectors": read_for_vectors(catalog, stored, row_ids, decode_rgb),
    }
    assert {name: any(map(is_seen, images)) for name, images in seen.items()} == (
        dict.fromkeys(seen, False)
    )
    assert is_seen(draw(0))


def test_what_is_covered_is_grey_and_all_else_as_it_came(tmp_path, sealing, take_in):
    write(tmp_path / "in", 1)
    take_in(tmp_path / "in")
    (shown,) = read_pixels(sealing)
    x_min, y_min, x_max, y_max = BOX
    assert (shown[y_min:y_max, x_min:x_max] == FILL_RGB).all()
    shown[y_min:y_max, x_min:x_max] = MAGENTA
    np.testing.assert_array_equal(shown, draw(0))  # PNG came, PNG stands there


def test_rows_say_what_was_covered(tmp_path, sealing, take_in):
    """50 x 40 px of 160 x 120: 2,000 of 19,200."""
    write(tmp_path / "in", 1)
    take_in(tmp_path / "in")
    (row,) = sealing.catalog.read_latest("anonymised_frames").to_pylist()
    (frame,) = sealing.catalog.read("frames").to_pylist()
    assert (row["num_regions"], row["boxes_xyxy"]) == (1, [30, 20, 80, 60])
    assert row["covered_share"] == pytest.approx(2000 / 19200)
    assert row["sha256"] == frame["sha256"] != row["input_sha256"]


def test_before_it_is_covered_a_frame_is_blank(tmp_path, sealing):
    write(tmp_path / "in")
    sealing.ingest(Folder(str(tmp_path / "in")), "street")
    for image in read_pixels(sealing):
        assert image.shape == (120, 160, 3) and np.ptp(image) == 0
    assert find_unanonymised(sealing.catalog) == {"street"}
    verdicts = gate_session(sealing.catalog, "anonymised_frames", "street")
    wrong = {v.name for v in verdicts if not v.passed}
    assert "frames_show_what_was_covered" in wrong


def test_regions_of_a_camera_that_is_not_there_are_told(tmp_path, sealing, take_in):
    write(tmp_path / "in", policy=POLICY.replace("cam0", "cam_0"))
    take_in(tmp_path / "in")
    verdicts = gate_session(sealing.catalog, "anonymised_frames", "street")
    (wrong,) = (v for v in verdicts if not v.passed)
    assert wrong.name == "regions_are_of_sensors_that_are_there" and not wrong.stops
    assert wrong.examples == ("cam_0",) and wrong.summary.endswith("there are cam0")


def test_the_gate_passes_what_is_covered_and_sees_a_frame_that_is_not(
    tmp_path, sealing, take_in
):
    write(tmp_path / "in")
    take_in(tmp_path / "in")
    verdicts = gate_session(sealing.catalog, "anonymised_frames", "street")
    assert [v.name for v in verdicts if not v.passed] == []
    assert find_unanonymised(sealing.catalog) == set()
    (first, _) = sealing.catalog.read_latest("frames").to_pylist()
    sealing.catalog.delete("anonymised_frames", f"frame_id = '{first['frame_id']}'")
    verdicts = gate_session(sealing.catalog, "anonymised_frames", "street")
    (wrong,) = (v for v in verdicts if not v.passed)
    assert wrong.name == "frames_show_what_was_covered"
    assert first["frame_id"] in wrong.examples


def test_taken_in_again_nothing_changes(tmp_path, sealing, take_in):
    write(tmp_path / "in")
    take_in(tmp_path / "in")
    before = sealing.catalog.read_latest("frames").sort_by("frame_id")
    take_in(tmp_path / "in")
    assert sealing.catalog.read_latest("frames").sort_by("frame_id") == before
    assert anonymise("street", sealing).num_done == 0


def test_a_picture_that_comes_later_is_covered_too(tmp_path, sealing, take_in, home):
    write(tmp_path / "in", 1)
    take_in(tmp_path / "in")
    late = cv2.imencode(".png", draw(7)[..., ::-1])[1].tobytes()
    (tmp_path / "in" / "cam0" / "late.png").write_bytes(late)
    take_in(tmp_path / "in")
    assert len(read_pixels(sealing)) == 2
    assert not any(map(is_seen, read_pixels(sealing)))
    assert list_places_of(late, home) == []


def test_a_session_that_was_taken_in_before_is_covered_by_the_next_intake(
    tmp_path, sealing, take_in
):
    write(tmp_path / "in", policy="looked_at: true\n")
    take_in(tmp_path / "in")
    assert all(map(is_seen, read_pixels(sealing)))
    ids = sealing.catalog.read_latest("frames", ["frame_id"])["frame_id"].to_pylist()
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "in")
    assert not any(map(is_seen, read_pixels(sealing)))
    after = sealing.catalog.read_latest("frames", ["frame_id"])["frame_id"].to_pylist()
    assert sorted(after) == sorted(ids)  # labels hold on to their frames


def test_a_policy_that_is_taken_away_holds_on(tmp_path, sealing, take_in):
    write(tmp_path / "in", 1)
    take_in(tmp_path / "in")
    (tmp_path / "in" / "daguerre.yaml").unlink()
    second = cv2.imencode(".png", draw(5)[..., ::-1])[1].tobytes()
    (tmp_path / "in" / "cam0" / "5.png").write_bytes(second)
    take_in(tmp_path / "in")
    assert not any(map(is_seen, read_pixels(sealing)))


def test_another_policy_covers_from_the_originals(tmp_path, sealing, take_in):
    write(tmp_path / "in", 1)
    take_in(tmp_path / "in")
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY.replace("30, 20", "0, 0"))
    take_in(tmp_path / "in")
    (shown,) = read_pixels(sealing)
    assert (shown[:60, :80] == FILL_RGB).all()
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY.replace("cam0", "cam9"))
    take_in(tmp_path / "in")  # nothing of cam0 is to be covered: it is as it came
    np.testing.assert_array_equal(read_pixels(sealing)[0], draw(0))


def test_a_source_gives_its_policy_to_its_sessions_and_one_may_leave_it(
    tmp_path, sealing, take_in
):
    write(tmp_path / "source" / "in", 1)
    (tmp_path / "source" / "in" / "daguerre.yaml").rename(
        tmp_path / "source" / "daguerre.yaml"
    )
    take_in(tmp_path / "source" / "in")
    assert not any(map(is_seen, read_pixels(sealing)))
    write(tmp_path / "source" / "open", 1, "privacy: false\n")
    sealing.ingest(Folder(str(tmp_path / "source" / "open")), "open")
    assert all(map(is_seen, read_pixels(sealing, "session = 'open'")))


@pytest.mark.parametrize(
    "settings",
    [
        b"privacy:\n  regoins: {}\n",
        b"Privacy: true\n",
        "privacy: {faces: 3}\n".encode("utf-16"),
    ],
)
def test_settings_that_may_speak_of_privacy_and_cannot_be_read_stop_the_intake(
    tmp_path, sealing, settings
):
    write(tmp_path / "in")
    (tmp_path / "in" / "daguerre.yaml").write_bytes(settings)
    with pytest.raises(ValueError, match="may speak of privacy and cannot be read"):
        sealing.ingest(Folder(str(tmp_path / "in")), "street")
    assert not sealing.catalog.exists("frames")


@pytest.mark.parametrize(
    "name", ["daguerre.yml", "Daguerre.yaml", "cam0/daguerre.yaml", "../daguerre.yml"]
)
def test_settings_of_privacy_that_nobody_would_read_stop_the_intake(
    tmp_path, sealing, name
):
    folder = tmp_path / "source" / "in"
    write(folder)
    (folder / "daguerre.yaml").rename(folder / name)
    with pytest.raises(ValueError, match="may speak of privacy, and is not read"):
        sealing.ingest(Folder(str(folder)), "street")
    assert not sealing.catalog.exists("frames")
    (folder / name).write_text("looked_at: true\n")
    assert sealing.ingest(Folder(str(folder)), "street").frames == 2


def test_settings_that_are_a_link_out_of_the_session_stop_the_intake(tmp_path, sealing):
    write(tmp_path / "in")
    (tmp_path / "in" / "daguerre.yaml").rename(tmp_path / "shared")
    (tmp_path / "in" / "daguerre.yaml").symlink_to(tmp_path / "shared")
    with pytest.raises(ValueError, match="is a link out of its folder"):
        sealing.ingest(Folder(str(tmp_path / "in")), "street")
    assert not sealing.catalog.exists("frames")


def test_no_key_is_made_in_the_place_of_one_that_is_lost(tmp_path, sealing, home):
    """Who puts the old one back would overwrite it. One that is given by hand counts."""
    write(tmp_path / "in", 1)
    sealing.ingest(Folder(str(tmp_path / "in")), "street")
    (home / "seal_key").unlink()
    write(tmp_path / "two", 1)
    with pytest.raises(SealKeyMissing, match=r"put .*seal_key back.*lost for good"):
        sealing.ingest(Folder(str(tmp_path / "two")), "two")
    assert not (home / "seal_key").exists()
    given = SealKeys(home, base64.b64encode(b"k" * 32).decode())
    told = replace(sealing, keys=given).ingest(Folder(str(tmp_path / "two")), "two")
    assert told.frames == 1


def test_small_pictures_that_a_desktop_left_are_not_stored(
    tmp_path, sealing, take_in, home
):
    """Also where they lay open before: the nightly care removes them then."""
    write(tmp_path / "in", 1, "looked_at: true\n")
    small = cv2.imencode(".png", draw(7)[::2, ::2])[1].tobytes()
    (tmp_path / "in" / ".thumbnails").mkdir()
    (tmp_path / "in" / ".thumbnails" / "0.png").write_bytes(small)
    take_in(tmp_path / "in")
    (place,) = list_places_of(small, home)
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "in")
    unnamed, _ = find_unnamed(sealing.catalog, sealing.ledger, home)
    assert place.rpartition("/")[2] in unnamed
    (home / place).unlink()
    stores = Stores(sealing.catalog, sealing.ledger, sealing.blobs, home)
    assert list(verify(stores)) == []
    take_in(tmp_path / "in")
    assert list_places_of(small, home) == []


def test_without_a_key_nothing_is_taken_in(tmp_path, intake):
    write(tmp_path / "in")
    with pytest.raises(ValueError, match="DAGUERRE_SEAL_KEY"):
        intake.ingest(Folder(str(tmp_path / "in")), "street")
    assert not intake.catalog.exists("frames")


def test_labels_of_a_class_are_covered(tmp_path, sealing, take_in):
    write(tmp_path / "in", 1, "privacy:\n  faces: false\n  classes: [person]\n")
    boxes = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [30, 20, 50, 40]}]
    images = [{"id": 1, "file_name": "cam0/0.png", "width": 160, "height": 120}]
    categories = [{"id": 1, "name": "person"}]
    (tmp_path / "in" / "labels.json").write_text(
        json.dumps({"images": images, "annotations": boxes, "categories": categories})
    )
    take_in(tmp_path / "in")
    (shown,) = read_pixels(sealing)
    (row,) = sealing.catalog.read_latest("anonymised_frames").to_pylist()
    assert (row["num_labelled"], row["boxes_xyxy"]) == (1, [30, 20, 80, 60])
    assert not is_seen(shown)


def test_position_and_serial_numbers_are_in_the_sealed_original_alone(
    tmp_path, sealing, take_in, home
):
    """Of a picture in which nothing is covered, too."""
    content = encode_with_exif()
    (tmp_path / "in" / "cam1").mkdir(parents=True)
    (tmp_path / "in" / "cam1" / "0.jpg").write_bytes(content)
    (tmp_path / "in" / "daguerre.yaml").write_text(POLICY)
    take_in(tmp_path / "in")
    (facts,) = sealing.catalog.read_latest("frame_exif").to_pylist()
    restricted = [
        column.name
        for column in TABLES["frame_exif"].columns
        if column.privacy == "restricted"
    ]
    assert len(restricted) == 5 and {facts[name] for name in restricted} == {None}
    assert (facts["model"], facts["orientation"]) == ("Model 3", 6)
    (frame,) = sealing.catalog.read_latest("frames").to_pylist()
    assert read_exif(frame["payload"]) == ExifFacts(orientation=6)
    assert not any(b"B-17" in path.read_bytes() for path in list_files(home))
    (shown,) = read_pixels(sealing)
    np.testing.assert_array_equal(shown, decode_rgb(content))
    (sealed,) = sealing.catalog.read_latest("sealed_frames").to_pylist()
    assert unseal(SealKeys(home), sealed) == content


def test_an_original_opens_to_who_says_why_and_it_is_kept(
    tmp_path, sealing, take_in, home
):
    (content,) = write(tmp_path / "in", 1)
    take_in(tmp_path / "in")
    catalog = sealing.catalog
    (frame_id,) = catalog.read_latest("frames", ["frame_id"])["frame_id"].to_pylist()
    asked = Asked(frame_id, "ada", "the court asks", 1_700_000_000_000_000_000)
    original = open_original(catalog, SealKeys(home), asked)
    assert (original.stream.read(), original.encoding) == (content, "png")
    (row,) = catalog.read_latest("unsealings").to_pylist()
    assert (row["who"], row["reason"], row["session"]) == (
        "ada",
        "the court asks",
        "street",
    )
    (home / "seal_key").unlink()
    later = replace(asked, at_ns=asked.at_ns + 1)
    with pytest.raises(SealKeyMissing, match="there is no key"):
        open_original(catalog, SealKeys(home), later)
    assert len(catalog.read_latest("unsealings")) == 2  # that it was tried, too
    acts = [(a["act"], a["who"], a["of"], a["why"]) for a in read_acts(home)]
    assert acts == [("unseal", "ada", f"frame {frame_id}", "the court asks")] * 2


def test_a_reason_is_asked_for_and_a_frame_that_is_not_sealed_is_named(catalog, home):
    with pytest.raises(ValueError, match="--because"):
        Asked("a" * 32, "ada", " ", 1)
    with pytest.raises(ValueError, match="is no sealed frame"):
        open_original(catalog, SealKeys(home), Asked("a" * 32, "ada", "so", 1))


def test_each_sealed_row_is_of_its_frame(tmp_path, sealing, take_in, home):
    contents = write(tmp_path / "in", 2)
    take_in(tmp_path / "in")
    rows = sealing.catalog.read_latest("sealed_frames").to_pylist()
    assert {unseal(SealKeys(home), row) for row in rows} == set(contents)
