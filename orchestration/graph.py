"""The graph: every asset, check, job, sensor and resource, built from one Settings object.

Belongs here: putting together. Does not: anything that takes time or imports a heavy library.
"""

from collections.abc import Callable
from importlib import import_module

import dagster as dg

from assets.batches import batch_sessions
from assets.partitions import sessions
from assets.stages import all_stages
from checks.as_check import all_gates
from orchestration.followed import followed_in_process
from orchestration.jobs import jobs
from orchestration.pictures import show_pictures
from orchestration.profiles import Settings
from orchestration.resources import RESOURCE_FACTORIES
from orchestration.schedules import maintenance_schedule
from orchestration.sensors.alarms import alarm_sensor
from orchestration.sensors.drift import drift_sensor
from orchestration.sensors.labelling import label_sensor
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.sensors.monitoring import unjudged_session_sensor
from orchestration.sensors.requests import request_sensor
from orchestration.sensors.rigs import rig_sensor
from orchestration.sensors.tracking import track_sensor


def build_defs(settings: Settings) -> dg.Definitions:
    """All definitions for one home."""
    made = [
        assets
        for stage in all_stages()
        for assets in import_module(stage.assets).defs.assets
    ]
    return dg.Definitions(
        assets=batch_sessions(show_pictures(made)),
        asset_checks=all_gates(sessions),
        jobs=jobs,
        schedules=[maintenance_schedule],
        sensors=[
            landing_zone_sensor,
            unjudged_session_sensor,
            track_sensor,
            request_sensor,
            rig_sensor,
            drift_sensor,
            alarm_sensor,
            label_sensor,
        ],
        resources={
            name: _lazily(make, settings) for name, make in RESOURCE_FACTORIES.items()
        },
        executor=followed_in_process,  # a step costs 2 to 9 s in a process of its own, milliseconds here
    )


def _lazily(
    make: Callable[[Settings], object], settings: Settings
) -> dg.ResourceDefinition:
    """A resource whose object is made when the first consumer asks for it."""
    return dg.ResourceDefinition(
        lambda _context: make(settings), description=make.__name__
    )
