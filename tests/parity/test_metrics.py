"""Metrics against the reference tools: pycocotools and scikit-learn."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest

from models.metrics.classification import score_classification
from models.metrics.detection import DetectionResult, score_detections
from models.metrics.segmentation import count_pixels, score_segmentation
from models.types import IGNORE, BoxSet, Detections, SemanticMap

Case = tuple[list[BoxSet], list[Detections], int]


def make_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner, side = (
        rng.uniform(0, 400, (count, 2)),
        rng.choice([12, 50, 160], (count, 1)) * rng.uniform(0.6, 1.4, (count, 2)),
    )
    return np.concatenate([corner, corner + side], 1).astype(np.float32)


def make_case(seed: int, num_images: int, num_classes: int, decimals: int = 6, max_boxes: int = 12) -> Case:
    """Jittered truth, strays, misses and swapped classes. Few `decimals` make ties."""
    rng = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(num_images):
        count = int(rng.integers(0, max_boxes))
        boxes, ids = make_boxes(rng, count), rng.integers(0, num_classes, count)
        kept = rng.random(count) < 0.8
        strays = int(rng.integers(0, 5))
        guesses = np.concatenate([boxes[kept] + rng.normal(0, 6, (kept.sum(), 4)), make_boxes(rng, strays)])
        guess_ids = np.concatenate([ids[kept], rng.integers(0, num_classes, strays)])
        scores = np.round(rng.random(len(guesses)), decimals)
        order = np.argsort(-scores, kind="stable")
        truths.append(BoxSet(boxes, ids.astype(np.int64)))
        detections.append(
            Detections(
                guesses[order].astype(np.float32), scores[order].astype(np.float32), guess_ids[order].astype(np.int64)
            )
        )
    return truths, detections, num_classes


def run_pycocotools(truths: Sequence[BoxSet], detections: Sequence[Detections], num_classes: int) -> np.ndarray:
    """(10 IoU, 101 recall, C, 4 areas) precision, -1 where a class has no object."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def as_rows(images: Sequence[BoxSet] | Sequence[Detections]) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for i, image in enumerate(images):
            for k, (x0, y0, x1, y1) in enumerate(image.boxes_xyxy.astype(np.float64).tolist()):
                row = {"id": len(rows) + 1, "image_id": i + 1, "category_id": int(image.class_ids[k]) + 1, "iscrowd": 0,
                       "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}  # fmt: skip
                rows.append(row if isinstance(image, BoxSet) else {**row, "score": float(image.scores[k])})
        return rows

    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for images in (truths, detections):
            side = COCO()
            side.dataset = {
                "images": [{"id": i + 1} for i in range(len(truths))],
                "categories": [{"id": c + 1} for c in range(num_classes)],
                "annotations": as_rows(images),
            }
            side.createIndex()
            sides.append(side)
        run = COCOeval(*sides, iouType="bbox")
        run.params.maxDets = [100]
        run.evaluate()
        run.accumulate()
    return run.eval["precision"][..., 0]


def mean_known(precision: np.ndarray) -> float | None:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else None


def list_figures(result: DetectionResult) -> list[float | None]:
    sizes = [v for s in result.per_size for v in (s.map, s.map50)]
    classes = [v for c in result.per_class for v in (c.ap, c.ap50)]
    return [result.map, result.map50, result.map75, *sizes, *classes]


def list_reference_figures(precision: np.ndarray) -> list[float | None]:
    sizes = [mean_known(part[..., area]) for area in (1, 2, 3) for part in (precision, precision[0])]
    classes = [mean_known(part[..., c, 0]) for c in range(precision.shape[2]) for part in (precision, precision[0])]
    return [
        mean_known(precision[..., 0]),
        mean_known(precision[0, ..., 0]),
        mean_known(precision[5, ..., 0]),
        *sizes,
        *classes,
    ]


EMPTY_TRUTH = BoxSet(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
EMPTY_FOUND = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def with_empty_images(case: Case) -> Case:
    truths, detections, num_classes = case
    return (
        [EMPTY_TRUTH, *truths, EMPTY_TRUTH, truths[-1]],
        [EMPTY_FOUND, *detections, detections[0], EMPTY_FOUND],
        num_classes,
    )


def with_zero_area_truth() -> Case:
    truths, detections, num_classes = make_case(9, 6, 2)
    flat = np.array([[30, 40, 30, 90]], np.float32)
    first = truths[0]
    truths[0] = BoxSet(np.concatenate([first.boxes_xyxy, flat]), np.append(first.class_ids, 0))
    return truths, detections, num_classes


def with_identical_boxes() -> Case:
    box = np.tile(np.array([[10, 10, 60, 60]], np.float32), (6, 1))
    truth = BoxSet(box[:3], np.array([0, 0, 1]))
    found = Detections(box, np.full(6, 0.5, np.float32), np.array([0, 0, 0, 1, 1, 0]))
    return [truth, truth], [found, found], 2


CASES = {
    **{f"random {seed}": make_case(seed, 25, 3) for seed in range(6)},
    "scores tie": make_case(20, 25, 3, decimals=1),
    "all scores equal": make_case(21, 25, 3, decimals=0),
    "classes absent": (*make_case(22, 10, 2)[:2], 5),
    "empty images": with_empty_images(make_case(23, 8, 3)),
    "nothing detected": ([make_case(24, 1, 2)[0][0]] * 2, [EMPTY_FOUND] * 2, 2),
    "nothing to detect": ([EMPTY_TRUTH] * 2, [make_case(25, 1, 2)[1][0]] * 2, 2),
    "zero-area object": with_zero_area_truth(),
    "identical boxes": with_identical_boxes(),
    "more than 100 detections": make_case(26, 3, 1, max_boxes=240),
}


@pytest.mark.parametrize("name", CASES)
def test_detection_figures_equal_pycocotools(name: str):
    truths, detections, num_classes = CASES[name]
    ours = list_figures(score_detections(truths, detections, num_classes))
    reference = list_reference_figures(run_pycocotools(truths, detections, num_classes))
    assert [v is None for v in ours] == [v is None for v in reference]
    assert [v for v in ours if v is not None] == pytest.approx([v for v in reference if v is not None], abs=1e-9)


def test_precision_curves_equal_pycocotools():
    truths, detections, num_classes = CASES["random 0"]
    reference = run_pycocotools(truths, detections, num_classes)
    for figures in score_detections(truths, detections, num_classes).per_class:
        np.testing.assert_allclose(figures.precision50, reference[0, :, figures.class_id, 0], atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_and_macro_f1_equal_scikit_learn(seed: int):
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 6, 200)
    predicted = np.where(rng.random(200) < 0.6, truth, rng.integers(0, 6, 200))
    result = score_classification(truth, predicted, 6)
    assert result.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert result.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert (result.confusion == confusion_matrix(truth, predicted)).all()


def test_absent_classes_are_left_out_of_macro_f1_as_in_scikit_learn():
    from sklearn.metrics import f1_score

    truth, predicted = [0, 0, 2, 2], [0, 4, 2, 0]  # 1 and 3 do not occur, 4 only among the predictions
    reference = f1_score(truth, predicted, average="macro", zero_division=0)  # over the labels 0, 2 and 4
    assert score_classification(truth, predicted, 5).macro_f1 == pytest.approx(reference)


@pytest.mark.parametrize("seed", range(5))
def test_pixel_figures_are_those_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

    rng = np.random.default_rng(seed)
    truths = [rng.choice([0, 1, 2, 4, IGNORE], (30, 40)).astype(np.uint8) for _ in range(3)]  # 3 is never true
    found = [np.where(rng.random(t.shape) < 0.6, t, rng.integers(0, 5, t.shape)) for t in truths]
    found = [np.where(f == IGNORE, 0, f).astype(np.uint8) for f in found]
    pairs = zip(truths, found, strict=True)
    result = score_segmentation([count_pixels(SemanticMap(t), SemanticMap(f), 5) for t, f in pairs])
    flat, flat_found = np.concatenate([t.ravel() for t in truths]), np.concatenate([f.ravel() for f in found])
    known = flat != IGNORE
    np.testing.assert_array_equal(result.confusion, confusion_matrix(flat[known], flat_found[known], labels=range(5)))
    ious = jaccard_score(flat[known], flat_found[known], labels=[0, 1, 2, 4], average=None)
    assert [result.per_class[c].iou for c in (0, 1, 2, 4)] == pytest.approx(list(ious), abs=1e-12)
    assert result.miou == pytest.approx(ious.mean(), abs=1e-12)
    assert result.pixel_accuracy == pytest.approx(accuracy_score(flat[known], flat_found[known]), abs=1e-12)
