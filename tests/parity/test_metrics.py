"""Metrics against the reference tools: pycocotools and scikit-learn."""

import contextlib
import copy
import io
from collections.abc import Sequence

import numpy as np
import pytest

from assets.annotation.agreement import measure_mask_iou
from models.masks import encode_mask, find_box
from models.metrics.agreement import measure_kappa
from models.metrics.classification import score_classification
from models.metrics.detection import DetectionResult, run_coco, score_detections
from models.metrics.frame_parts import describe_objects
from models.metrics.instances import judge_masks, score_instances
from models.metrics.matching import measure_ious
from models.metrics.segmentation import count_pixels, score_segmentation
from models.types import (
    IGNORE,
    BoxSet,
    Detections,
    InstanceDetections,
    InstanceSet,
    SemanticMap,
)

Case = tuple[list[BoxSet], list[Detections], int]


def make_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner = rng.uniform(0, 400, (count, 2))
    side = rng.choice([12, 50, 160], (count, 1)) * rng.uniform(0.6, 1.4, (count, 2))
    return np.concatenate([corner, corner + side], 1).astype(np.float32)


def make_case(
    seed: int, num_images: int, num_classes: int, decimals: int = 6, max_boxes: int = 12
) -> Case:
    """Jittered truth, strays, misses and swapped classes. Few `decimals` make ties."""
    rng = np.random.default_rng(seed)
    truths = []
    detections = []
    for _ in range(num_images):
        count = int(rng.integers(0, max_boxes))
        boxes = make_boxes(rng, count)
        ids = rng.integers(0, num_classes, count)
        kept = rng.random(count) < 0.8
        strays = int(rng.integers(0, 5))
        guesses = np.concatenate(
            [boxes[kept] + rng.normal(0, 6, (kept.sum(), 4)), make_boxes(rng, strays)]
        )
        guess_ids = np.concatenate([ids[kept], rng.integers(0, num_classes, strays)])
        scores = np.round(rng.random(len(guesses)), decimals)
        order = np.argsort(-scores, kind="stable")
        truths.append(BoxSet(boxes, ids.astype(np.int64)))
        detections.append(
            Detections(
                guesses[order].astype(np.float32),
                scores[order].astype(np.float32),
                guess_ids[order].astype(np.int64),
            )
        )
    return truths, detections, num_classes


def run_pycocotools(
    truths: Sequence[BoxSet], detections: Sequence[Detections], num_classes: int
) -> np.ndarray:
    """(10 IoU, 101 recall, C, 4 areas) precision, -1 where a class has no object."""

    def as_rows(
        images: Sequence[BoxSet] | Sequence[Detections],
    ) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for i, image in enumerate(images):
            for k, (x0, y0, x1, y1) in enumerate(
                image.boxes_xyxy.astype(np.float64).tolist()
            ):
                row = {
                    "id": len(rows) + 1,
                    "image_id": i + 1,
                    "category_id": int(image.class_ids[k]) + 1,
                    "iscrowd": 0,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                }
                rows.append(
                    row
                    if isinstance(image, BoxSet)
                    else {**row, "score": float(image.scores[k])}
                )
        return rows

    images = [{"id": i + 1} for i in range(len(truths))]
    return run_reference(
        images, as_rows(truths), as_rows(detections), num_classes, "bbox"
    )


def run_reference(
    images: list[dict],
    truths: list[dict],
    found: list[dict],
    num_classes: int,
    iou_type: str,
):
    """As `run_pycocotools`, of COCO's own rows."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for rows in (truths, found):
            side = COCO()
            categories = [{"id": c + 1} for c in range(num_classes)]
            side.dataset = {
                "images": images,
                "categories": categories,
                "annotations": copy.deepcopy(rows),
            }
            side.createIndex()
            sides.append(side)
        run = COCOeval(*sides, iouType=iou_type)
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
    sizes = [
        mean_known(part[..., area])
        for area in (1, 2, 3)
        for part in (precision, precision[0])
    ]
    classes = [
        mean_known(part[..., c, 0])
        for c in range(precision.shape[2])
        for part in (precision, precision[0])
    ]
    return [
        mean_known(precision[..., 0]),
        mean_known(precision[0, ..., 0]),
        mean_known(precision[5, ..., 0]),
        *sizes,
        *classes,
    ]


EMPTY_TRUTH = BoxSet(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
EMPTY_FOUND = Detections(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
)


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
    truths[0] = BoxSet(
        np.concatenate([first.boxes_xyxy, flat]), np.append(first.class_ids, 0)
    )
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
    assert [v for v in ours if v is not None] == pytest.approx(
        [v for v in reference if v is not None], abs=1e-9
    )


def test_precision_curves_equal_pycocotools():
    truths, detections, num_classes = CASES["random 0"]
    reference = run_pycocotools(truths, detections, num_classes)
    for figures in score_detections(truths, detections, num_classes).per_class:
        np.testing.assert_allclose(
            figures.precision50, reference[0, :, figures.class_id, 0], atol=1e-9
        )


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

    # 1 and 3 do not occur, 4 only among the predictions
    truth = [0, 0, 2, 2]
    predicted = [0, 4, 2, 0]
    # over the labels 0, 2 and 4
    reference = f1_score(truth, predicted, average="macro", zero_division=0)
    assert score_classification(truth, predicted, 5).macro_f1 == pytest.approx(
        reference
    )


@pytest.mark.parametrize("seed", range(5))
def test_pixel_figures_are_those_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

    rng = np.random.default_rng(seed)
    truths = [
        rng.choice([0, 1, 2, 4, IGNORE], (30, 40)).astype(np.uint8) for _ in range(3)
    ]  # 3 is never true
    found = [
        np.where(rng.random(t.shape) < 0.6, t, rng.integers(0, 5, t.shape))
        for t in truths
    ]
    found = [np.where(f == IGNORE, 0, f).astype(np.uint8) for f in found]
    pairs = zip(truths, found, strict=True)
    result = score_segmentation(
        [count_pixels(SemanticMap(t), SemanticMap(f), 5) for t, f in pairs]
    )
    flat = np.concatenate([t.ravel() for t in truths])
    flat_found = np.concatenate([f.ravel() for f in found])
    known = flat != IGNORE
    np.testing.assert_array_equal(
        result.confusion,
        confusion_matrix(flat[known], flat_found[known], labels=range(5)),
    )
    ious = jaccard_score(
        flat[known], flat_found[known], labels=[0, 1, 2, 4], average=None
    )
    assert [result.per_class[c].iou for c in (0, 1, 2, 4)] == pytest.approx(
        list(ious), abs=1e-12
    )
    assert result.miou == pytest.approx(ious.mean(), abs=1e-12)
    assert result.pixel_accuracy == pytest.approx(
        accuracy_score(flat[known], flat_found[known]), abs=1e-12
    )


HEIGHT = 48
WIDTH = 64
Objects = list[tuple[np.ndarray, int]]  # mask and class of each object of an image


def draw_ellipse(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    cx, cy = rng.uniform(4, 44, 2)
    rx, ry = rng.uniform(2, 14, 2)
    return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1


def as_instances(objects: Objects) -> InstanceSet:
    masks = np.array([m for m, _ in objects], bool).reshape(-1, HEIGHT, WIDTH)
    boxes = np.array([find_box(m) for m in masks], np.float32).reshape(-1, 4)
    return InstanceSet(boxes, np.array([c for _, c in objects], np.int64), masks)


def as_found(objects: Objects, scores: np.ndarray) -> InstanceDetections:
    whole = as_instances(objects)
    order = np.argsort(-scores, kind="stable")
    texts = tuple(encode_mask(whole.masks[i]) for i in order)
    return InstanceDetections(
        whole.boxes_xyxy[order],
        scores[order].astype(np.float32),
        whole.class_ids[order],
        texts,
        (HEIGHT, WIDTH),
    )


def make_instance_case(
    seed: int,
    num_images: int = 12,
    num_classes: int = 3,
    decimals: int = 6,
    most: int = 8,
):
    """Shifted truth, strays, misses and swapped classes. Few `decimals` make ties."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(num_images):
        truth = [
            (draw_ellipse(rng), int(rng.integers(num_classes)))
            for _ in range(rng.integers(most))
        ]
        kept = [
            (mask, class_id if rng.random() < 0.8 else int(rng.integers(num_classes)))
            for mask, class_id in truth
            if rng.random() < 0.8
        ]
        found = [
            (np.roll(mask, rng.integers(-3, 4, 2), (0, 1)), class_id)
            for mask, class_id in kept
        ]
        found += [
            (draw_ellipse(rng), int(rng.integers(num_classes)))
            for _ in range(rng.integers(4))
        ]
        pairs.append(
            (
                as_instances(truth),
                as_found(found, np.round(rng.random(len(found)), decimals)),
            )
        )
    return pairs


def nested_and_equal() -> list:
    """Masks inside of masks, twice the same one, and two that touch: as in a crowd."""
    outer, inner, left, right = np.zeros((4, HEIGHT, WIDTH), bool)
    outer[4:40, 4:60] = True
    inner[10:30, 10:40] = True
    left[:, :32] = True
    right[:, 32:] = True
    truth = [(outer, 0), (inner, 0), (inner, 0), (left, 1), (right, 1)]
    return [
        (
            as_instances(truth),
            as_found([*truth[::-1], (outer | left, 1)], np.full(6, 0.5)),
        )
    ] * 2


NOBODY = as_instances([]), as_found([], np.zeros(0))
INSTANCE_CASES = {
    **{f"random {seed}": make_instance_case(seed) for seed in range(5)},
    "scores tie": make_instance_case(20, decimals=1),
    "all scores equal": make_instance_case(21, decimals=0),
    "classes absent": [
        (t, f) for t, f in make_instance_case(22, num_classes=5) if 2 not in t.class_ids
    ],
    "empty images": [
        NOBODY,
        *make_instance_case(23, 4),
        NOBODY,
        (NOBODY[0], make_instance_case(24, 1)[0][1]),
    ],
    "nothing found": [(truth, NOBODY[1]) for truth, _ in make_instance_case(25, 3)],
    "nothing to find": [(NOBODY[0], found) for _, found in make_instance_case(26, 3)],
    "nested, equal and touching": nested_and_equal(),
    "more than 100 found": make_instance_case(27, 2, 1, most=180),
}


def list_rows(images: Sequence[BoxSet] | Sequence[Detections]) -> list[dict]:
    """Annotations as COCO's files have them, made anew."""
    rows: list[dict] = []
    for i, image in enumerate(images):
        for k, (x0, y0, x1, y1) in enumerate(image.boxes_xyxy.astype(float).tolist()):
            text = (
                image.mask_rles[k]
                if isinstance(image, InstanceDetections)
                else encode_mask(image.masks[k])
            )
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": i + 1,
                    "category_id": int(image.class_ids[k]) + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": 1.0,
                    "iscrowd": 0,
                    "segmentation": {"size": [HEIGHT, WIDTH], "counts": text},
                }
            )
            if isinstance(image, Detections):
                rows[-1]["score"] = float(image.scores[k])
    return rows


def list_images(count: int) -> list[dict]:
    return [{"id": i + 1, "height": HEIGHT, "width": WIDTH} for i in range(count)]


@pytest.mark.parametrize("name", INSTANCE_CASES)
def test_instance_figures_equal_pycocotools(name: str):
    pairs = INSTANCE_CASES[name]
    rows = [list_rows([pair[side] for pair in pairs]) for side in (0, 1)]
    masks, boxes = (
        run_reference(list_images(len(pairs)), *rows, 5, kind)[..., 0]
        for kind in ("segm", "bbox")
    )
    found = score_instances(iter(pairs))
    wanted = [mean_known(masks), mean_known(masks[0]), mean_known(boxes[0])]
    assert [found.map, found.map50, found.box_map50] == [
        v if v is None else pytest.approx(v, abs=1e-9) for v in wanted
    ]
    assert (found.map is None) == (name == "nothing to find")


@pytest.mark.parametrize("name", INSTANCE_CASES)
def test_frames_of_masks_have_the_figures_of_all_at_once(name: str):
    pairs = INSTANCE_CASES[name]
    images = [judge_masks(truth, found) for truth, found in pairs]
    assert not any(isinstance(image.truth, InstanceSet) for image in images)
    figures = describe_objects(images, 5).figures()
    wanted = score_instances(iter(pairs))
    assert [figures["map"], figures["map50"]] == [
        v if v is None else pytest.approx(v, abs=1e-9)
        for v in (wanted.map, wanted.map50)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_crowd_regions_count_neither_for_nor_against_as_in_pycocotools(
    seed: int, kind: str
):
    pairs = make_instance_case(seed, most=12)
    truths, found = (list_rows([pair[side] for pair in pairs]) for side in (0, 1))
    for row in truths[::4]:
        row["iscrowd"] = 1
    wanted = run_reference(list_images(len(pairs)), truths, found, 3, kind)
    precision, _ = run_coco(list_images(len(pairs)), truths, found, 3, kind)
    np.testing.assert_allclose(precision[..., 0], wanted[..., 0], atol=1e-9)


def test_masks_of_another_size_and_no_images_are_refused():
    truth, found = make_instance_case(0, 1)[0]
    other = InstanceDetections(
        found.boxes_xyxy,
        found.scores,
        found.class_ids,
        found.mask_rles,
        (WIDTH, HEIGHT),
    )
    with pytest.raises(ValueError, match="give both in pixels of the image"):
        score_instances([(truth, other)])
    with pytest.raises(ValueError, match="no images to score"):
        score_instances([])


def test_kappa_is_that_of_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(3)
    for num_classes in (2, 3, 7):
        one = rng.integers(0, num_classes, 60)
        other = np.where(rng.random(60) < 0.6, one, rng.integers(0, num_classes, 60))
        expected = cohen_kappa_score(one, other)
        assert measure_kappa(one.tolist(), other.tolist()) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_of_two_annotators_are_those_of_pycocotools(seed: int):
    from pycocotools import mask as coco_mask

    rng = np.random.default_rng(seed)
    mine, theirs = (rng.random((20, 30)) < 0.5 for _ in range(2))
    runs = [
        {"size": [20, 30], "counts": encode_mask(mask).encode()}
        for mask in (mine, theirs)
    ]
    overlap = coco_mask.iou(runs[:1], runs[1:], [0])[0, 0]
    assert measure_mask_iou(encode_mask(mine), encode_mask(theirs)) == overlap
    boxes, others = make_boxes(rng, 5), make_boxes(rng, 4)

    def as_xywh(boxes: np.ndarray) -> np.ndarray:
        return np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).astype(float)

    expected = coco_mask.iou(as_xywh(boxes), as_xywh(others), [0] * 4)
    found = measure_ious(boxes.astype(float), others.astype(float))
    np.testing.assert_allclose(found, expected, atol=1e-6)
