"""`daguerre labels`: what stands is shown with its versions, and corrected; what is refused says why."""

from __future__ import annotations

import cv2
import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets.annotation.labels import Answer, Author, Marked, record_answers
from models.masks import encode_mask
from orchestration.instance import prepare_instance
from orchestration.profiles import load_settings


@pytest.fixture
def frame_id(catalog, frame_rows):
    """A stored frame of 16 x 12 px, with a cup by a simulator."""
    rows = frame_rows(1)
    catalog.publish("frames", "monday", catalog.merge("frames", rows).version)
    frame_id = rows["frame_id"][0].as_py()
    answer = Answer(frame_id, "detection", (Marked("cup", (1, 2, 9, 10)),))
    record_answers(catalog, [answer], Author("simulator", "tabletop"))
    return frame_id


@pytest.fixture
def run(home, run_on):
    return run_on(home, exit_codes=(0,))


def test_a_label_is_corrected_by_its_id_and_shown_with_all_versions(run, frame_id):
    (cup,) = run("labels", "show", frame_id[:10])["objects"]
    assert (cup["class_name"], cup["box_xyxy"], cup["origin"]) == (
        "cup",
        [1, 2, 9, 10],
        "simulator",
    )
    words = ("--label", cup["label_id"][:8], "--class", "mug", "--box", "1,2,8,9")
    done = run("labels", "correct", frame_id, *words, "--by", "Anna", "--seen", "1")
    assert (done["number"], done["author"], done["failed_checks"]) == (2, "Anna", [])
    shown = run("labels", "show", frame_id)
    assert [(o["class_name"], o["box_xyxy"]) for o in shown["objects"]] == [
        ("mug", [1, 2, 8, 9])
    ]
    assert [(v["number"], v["author_kind"], v["act"]) for v in shown["versions"]] == [
        (1, "simulator", "answer"),
        (2, "person", "correct"),
    ]


def test_a_dry_run_writes_nothing_and_a_mask_is_a_picture(run, frame_id, tmp_path):
    (cup,) = run("labels", "show", frame_id)["objects"]
    mask = np.zeros((12, 16), np.uint8)
    mask[2:10, 1:9] = 255
    path = tmp_path / "mask.png"
    path.write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    words = ("--label", cup["label_id"], "--mask", str(path))
    (drawn,) = run("labels", "correct", frame_id, *words, "--dry-run")["objects"]
    assert drawn["mask_rle"] == encode_mask(mask > 0)
    assert run("labels", "show", frame_id)["version"] == 1
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=f"--mask {path}: .*: give a PNG"):
        run("labels", "correct", frame_id, *words)


def test_dagster_is_told_of_a_correction_where_this_home_has_one(run, home, frame_id):
    run("labels", "correct", frame_id, "--confirm", "--by", "Anna")
    assert not (home / "dagster").exists(), "none is made"
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    key = dg.AssetKey(["annotation", "labels"])
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as there:
        run("labels", "correct", frame_id, "--reject", "--dry-run")
        assert not there.fetch_materializations(key, 10).records
        run("labels", "correct", frame_id, "--reject", "--by", "Anna")
        (seen,) = there.fetch_materializations(key, 10).records
    made = seen.asset_materialization
    assert (
        made is not None and made.description == "reject by `daguerre labels correct`"
    )
    assert made.metadata["dagster/row_count"].value == 3
    assert made.tags["dagster/data_version"]


def test_a_class_that_nobody_has_used_is_taken_with_a_hint(run, frame_id):
    (cup,) = run("labels", "show", frame_id)["objects"]
    words = ("labels", "correct", frame_id, "--label", cup["label_id"], "--class")
    hint = (
        "nobody has used the class 'cupp' for detection: from now on it is one; near "
        "it are cup"
    )
    assert run(*words, "cupp", "--dry-run")["warnings"] == [hint]
    done = run(*words, "cupp", "--by", "Anna")
    assert (done["warnings"], done["class_names"]) == ([hint], ["cupp"])
    (again,) = run("labels", "show", frame_id)["objects"]
    words = (*words[:4], again["label_id"], "--class")
    assert run(*words, "cup", "--dry-run")["warnings"] == [], "the simulator has"


def test_labels_are_confirmed_and_rejected(run, frame_id):
    confirmed = run("labels", "correct", frame_id, "--confirm", "--by", "Anna")
    assert (confirmed["act"], confirmed["class_names"]) == ("confirm", ["cup"])
    rejected = run("labels", "correct", frame_id, "--reject", "--by", "Ben")
    assert (rejected["num_missing"], rejected["class_names"]) == (1, [])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--confirm", "--reject"), "say one thing"),
        ((), "say one thing"),
        (("--class", "mug", "--box", "1,2,3"), "is no box: give left,top,right,bottom"),
        (("--class", "mug", "--box", "1,2,3,2"), "has no area"),
        (("--confirm", "--seen", "0"), "tabletop was first with version 1"),
        (("--confirm", "--guideline", "ffffffff"), "no guideline begins with"),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(run, frame_id, words, reason):
    with pytest.raises(ValueError, match=reason):
        run("labels", "correct", frame_id, *words)
    assert run("labels", "show", frame_id)["version"] == 1


def test_labels_are_interpolated_between_two_of_a_person(run, catalog, frame_rows):
    """A dry run and what is done say the same; asked again nothing is new."""
    rows = frame_rows(3)
    stamps = pa.array([0, 10**9, 2 * 10**9], rows["t_ns"].type)
    rows = rows.set_column(rows.column_names.index("t_ns"), "t_ns", stamps)
    catalog.publish("frames", "monday", catalog.merge("frames", rows).version)
    ids = rows["frame_id"].to_pylist()
    for n in (0, 2):
        cup = Marked("cup", (n, 2, n + 5, 9), track_id=1)
        answer = Answer(ids[n], "detection", (cup,))
        record_answers(catalog, [answer], Author("person", "Anna"))
    run("labels", "correct", ids[0], "--confirm", "--by", "Anna")  # and its gate
    planned = run("labels", "interpolate", "monday", "--dry-run")
    assert (planned["frames"], planned["labels"], planned["refused"]) == (1, 1, [])
    with pytest.raises(ValueError, match="has no labels"):
        run("labels", "show", ids[1])
    done = run("labels", "interpolate", "monday")
    assert (done["written"], done["known"], done["failed_checks"]) == (1, 0, [])
    (cup,) = run("labels", "show", ids[1])["objects"]
    assert (cup["origin"], cup["box_xyxy"]) == ("interpolation", [1, 2, 6, 9])
    assert run("labels", "interpolate", "monday")["known"] == 1
    with pytest.raises(ValueError, match="tuesday has no published colour frame"):
        run("labels", "interpolate", "tuesday")
