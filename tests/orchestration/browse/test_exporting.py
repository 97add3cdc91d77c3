"""Exports through the frame browser: for whom, what is in them, what is written down, and what is too large."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from assets.audit import check_record, read_acts
from orchestration.browse.answers import Refused
from orchestration.browse.archive import MOST_BYTES, Bound, TooLarge
from orchestration.browse.exporting import Exporting
from orchestration.profiles import load_settings
from orchestration.roles.rights import Person
from tests.assets.browsing.conftest import looked_at, name_frame  # noqa: F401
from tests.assets.comparison.conftest import class_row, write_frames, write_release
from tests.orchestration.browse.test_app import SECRETS
from tests.orchestration.browse.test_roles import enter, world  # noqa: F401

LABELS = "/api/export/labels"
RELEASE = "/api/export/release"
ADA = Person("ada", ("operator",))


def unpack(answer) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def open_exporting(home: Path, most_bytes: int = MOST_BYTES) -> Exporting:
    return Exporting(load_settings({"DAGUERRE_HOME": str(home)}), Bound(most_bytes))


def read_departures(world) -> list[dict]:  # noqa: F811
    return world.catalog.read_latest("departures").to_pylist()


@pytest.mark.parametrize("role", ["annotator", "operator"])
def test_who_has_no_shell_gets_labels_as_an_archive_and_it_is_written_down(
    world,  # noqa: F811
    enter,  # noqa: F811
    home,
    role,
):
    asked = {"task": "detection", "format": "coco", "sessions": ["tuesday"]}
    answer = enter(role).post(LABELS, json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "labels-detection.zip" in answer.headers["content-disposition"]
    files = unpack(answer)
    (found,) = (json.loads(b) for n, b in files.items() if n.startswith("annotations/"))
    assert sorted(c["name"] for c in found["categories"]) == ["fork", "mug"]
    assert len(found["annotations"]) == 2  # of tuesday; monday has the third
    facts = json.loads(files["README-export.json"])
    assert facts["counts"] == {"images": 2, "labels": 2} and facts["not_written"] == {}
    (row,) = read_departures(world)
    assert (row["sent_by"], row["place"]) == (role, f"through the browser, to {role}")
    assert (row["sessions"], row["num_frames"]) == (["tuesday"], 2)
    assert row["is_whole"]
    (act,) = read_acts(home)
    assert (act["act"], act["who"]) == ("export", role)
    assert act["of"] == "labels of detection as coco"
    assert [one for one in check_record(home) if one] == []


def test_no_role_gets_a_private_column_in_an_archive(world, enter):  # noqa: F811
    """The frame that a camera's serial number and place are known of is among them."""
    mine = name_frame("monday", 1)
    said = {"frame_id": mine, "task": "detection", "seen": 0, "act": "confirm"}
    annotator = enter("annotator")
    assert annotator.post("/api/labels", json=said).status_code == 200
    for name, content in unpack(annotator.post(LABELS, json={})).items():
        assert not any(secret.encode() in content for secret in SECRETS), name


def test_a_release_comes_as_it_was_trained_on(home, catalog, looked_at, enter):  # noqa: F811
    version = write_frames(catalog, "ab")
    rows = [class_row("a", 0), class_row("b", 1)]
    release_id = write_release(catalog, "recognition", ["cup", "fork"], rows, version)
    answer = enter("operator").post(RELEASE, json={"release": release_id[:8]})
    assert answer.status_code == 200, answer.text
    told = json.loads(unpack(answer)["README-release.json"])
    assert told["release_id"] == release_id
    (row,) = catalog.read_latest("departures").to_pylist()
    assert (row["release_id"], row["num_frames"]) == (release_id, 2)


def test_others_are_refused_and_nothing_leaves(world, enter, home):  # noqa: F811
    for role in ("reader", "approver", "privacy-officer", ""):
        refused = enter(role).post(LABELS, json={})
        assert refused.status_code == 403, role
        assert "no right to take out labels and releases" in refused.json()["error"]
    assert read_departures(world) == [] and read_acts(home) == []


@pytest.mark.parametrize(
    ("path", "asked", "told"),
    [
        (LABELS, {"task": "lace"}, "task"),
        (LABELS, {"format": "lace"}, "format"),
        (LABELS, {"sessions": ["nowhere"]}, "nowhere"),
        (LABELS, {"task": "segmentation"}, "nobody has looked"),
        (RELEASE, {"release": "abcdef"}, "abcdef"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_leaves(world, enter, path, asked, told):  # noqa: F811
    refused = enter("operator").post(path, json=asked)
    assert refused.status_code == 400 and told in refused.json()["error"]
    assert read_departures(world) == []


def test_what_is_too_large_is_refused_with_what_to_do(world, home):  # noqa: F811
    with pytest.raises(Refused, match="an archive holds 100 at most") as refused:
        open_exporting(home, 100).labels(ADA, b"{}")
    assert refused.value.status == 413 and "fewer sessions" in refused.value.remedy
    assert read_departures(world) == [] and read_acts(home) == []


def test_it_is_refused_as_soon_as_it_shows():
    """Of 100 pictures 32 have 320 bytes: 1,000 in the end. Fewer do not tell."""
    Bound(1000).look(32, 100, 320)
    Bound(999).look(31, 100, 320)
    with pytest.raises(TooLarge, match="100 pictures are about 1,000 bytes"):
        Bound(999).look(32, 100, 320)
    with pytest.raises(TooLarge, match="100 pictures are about 10,000 bytes"):
        Bound(99).look(1, 100, 100)


def test_files_of_labels_count_too(world, home):  # noqa: F811
    """The pictures alone would fit: what a dry run tells of them."""
    told = open_exporting(home).labels(ADA, b'{"dry_run": true}')
    with pytest.raises(Refused, match="its files are") as refused:
        open_exporting(home, told["size_bytes"]).labels(ADA, b"{}")
    assert refused.value.status == 413 and read_departures(world) == []


def test_a_dry_run_says_how_much_and_nothing_leaves(world, enter, home):  # noqa: F811
    asked = {"task": "detection", "sessions": ["tuesday"]}
    client = enter("operator")
    told = client.post(LABELS, json=asked | {"dry_run": True}).json()
    assert (told["num_frames"], told["sessions"]) == (2, ["tuesday"])
    assert read_departures(world) == [] and read_acts(home) == []
    files = unpack(client.post(LABELS, json=asked))
    pictures = [len(b) for n, b in files.items() if n.startswith("images/")]
    assert told["size_bytes"] == sum(pictures) and len(pictures) == 2


def test_an_archive_that_nobody_reads_to_its_end_stays_written_down_as_cut_short(
    world,  # noqa: F811
    home,
):
    packed = open_exporting(home).labels(ADA, b"{}")
    pieces = packed.read_pieces(16)
    assert next(pieces)[:2] == b"PK"
    pieces.close()
    (row,) = read_departures(world)
    assert not row["is_whole"] and packed.stream.closed
