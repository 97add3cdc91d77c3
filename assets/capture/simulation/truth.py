"""What simulated recordings show, told apart from them: the labels of frames that were recorded without any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

from assets.capture.simulate import name_capture
from assets.capture.simulation.capture import NS, World, make_world
from assets.capture.simulation.spec import SimulationSpec
from assets.capture.simulation.textures import load_photos
from models.simulation.labels import FrameTruth, label_frame
from models.simulation.renderer import Renderer


class SimulatedTruth:
    """Draws frames again, by name of their recording, camera and time: the same worlds as `simulate` wrote."""

    def __init__(self, specs: Iterable[SimulationSpec]) -> None:
        self._recordings: Mapping[str, tuple[SimulationSpec, int]] = {
            name_capture(spec, index): (spec, index)
            for spec in specs
            for index in range(spec.captures)
        }

    def tell(self, recording: str, sensor: str, t_ns: int) -> FrameTruth:
        """All that a colour camera shows. `recording` is the name of its file without suffix, `t_ns` the frame's time.

        Raises KeyError for a recording that is none of these.
        """
        return _draw(*self._recordings[recording], sensor, t_ns)


@lru_cache(maxsize=8)
def _open(spec: SimulationSpec, index: int) -> tuple[World, Renderer]:
    """A fault of the recording changes no world, so it is not asked for."""
    world = make_world(spec, index, None)
    scene = world.shift.change_scene(world.scene)
    return world, Renderer(scene, load_photos(), world.rig.camera)


@lru_cache(maxsize=4096)
def _draw(spec: SimulationSpec, index: int, sensor: str, t_ns: int) -> FrameTruth:
    world, renderer = _open(spec, index)
    at = round((t_ns - world.start_ns - world.camera_lag_ns) / world.period_ns)
    motion = world.trajectory.at(np.array([at * world.period_ns / NS]))
    pose = motion.poses()[0] @ world.rig.true_rig_from_camera(sensor)
    return label_frame(renderer.render(pose).instances, world.scene)
