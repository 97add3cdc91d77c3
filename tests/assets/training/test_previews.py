"""Pictures of a training: what the net is shown and what it says, for every kind of target and answer."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from assets.previews.training import AUGMENTED, Previewer, _read_target
from assets.samples import ReleaseImages, read_release
from assets.training.ray_train import train
from assets.training.spec import Place, TrainingSpec
from models.masks import encode_mask
from models.recipes import get_recipe
from models.task_names import DATASET_NAMES
from models.tasks import find_task
from models.types import (
    BoxSet,
    Detections,
    InstanceDetections,
    InstanceSet,
    PoseDetections,
    PoseSet,
    Probabilities,
    Sample,
)

NAMES = ("disc", "square", "ground")


def _preview(task: str, shown: dict[str, bytes], **changes) -> Previewer:
    config = replace(
        get_recipe(f"tiny_{task}"),
        image_size_px=64,
        batch_size=4,
        weights="none",
        frozen_stages=0,
        **changes,
    )
    return Previewer(find_task(task), config, NAMES, shown.__setitem__)


def _pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(jpeg)), int)


@pytest.mark.parametrize("task", DATASET_NAMES)
def test_each_task_shows_its_batch_and_its_answers(task, store_release):
    names = NAMES if task == "segmentation" else NAMES[:2]
    catalog, release_id = store_release(task, ["train"] * 6 + ["val"] * 5, names)
    release = read_release(catalog, release_id, task)
    samples, val = (
        ReleaseImages(catalog, release, split, 64) for split in ("train", "val")
    )
    shown: dict[str, bytes] = {}
    previewer = _preview(task, shown)
    previewer.draw_first_batch(samples, seed=0)
    assert (
        _pixels(shown[AUGMENTED]).shape[1] > 3 * 200
        and _pixels(shown[AUGMENTED]).std() > 20
    )
    net = find_task(task).build(previewer._config, len(NAMES), None).eval()
    previewer.draw_answers(2, net, val)
    assert [name for name in shown if name != AUGMENTED] == (
        [] if task == "pretraining" else ["answers after epoch 003"]
    )


def test_what_is_drawn_says_what_was_said():
    previewer = _preview("detection", {})
    grey = np.full((40, 60, 3), 90, np.uint8)
    boxes = np.array([[5, 5, 30, 30], [0, 0, 9, 9]], np.float32)
    truth, text = previewer._draw(grey, BoxSet(boxes, np.array([0, 1])))
    assert text == "2 boxes" and truth.shape[1] > 60 and (truth != 90).any()
    _, text = previewer._draw(
        grey, Detections(boxes, np.array([0.9, 0.2], np.float32), np.array([0, 1]))
    )
    assert text == "1 box"  # the other is below the score that is drawn
    probabilities = Probabilities(np.array([0.04, 0.7, 0.26], np.float32))
    assert previewer._draw(grey, probabilities)[1] == "square 0.70, ground 0.26"
    assert [
        previewer._draw(grey, said)[1] for said in (2, frozenset({1, 0}), 3.14159, None)
    ] == [
        "ground",
        "disc, square",
        "3.14",
        "",
    ]
    assert previewer._draw(grey, object())[1] is None


def test_objects_are_painted_where_their_masks_are():
    previewer = _preview("instances", {})
    grey = np.full((40, 60, 3), 90, np.uint8)
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 10:30, 10:25] = True
    masks[1, 5:9, 40:44] = True
    boxes = np.array([[8, 8, 30, 32], [39, 4, 45, 10]], np.float32)
    class_ids = np.array([0, 1])
    truth, text = previewer._draw(grey, InstanceSet(boxes, class_ids, masks))
    scores = np.array([0.9, 0.2], np.float32)
    rles = tuple(map(encode_mask, masks))
    said, words = previewer._draw(
        grey, InstanceDetections(boxes, scores, class_ids, rles, (40, 60))
    )
    # the other is below the score that is drawn
    assert (text, words) == ("2 boxes", "1 box")
    scale = truth.shape[1] / 60
    places = [
        tuple(int(v * scale) for v in place) for place in ((25, 20), (25, 27), (7, 42))
    ]
    is_painted = [
        [np.ptp(drawn[place]) > 20 for place in places] for drawn in (truth, said)
    ]  # grey is painted blue
    # the second place is in the box, not in the mask
    assert is_painted == [[True, False, True], [True, False, False]]


def test_points_are_drawn_where_they_are_and_those_that_nobody_labelled_are_not():
    previewer = _preview("keypoints", {})
    grey = np.full((40, 60, 3), 90, np.uint8)
    boxes = np.array([[4, 4, 56, 36]], np.float32)
    class_ids = np.array([0])
    placed = np.array([[[20, 20, 2], [44, 12, 2], [12, 28, 0]]], np.float32)
    truth, text = previewer._draw(grey, PoseSet(boxes, class_ids, placed))
    said, words = previewer._draw(
        grey,
        PoseDetections(boxes, np.array([0.9], np.float32), class_ids, placed[..., :2]),
    )
    assert (text, words) == ("1 object", "1 object")
    assert placed[0, 1].tolist() == [44, 12, 2]  # what was said stays as it is
    scale = truth.shape[1] / 60
    # the second place lies between two points: without a skeleton there is no line
    places = [(20, 20), (32, 16), (44, 12), (12, 28)]
    is_drawn = [
        [np.ptp(drawn[int(y * scale), int(x * scale)]) > 20 for x, y in places]
        for drawn in (truth, said)
    ]
    assert is_drawn == [[True, False, True, False], [True, False, True, True]]


def test_a_person_has_a_skeleton():
    previewer = _preview("keypoints", {})
    grey = np.full((200, 100, 3), 90, np.uint8)
    points = np.zeros((1, 17, 3), np.float32)
    points[0, 5] = (30, 60, 2)  # left shoulder
    points[0, 7] = (30, 100, 1)  # left elbow, hidden
    points[0, 6] = (70, 60, 0)  # the right shoulder is not labelled
    pose = PoseSet(np.array([[5, 5, 95, 195]], np.float32), np.array([0]), points)
    drawn, _ = previewer._draw(grey, pose)
    scale = drawn.shape[1] / 100
    places = [(30, 80), (50, 60)]  # on the upper arm, and between the shoulders
    is_drawn = [np.ptp(drawn[int(y * scale), int(x * scale)]) > 20 for x, y in places]
    assert is_drawn == [True, False]


def test_points_of_a_batch_are_those_of_its_samples(store_release):
    """They are shown as the net gets them: with the boxes that were moved and cropped."""
    catalog, release_id = store_release("keypoints", ["train"] * 4 + ["val"])
    release = read_release(catalog, release_id, "keypoints")
    samples = ReleaseImages(catalog, release, "train", 64)
    task = find_task("keypoints")
    still = replace(_preview("keypoints", {})._config, zoom=(1.0, 1.0), shift_share=0.0)
    rngs = [np.random.default_rng(n) for n in range(2)]
    batch = task.make_batch([samples[0], samples[1]], 2, still, rngs)
    for place in range(2):
        shown = _read_target(batch, place)
        sample = samples[place].target
        assert isinstance(shown, PoseSet) and isinstance(sample, PoseSet)
        moved = shown.boxes_xyxy[:, None, :2] - sample.boxes_xyxy[:, None, :2]
        assert np.allclose(shown.points[..., :2] - moved, sample.points[..., :2])


def test_pictures_reach_who_asked_and_change_no_weight(store_release, tmp_path):
    catalog, release_id = store_release("recognition", ["train"] * 6 + ["val"] * 3)
    config = replace(
        get_recipe("tiny_recognition"),
        image_size_px=32,
        batch_size=3,
        epochs=3,
        score_every=2,
        weights="none",
        frozen_stages=0,
    )
    events: list[dict] = []
    spec = TrainingSpec(release_id, config, 0)
    package = train(spec, Place(catalog, tmp_path, use_ray=False), events.append)
    names = [e["name"] for e in events if e["kind"] == "picture"]
    assert names == [AUGMENTED, "answers after epoch 002", "answers after epoch 003"]
    again = train(spec, Place(catalog, tmp_path / "again", use_ray=False))
    assert again.model_sha256 == package.model_sha256


def test_a_sample_without_label_is_shown_without_words():
    shown: dict[str, bytes] = {}
    samples = [
        Sample(f"{n}", np.full((32, 32, 3), 40 * n, np.uint8), None) for n in range(4)
    ]
    _preview("pretraining", shown).draw_first_batch(samples, seed=1)
    with torch.inference_mode():
        assert list(shown) == [AUGMENTED]
