"""Labels that went out as files of a labelling tool come back as answers, without loss, and as whose they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from assets.annotation.labels import Answer, Author, Marked, Order, record_answers
from assets.current_labels import read_said
from assets.label_versions import read_versions
from assets.retrieval.frame_export import (
    Order as ExportOrder,
)
from assets.retrieval.frame_export import (
    Sampling,
    export_frames,
    list_classes,
    read_labels,
    sample_frames,
)
from models.masks import encode_mask
from orchestration.label_answers import load_tasks, part_by_person, read_answers
from orchestration.label_pull import Questions, read_files, take

ANNA = Author("person", "Anna")
BOX = (2.0, 3.0, 20.0, 30.0)


def draw_mask() -> str:
    mask = np.zeros((48, 64), bool)
    mask[10:21, 5:31] = True
    mask[12, 7] = False
    return encode_mask(mask)


@pytest.fixture
def frames(catalog, frame_rows, make_png):
    """Three stored frames of 64 x 48 px."""
    payloads = [make_png(n, 64, 48) for n in range(3)]
    rows = frame_rows(
        3,
        payload=payloads,
        sha256=[hashlib.sha256(p).hexdigest() for p in payloads],
        width_px=64,
        height_px=48,
    )
    catalog.publish("frames", "monday", catalog.merge("frames", rows).version)
    return sample_frames(catalog, Sampling()).frames


def put(catalog, frames, form, folder, said):
    """The files of a tool, with these labels of the first frames."""
    answers = [
        Answer(frame["frame_id"], task, marked)
        for frame, (task, marked) in zip(frames, said, strict=False)
    ]
    record_answers(catalog, answers, ANNA)
    labels = read_labels(catalog, frames)
    order = ExportOrder(form, list_classes(catalog, form, frames), labels)
    written = export_frames(catalog, frames, folder, order)
    assert not +written.left_out
    return {a.frame_id: a for a in answers}


def strip(marked: Marked) -> Marked:
    """Without the id, which no file holds, and with numbers as near as files tell them."""
    box = marked.box_xyxy and tuple(round(v, 2) for v in marked.box_xyxy)
    return replace(marked, label_id=None, box_xyxy=box)


def as_people_submit(folder):
    """What Label Studio makes of proposals that people submit as they are."""
    tasks = json.loads((folder / "tasks.json").read_text())
    for number, task in enumerate(tasks):
        (proposal,) = task.pop("predictions")
        task["annotations"] = [
            {"id": number, "completed_by": 1, "result": proposal["result"]}
        ]
    (folder / "tasks.json").write_text(json.dumps(tasks))


OBJECTS = (
    Marked("cup", BOX),
    Marked("cup", (30.25, 3.0, 50.5, 30.0)),
    Marked("mug", (5.0, 10.0, 31.0, 21.0), draw_mask()),
)


@pytest.mark.parametrize("form", ["coco", "cvat", "label-studio"])
def test_boxes_and_masks_come_back_as_they_went_and_nothing_as_nothing(
    catalog, frames, form, tmp_path
):
    said = [("detection", OBJECTS), ("detection", OBJECTS[:1]), ("detection", ())]
    sent = put(catalog, frames, form, tmp_path / "out", said)
    if form == "label-studio":
        as_people_submit(tmp_path / "out")
    read = read_answers(catalog, tmp_path / "out")
    assert not read.problems
    found = {answer.frame_id: answer for answer in read.answers}
    assert found.keys() == sent.keys()
    for frame_id, answer in sent.items():
        expected = sorted(map(strip, answer.marked), key=repr)
        assert sorted(map(strip, found[frame_id].marked), key=repr) == expected


def test_boxes_come_back_through_yolo_and_who_looked_is_told_from_who_did_not(
    catalog, frames, tmp_path
):
    said = [("detection", OBJECTS[:2]), ("detection", ())]
    sent = put(catalog, frames, "yolo", tmp_path / "out", said)
    read = read_answers(catalog, tmp_path / "out")
    found = {a.frame_id: sorted(map(strip, a.marked), key=repr) for a in read.answers}
    assert found == {i: sorted(map(strip, a.marked), key=repr) for i, a in sent.items()}


def test_tracks_come_back_through_cvat_and_end_where_the_object_left(
    catalog, frames, tmp_path
):
    tracked = Marked("cup", BOX, None, 7, json.dumps([["occluded", "1"]]))
    moved = replace(tracked, box_xyxy=(4.0, 3.0, 22.0, 30.0))
    other = Marked("mug", BOX, None, 9)
    said = [
        ("detection", (tracked, other)),
        ("detection", (other,)),
        ("detection", (moved,)),
    ]
    sent = put(catalog, frames, "cvat", tmp_path / "out", said)
    read = read_answers(catalog, tmp_path / "out")
    assert not read.problems
    found = {
        a.frame_id: sorted((m.class_name, m.track_id, m.box_xyxy) for m in a.marked)
        for a in read.answers
    }
    assert found == {
        i: sorted((m.class_name, m.track_id, m.box_xyxy) for m in a.marked)
        for i, a in sent.items()
    }
    first = next(a for a in read.answers if a.frame_id == frames[0]["frame_id"])
    cup = next(m for m in first.marked if m.class_name == "cup")
    assert ["occluded", "1"] in json.loads(cup.attributes)


def test_tracks_and_attributes_come_back_through_coco(catalog, frames, tmp_path):
    marked = Marked("cup", BOX, None, 7, json.dumps([["occluded", "1"]]))
    sent = put(catalog, frames, "coco", tmp_path / "out", [("detection", (marked,))])
    read = read_answers(catalog, tmp_path / "out")
    found = next(a for a in read.answers if a.frame_id in sent)
    assert [strip(m) for m in found.marked] == [marked]


@pytest.mark.parametrize("form", ["cvat", "label-studio"])
def test_classes_of_whole_pictures_come_back(catalog, frames, form, tmp_path):
    said = [("recognition", (Marked("cup"),)), ("recognition", (Marked("mug"),))]
    sent = put(catalog, frames, form, tmp_path / "out", said)
    if form == "label-studio":
        as_people_submit(tmp_path / "out")
    read = read_answers(catalog, tmp_path / "out")
    found = {a.frame_id: [m.class_name for m in a.marked] for a in read.answers}
    assert {i: found[i] for i in sent} == {
        frames[0]["frame_id"]: ["cup"],
        frames[1]["frame_id"]: ["mug"],
    }


def tasks_of(frames, *annotations):
    name = f"/data/upload/1/0a1b2c3d-monday_cam_{frames[0]['frame_id']}.png"
    region = {
        "id": "r",
        "type": "rectanglelabels",
        "from_name": "box",
        "to_name": "image",
        "original_width": 64,
        "original_height": 48,
        "value": {
            "x": 25,
            "y": 25,
            "width": 50,
            "height": 50,
            "rectanglelabels": ["cup"],
        },
    }
    said = [
        {"id": n, "updated_at": f"2026-01-0{n}T00:00:00Z", "result": [region], **facts}
        for n, facts in enumerate(annotations, 1)
    ]
    proposal = {"model_version": "model", "result": [region]}
    return [
        {
            "id": 1,
            "data": {"image": name},
            "annotations": said,
            "predictions": [proposal],
        }
    ]


def test_each_annotator_of_label_studio_answers_for_themselves_and_a_model_for_nobody(
    catalog, frames
):
    tasks = tasks_of(
        frames,
        {"completed_by": 1, "result": []},
        {"completed_by": 2},
        {"completed_by": 1},
        {"completed_by": {"email": "carla@example.com"}, "was_cancelled": True},
    )
    people = part_by_person(tasks, {1: "anna@example.com"})
    assert {
        name: len(of[0]["annotations"][0]["result"]) for name, of in people.items()
    } == {
        "anna@example.com": 1,  # the newer of her two
        "annotator 2": 1,
    }
    assert part_by_person(tasks_of(frames), {}) == {}


def test_a_frame_that_is_in_two_projects_is_answered_by_the_newer_annotation_alone(
    frames,
):
    task = tasks_of(frames, {"completed_by": 1}, {"completed_by": 1, "result": []})[0]
    task["data"]["frame_id"] = frames[0]["frame_id"]
    older, newer = ({**task, "annotations": [one]} for one in task["annotations"])
    for tasks in ([older, newer], [newer, older]):
        (answered,) = part_by_person(tasks, {})["annotator 1"]
        assert answered["annotations"][0]["result"] == []


def ask(frames, task="detection", **more):
    shown = {f["frame_id"]: f["sha256"] for f in frames}
    return Questions(task, shown | more, Order("a" * 32, "b" * 32))


def test_a_persons_answer_is_kept_with_queue_and_guideline_and_taken_once(
    catalog, frames, tmp_path
):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks_of(frames, {"completed_by": 1})))
    assert load_tasks(path) is not None
    read = read_files(catalog, path, "Anna", ask(frames))["Anna"]
    taken = take(catalog, read, "Anna", ask(frames), is_dry_run=True)
    assert (taken.num_new, taken.num_labels) == (1, 1)
    assert read_versions(catalog, [frames[0]["frame_id"]]) == []
    for expected in ((1, 0), (0, 1)):
        taken = take(catalog, read, "Anna", ask(frames), is_dry_run=False)
        assert (taken.num_new, taken.num_known) == expected
        assert taken.num_labels == taken.num_new
    (version,) = read_versions(catalog, [frames[0]["frame_id"]])
    assert (version["author_kind"], version["author"]) == ("person", "Anna")
    assert (version["queue_id"], version["guideline_id"]) == ("a" * 32, "b" * 32)
    assert version["boxes_xyxy"] == [16, 12, 48, 36]
    said = read_said(catalog, frames)[frames[0]["frame_id"], "detection"]
    assert [label["class_name"] for label in said.labels] == ["cup"]


def test_who_submits_nothing_but_empty_tasks_has_looked_and_found_nothing(
    catalog, frames, tmp_path
):
    tasks = tasks_of(frames, {"completed_by": 1, "result": []})
    tasks[0]["data"]["frame_id"] = frames[0]["frame_id"]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    (answer,) = read_files(catalog, path, "Anna", ask(frames))["Anna"].answers
    assert (answer.frame_id, answer.marked) == (frames[0]["frame_id"], ())
    read = read_files(catalog, path, "Anna", ask(frames, "recognition"))["Anna"]
    assert (
        not read.answers and "1 tasks were submitted without a mark" in read.problems[0]
    )


def test_an_answer_of_which_nothing_can_be_read_is_refused_and_is_not_nothing(
    catalog, frames, tmp_path
):
    tasks = tasks_of(frames, {"completed_by": 1})
    tasks[0]["annotations"][0]["result"][0]["original_width"] = 640
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    read = read_files(catalog, path, "Anna", ask(frames))["Anna"]
    for is_dry_run in (True, False):
        taken = take(catalog, read, "Anna", ask(frames), is_dry_run)
        assert (taken.num_new, taken.num_labels, taken.is_whole) == (0, 0, False)
        assert "none of its 1 objects could be read" in taken.refused[0]
    assert read_versions(catalog, [frames[0]["frame_id"]]) == []


def test_an_export_edited_by_hand_is_told_or_read(catalog, frames, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"data": {}, "annotations": [None]}]))
    assert load_tasks(path) is None
    tasks = tasks_of(frames, {"completed_by": 1, "id": "first"}, {"completed_by": 1})
    (answered,) = part_by_person(tasks, {})["annotator 1"]
    assert answered["annotations"][0]["id"] == 2


def test_answers_on_a_frame_that_changed_since_the_push_are_refused(
    catalog, frames, tmp_path
):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks_of(frames, {"completed_by": 1})))
    asked = ask(frames, **{frames[0]["frame_id"]: "0" * 64})
    read = read_files(catalog, path, "Anna", asked)["Anna"]
    taken = take(catalog, read, "Anna", asked, is_dry_run=False)
    assert taken.num_new == 0
    (reason,) = taken.refused
    assert "has other bytes than were labelled" in reason


def test_answers_that_the_queue_does_not_ask_are_told_and_not_taken(
    catalog, frames, tmp_path
):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks_of(frames, {"completed_by": 1})))
    for asked in (ask(frames, task="segmentation"), ask(frames[1:])):
        read = read_files(catalog, path, "Anna", asked)["Anna"]
        taken = take(catalog, read, "Anna", asked, is_dry_run=False)
        assert taken.num_new == 0
        assert "1 answers for another task" in taken.left[0]


def test_files_that_nobody_worked_on_archives_and_no_files_are_refused(
    catalog, frames, tmp_path
):
    export_frames(catalog, frames, tmp_path / "out", ExportOrder("coco", ["cup"]))
    with pytest.raises(ValueError, match="nothing is labelled in"):
        read_files(catalog, tmp_path / "out", "Anna", ask(frames))
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="unpack it, and give the folder"):
        read_answers(catalog, tmp_path / "a.zip")
    with pytest.raises(ValueError, match="is not there"):
        read_answers(catalog, tmp_path / "none.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no label file is there"):
        read_answers(catalog, tmp_path / "empty")
