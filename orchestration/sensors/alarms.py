"""Watch for what a person should know of: drift whose evidence suffices, an estimate that fell, a feed that stopped,
a rig that moved.

Belongs here: when to look. Does not: what is an alarm, and who is told.
"""

import dagster as dg

from assets.monitoring.alarms import raise_alarms
from assets.monitoring.truths import add_truths
from assets.monitoring.webhook import Webhook
from assets.tables.catalog import Catalog
from orchestration.sensors.seen import read_versions

_READ = (
    "champions",
    "drift",
    "answer_drift",
    "estimates",
    "request_windows",
    "rig_fits",
    "rig_calibrations",
    "labels",
    "label_versions",
)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Raises alarms, at most one a cause and cool-down: in the log, the table alarms, and the webhook.",
)
def alarm_sensor(
    context: dg.SensorEvaluationContext,
    catalog: dg.ResourceParam[Catalog],
    webhook: dg.ResourceParam[Webhook | None],
) -> dg.SensorResult:
    """Adds the truth to estimates whose labels have come, and raises alarms. It asks for no run: `drift_sensor` does.

    The cursor holds the versions of the tables that were looked at: verdicts are read again when there is a new one.
    """
    seen = read_versions(catalog, _READ)
    is_changed = seen != context.cursor
    num_truths = add_truths(catalog) if is_changed else 0
    tell = webhook.tell if webhook else None
    told = raise_alarms(catalog, tell, has_verdicts=is_changed)
    for row in told:
        context.log.warning(f"{row['summary']}. {row['remedy']}")
    truths = f"; {num_truths} estimates got their truth" * bool(num_truths)
    reason = f"{len(told) or 'no'} new alarms{truths}"
    return dg.SensorResult(skip_reason=reason, cursor=seen)
