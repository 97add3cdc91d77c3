"""The asset's work: a sparse model of a session's pictures, made again only where these, cameras or code changed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from assets.code_versions import version_of
from assets.images import decode_rgb
from assets.reconstruction.sparse_ladder import Ladder, explain_nothing
from assets.reconstruction.sparse_package import pack, unpack
from assets.reconstruction.sparse_pictures import Scene, find_scene
from assets.reconstruction.sparse_process import (
    MOST_FEATURES,
    Colours,
    StepFailed,
    Workshop,
    shrink,
)
from assets.reconstruction.sparse_rows import Made, make_rows
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.ids import begins_with, take_one
from assets.tables.schemas import TABLES, to_table
from assets.video_frames import unpack as unpack_payloads
from models.geometry.sparse_model import SparseModel

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
_AT_ONCE = 8  # pictures in memory


@dataclass(frozen=True)
class Reconstructed:
    """The session's rows, and whether they were made now or were there already."""

    model: Row
    images: list[Row]
    rungs: list[Row]
    is_new: bool


def refresh_model(
    catalog: Catalog, session: str, on_progress: OnProgress | None = None
) -> Reconstructed:
    """Bring the session's sparse model up to date; nothing is done twice.

    Raises ValueError for a session without a colour picture.
    """
    scene = find_scene(catalog, session)
    facts = {
        "input_sha256": scene.input_sha256,
        "code_version": version_of("sparse_models"),
    }
    have = catalog.read_latest("sparse_models", where=session_is(session)).to_pylist()
    if have and not _is_stale(catalog, have[0], facts):
        return read_rows(catalog, session)
    made = reconstruct(catalog, scene, on_progress)
    model = made.model | {"model_sha256": None} | facts
    if made.sparse_model is not None:
        stream = io.BytesIO(pack(made.sparse_model))
        model["model_sha256"] = catalog.blobs.put(stream)
    rows = {
        "sparse_images": made.images,
        "sparse_rungs": made.rungs,
        "sparse_models": [model],  # last: with it the session has a model
    }
    for name, mine in rows.items():
        _replace(catalog, name, session, mine)
    return Reconstructed(model, rows["sparse_images"], rows["sparse_rungs"], True)


def read_rows(catalog: Catalog, session: str) -> Reconstructed:
    """The newest rows of a session that has some, published or not."""
    found = {
        name: catalog.read_latest(name, where=session_is(session)).to_pylist()
        for name in ("sparse_models", "sparse_images", "sparse_rungs")
    }
    return Reconstructed(
        found["sparse_models"][0],
        sorted(found["sparse_images"], key=lambda r: (r["sensor"], r["t_ns"] or 0)),
        sorted(found["sparse_rungs"], key=lambda r: r["number"]),
        is_new=False,
    )


def open_model(catalog: Catalog, model_id: str) -> SparseModel:
    """A published model by its id, or by the beginning of one.

    Raises ValueError where there is none, it was not made, or its checks refused it.
    """
    return unpack_model(catalog, _find_published(catalog, model_id))


def unpack_model(catalog: Catalog, row: Row) -> SparseModel:
    """The model of a row, published or not. Raises ValueError where it has none."""
    if row["model_sha256"] is None:
        raise ValueError(f"{row['session']} has no sparse model: {row['reason']}")
    return unpack(catalog.blobs.get(row["model_sha256"]))


def explain_hold(catalog: Catalog, row: Row) -> str | None:
    """Why readers do not see the model of a row; None where they do."""
    same = f"model_sha256 = {repr_sql(row['model_sha256'])}"
    where = f"{session_is(row['session'])} AND {same}"
    if len(catalog.read("sparse_models", ["sparse_model_id"], where)):
        return None
    decisions = catalog.publications("sparse_models")
    held = [d for d in decisions if d["session"] == row["session"] and d["is_held"]]
    return held[0]["reason"] if held else "it was not checked"


def _find_published(catalog: Catalog, model_id: str) -> Row:
    begins_so = begins_with("sparse_models", model_id)
    newest = catalog.read_latest("sparse_models", where=begins_so).to_pylist()
    row: Row = take_one(newest, "sparse_models", model_id)
    session = row["session"]
    if row["model_sha256"] is None:
        return row
    same = f"sparse_model_id = {repr_sql(row['sparse_model_id'])}"
    published = catalog.read("sparse_models", where=same).to_pylist()
    if published:
        return dict(published[0])
    why = explain_hold(catalog, row)
    raise ValueError(
        f"the sparse model of {session} is not published: {why}; `daguerre reconstruct {session}` says what helps"
    )


def reconstruct(
    catalog: Catalog, scene: Scene, on_progress: OnProgress | None = None
) -> Made:
    """The model of a scene and its rows, without their hashes and versions; nothing is kept."""
    total = len(scene.pictures) + len(scene.pairing.pairs)

    def tell(done: int) -> None:
        if on_progress:
            on_progress(done, total)

    with ExitStack() as stack:

        def describe(most_features: int, peak: float) -> Workshop:
            workshop = stack.enter_context(Workshop())
            load = partial(_load, catalog)
            describe_scene(scene, load, workshop, most_features, peak, tell)
            return workshop

        try:
            workshop = describe(MOST_FEATURES, 1.0)
            return climb(scene, workshop, describe, tell)
        except StepFailed as error:
            return make_rows(scene, (), (), str(error))


def climb(
    scene: Scene,
    workshop: Workshop,
    describe_again: Callable[[int, float], Workshop] | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Made:
    """The best model of pictures that are described in a workshop. Raises StepFailed where they cannot be compared."""
    given = [camera.given for camera in scene.cameras]
    num_pictures, pairs = len(scene.pictures), scene.pairing.pairs
    if num_pictures < 2:
        reason = explain_nothing(num_pictures, 0, ())
        return make_rows(scene, (), (), reason, workshop)
    workshop.store(given, scene.camera_of)
    verified = workshop.match(pairs, lambda done: tell(num_pictures + done))
    ladder = Ladder(workshop, given, scene.camera_of, pairs, describe_again)
    if not verified:
        reason = explain_nothing(num_pictures, len(pairs), ())
        return make_rows(scene, (), (), reason, workshop)
    tried = ladder.climb()
    reason = explain_nothing(num_pictures, len(pairs), verified)
    return make_rows(scene, verified, tried, reason)


def describe_scene(
    scene: Scene,
    load: Callable[[list[str]], Iterable[Colours]],
    workshop: Workshop,
    most_features: int = MOST_FEATURES,
    peak: float = 1.0,
    tell: Callable[[int], None] = lambda _: None,
) -> None:
    """Features of all pictures, and the colour of each. `load` gives pictures by their names, as large as they are
    looked at. Raises StepFailed."""
    for start in range(0, len(scene.pictures), _AT_ONCE):
        some = scene.pictures[start : start + _AT_ONCE]
        pictures = list(load([p.name for p in some]))
        greys = [
            np.asarray(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), np.uint8) for p in pictures
        ]
        sizes = [p.size_px for p in some]
        workshop.describe(greys, sizes, start, most_features, peak)
        for number, (picture, one) in enumerate(
            zip(pictures, some, strict=True), start
        ):
            pixels = workshop.read_features(number).pixels
            at = pixels * (picture.shape[1] / one.size_px[0])
            x, y = at.round().astype(int).T
            height_px, width_px = picture.shape[:2]
            x, y = np.clip(x, 0, width_px - 1), np.clip(y, 0, height_px - 1)
            workshop.put_colours(number, picture[y, x])
        tell(start + len(some))


def _load(catalog: Catalog, frame_ids: list[str]) -> Iterator[Colours]:
    """RGB of published frames, in this order, as large as they are looked at."""
    where = is_in("frame_id", frame_ids)
    rows = catalog.read("frames", ["frame_id", "payload"], where).to_pylist()
    images = unpack_payloads(catalog, [r["payload"] for r in rows])
    found = {
        r["frame_id"]: shrink(decode_rgb(image))
        for r, image in zip(rows, images, strict=True)
    }
    return (found[frame_id] for frame_id in frame_ids)


def _is_stale(catalog: Catalog, row: Row, facts: Row) -> bool:
    """Whether a model has to be made again; also where its bytes are gone."""
    if any(row[name] != value for name, value in facts.items()):
        return True
    sha256 = row["model_sha256"]
    return sha256 is not None and not catalog.blobs.exists(sha256)


def _replace(catalog: Catalog, name: str, session: str, rows: list[Row]) -> None:
    """Make these the session's rows."""
    key = TABLES[name].key
    have = catalog.read_latest(name, [key], session_is(session))[key].to_pylist()
    gone = sorted(set(have) - {row[key] for row in rows})
    if gone:
        catalog.delete(name, is_in(key, gone))
    catalog.upsert(name, to_table(TABLES[name], rows))
