"""Read nuScenes: a folder of tables (`v1.0-mini/`), and `samples/` and `sweeps/` beside it; a scene is a recording.

A row of `sample_data` gives a picture or a scan its sensor (the channel in lower case) and its time, in microseconds.
The rig is the `ego` vehicle: x forward, y left, z up, its origin on the road below the rear axle. Poses are
world_from_ego, the world being the map of a city. Key frames are the files below `samples/`. Boxes are in 3D, which no
kind of label here is: they are counted and left out, and no boxes in pictures are made of them (Caesar et al., CVPR
2020).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.formats.images.frame_files import read_frame_file
from assets.formats.layout import folder_of, is_hidden, join, list_paths, name_of
from assets.formats.observations import (
    CalibrationObservation,
    Observation,
    Problem,
    SignalObservation,
)
from assets.formats.points.scan_files import read_scan_file
from assets.formats.protocol import (
    LABELS_NOT_READ,
    NOT_READ,
    CapturePlan,
    Opener,
    whole_file,
)
from assets.formats.sequences.nuscenes_tables import (
    NEEDED,
    OTHERS,
    Recorded,
    Scene,
    Tables,
)
from assets.storage import SessionFile

_TABLE_NAMES = frozenset(f"{name}.json" for name in (*NEEDED, *OTHERS))
_KEY_FRAMES = "samples"
_WORLD = "world"
_EGO = "ego"
_TABLE_REMEDY = "copy the table again; of a table that is too large give the rows of the scenes that you want"
_FILE_REMEDY = "copy the missing files, or take their rows out of sample_data.json"


@dataclass(frozen=True)
class ScenePlan(CapturePlan):
    """A scene to be read; the first of a folder has the tables among its files, and tells what is wrong with them."""

    tables: Tables | None = None
    scene: Scene | None = None  # None: no scene can be read


class NuScenesReader:
    name = "nuscenes"
    carries = frozenset({"calibration", "clock"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        folders: dict[str, list[SessionFile]] = defaultdict(list)
        for file in files:
            if name_of(file.path) in _TABLE_NAMES and not is_hidden(file.path):
                folders[folder_of(file.path)].append(file)
        here = {file.path: file for file in files}
        plans: list[CapturePlan] = []
        for folder, tables in sorted(folders.items()):
            if {f"{name}.json" for name in NEEDED} <= {name_of(f.path) for f in tables}:
                plans += self._plan_folder(folder, tables, here, opener)
        return plans

    def _plan_folder(
        self,
        folder: str,
        files: Sequence[SessionFile],
        here: dict[str, SessionFile],
        opener: Opener,
    ) -> Iterator[ScenePlan]:
        """A plan for each scene. What a plan takes is no longer `here`."""
        root = (
            folder
            if any(p.startswith(join(folder, "samples/")) for p in here)
            else folder_of(folder)
        )
        tables = Tables.read(files, root, opener)
        for file in files:
            del here[file.path]
        maps = tuple(here.pop(path) for path in tables.maps if path in here)
        first = (*files, *maps)
        scenes: list[Scene | None] = [
            scene
            for scene in tables.scenes
            if any(item.path in here for item in scene.recorded)
        ]
        notes = {}
        if len(scenes) < len(tables.scenes):
            num_absent = len(tables.scenes) - len(scenes)
            notes["not here"] = f"all files of {num_absent} scenes"
        for scene in scenes or [None]:
            mine = dict.fromkeys(item.path for item in scene.recorded) if scene else {}
            taken = tuple(here.pop(path) for path in mine if path in here)
            yield ScenePlan(
                self.name,
                join(folder, scene.name) if scene else folder,
                (*first, *taken),
                is_container=False,
                notes=dict(notes),
                beside=tuple(files),
                read_by=tables.digest,
                tables=tables,
                scene=scene,
            )
            first = ()
            notes = {}

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        assert isinstance(plan, ScenePlan) and plan.tables is not None
        mine = {file.path: file for file in plan.files}
        if plan.tables.files["sample_data"].path in mine:
            yield from _tell_tables(plan, plan.tables)
        if plan.scene is not None:
            yield from _SceneReading(plan, plan.tables, plan.scene, opener).read()


def _tell_tables(plan: CapturePlan, tables: Tables) -> Iterator[Problem]:
    """What of the tables is not read."""
    for fault in tables.faults:
        yield Problem(whole_file(fault.file), plan.reader, fault.reason, _TABLE_REMEDY)
    paths = {file.path for file in plan.files}
    num_maps = sum(path in paths for path in tables.maps)
    if num_maps:
        plan.notes[f"{NOT_READ}: maps"] = f"{num_maps} pictures of maps"


@dataclass
class _SceneReading:
    """One pass over one scene."""

    plan: CapturePlan
    tables: Tables
    scene: Scene
    opener: Opener

    def read(self) -> Iterator[Observation]:
        """Places of the sensors, poses, pictures and scans, and what is not here."""
        self._note()
        yield from self._read_places()
        yield from self._read_poses()
        yield from self._read_files()

    def _note(self) -> None:
        notes = self.plan.notes
        notes["scene"] = self.scene.description or self.scene.name
        if self.scene.log:
            notes["log"] = self.scene.log
        if self.scene.num_boxes:
            notes[f"{LABELS_NOT_READ}: 3D boxes"] = str(self.scene.num_boxes)
        num_astray = sum(
            item.is_key_frame != self._is_sample(item) for item in self.scene.recorded
        )
        if num_astray:
            notes["key frames"] = (
                f"of {num_astray} files is_key_frame and the folder ({_KEY_FRAMES}/ for key frames) say two things"
            )

    def _is_sample(self, item: Recorded) -> bool:
        return item.path.startswith(join(self.tables.root, f"{_KEY_FRAMES}/"))

    def _read_places(self) -> Iterator[Observation]:
        """Each place of each sensor once."""
        source = whole_file(self.tables.files["calibrated_sensor"])
        places = {(item.sensor, item.calibration): item for item in self.scene.recorded}
        for (sensor, token), item in sorted(places.items()):
            placed = self.tables.calibrations[token]
            if item.is_camera and placed.intrinsics_px and min(item.size_px) > 0:
                yield CalibrationObservation(
                    sensor,
                    *item.size_px,
                    *placed.intrinsics_px,
                    source,
                    rig_from_camera=placed.ego_from_sensor,
                )
                continue
            yield SignalObservation(
                sensor,
                "transform",
                None,
                placed.ego_from_sensor,
                source,
                _EGO,
                sensor,
            )

    def _read_poses(self) -> Iterator[Observation]:
        source = whole_file(self.tables.files["ego_pose"])
        for t_ns, pose in self.scene.poses:
            yield SignalObservation(_EGO, "pose", t_ns, pose, source, _WORLD, _EGO)

    def _read_files(self) -> Iterator[Observation]:
        here = {file.path: file for file in self.plan.files}
        numbers = Counter[str]()
        absent = defaultdict[str, list[str]](list)
        for item in self.scene.recorded:
            number = numbers[item.sensor]
            # also for what cannot be read, so that repairing it renumbers nothing
            numbers[item.sensor] += 1
            file = here.get(item.path)
            if file is None:
                absent[item.sensor].append(item.path)
            else:
                yield self._read_file(file, item, number)
        yield from self._tell_absent(numbers, absent)

    def _read_file(self, file: SessionFile, item: Recorded, number: int) -> Observation:
        reader = self.plan.reader
        if item.is_camera:
            return read_frame_file(
                file,
                self.opener,
                reader,
                item.sensor,
                t_ns=item.t_ns,
                sequence=number,
            )
        form = "nuscenes_bin" if file.path.lower().endswith(".pcd.bin") else "pcd"
        return read_scan_file(
            file,
            self.opener,
            reader,
            item.sensor,
            form,
            t_ns=item.t_ns,
            sequence=number,
            frame=item.sensor,
        )

    def _tell_absent(
        self, numbers: Counter[str], absent: dict[str, list[str]]
    ) -> Iterator[Problem]:
        """A sensor of which nothing is here was left out on purpose; single files were lost."""
        for sensor, paths in sorted(absent.items()):
            if len(paths) == numbers[sensor]:
                self.plan.notes[f"not here: {sensor}"] = f"{len(paths)} files"
                continue
            reason = f"{sensor}: files of scene {self.scene.name} are not here, {list_paths(paths)}"
            yield Problem(
                whole_file(self.tables.files["sample_data"]),
                self.plan.reader,
                reason[:500],
                _FILE_REMEDY,
                sensor,
            )
