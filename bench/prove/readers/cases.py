"""What is compared: packages with their versions, formats, inputs, and the differences that are meant."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers.environment import make_environment
from bench.prove.readers import allowances as allow
from bench.prove.readers import drives, label_sets, ours, scenes, trajectories
from bench.prove.readers.compare import Allowance
from bench.prove.readers.rows import Row
from orchestration.profiles import CHECKOUT

SEED = 0
PACKAGES = {
    "supervision": ("supervision==0.31.2",),
    "datumaro": ("datumaro==1.13.12",),
    "label_studio": ("label-studio-sdk==2.1.2",),
    "rosbags": ("rosbags==0.11.9",),
    "evo": ("evo==1.38.1",),
    "pykitti": ("pykitti==0.3.1", "opencv-python-headless==5.0.0.93"),
    "pycolmap": ("pycolmap==4.2.1",),
    "nuscenes": ("nuscenes-devkit==1.2.0",),
    "supervisely": ("supervisely==6.74.51",),
}

VOC_PARTS = {name: name for name in ("Annotations", "ImageSets", "JPEGImages")}
YOLO_PARTS = {
    "images/train2017": "images/train",
    "object_detection/labels/train2017": "labels/train",
    "object_detection/config.yaml": "data.yaml",
}


@dataclass(frozen=True)
class Case:
    """One input, read by both."""

    package: str  # key of PACKAGES
    format: str  # as `by_<package>` calls it
    input: str  # what it is, in words
    root: Path  # for Daguerre
    read: Callable[[Path], Iterable[Row]]  # Daguerre's side
    allowances: tuple[Allowance, ...] = ()
    their_root: Path | None = None  # where they are given another file of it


def run_module(package: str, module: str, *arguments: str) -> None:
    """In the package's own environment. Raises RuntimeError with what it printed last."""
    name = "readers_" + PACKAGES[package][0].replace("==", "-")
    python = make_environment(name, *PACKAGES[package])
    command = [str(python), "-m", f"bench.prove.readers.{module}", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} {arguments[0]}: {done.stderr[-1500:]}")


def find_data() -> Path:
    """Where real data would lie: `DAGUERRE_TEST_DATA`, or beside the checkout."""
    default = CHECKOUT.parent / "shared" / "data"
    return Path(os.environ.get("DAGUERRE_TEST_DATA", default))


def list_cases(place: Path, packages: Iterable[str]) -> Iterator[Case]:
    """The cases of these packages; inputs that are made are made below `place`."""
    data = find_data()
    for package in packages:
        yield from _LISTS[package](place / package, data)


def _write_labels(place: Path) -> None:
    pictures = label_sets.draw_pictures(SEED)
    label_sets.write_yolo(pictures, place / "yolo")
    label_sets.write_yolo(pictures, place / "yolo outlines", with_outlines=True)
    label_sets.write_coco(pictures, place / "coco")
    label_sets.write_voc(pictures, place / "voc")
    label_sets.write_cvat(pictures, place / "cvat")
    label_sets.write_kitti(pictures, place / "kitti")
    label_sets.write_label_studio(pictures, place / "label studio")
    for form in ("coco", "cvat", "yolo", "label-studio"):
        label_sets.write_export(pictures, place / f"exported {form}", form)


def _list_supervision(place: Path, data: Path) -> Iterator[Case]:
    _write_labels(place)
    detection = data / "detection"
    boxes = ours.list_boxes
    meant = (allow.FLOAT32, allow.REPEATED)
    yield Case("supervision", "yolo", "boxes", place / "yolo", boxes, meant)
    yield Case("supervision", "yolo", "outlines", place / "yolo outlines", boxes, meant)
    yield Case("supervision", "coco", "outlines", place / "coco", boxes, meant)
    exported = place / "exported coco"
    yield Case("supervision", "exported coco", "boxes", exported, boxes, meant)
    exported = place / "exported yolo"
    yield Case("supervision", "exported yolo", "boxes", exported, boxes, meant)
    voc = (allow.FROM_ONE, allow.REPEATED)
    yield Case("supervision", "voc", "boxes", place / "voc", boxes, voc)
    real = detection / "bccd_voc"
    yield Case("supervision", "voc", "BCCD", real, boxes, voc)
    coco40 = _copy(detection / "coco40_yolo", place / "coco40", YOLO_PARTS)
    unseen = allow.allow_unseen(_find_unlabelled(coco40))
    yield Case(
        "supervision", "yolo", "COCO, 40 pictures", coco40, boxes, (*meant, unseen)
    )


def _list_datumaro(place: Path, data: Path) -> Iterator[Case]:
    _write_labels(place)
    boxes = ours.list_boxes
    meant = (allow.TWO_DECIMALS, allow.REPEATED)
    _declare_classes(place / "voc", label_sets.CLASSES)
    for name in ("yolo", "coco", "voc", "cvat", "kitti"):
        yield Case("datumaro", name, "boxes", place / name, boxes, meant)
    for name in ("coco", "cvat", "yolo"):
        exported = place / f"exported {name}"
        yield Case("datumaro", f"exported {name}", "boxes", exported, boxes, meant)
    bccd = _copy(data / "detection" / "bccd_voc", place / "bccd", VOC_PARTS)
    if bccd.is_dir():
        _declare_classes(bccd, ("RBC", "WBC", "Platelets"))
    yield Case("datumaro", "voc", "BCCD", bccd, boxes, meant)
    coco40 = _copy(data / "detection" / "coco40_yolo", place / "coco40", YOLO_PARTS)
    yield Case("datumaro", "yolo", "COCO, 40 pictures", coco40, boxes, meant)


def _find_unlabelled(root: Path) -> frozenset[str]:
    """Pictures of `images` without a text in `labels`."""
    texts = {path.stem for path in root.glob("labels/*/*.txt")}
    pictures = [path for path in root.glob("images/*/*") if path.stem not in texts]
    return frozenset(path.relative_to(root).as_posix() for path in pictures)


def _declare_classes(root: Path, names: Iterable[str]) -> None:
    """datumaro refuses classes of VOC that this file does not name, except the 20 of the original."""
    lines = (f"{name}:{50 * n},0,0::\n" for n, name in enumerate(names))
    (root / "labelmap.txt").write_text("".join(lines), encoding="utf-8")


def _copy(source: Path, target: Path, parts: dict[str, str]) -> Path:
    """Copies of some files and folders of real data, by other names; nothing where they are absent."""
    for part, name in parts.items() if source.is_dir() else ():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (source / part).is_dir() else shutil.copyfile
        copy(source / part, target / name)
    return target


def _list_label_studio(place: Path, data: Path) -> Iterator[Case]:
    _write_labels(place)
    root = place / "label studio"
    (root / "config.xml").write_text(label_sets.LABEL_CONFIG, encoding="utf-8")
    yield Case(
        "label_studio",
        "label studio",
        "rectangles and polygons",
        root,
        ours.list_boxes,
        (allow.LAST_DIGIT, allow.REPEATED),
    )
    yield Case(
        "label_studio",
        "exported label studio",
        "boxes",
        place / "exported label-studio",
        ours.list_boxes,
        (allow.LAST_DIGIT, allow.REPEATED),
    )


def _list_rosbags(place: Path, data: Path) -> Iterator[Case]:
    place.mkdir(parents=True)
    run_module("rosbags", "write_recordings", str(place))
    messages = ours.list_messages
    meant = (allow.REPEATED,)
    yield Case("rosbags", "mcap", "ROS 2", place / "ros2", messages, meant)
    bag = place / "ros1" / "ros1.bag"
    yield Case("rosbags", "ros 1 bag", "ROS 1", bag.parent, messages, meant, bag)
    yield Case("rosbags", "sqlite", "ROS 2", place / "sqlite", messages, meant)
    yield Case(
        "rosbags",
        "ros 1 bag",
        "ROS 1, converted",
        place / "from_ros1",
        messages,
        meant,
        bag,
    )
    yield Case(
        "rosbags",
        "sqlite",
        "ROS 2, converted",
        place / "from_sqlite",
        messages,
        meant,
        place / "sqlite",
    )
    real = data / "sensors" / "mcap"
    yield Case(
        "rosbags",
        "mcap",
        "TurtleBot",
        real,
        messages,
        (),
        real / "nav2_turtlebot.mcap",
    )


def _list_evo(place: Path, data: Path) -> Iterator[Case]:
    trajectories.write_tum(place / "tum", SEED)
    trajectories.write_euroc(place / "euroc", SEED)
    yield Case("evo", "tum", "decimals", place / "tum", ours.list_poses)
    meant = (allow.FLOAT_NANOSECONDS,)
    yield Case("evo", "euroc", "ground truth", place / "euroc", ours.list_poses, meant)
    real = data / "sensors" / "trajectories_tum"
    yield Case("evo", "tum", "freiburg1_xyz", real, ours.list_poses)
    real = data / "sensors" / "mcap"
    yield Case(
        "evo",
        "mcap odometry",
        "TurtleBot",
        real,
        ours.list_odometry,
        meant,
        real / "nav2_turtlebot.mcap",
    )
    yield Case(
        "evo",
        "pose matrices",
        "7-Scenes",
        data / "rgbd" / "7scenes_40",
        ours.list_matrices,
        (allow.OTHER_QUATERNION,),
    )


def _list_pykitti(place: Path, data: Path) -> Iterator[Case]:
    drives.write_drive(place / "raw", SEED)
    drives.write_sequence(place / "odometry", SEED)
    meant = (allow.MICROSECONDS, allow.SAME_PLACE)
    root = place / "raw"
    yield Case("pykitti", "kitti raw", "drive", root, ours.list_drive, meant)
    root = place / "odometry"
    read = ours.list_sequence
    yield Case("pykitti", "kitti odometry", "sequence", root, read, (allow.SAME_PLACE,))


def _list_pycolmap(place: Path, data: Path) -> Iterator[Case]:
    place.mkdir(parents=True)
    width, height = drives.MODEL_SIZE_PX
    size = (str(width), str(height))
    run_module("pycolmap", "by_pycolmap", "write", str(place), str(SEED), *size)
    meant = (allow.SAME_PLACE, allow.SAME_PIXELS)
    for form in ("bin", "txt"):
        root = place / form
        drives.write_model_pictures(root, SEED)
        yield Case("pycolmap", "colmap", form, root, ours.list_model, meant)


def _list_nuscenes(place: Path, data: Path) -> Iterator[Case]:
    scenes.write_scenes(place)
    meant = (allow.SAME_PLACE,)
    yield Case("nuscenes", "nuscenes", "two scenes", place, ours.list_scenes, meant)


def _list_supervisely(place: Path, data: Path) -> Iterator[Case]:
    run_module("supervisely", "by_supervisely", "write", str(place), str(SEED))
    yield Case("supervisely", "supervisely", "its SDK's", place, ours.list_project)


_LISTS = {
    "supervision": _list_supervision,
    "datumaro": _list_datumaro,
    "label_studio": _list_label_studio,
    "rosbags": _list_rosbags,
    "evo": _list_evo,
    "pykitti": _list_pykitti,
    "pycolmap": _list_pycolmap,
    "nuscenes": _list_nuscenes,
    "supervisely": _list_supervisely,
}
