"""Read folders of images that carry no labels.

One capture is one folder that holds images, except where folder names say that several belong together: sensors
(`left/`, `depth/`), splits (`train/`, `val/`) and plain containers (`images/`) count as part of the folder above them.
16-bit single-channel PNG files are depth where folder or file name say so (`depth/`, `x_depth.png`), else pictures of
16 bits. Nobody says the unit of such depth: millimetres, fifths of them (TUM), shifted bits (SUN RGB-D) and more look
alike in a file, so `depth_m_per_unit` is None. A calibration by OpenCV or Kalibr belongs to the images beside or above
it. The split is that of the innermost folder of such a name in the whole path, since a capture may lie below it. Where
folders look like classes and are not taken as such, the plan's notes say why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from assets.formats.annotations.class_folder import explain_no_classes
from assets.formats.images.frame_files import FrameFiles
from assets.formats.images.image_headers import read_header
from assets.formats.images.kalibr_calibration import find_camchains, read_camchains
from assets.formats.images.opencv_calibration import (
    CALIBRATION_SUFFIXES,
    find_calibration_files,
    read_calibrations,
)
from assets.formats.layout import (
    folder_of,
    is_below,
    is_image,
    is_mask_path,
    is_plain_folder,
    is_sensor_folder,
    name_of,
    order_naturally,
    split_of,
    split_of_path,
    suffix_of,
)
from assets.formats.observations import FrameObservation, Observation
from assets.formats.protocol import CapturePlan, Opener
from assets.storage import SessionFile


class ImageFolderReader:
    name = "image_folder"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        groups: dict[str, list[SessionFile]] = defaultdict(list)
        for file in files:
            if is_image(file, opener) and not is_mask_path(file.path):
                groups[find_root(file.path)].append(file)
        found = (
            [*find_calibration_files(files, opener), *find_camchains(files, opener)]
            if groups
            else []
        )
        for file in {file.path: file for file in found}.values():
            roots = [root for root in groups if is_below(file.path, root)]
            if roots:
                groups[max(roots, key=len)].append(file)
        reasons = explain_no_classes(files, opener) if groups else {}
        plans = []
        for root, group in sorted(groups.items()):
            said = sorted(
                {
                    reasons[folder]
                    for f in group
                    if (folder := folder_of(f.path)) in reasons
                }
            )
            notes = {"no classes": "; ".join(said)} if said else {}
            plans.append(
                CapturePlan(
                    self.name,
                    root,
                    tuple(order_naturally(group)),
                    is_container=False,
                    notes=notes,
                )
            )
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        calibrations = [
            file for file in plan.files if suffix_of(file.path) in CALIBRATION_SUFFIXES
        ]
        images = [
            file
            for file in plan.files
            if suffix_of(file.path) not in CALIBRATION_SUFFIXES
        ]
        # of the frames of each camera, width and height, px
        sizes: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for frame in FrameFiles(self.name, plan.root, opener).read(
            images, lambda f: split_of_path(f.path)
        ):
            if (
                calibrations
                and isinstance(frame, FrameObservation)
                and (header := read_header(frame.payload))
            ):
                sizes[frame.sensor].add((header.width_px, header.height_px))
            yield frame
        chains = find_camchains(calibrations, opener)
        others = [file for file in calibrations if file not in chains]
        yield from read_calibrations(
            self.name, others, plan.root, sizes, opener, plan.notes
        )
        yield from read_camchains(self.name, chains, sizes, opener, plan.notes)


def find_root(path: str) -> str:
    """The folder of the capture that an image belongs to: above sensor, split and plain container folders."""
    folder = folder_of(path)
    while folder and _is_part(name_of(folder)):
        folder = folder_of(folder)
    return folder


def _is_part(folder_name: str) -> bool:
    return (
        is_sensor_folder(folder_name)
        or is_plain_folder(folder_name)
        or split_of(folder_name) is not None
    )
