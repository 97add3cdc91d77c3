"""Readers: one file a format, each turning foreign files into observations.

Here belong parsing and the order in which readers are asked. Decoding of images (`assets/sandbox`), ids, tables and the
ledger (`assets/capture`) do not. A new format is a class with `name`, `plan` and `read`, added to `_LOOSE_READERS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assets.formats.annotations.class_folder import ClassFolderReader
from assets.formats.annotations.class_masks import ClassMasksReader
from assets.formats.annotations.coco import CocoReader
from assets.formats.annotations.cvat import CvatReader
from assets.formats.annotations.kitti_object import KittiObjectReader
from assets.formats.annotations.label_studio import LabelStudioReader
from assets.formats.annotations.labelme import LabelMeReader
from assets.formats.annotations.mot import MotReader
from assets.formats.annotations.open_images import OpenImagesReader
from assets.formats.annotations.supervisely import SuperviselyReader
from assets.formats.annotations.voc import VocReader
from assets.formats.annotations.yolo import YoloReader
from assets.formats.archives.archive import ArchiveReader
from assets.formats.images.image_folder import ImageFolderReader
from assets.formats.images.video import VideoReader
from assets.formats.messages.mcap import McapReader
from assets.formats.messages.rosbag1 import Rosbag1Reader
from assets.formats.messages.rosbag2 import Rosbag2Reader
from assets.formats.observations import Observation, Problem, Source
from assets.formats.points.scan_files import ScanFilesReader
from assets.formats.protocol import (
    NOT_READ,
    CapturePlan,
    Leftover,
    Opener,
    Reader,
    UnreadableBytes,
    carries,
    limit_labels,
    limit_problems,
)
from assets.formats.sequences.arkitscenes import ArkitScenesReader
from assets.formats.sequences.asl import AslReader
from assets.formats.sequences.colmap import ColmapReader
from assets.formats.sequences.kitti_odometry import KittiOdometryReader
from assets.formats.sequences.kitti_raw import KittiRawReader
from assets.formats.sequences.nuscenes import NuScenesReader
from assets.formats.sequences.seven_scenes import SevenScenesReader
from assets.formats.sequences.tum_rgbd import TumRgbdReader
from assets.formats.sequences.tum_trajectory import TumTrajectoryReader
from assets.formats.session_settings import drop_clocks
from assets.formats.sharing import share_out
from assets.sandbox.video_choice import ALL_FRAMES, VideoChoice
from assets.storage import SessionFile

__all__ = [
    "READERS",
    "Leftover",
    "Opener",
    "Reader",
    "UnreadableBytes",
    "can_carry",
    "find_reader",
    "foresee",
    "plan_session",
    "read_capture",
]

_LOOSE_READERS: tuple[Reader, ...] = (
    McapReader(),
    Rosbag1Reader(),
    Rosbag2Reader(),
    VideoReader(),
    TumRgbdReader(),
    AslReader(),
    SevenScenesReader(),
    ArkitScenesReader(),
    KittiRawReader(),
    KittiOdometryReader(),
    NuScenesReader(),
    KittiObjectReader(),
    MotReader(),
    CvatReader(),
    LabelStudioReader(),
    LabelMeReader(),
    SuperviselyReader(),
    CocoReader(),
    YoloReader(),
    VocReader(),
    OpenImagesReader(),
    ColmapReader(),
    ClassMasksReader(),
    ClassFolderReader(),
    ImageFolderReader(),
    TumTrajectoryReader(),
    ScanFilesReader(),
)
READERS: tuple[Reader, ...] = (ArchiveReader(_LOOSE_READERS), *_LOOSE_READERS)


def plan_session(
    files: Sequence[SessionFile],
    opener: Opener,
    readers: Sequence[Reader] = READERS,
    video: VideoChoice = ALL_FRAMES,
) -> tuple[list[CapturePlan], list[Leftover]]:
    """Share the files of a session out among the readers, as `assets.formats.sharing` says."""
    return share_out(files, opener, readers, video)


def can_carry(reader: str, what: str) -> bool:
    """Whether captures of a reader's format are expected to have a "calibration", "clock" or "depth"."""
    return any(r.name == reader and carries(r, what) for r in READERS)


def find_reader(name: str) -> Reader:
    """The reader of that name."""
    return next(r for r in READERS if r.name == name)


def foresee(plan: CapturePlan, opener: Opener) -> dict[str, str]:
    """Notes on what will be read of a capture and what not, by a look at its directory; none for most formats."""
    look = getattr(find_reader(plan.reader), "foresee", None)
    try:
        return look(plan, opener) if look else {}
    except (OSError, AssertionError):
        raise
    except Exception as error:  # as in `_read_to_the_end`
        return {NOT_READ: f"looking stopped: {type(error).__name__}: {error}"[:500]}


def read_capture(
    plan: CapturePlan, opener: Opener, readers: Sequence[Reader] = READERS
) -> Iterator[Observation]:
    """Everything in one capture: frames, signals, calibrations, labels, and a Problem for what cannot be read.

    Raises OSError when the storage fails: that says nothing about the data, so the capture is to be read again.
    """
    reader = next(r for r in readers if r.name == plan.reader)
    yield from drop_clocks(
        plan, limit_problems(limit_labels(_read_to_the_end(reader, plan, opener)))
    )


def _read_to_the_end(
    reader: Reader, plan: CapturePlan, opener: Opener
) -> Iterator[Observation]:
    """A parser that trips over foreign bytes in a way nobody foresaw ends this capture, not the session."""
    try:
        yield from reader.read(plan, opener)
    except (OSError, AssertionError, GeneratorExit):
        raise
    except Exception as error:
        reason = f"reading stopped: {type(error).__name__}: {error}"[:500]
        path = plan.files[0].path if plan.is_container else plan.root
        yield Problem(
            Source(path),
            reader.name,
            reason,
            "check the file with the tool that wrote it, or remove it",
        )
