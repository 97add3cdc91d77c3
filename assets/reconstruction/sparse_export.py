"""A stored sparse model as a folder of another tool: COLMAP's, or nerfstudio's; with its pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.frame_names import name_picture
from assets.frame_pictures import write_picture
from assets.reconstruction.sparse_models import open_model
from assets.reconstruction.sparse_package import write_colmap
from assets.reconstruction.sparse_text import write_colmap_text
from assets.tables.catalog import Catalog, is_in
from assets.video_frames import unpack
from assets.whole_output import writing_folder
from models.geometry.camera_conventions import to_nerfstudio
from models.geometry.sparse_model import SparseModel

OnProgress = Callable[[int, int], None]
_AT_ONCE = 16


def export_model(
    catalog: Catalog,
    model_id: str,
    folder: Path,
    form: str,
    on_progress: OnProgress | None = None,
) -> SparseModel:
    """Write the published model that begins so, and its pictures, into a new folder, in one of `FORMS`.

    Raises ValueError where there is none, its checks refused it, the form is not known, or it has no words for a lens.
    """
    if form not in FORMS:
        raise ValueError(f"form '{form[:40]}' is not known: one of {', '.join(FORMS)}")
    model = open_model(catalog, model_id)
    with writing_folder(folder) as whole:
        names = _write_pictures(catalog, model, whole / "images", on_progress)
        images = [replace(image, name=names[image.name]) for image in model.images]
        named = replace(model, images=tuple(images))
        for path, data in FORMS[form](named).items():
            file = whole / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return model


def _write_pictures(
    catalog: Catalog, model: SparseModel, folder: Path, on_progress: OnProgress | None
) -> dict[str, str]:
    """File name by frame. Raises ValueError where a frame is gone."""
    folder.mkdir(parents=True)
    names = {}
    wanted = [image.name for image in model.images]
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        columns = ["frame_id", "session", "sensor", "encoding", "payload"]
        rows: list[Any] = catalog.read(
            "frames", columns, is_in("frame_id", some)
        ).to_pylist()
        if len(rows) < len(some):
            raise ValueError(
                f"{len(some) - len(rows)} pictures of the model are gone: `daguerre reconstruct` its session again"
            )
        images = unpack(catalog, [row["payload"] for row in rows])
        for row, image in zip(rows, images, strict=True):
            data, suffix = write_picture(row, image, keeps_orientation=False)
            names[row["frame_id"]] = name = name_picture(row, suffix)
            (folder / name).write_bytes(data)
        if on_progress:
            on_progress(start + len(some), len(wanted))
    return names


def _write_colmap(model: SparseModel) -> dict[str, bytes]:
    return {f"sparse/0/{name}": data for name, data in write_colmap(model).items()}


def _write_colmap_text(model: SparseModel) -> dict[str, bytes]:
    files = write_colmap_text(model)
    return {f"sparse/0/{name}": data for name, data in files.items()}


def _write_nerfstudio(model: SparseModel) -> dict[str, bytes]:
    frames = [
        {
            "file_path": f"images/{image.name}",
            **to_nerfstudio(image.camera, image.world_from_camera),
        }
        for image in model.images
    ]
    return {"transforms.json": json.dumps({"frames": frames}, indent=1).encode()}


FORMS: dict[str, Callable[[SparseModel], dict[str, bytes]]] = {
    "colmap": _write_colmap,
    "colmap-text": _write_colmap_text,
    "nerfstudio": _write_nerfstudio,
}
