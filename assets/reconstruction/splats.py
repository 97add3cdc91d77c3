"""The asset's work: splats of a session's sparse model, learned again only where model, device or code changed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.code_versions import version_of
from assets.reconstruction.splat_rows import (
    describe_scene,
    describe_views,
    draw_all,
    find_mean_colour,
    find_mean_psnr_db,
    list_held,
    measure_held,
)
from assets.reconstruction.splat_scene import (
    LEAST_MOMENTS,
    SplatScene,
    find_scene,
    load_shots,
)
from assets.splat_ply import read_splats, write_splats
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, to_table

if TYPE_CHECKING:
    from models.splats.fast_rasteriser import Rasterise
    from models.splats.gaussians import Gaussians
    from models.splats.views import Shot

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
_MEANS = ("psnr_db", "mean_colour_psnr_db", "nearest_psnr_db")


@dataclass(frozen=True)
class Splatted:
    """The session's rows, and whether they were made now or were there already."""

    splats: Row
    views: list[Row]
    is_new: bool


def refresh_splats(
    catalog: Catalog,
    name: str,
    device: str = "cuda",
    on_progress: OnProgress | None = None,
) -> Splatted:
    """Bring the splats of a session, or of a sparse model, up to date; nothing is done twice.

    Raises ValueError where no sparse model of it is published, the device is not known, or what it wants is lacking and
    there are splats already: these stay. What else stands in the way is the reason in the row, and is tried again.
    """
    scene = find_scene(catalog, name, device)
    facts = {"code_version": version_of("splats"), "input_sha256": scene.input_sha256}
    mine = session_is(scene.session)
    have = catalog.read_latest("splats", where=mine).to_pylist()
    if have and not _is_stale(catalog, have[0], facts):
        return Splatted(have[0], read_views(catalog, scene.session), is_new=False)
    if have and have[0]["reason"] is None:
        from models.splats.fast_rasteriser import choose_rasteriser

        choose_rasteriser(device)
    row, views = make_rows(catalog, scene, on_progress)
    # last: with it the session has splats
    views = _replace(catalog, "splat_views", scene.session, views)
    (row,) = _replace(catalog, "splats", scene.session, [row | facts])
    return Splatted(row, views, is_new=True)


def read_views(catalog: Catalog, session: str) -> list[Row]:
    """The newest rows of the pictures, by sensor and time."""
    rows = catalog.read_latest("splat_views", where=session_is(session)).to_pylist()
    return sorted(rows, key=lambda r: (r["sensor"], r["t_ns"] or 0, r["frame_id"]))


def load_splats(catalog: Catalog, row: Row) -> Gaussians:
    """The Gaussians of a row. Raises ValueError where its bytes have changed, FileNotFoundError where they are gone."""
    return read_splats(catalog.blobs.get(row["blob_sha256"]))


def make_rows(
    catalog: Catalog, scene: SplatScene, on_progress: OnProgress | None = None
) -> tuple[Row, list[Row]]:
    """The row of the splats, whose PLY is stored, and those of its pictures; without versions."""
    from models.splats.fast_rasteriser import DeviceLacks, choose_rasteriser
    from models.splats.training import Diverged

    row, views = describe_scene(scene), describe_views(scene)
    if not scene.held_out:
        why = f"pictures of fewer than {LEAST_MOMENTS} moments: none can be held out"
        return row | {"reason": why}, views
    try:
        rasterise, who = choose_rasteriser(scene.device)
        shots = load_shots(catalog, scene)
        found, seen = learn(catalog, scene, shots, rasterise, on_progress)
    except (DeviceLacks, Diverged) as error:
        return row | {"reason": str(error)}, views
    views = [view | seen.get(view["frame_id"], {}) for view in views]
    return row | found | {"rasteriser": who, "reason": None}, views


def learn(
    catalog: Catalog,
    scene: SplatScene,
    shots: Sequence[Shot],
    rasterise: Rasterise,
    on_progress: OnProgress | None = None,
) -> tuple[Row, dict[str, Row]]:
    """Figures of the splats, whose PLY is stored, and those of each held-out picture by its frame.

    Raises Diverged.
    """
    from models.splats.gaussians import begin
    from models.splats.training import train

    recipe = scene.recipe
    learned = [
        shot
        for picture, shot in zip(scene.pictures, shots, strict=True)
        if not picture.is_held_out
    ]
    held = list_held(scene, shots)
    held_shots = [one.shot for one in held]
    start = begin(
        scene.model.points,
        scene.model.colours_rgb,
        recipe.degree,
        recipe.most_gaussians,
    ).map(lambda part: part.to(scene.device))
    before = draw_all(start, held_shots, recipe.degree, rasterise)
    gaussians = train(start, learned, recipe, rasterise, on_progress)
    drawn = draw_all(gaussians, held_shots, recipe.degree, rasterise)
    mean_colour = find_mean_colour(learned)
    seen = {
        one.picture.frame_id: measure_held(one, picture, mean_colour)
        for one, picture in zip(held, drawn, strict=True)
    }
    some = _spread(learned, len(held))
    content = write_splats(gaussians)
    found = {
        "num_gaussians": len(gaussians),
        "degree": recipe.degree,
        "start_psnr_db": find_mean_psnr_db(held_shots, before),
        "learned_psnr_db": find_mean_psnr_db(
            some, draw_all(gaussians, some, recipe.degree, rasterise)
        ),
        **{
            name: float(np.mean([view[name] for view in seen.values()]))
            for name in _MEANS
        },
        "size_bytes": len(content),
        "blob_sha256": catalog.blobs.put(io.BytesIO(content)),
    }
    return found, seen


def _spread(shots: Sequence[Shot], most: int) -> list[Shot]:
    places = np.linspace(0, len(shots) - 1, min(most, len(shots)))
    return [shots[place] for place in places.round().astype(int)]


def _is_stale(catalog: Catalog, row: Row, facts: Row) -> bool:
    """Whether they have to be made again; also where their bytes are gone, or there were none."""
    if row["reason"] is not None or any(row[k] != v for k, v in facts.items()):
        return True
    return not catalog.blobs.exists(row["blob_sha256"])


def _replace(catalog: Catalog, name: str, session: str, rows: list[Row]) -> list[Row]:
    """Make these the session's rows; returns them with all columns."""
    key = TABLES[name].key
    have = catalog.read_latest(name, [key], session_is(session))[key].to_pylist()
    gone = sorted(set(have) - {row[key] for row in rows})
    if gone:
        catalog.delete(name, is_in(key, gone))
    table = to_table(TABLES[name], rows)
    catalog.upsert(name, table)
    return list(table.to_pylist())
