"""Make the int8 form of a model from frames that it was trained on, and let it sit the exam of its release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from assets.evaluation.exam_rows import read_groups
from assets.evaluation.operating import choose_operating_score
from assets.inference.checkpoint import hash_bytes
from assets.inference.edge import Pixels, quantize
from assets.inference.onnx_model import OnnxModel
from assets.inference.package import ModelPackage
from assets.inference.predict import PredictionFacts, StoredImages, predict_frames
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import FrameScores, collect_scores
from assets.tables.releases import open_release
from assets.tables.rows import ReleaseFrameRow, ScoreRow
from models.even_spread import spread_evenly

if TYPE_CHECKING:
    from collections.abc import Callable

    from assets.workspace import Workspace

NUM_EXAMPLES = 64  # frames that ranges are taken from


@dataclass(frozen=True)
class EdgeExam:
    """The int8 form of a model (ONNX), and what it scored on the test split of the model's release.

    `scores` and `frames` name the form by its own sha256.
    """

    content: bytes
    sha256: str
    num_examples: int
    scores: list[ScoreRow]
    frames: FrameScores


def examine_edge(
    catalog: Catalog,
    workspace: Workspace,
    package: ModelPackage,
    on_progress: Callable[[int, int], None] | None = None,
) -> EdgeExam:
    """Ranges come from frames of the training split, spread evenly; the same frames give the same form.

    Raises ValueError for a release that is gone or changed, a split without frames, and a task whose answers are not
    read from a shipped net.
    """
    release = open_release(catalog, package.release_id)
    images = StoredImages(catalog, release.frames_version)
    train, test = (
        release.frames.filter(pc.equal(release.frames["split"], split)).to_pylist()
        for split in ("train", "test")
    )
    if not train or not test:
        raise ValueError(
            f"release {release.release_id} has {len(train)} frames to train on and {len(test)} to test on: "
            "an int8 form needs both"
        )
    chosen = [train[place] for place in spread_evenly(len(train), NUM_EXAMPLES)]
    content = quantize(package, _fit_each(package, images, chosen))
    model = OnnxModel(package, form=content)
    sha256 = hash_bytes(content)
    facts = PredictionFacts(package.task, sha256, release.class_names, "test")
    here = replace(workspace, ray_address=None)
    predictions = []
    for made in predict_frames(images, test, lambda _: model.answer, facts, here):
        predictions += made
        if on_progress is not None:
            on_progress(len(predictions), len(test))
    pairs = find_kind(package.task).pair(predictions, test, release.class_names)
    pairs = pairs.at(
        choose_operating_score(release, images, lambda _: model.answer, facts, here)
    )
    groups = read_groups(catalog, [row["frame_id"] for row in test])
    frames, _ = pairs.list_frames(test, groups)
    by_frame = collect_scores(sorted(frames, key=_by_id), release.class_names)
    return EdgeExam(content, sha256, len(chosen), pairs.score({}), by_frame)


def _fit_each(
    package: ModelPackage, images: StoredImages, rows: Sequence[ReleaseFrameRow]
) -> Iterator[Pixels]:
    """A frame at a time, as the net takes it."""
    model = OnnxModel(package)
    for row in rows:
        (image,) = images.read([row]).values()
        yield model.fit([image])


def _by_id(row: Mapping[str, Any]) -> str:
    return str(row["frame_id"])
