"""Read COLMAP models beside their pictures: `cameras` and `images` (.bin, or .txt) in a folder such as `sparse/0`.

A registered picture has a pose, world_from_camera, tied to its frame by `sequence`, since pictures have no clock; its
frame of reference is `reconstruction`, whose unit and axes are the model's own: metres only where somebody scaled it.
The cameras are calibrations of the sensors that their pictures name. A picture of another size than its camera's was
scaled or turned after the model was made, and gets neither.

Points and features are not read. Several models of one set of pictures have a world each: `reconstruction sparse/0`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assets.formats.annotations.pairing import ImageIndex
from assets.formats.images.frame_files import FrameFiles
from assets.formats.images.image_headers import read_header
from assets.formats.layout import (
    folder_of,
    is_below,
    is_image,
    is_mask_path,
    join,
    list_paths,
    name_of,
    order_naturally,
)
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
    Source,
)
from assets.formats.protocol import (
    NOT_READ,
    CapturePlan,
    Opener,
    UnreadableBytes,
    whole_file,
)
from assets.formats.sequences.colmap_model import (
    ModelCamera,
    ModelImage,
    read_cameras,
    read_images,
)
from assets.storage import SessionFile

_FORMS = ("bin", "txt")
_TABLES = ("cameras", "images")
# of a model; what is in them is not read
_UNREAD = ("points3D", "rigs", "frames")
_PICTURES = "images"  # the folder that COLMAP's own tools take, where there are others with smaller copies
_WORLD = "reconstruction"
_REMEDY = "write the model again: `colmap model_converter --output_type TXT`"
_IMAGE_REMEDY = "copy the pictures that the model was made of"


class ColmapReader:
    name = "colmap"
    carries = frozenset({"calibration"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_path = {file.path: file for file in files}
        models = sorted(
            {
                folder_of(f.path)
                for f in files
                if name_of(f.path) in ("cameras.bin", "cameras.txt")
                and _find_tables(folder_of(f.path), by_path)
            }
        )
        if not models:
            return []
        pictures = [
            f for f in files if is_image(f, opener) and not is_mask_path(f.path)
        ]
        roots: dict[str, list[str]] = defaultdict(list)
        for model in models:
            root = folder_of(model)
            while root and not any(is_below(f.path, root) for f in pictures):
                root = folder_of(root)
            roots[root].append(model)
        plans = []
        taken = set[str]()
        for root, members in sorted(roots.items(), key=lambda item: -len(item[0])):
            below = [
                f for f in pictures if is_below(f.path, root) and f.path not in taken
            ]
            own = [f for f in below if is_below(f.path, join(root, _PICTURES))]
            if not below:
                continue
            tables = [f for model in members for f in _list_files(model, by_path)]
            plan = CapturePlan(
                self.name,
                root,
                (*tables, *order_naturally(own or below)),
                is_container=False,
            )
            taken.update(f.path for f in plan.files)
            plans.append(plan)
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        by_path = {file.path: file for file in plan.files}
        models = sorted(
            {folder_of(p) for p in by_path if name_of(p).startswith("cameras.")}
        )
        models = [model for model in models if _find_tables(model, by_path)]
        others = {f.path for model in models for f in _list_files(model, by_path)}
        pictures = [f for f in plan.files if f.path not in others]
        frames: dict[str, _Frame] = {}
        for frame in FrameFiles(self.name, plan.root, opener).read(pictures):
            if isinstance(frame, FrameObservation) and (
                header := read_header(frame.payload)
            ):
                size = (header.width_px, header.height_px)
                frames[frame.source.path] = _Frame(frame.sensor, frame.sequence, size)
            yield frame
        index = ImageIndex(pictures, plan.root)
        for model in models:
            world = _WORLD if len(models) == 1 else f"{_WORLD} {model}"
            tables = _find_tables(model, by_path)
            yield from _Model(tables, world, frames, index, plan).read(opener)
            unread = [f for f in _list_files(model, by_path) if f not in tables]
            if unread:
                plan.notes[f"{NOT_READ}: {model}"] = list_paths(
                    name_of(f.path) for f in unread
                )
        plan.notes["unit of poses"] = (
            "the model's own: metres only where somebody scaled it"
        )


@dataclass(frozen=True)
class _Frame:
    """What is known of a picture that is here."""

    sensor: str
    sequence: int
    size_px: tuple[int, int]


@dataclass
class _Model:
    """One reconstruction."""

    tables: Sequence[SessionFile]  # cameras, images
    world: str
    frames: dict[str, _Frame]
    index: ImageIndex
    plan: CapturePlan
    # by sensor
    _used: dict[str, dict[int, None]] = field(default_factory=lambda: defaultdict(dict))

    def read(self, opener: Opener) -> Iterator[Observation]:
        cameras_file, images_file = self.tables
        try:
            cameras = read_cameras(cameras_file, opener)
        except UnreadableBytes as error:
            yield self._refuse(cameras_file, error.reason, error.remedy)
            return
        except ValueError as error:
            yield self._refuse(cameras_file, f"is no list of cameras: {error}", _REMEDY)
            return
        try:
            for image in read_images(images_file, opener):
                yield self._read_image(image, cameras)
        except UnreadableBytes as error:
            yield self._refuse(images_file, error.reason, error.remedy)
        except ValueError as error:
            yield self._refuse(
                images_file,
                f"is no list of images, or is one until here: {error}",
                _REMEDY,
            )
        for sensor, camera_ids in sorted(self._used.items()):
            if len(camera_ids) > 1:
                self.plan.notes[f"calibrations of {sensor}"] = (
                    f"{len(camera_ids)} cameras of {cameras_file.path}"
                )
            for camera_id in sorted(camera_ids):
                try:
                    camera = cameras[camera_id].to_camera()
                except ValueError as error:
                    yield self._refuse(
                        cameras_file,
                        f"camera {camera_id}: {error}",
                        "undistort the pictures with COLMAP",
                        sensor,
                    )
                    continue
                yield CalibrationObservation.of(
                    sensor, camera, whole_file(cameras_file)
                )

    def _read_image(
        self, image: ModelImage, cameras: dict[int, ModelCamera]
    ) -> SignalObservation | Problem:
        file = self.tables[1]
        try:
            found = self.frames.get(self.index.find(image.name).path)
            if found is None:
                raise LookupError(f"{image.name[:200]!r} cannot be read")
            if image.camera_id not in cameras:
                raise LookupError(
                    f"{image.name[:200]!r} has the camera {image.camera_id}, and there is none"
                )
            size_px = cameras[image.camera_id].size_px
            if size_px != found.size_px:
                stated, real = (f"{w}x{h}" for w, h in (size_px, found.size_px))
                raise LookupError(
                    f"{image.name[:200]!r} has {real} px, its camera {stated}"
                )
            pose = image.find_pose()
        except LookupError as error:
            return self._refuse(file, str(error.args[0]), _IMAGE_REMEDY)
        except ValueError as error:
            return self._refuse(
                file, f"{image.name[:200]!r} has no pose: {error}", _REMEDY
            )
        self._used[found.sensor][image.camera_id] = None
        return SignalObservation(
            found.sensor,
            "pose",
            None,
            pose,
            Source(file.path, image.offset, image.length),
            self.world,
            found.sensor,
            found.sequence,
        )

    def _refuse(
        self, file: SessionFile, reason: str, remedy: str, sensor: str | None = None
    ) -> Problem:
        return Problem(
            whole_file(file), ColmapReader.name, reason[:500], remedy, sensor
        )


def _find_tables(folder: str, by_path: dict[str, SessionFile]) -> list[SessionFile]:
    """`cameras` and `images` of one form, the binary one first; none where one is absent."""
    for form in _FORMS:
        paths = [join(folder, f"{table}.{form}") for table in _TABLES]
        if all(path in by_path for path in paths):
            return [by_path[path] for path in paths]
    return []


def _list_files(folder: str, by_path: dict[str, SessionFile]) -> list[SessionFile]:
    """All files of a model, with those that are not read."""
    names = [f"{table}.{form}" for table in (*_TABLES, *_UNREAD) for form in _FORMS]
    return [by_path[path] for name in names if (path := join(folder, name)) in by_path]
