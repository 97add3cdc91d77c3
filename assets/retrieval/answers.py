"""What models say of sessions, at the score that each works at: which models are asked, counts, pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from assets.frame_names import name_picture
from assets.inference.predict import StoredImages
from assets.kinds import find_kind
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.ids import complete_id
from assets.tables.rows import FrameRow, ModelRef, ModelRow, PredictionRow
from assets.whole_output import writing_folder
from models.task_names import TASK_NAMES

_BATCH_FRAMES = 32


@dataclass(frozen=True)
class Answers:
    """What one model says of one session.

    `operating_score` is that of the best F1 on the validation part of the model's own release; None of tasks whose
    answers are not scored one by one. `min_score` is what counts as found.
    """

    session: str
    model: ModelRef
    class_names: tuple[str, ...]
    operating_score: float | None
    min_score: float
    rows: Sequence[PredictionRow]  # one a frame

    @property
    def found(self) -> Counter[str]:
        """Class -> how many objects, or how many frames that show it."""
        kind = find_kind(self.model["task"])
        return Counter(
            name for row in self.rows for name in kind.list_found(row, self.min_score)
        )

    @property
    def num_below(self) -> int:
        """Answers that do not count, as their score is lower."""
        kind = find_kind(self.model["task"])
        told = sum(len(kind.list_found(row, 0.0)) for row in self.rows)
        return told - self.found.total()

    @property
    def name(self) -> str:
        """`detection afcf620d48bd2cd8`."""
        return f"{self.model['task']} {self.model['model_sha256'][:16]}"


def choose_models(
    catalog: Catalog, beginnings: Sequence[str], task: str | None = None
) -> list[ModelRow]:
    """The models of these ids, or beginnings of them; of none the champions. Only those of `task` where one is named.

    Raises ValueError for a model whose answers are not stored, and where none is left.
    """
    if task is not None and task not in TASK_NAMES:
        raise ValueError(
            f"answers about {task} are not stored: choose one of {', '.join(TASK_NAMES)}"
        )
    tasks = is_in("task", TASK_NAMES if task is None else [task])
    wanted = [complete_id(catalog, "models", text) for text in beginnings]
    if not beginnings:
        champions = catalog.read_latest("champions", ["model_sha256"], tasks)
        wanted = champions["model_sha256"].to_pylist()
    mine = f"{tasks} AND {is_in('model_sha256', wanted)}"
    found = catalog.read_latest("models", where=mine).sort_by("task").to_pylist()
    lacking = set(wanted) - {row["model_sha256"] for row in found}
    of = f" of {task}" if task else ""
    if lacking and beginnings:
        raise ValueError(
            f"model {sorted(lacking)[0][:16]} is none{of} whose answers are stored, of {', '.join(TASK_NAMES)}"
        )
    if not found:
        raise ValueError(
            f"there is no champion{of}: name a model with --model, `daguerre results` lists them"
        )
    return cast(list[ModelRow], found)


def require_frames(catalog: Catalog, session: str) -> None:
    """Raises ValueError for a session of which no colour frame is published."""
    where = f"{session_is(session)} AND kind = 'color'"
    if not len(catalog.read("frames", ["frame_id"], where)):
        raise ValueError(
            f"session '{session}' has no published colour frame: `daguerre status` says what there is, and why"
        )


def read_answers(
    catalog: Catalog, model: ModelRef, session: str, all_scores: bool = False
) -> Answers:
    """The stored predictions of a model on a session, as monitoring made them."""
    mine = f"{session_is(session)} AND model_sha256 = {repr_sql(model['model_sha256'])}"
    rows = catalog.read_latest(
        "predictions", where=f"{mine} AND purpose = 'monitoring'"
    )
    release = catalog.read_latest(
        "releases", ["class_names"], is_in("release_id", [model["release_id"]])
    ).to_pylist()[0]
    score = read_operating_score(catalog, model)
    return Answers(
        session,
        model,
        tuple(release["class_names"]),
        score,
        0.0 if all_scores or score is None else score,
        rows.sort_by("frame_id").to_pylist(),
    )


def read_operating_score(catalog: Catalog, model: ModelRef) -> float | None:
    """The score of the best F1 on the validation part of the model's own release; None where there is none."""
    where = (
        "metric = 'operating_score' AND slice_by = 'all' AND split = 'test' AND "
        f"model_sha256 = {repr_sql(model['model_sha256'])} AND release_id = {repr_sql(model['release_id'])}"
    )
    values = catalog.read_latest("scores", ["value"], where)["value"].to_pylist()
    return values[0] if values else None


def draw_answers(catalog: Catalog, asked: Sequence[Answers], out: Path) -> int:
    """Write each frame with what was found on it, a folder a model below `out`; returns how many pictures.

    All of it or nothing. Raises ValueError as `writing_folder` does.
    """
    count = 0
    with writing_folder(out) as folder:
        images = StoredImages(catalog, catalog.published_version("frames"))
        for answers in asked:
            below = folder / answers.name.replace(" ", "-")
            below.mkdir(exist_ok=True)
            for name, picture in _draw(catalog, images, answers):
                (below / name).write_bytes(picture)
                count += 1
    return count


def _draw(
    catalog: Catalog, images: StoredImages, answers: Answers
) -> Iterator[tuple[str, bytes]]:
    from assets.previews.drawing import color_classes, encode_jpeg

    kind = find_kind(answers.model["task"])
    colors = color_classes(answers.class_names)
    said = {row["frame_id"]: row for row in answers.rows}
    columns = ["frame_id", "session", "sensor", "sha256"]
    frames: list[FrameRow] = catalog.read(
        "frames", columns, is_in("frame_id", sorted(said))
    ).to_pylist()
    for start in range(0, len(frames), _BATCH_FRAMES):
        batch = frames[start : start + _BATCH_FRAMES]
        read = images.read(batch)
        for frame in batch:
            row = said[frame["frame_id"]]
            image = read[frame["frame_id"]]
            drawn = kind.draw_answer(row, image, colors, answers.min_score)
            yield name_picture(frame, ".jpg"), encode_jpeg(drawn)
