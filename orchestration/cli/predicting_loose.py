"""The part of `daguerre predict` that asks about images which are in no session: a folder, a file, a release."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import typer

from assets.foreign_text import for_line
from assets.inference.loose_images import (
    LooseAnswer,
    answer_files,
    answer_release,
    list_images,
)
from assets.inference.model_store import open_copy
from assets.inference.onnx_model import OnnxModel
from assets.kinds import find_kind
from assets.retrieval.answers import read_operating_score
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.ids import complete_id
from assets.tables.rows import ModelRow
from assets.whole_output import writing_file
from assets.wording import many
from orchestration.cli.chosen import is_path, is_session
from orchestration.cli.output import join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.profiles import Settings

_RELEASE = re.compile(r"[0-9a-f]{6,32}")
_MOST_TOLD = 5


@dataclass(frozen=True)
class Loose:
    """A folder of images (or one image), or a release."""

    name: str
    folder: Folder | None = None
    release_id: str = ""


@dataclass
class Counted:
    """What one model says of all images of a target."""

    model: ModelRow
    target: Loose
    min_score: float
    num_images: int = 0
    found: Counter[str] = field(default_factory=Counter)
    refused: list[LooseAnswer] = field(default_factory=list)


def find_loose(catalog: Catalog, targets: Sequence[str]) -> Loose | None:
    """What the words name where that is no session; None where they name sessions.

    A word with a slash is a path, and one that is a session's name is that session. Raises ValueError for several
    words of which one is a path or a release.
    """
    found = [_find_one(catalog, target) for target in targets]
    loose = [one for one in found if one is not None]
    if loose and len(targets) > 1:
        raise ValueError(
            f"'{loose[0].name}' is no session: ask about one path or release at a time"
        )
    return loose[0] if loose else None


def _find_one(catalog: Catalog, target: str) -> Loose | None:
    must_be_path = is_path(target)
    if not must_be_path and is_session(catalog, target):
        return None
    if not must_be_path and _RELEASE.fullmatch(target):
        with suppress(ValueError):
            return Loose(target, release_id=complete_id(catalog, "releases", target))
    if "://" in target or Path(target).exists():
        return Loose(target, Folder(target))
    if must_be_path:
        raise ValueError(f"there is nothing at {target}: name a folder or an image")
    return None


def require_no_pictures(pictures: Path | None) -> None:
    """Raises ValueError where pictures are asked for: they are of stored frames."""
    if pictures is not None:
        raise ValueError(
            "--pictures shows frames of sessions: `daguerre ingest` the folder first, or give --out FILE"
        )


def ask_loose(
    catalog: Catalog,
    settings: Settings,
    models: Sequence[ModelRow],
    target: Loose,
    all_scores: bool,
    out: Path | None,
) -> list[Counted]:
    """Ask each model about all images of a target, and write its answers to a file where one is named."""
    if out is None:
        return [_ask(catalog, settings, m, target, all_scores, None) for m in models]
    with writing_file(out) as file, file.open("w") as stream:
        return [_ask(catalog, settings, m, target, all_scores, stream) for m in models]


def _ask(
    catalog: Catalog,
    settings: Settings,
    model: ModelRow,
    target: Loose,
    all_scores: bool,
    stream: TextIO | None,
) -> Counted:
    package = open_copy(catalog.blobs, settings.home, model)
    score = None if all_scores else read_operating_score(catalog, model)
    counted = Counted(model, target, score or 0.0)
    kind = find_kind(model["task"])
    name = f"{model['task']} {model['model_sha256'][:16]}"
    with show_progress(f"asking {name} about {target.name}", "images") as tick:
        for one in _answer(OnnxModel(package), catalog, target, tick):
            if one.columns is None:
                counted.refused.append(one)
            else:
                counted.num_images += 1
                counted.found.update(kind.list_found(one.columns, counted.min_score))  # type: ignore[arg-type]
            if stream is not None:
                stream.write(_write(model, one) + "\n")
    return counted


def _answer(
    model: OnnxModel, catalog: Catalog, target: Loose, tick: Any
) -> Iterator[LooseAnswer]:
    if target.folder is None:
        return answer_release(model, catalog, target.release_id, tick)
    files = list_images(target.folder)
    return answer_files(model, target.folder, files, tick)


def tell_loose(counted: Sequence[Counted], as_json: bool) -> None:
    """Say what was found. Exits 1 where an image was refused."""
    lines = [line for one in counted for line in _tell(one)]
    say(as_json, [_describe(one) for one in counted], join_lines(lines))
    raise typer.Exit(int(any(one.refused for one in counted)))


def _write(model: ModelRow, one: LooseAnswer) -> str:
    """An answer, or why there is none, as a line of JSON."""
    facts: dict[str, Any] = {
        "image": one.name,
        "task": model["task"],
        "model_sha256": model["model_sha256"],
    }
    if one.split is not None:
        facts["split"] = one.split
    if one.refusal is not None:
        return json.dumps({**facts, "refused": one.refusal.reason})
    return json.dumps({**facts, **(one.columns or {})})


def _describe(counted: Counted) -> dict[str, Any]:
    return {
        "target": counted.target.release_id or counted.target.name,
        "task": counted.model["task"],
        "model_sha256": counted.model["model_sha256"],
        "images": counted.num_images,
        "found": dict(counted.found),
        "min_score": counted.min_score,
        "refused": [
            {"image": o.name, "reason": o.refusal.reason, "remedy": o.refusal.remedy}
            for o in counted.refused
            if o.refusal is not None
        ],
    }


def _tell(counted: Counted) -> Iterator[str]:
    found = ", ".join(f"{name} {n}" for name, n in sorted(counted.found.items()))
    name = f"{counted.model['task']} {counted.model['model_sha256'][:16]}"
    yield for_line(
        f"{counted.target.name}, {name}, {many(counted.num_images, 'image')}: {found or 'nothing'}"
        f", at the score {counted.min_score:.2f} and above"
    )
    for one in counted.refused[:_MOST_TOLD]:
        assert one.refusal is not None
        yield for_line(f"{one.name}: {one.refusal.reason}: {one.refusal.remedy}")
    more = len(counted.refused) - _MOST_TOLD
    if more > 0:
        yield f"and {more} more that could not be read: --json lists all"
