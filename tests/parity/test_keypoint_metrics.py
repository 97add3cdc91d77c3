"""Average precision by object-keypoint similarity against pycocotools."""

from __future__ import annotations

import contextlib
import copy
import io

import numpy as np
import pytest

from models.metrics.frame_parts import describe_objects
from models.metrics.keypoints import find_sigmas, judge_points, score_poses
from models.types import PoseDetections, PoseSet


def make_case(
    seed: int, num_points: int, decimals: int = 6
) -> tuple[list[PoseSet], list[PoseDetections]]:
    """Jittered truth of two classes, strays, misses, unlabelled points and objects without any; few `decimals` tie."""
    rng = np.random.default_rng(seed)
    truths = []
    found = []
    for _ in range(12):
        count = int(rng.integers(0, 6))
        corner = rng.uniform(0, 300, (count, 2))
        side = rng.choice([20, 60, 150], (count, 1)) * np.ones((count, 2))
        boxes = np.concatenate([corner, corner + side], 1)
        ids = rng.integers(0, 2, count)
        places = corner[:, None] + rng.random((count, num_points, 2)) * side[:, None]
        seen = rng.choice([0, 1, 2], (count, num_points, 1), p=[0.3, 0.2, 0.5]) * (
            rng.random((count, 1, 1)) < 0.8
        )
        truths.append(
            PoseSet(*_cast(boxes, ids, np.concatenate([places * (seen > 0), seen], 2)))
        )
        kept = rng.random(count) < 0.85
        strays = int(rng.integers(0, 3))
        off = (
            rng.normal(0, 1, (count, num_points, 2))
            * side[:, None]
            * rng.choice([0.02, 0.1, 0.4], (count, 1, 1))
        )
        points = np.concatenate(
            [(places + off)[kept], rng.uniform(0, 400, (strays, num_points, 2))]
        )
        guesses = np.concatenate(
            [boxes[kept], np.tile([10.0, 10.0, 90.0, 90.0], (strays, 1))]
        )
        guess_ids = np.concatenate([ids[kept], rng.integers(0, 2, strays)])
        scores = np.round(rng.random(len(guesses)), decimals)
        order = np.argsort(-scores, kind="stable")
        boxes32, ids64, points32 = _cast(
            guesses[order], guess_ids[order], points[order]
        )
        found.append(
            PoseDetections(boxes32, scores[order].astype(np.float32), ids64, points32)
        )
    return truths, found


def _cast(
    boxes: np.ndarray, ids: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return boxes.astype(np.float32), ids.astype(np.int64), points.astype(np.float32)


def run_pycocotools(
    truths: list[PoseSet], found: list[PoseDetections], num_points: int
) -> np.ndarray:
    """(10 OKS, 101 recall, 2 classes) precision, -1 where a class has no object with a labelled point."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for images in (truths, found):
            side = COCO()
            rows = []
            for n, image in enumerate(images):
                for k, (x0, y0, x1, y1) in enumerate(
                    image.boxes_xyxy.astype(np.float64).tolist()
                ):
                    points = (
                        image.points if isinstance(image, PoseSet) else image.points_xy
                    )
                    full = (
                        points
                        if isinstance(image, PoseSet)
                        else np.pad(points, ((0, 0), (0, 0), (0, 1)))
                    )
                    row = {
                        "id": len(rows) + 1,
                        "image_id": n + 1,
                        "category_id": int(image.class_ids[k]) + 1,
                        "bbox": [x0, y0, x1 - x0, y1 - y0],
                        "area": (x1 - x0) * (y1 - y0),
                        "iscrowd": 0,
                        "keypoints": full[k].astype(np.float64).ravel().tolist(),
                        "num_keypoints": int((full[k, :, 2] > 0).sum()),
                    }
                    rows.append(
                        row
                        if isinstance(image, PoseSet)
                        else {**row, "score": float(image.scores[k])}
                    )
            side.dataset = {
                "images": [{"id": n + 1} for n in range(len(truths))],
                "categories": [{"id": 1}, {"id": 2}],
                "annotations": copy.deepcopy(rows),
            }
            side.createIndex()
            sides.append(side)
        run = COCOeval(*sides, iouType="keypoints")
        run.params.kpt_oks_sigmas = find_sigmas(num_points)
        assert run.params.maxDets == [20]
        run.evaluate()
        run.accumulate()
    return run.eval["precision"][..., 0, 0]


@pytest.mark.parametrize("num_points", [17, 5])
@pytest.mark.parametrize("seed, decimals", [(0, 6), (1, 6), (2, 1)])
def test_keypoint_figures_equal_pycocotools(seed: int, decimals: int, num_points: int):
    truths, found = make_case(seed, num_points, decimals)
    precision = run_pycocotools(truths, found, num_points)
    result = score_poses(truths, found)
    assert 0.01 < (result.oks_map or 0) < (result.oks_map50 or 0) < 1
    assert result.oks_map == pytest.approx(precision[precision > -1].mean(), abs=1e-9)
    assert result.oks_map50 == pytest.approx(
        precision[0][precision[0] > -1].mean(), abs=1e-9
    )


@pytest.mark.parametrize("num_points", [17, 5])
@pytest.mark.parametrize("seed", range(4))
def test_frames_of_points_have_the_figures_of_all_at_once(seed: int, num_points: int):
    truths, found = make_case(seed, num_points)
    has_unlabelled = any((t.points[:, :, 2] == 0).all(1).any() for t in truths)
    assert has_unlabelled, "answers at such objects count neither for nor against"
    figures = describe_objects(map(judge_points, truths, found), 2).figures()
    assert figures["map50"] == pytest.approx(
        score_poses(truths, found).oks_map50, abs=1e-9
    )


@pytest.mark.parametrize("seed", range(2))
def test_frames_of_labelled_points_have_the_figures_of_all_at_every_level(seed: int):
    truths, found = make_case(seed, 5)
    for truth in truths:
        truth.points[:, 0, 2] = 2
    figures = describe_objects(map(judge_points, truths, found), 2).figures()
    assert figures["map"] == pytest.approx(score_poses(truths, found).oks_map, abs=1e-9)


def test_more_answers_than_coco_looks_at_are_not_judged():
    truth = PoseSet(
        *_cast(np.array([[0.0, 0, 10, 10]]), np.array([0]), np.ones((1, 2, 3)))
    )
    boxes = np.tile([50.0, 50, 60, 60], (21, 1))
    points = np.full((21, 2, 2), 55.0)
    boxes[20], points[20] = [0, 0, 10, 10], 1
    of_answers = _cast(boxes, np.zeros(21), points)
    scores = np.linspace(0.9, 0.1, 21).astype(np.float32)
    answers = PoseDetections(of_answers[0], scores, *of_answers[1:])
    judged = judge_points(truth, answers)
    assert judged.overlaps.shape == (1, 20) and judged.overlaps.max() < 0.5
