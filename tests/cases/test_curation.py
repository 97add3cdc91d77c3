"""From landed folders to releases: copies cost no label, and pictures that somebody found empty are taken."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from assets.curation.clusters import update_clusters, update_splits
from assets.curation.release import draft_release, write_release
from assets.evaluation.exam import examine
from assets.evaluation.score import score_predictions
from assets.images import decode_rgb
from assets.inference.embed import Embedder
from assets.storage import Folder
from assets.tables.incremental import refresh_frames
from assets.tables.schemas import TABLES, to_table
from assets.training.ray_train import train
from assets.training.spec import Place, TrainingSpec
from assets.workspace import Workspace
from checks.gates import INTAKE_TABLES, gate_session, gate_task
from checks.verdicts import stops_flow
from models.recipes import get_recipe
from models.recipes.settings import change_settings

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE_PX = 96


def paint(
    number: int, compression: int = 9
) -> tuple[bytes, list[tuple[str, list[int]]]]:
    """A picture like no other, and its objects: one to three coloured shapes on a ground of its own texture."""
    rng = np.random.default_rng(number)
    image = cv2.resize(
        rng.integers(0, 256, (4, 4, 3), dtype=np.uint8),
        (SIDE_PX, SIDE_PX),
        interpolation=cv2.INTER_CUBIC,
    )
    objects = []
    for n in range(1 + number % 3):
        kind = ("disc", "square")[rng.integers(2)]
        side = int(rng.integers(9, 14)) * 2
        x = 32 * n + int(rng.integers(0, 32 - side + 1)) if side <= 32 else 32 * n
        y = int(rng.integers(0, SIDE_PX - side))
        color = [int(v) for v in rng.integers(0, 256, 3)]
        if kind == "disc":
            cv2.circle(image, (x + side // 2, y + side // 2), side // 2, color, -1)
        else:
            cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), color, -1)
        objects.append((kind, [x, y, side, side]))
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, compression])[
        1
    ].tobytes(), objects


def describe(names: list[str], objects: list[list[tuple[str, list[int]]]]) -> bytes:
    """A COCO file of these pictures."""
    annotations = [
        {
            "image_id": n,
            "category_id": 1 + (kind == "square"),
            "bbox": box,
            "iscrowd": 0,
        }
        for n, found in enumerate(objects)
        for kind, box in found
    ]
    images = [
        {"id": n, "file_name": name, "width": SIDE_PX, "height": SIDE_PX}
        for n, name in enumerate(names)
    ]
    categories = [{"id": 1, "name": "disc"}, {"id": 2, "name": "square"}]
    numbered = [{**a, "id": n} for n, a in enumerate(annotations)]
    return json.dumps(
        {"images": images, "annotations": numbered, "categories": categories}
    ).encode()


@pytest.fixture
def land(intake, catalog, write_files, home):
    """land("session", {"a.png": bytes}): taken in, judged, published and embedded, as the graph does; then curated."""

    def take(session: str, files: dict[str, bytes]) -> None:
        intake.ingest(Folder(str(write_files(files, session))), session)
        for table in INTAKE_TABLES:
            verdicts = gate_session(catalog, table, session)
            assert not stops_flow(verdicts), [
                v.summary for v in verdicts if not v.passed
            ]
        gate_session(catalog, "frame_quality", session)
        embedder = Embedder(home.parent / "cache", num_threads=1)
        refresh_frames(
            catalog,
            "frame_embeddings",
            session,
            embedder.version,
            decode_rgb,
            lambda images: [{"vector": v.tolist()} for v in embedder.embed(images)],
        )
        gate_session(catalog, "frame_embeddings", session)
        update_clusters(catalog)
        assert not stops_flow(gate_session(catalog, "unique_frames", None))
        update_splits(catalog)
        gate_session(catalog, "splits", None)

    return take


@pytest.mark.parametrize("copies", ["equal", "encoded again"])
@pytest.mark.parametrize("is_bare_first", [True, False])
def test_bare_copies_cost_a_labelled_set_no_picture_and_no_label(
    land, catalog, copies, is_bare_first
):
    painted = [paint(n) for n in range(30)]
    names = [f"{n:02d}.png" for n in range(30)]
    num_labels = sum(len(objects) for _, objects in painted)
    labelled = {
        f"images/{name}": data for name, (data, _) in zip(names, painted, strict=True)
    }
    labelled["annotations.json"] = describe(names, [objects for _, objects in painted])
    bare = {
        f"shots/{n:02d}.png": paint(n, 9 if copies == "equal" else 1)[0]
        for n in range(30)
    }
    for session, files in ("a-bare", bare), ("b-labelled", labelled), ("c-bare", bare):
        if is_bare_first == (session == "a-bare") or session == "b-labelled":
            land(session, files)
    clusters = {
        r["cluster_id"]
        for r in catalog.read("unique_frames", ["cluster_id"]).to_pylist()
    }
    assert len(clusters) == 30, "each picture is like its copy and like no other"
    draft = draft_release(catalog, "detection")
    assert (draft.row["num_frames"], draft.row["num_labels"]) == (30, num_labels)
    assert draft.row["sessions"] == ["b-labelled"] and draft.excluded == {
        "frame without labels": 30
    }
    counts = [
        sum(r["split"] == side for r in draft.frames.to_pylist())
        for side in ("train", "val", "test")
    ]
    assert counts == [21, 5, 4]
    assert draft_release(catalog, "pretraining").row["num_frames"] >= 30


def test_two_exports_of_the_same_pictures_are_one_set_with_all_labels_and_a_check_names_where_they_differ(
    land, catalog
):
    painted = [paint(n) for n in range(12)]
    names = [f"{n:02d}.png" for n in range(12)]
    objects = [objects for _, objects in painted]
    pictures = {
        f"images/{name}": data for name, (data, _) in zip(names, painted, strict=True)
    }
    land(
        "a-first",
        {
            **pictures,
            "annotations.json": describe(names, [found[:1] for found in objects]),
        },
    )
    others = [list(found) for found in objects]
    kind, box = others[0][0]
    others[0][0] = ("disc" if kind == "square" else "square", box)  # another opinion
    land("b-second", {**pictures, "annotations.json": describe(names, others)})
    draft = draft_release(catalog, "detection")
    assert draft.row["num_frames"] == 11 and draft.row["num_labels"] == sum(
        map(len, objects[1:])
    )
    assert (
        draft.excluded["copy of a picture with other labels"] == 2
        and draft.excluded["copy of a picture"] == 11
    )
    (verdict,) = [
        v
        for v in gate_session(catalog, "labels", "b-second")
        if v.name == "labels_do_not_contradict"
    ]
    assert (
        not verdict.passed
        and not verdict.stops
        and verdict.figures["num_copies_with_other_labels"] == 1
    )
    assert "session a-first" in verdict.examples[0]


@pytest.mark.filterwarnings("default")
def test_pictures_without_an_object_are_trained_on_and_a_box_in_one_costs_precision(
    land, catalog, home
):
    painted = [paint(n) for n in range(12)]
    # 8 of 12 have some
    objects = [found if n % 3 else [] for n, (_, found) in enumerate(painted)]
    sides = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    files = {}
    for side in ("train", "val", "test"):
        mine = [n for n in range(12) if sides[n] == side]
        files |= {f"{side}/{n:02d}.png": painted[n][0] for n in mine}
        files[f"{side}/_annotations.coco.json"] = describe(
            [f"{n:02d}.png" for n in mine], [objects[n] for n in mine]
        )
    land("desk", files)
    for task in ("detection", "multilabel"):
        draft = draft_release(catalog, task)
        assert (draft.row["num_frames"], draft.num_empty, draft.excluded) == (12, 4, {})
        assert {
            r["split"] for r in draft.frames.to_pylist() if not r["box_class_ids"]
        } == {
            "train",
            "val",
            "test",
        }
        catalog.point(f"draft/{task}", write_release(catalog, draft))
        judged = gate_task(catalog, ("curation", "{task}_dataset"), task, home)
        assert not stops_flow(judged)
    release_id = catalog.pointed("release/detection")
    config = change_settings(
        get_recipe("tiny_detection"),
        {
            "epochs": "1",
            "image_size_px": "64",
            "weights": "none",
            "frozen_stages": "0",
            "batch_size": "3",
        },
    )
    place = Place(catalog, home / "models", use_ray=False)
    package = train(TrainingSpec(release_id, config, 0), place)
    row = {
        "model_sha256": package.model_sha256,
        "task": "detection",
        "recipe": config.name,
        "release_id": release_id,
        "code_version": "1",
        "seed": 0,
        "run_id": "1",
        "folder": str(package.folder.relative_to(home)),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    catalog.point("model/detection", package.model_sha256)
    exam = examine(catalog, Workspace(home), "detection")
    assert len(exam.predictions) == 3 and {s["metric"] for s in exam.scores} >= {
        "map50",
        "precision50",
    }

    def precision(score: float | None) -> float:
        """Of one that finds every object with a score of 0.5, and one more in the picture without any with this one."""
        names = exam.release.class_names
        said = []
        for frame, answer in zip(exam.release_rows, exam.predictions, strict=True):
            ids = list(frame["box_class_ids"])
            boxes = list(frame["boxes_xyxy"])
            scores = [0.5] * len(ids)
            if not ids and score is not None:
                ids = [0, 1]
                boxes = [5.0, 5.0, 25.0, 25.0] * 2
                scores = [score] * 2
            said.append(
                answer
                | {
                    "class_names": [names[i] for i in ids],
                    "boxes_xyxy": boxes,
                    "scores": scores,
                }
            )
        rows = score_predictions("detection", said, exam.release_rows, names, {})
        return next(
            r["value"] for r in rows if (r["slice_by"], r["metric"]) == ("all", "map50")
        )

    assert precision(None) == 1.0 > precision(0.9)
