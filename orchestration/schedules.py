"""Schedules: what is asked for by the clock.

Belongs here: when. Does not: what is done then.
"""

import dagster as dg

from orchestration.jobs import maintain_home

# at a quiet hour of the machine's own time; a daemon that was down then asks when it is back
maintenance_schedule = dg.ScheduleDefinition(
    name="maintenance_schedule",
    job=maintain_home,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Keeps the home in order, each night.",
)
