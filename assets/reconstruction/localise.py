"""Where pictures that nobody takes in were taken, by sparse models of sessions; nothing is stored.

Files go through the image guard first, as on intake, and their features are found in COLMAP's child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assets.images import decode_luma
from assets.reconstruction.sparse_models import open_model
from assets.reconstruction.sparse_process import Features, Workshop, describe_picture
from assets.sandbox.guard import ImageGuard, Refusal
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog, session_is
from assets.tables.ids import complete_id
from models.geometry.camera import Camera
from models.geometry.localisation import Location, find_matches, locate
from models.geometry.model_errors import SharedErrors, find_shared_errors
from models.geometry.sparse_model import SparseModel

_SAME_SHAPE = 0.01  # of height by width: a picture may be smaller, and not cut


@dataclass(frozen=True)
class Localised:
    """A picture's place in a model's world, or the reason why there is none; `sensor` is whose camera it was taken
    for."""

    path: str
    model_id: str | None
    sensor: str | None
    location: Location | None
    reason: str | None


@dataclass(frozen=True)
class Scene:
    """A model in which pictures are looked for, and what its points err by together."""

    model: SparseModel

    @cached_property
    def errors(self) -> SharedErrors | None:
        """Found once for all pictures; None where nothing tells them."""
        return find_shared_errors(self.model)


def find_model(catalog: Catalog, name: str) -> tuple[str, SparseModel]:
    """The id and the published model of a session, or of the beginning of an id. Raises ValueError where there is
    none."""
    of_session = catalog.read_latest(
        "sparse_models", ["sparse_model_id"], session_is(name)
    )
    if len(of_session):
        model_id = str(of_session["sparse_model_id"][0])
    elif len(catalog.read_latest("frames", ["frame_id"], session_is(name))):
        raise ValueError(
            f"{name} has no sparse model: `daguerre reconstruct {name}` makes one"
        )
    else:
        model_id = complete_id(catalog, "sparse_models", name)
    return model_id, open_model(catalog, model_id)


def choose_camera(
    model: SparseModel, size_px: tuple[int, int], sensor: str | None
) -> tuple[str, Camera]:
    """The camera that a picture of this size was taken by: of the sensor, or else the only one of its shape.

    A smaller or larger picture of the same shape is one of the whole image. Raises ValueError where no camera, or more
    than one, could have taken it.
    """
    cameras = {image.sensor: image.camera for image in model.images}
    if sensor is not None and sensor not in cameras:
        known = ", ".join(sorted(cameras))
        raise ValueError(f"the model has no camera '{sensor}': it has {known}")
    width_px, height_px = size_px
    fitting = {
        name: camera
        for name, camera in sorted(cameras.items())
        if sensor in (None, name)
        and abs(height_px / width_px * camera.size_px[0] / camera.size_px[1] - 1)
        <= _SAME_SHAPE
    }
    # cameras that are the same need not be told apart
    if not fitting or len(set(fitting.values())) > 1:
        told = ", ".join(
            f"{name} {camera.size_px[0]}x{camera.size_px[1]}"
            for name, camera in sorted(cameras.items())
        )
        why = "no camera of its shape" if not fitting else "several cameras of it"
        raise ValueError(
            f"a picture of {width_px}x{height_px} px has {why} in the model ({told}): "
            + ("name one by --sensor" if fitting else "give the whole image")
        )
    name, camera = next(iter(fitting.items()))
    share = width_px / camera.size_px[0]
    return name, camera if share == 1 else camera.resize(share)


def localise_files(
    models: Mapping[str, SparseModel],
    folder: Folder,
    files: Sequence[SessionFile],
    sensor: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Localised]:
    """One answer a file, in their order. Raises ValueError for a sensor that a model does not have."""
    if sensor is not None:
        for model in models.values():
            choose_camera(model, _any_size(model, sensor), sensor)
    scenes = {model_id: Scene(model) for model_id, model in models.items()}
    with ImageGuard() as guard, Workshop() as workshop:
        for done, file in enumerate(files, start=1):
            payload = folder.read_if_readable(file)
            (verdict,) = guard.collect(guard.submit([payload]))
            if isinstance(verdict, Refusal):
                yield Localised(file.path, None, None, None, verdict.reason)
            else:
                luma = decode_luma(payload)
                yield localise(scenes, file.path, luma, workshop, sensor)
            if on_progress:
                on_progress(done, len(files))


def localise(
    scenes: Mapping[str, Scene],
    path: str,
    luma: NDArray[np.uint8],
    workshop: Workshop,
    sensor: str | None = None,
) -> Localised:
    """Of one grey picture (H, W): where most of its features fit, of all models. Its features are found in the
    workshop."""
    try:
        features = describe_picture(luma, workshop)
    except ValueError as error:
        return Localised(path, None, None, None, str(error))
    answers = [
        _look_in(model_id, scene, path, luma.shape, features, sensor)
        for model_id, scene in scenes.items()
    ]
    found = [answer for answer in answers if answer.location is not None]
    if not found:
        reasons = dict.fromkeys(answer.reason or "" for answer in answers)
        return replace(answers[0], model_id=None, reason="; ".join(reasons))
    return max(found, key=lambda a: a.location.num_fitting if a.location else 0)


def _look_in(
    model_id: str,
    scene: Scene,
    path: str,
    shape: tuple[int, ...],
    features: Features,
    sensor: str | None,
) -> Localised:
    model = scene.model
    try:
        name, camera = choose_camera(model, (shape[1], shape[0]), sensor)
    except ValueError as error:
        return Localised(path, model_id, None, None, str(error))
    found = locate(camera, model, find_matches(model, *features), scene.errors)
    if isinstance(found, str):
        return Localised(path, model_id, name, None, found)
    return Localised(path, model_id, name, found, None)


def _any_size(model: SparseModel, sensor: str) -> tuple[int, int]:
    sizes = [image.camera.size_px for image in model.images if image.sensor == sensor]
    return sizes[0] if sizes else (1, 1)
