"""What splats are made of: a published sparse model, its pictures on the pixels of pinholes, and which are held out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.images import decode_rgb
from assets.reconstruction.board_pictures import require_session
from assets.reconstruction.sparse_package import unpack
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.ids import begins_with, take_one
from assets.video_frames import unpack as unpack_payloads
from models.geometry.sparse_model import SparseImage, SparseModel
from models.splats import DEVICES

if TYPE_CHECKING:
    from models.splats.training import Recipe
    from models.splats.views import Shot

Row = dict[str, Any]
HOLD_EVERY, FIRST_HELD = 8, 4  # moments
LEAST_MOMENTS = 3
_AT_ONCE = 16


@dataclass(frozen=True)
class ScenePicture:
    """A registered picture. What two cameras took at one time is of one moment, and held out together."""

    image: SparseImage
    capture: str
    t_ns: int | None
    is_held_out: bool

    @property
    def frame_id(self) -> str:
        """The frame that it is."""
        return self.image.name


@dataclass(frozen=True)
class SplatScene:
    """A session's model, the device that is asked for, and how it is learned there."""

    session: str
    model_row: Row
    model: SparseModel
    pictures: tuple[ScenePicture, ...]
    device: str
    recipe: Recipe

    @property
    def learned(self) -> list[ScenePicture]:
        """Those that are learned from."""
        return [p for p in self.pictures if not p.is_held_out]

    @property
    def held_out(self) -> list[ScenePicture]:
        """Those that are looked at afterwards alone; none of a model of too few moments."""
        return [p for p in self.pictures if p.is_held_out]

    @property
    def input_sha256(self) -> str:
        """Of all that the splats rest on."""
        row = self.model_row
        held = [p.frame_id for p in self.held_out]
        whole = row["model_sha256"], row["input_sha256"], held, self.device, self.recipe
        return hashlib.sha256(repr(whole).encode()).hexdigest()


def find_scene(catalog: Catalog, name: str, device: str) -> SplatScene:
    """Of a session, or of a model by the beginning of its id, as it is published.

    Raises ValueError where there is none, and for a device that is not known.
    """
    if device not in DEVICES:
        raise ValueError(f"device '{device[:40]}': choose one of {', '.join(DEVICES)}")
    row = find_model(catalog, name)
    if row["model_sha256"] is None:
        raise ValueError(f"{row['session']} has no sparse model: {row['reason']}")
    model = unpack(catalog.blobs.get(row["model_sha256"]))
    where = is_in("frame_id", [image.name for image in model.images])
    columns = ["frame_id", "capture_id", "t_ns"]
    rows = catalog.read("sparse_images", columns, where).to_pylist()
    known = {r["frame_id"]: r for r in rows}
    lost = sum(image.name not in known for image in model.images)
    if lost:
        raise ValueError(
            f"{lost} pictures of the model are gone: `daguerre reconstruct {row['session']}` again"
        )
    moments = [
        (facts["capture_id"], facts["t_ns"])
        if (facts := known[image.name])["t_ns"] is not None
        else (facts["capture_id"], image.name)
        for image in model.images
    ]
    held = hold_out(moments)
    pictures = tuple(
        ScenePicture(
            image, known[image.name]["capture_id"], known[image.name]["t_ns"], one
        )
        for image, one in zip(model.images, held, strict=True)
    )
    # last: it brings PyTorch, which a call that is refused needs not
    from models.splats.training import RECIPES

    return SplatScene(row["session"], row, model, pictures, device, RECIPES[device])


def find_model(catalog: Catalog, name: str) -> Row:
    """The published row of a session's model, or of the only one whose id begins so. Raises ValueError."""
    rows = catalog.read("sparse_models", where=session_is(name)).to_pylist()
    if rows:
        return dict(rows[0])
    if len(catalog.read_latest("sparse_models", where=session_is(name))):
        raise ValueError(
            f"the sparse model of {name} is not published: `daguerre reconstruct {name}` says which check refuses it"
        )
    if len(catalog.read_latest("frames", ["frame_id"], session_is(name))):
        raise ValueError(
            f"{name} has no sparse model: `daguerre reconstruct {name}` makes one"
        )
    if not re.fullmatch("[0-9a-f]{6,32}", name):
        require_session(catalog, name)
    begins_so = begins_with("sparse_models", name)
    return take_one(
        catalog.read("sparse_models", where=begins_so).to_pylist(),
        "sparse_models",
        name,
    )


def hold_out(moments: Sequence[object]) -> list[bool]:
    """Of pictures, in the order of time, by the moment that each was taken in: those of every eighth moment, from the
    fifth on, or else of the middle one. None where there are fewer than three."""
    distinct = list(dict.fromkeys(moments))
    if len(distinct) < LEAST_MOMENTS:
        return [False] * len(moments)
    first = min(FIRST_HELD, len(distinct) // 2)
    held = set(distinct[first::HOLD_EVERY])
    return [moment in held for moment in moments]


def load_shots(catalog: Catalog, scene: SplatScene) -> list[Shot]:
    """All pictures of the scene, in their order, on pinholes. Raises ValueError where a frame is gone."""
    from models.splats.views import make_shot

    shots = []
    for start in range(0, len(scene.pictures), _AT_ONCE):
        some = scene.pictures[start : start + _AT_ONCE]
        where = is_in("frame_id", [p.frame_id for p in some])
        rows = catalog.read("frames", ["frame_id", "payload"], where).to_pylist()
        if len(rows) < len(some):
            raise ValueError(
                f"{len(some) - len(rows)} pictures of the model are gone: `daguerre reconstruct {scene.session}` again"
            )
        images = unpack_payloads(catalog, [r["payload"] for r in rows])
        found = dict(zip((r["frame_id"] for r in rows), images, strict=True))
        shots += [
            make_shot(
                decode_rgb(found[p.frame_id]),
                p.image.camera,
                p.image.world_from_camera,
                scene.recipe.most_px,
            )
            for p in some
        ]
    return shots


def find_nearest(scene: SplatScene, picture: ScenePicture) -> ScenePicture:
    """Of what is learned from, the picture that was taken from nearest, by place and by way of looking."""
    pose = picture.image.world_from_camera
    away = np.linalg.norm(scene.model.points - pose[:3, 3], axis=1)
    scale = float(np.median(away)) or 1.0

    def measure(other: ScenePicture) -> float:
        theirs = other.image.world_from_camera
        apart = float(np.linalg.norm(theirs[:3, 3] - pose[:3, 3])) / scale
        cosine = (np.trace(theirs[:3, :3].T @ pose[:3, :3]) - 1) / 2
        return apart + float(np.arccos(np.clip(cosine, -1, 1)))

    return min(scene.learned, key=measure)
