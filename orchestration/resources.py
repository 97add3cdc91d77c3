"""The plain objects that assets and commands work with, made from settings.

Belongs here: configuration to object. Does not: anything the objects do. Dagster stays out: most commands do
without it, and to import it takes as long as all else that they do.
"""

from typing import TYPE_CHECKING

from assets.capture.intake import Intake
from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.loop import LoopLimits
from assets.privacy.keys import SealKeys
from assets.search.intake_records import IntakeRecords
from assets.search.records import HomeRecords
from assets.search.run_records import RunRecords
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.worker import name_worker
from assets.workspace import Workspace
from orchestration.profiles import Settings

if TYPE_CHECKING:
    from assets.maintenance.home import Stores
    from assets.monitoring.webhook import Webhook
    from assets.registry.live_runs import LiveRuns
    from assets.registry.tracker import Tracker


def build_catalog(settings: Settings) -> Catalog:
    """The tables of the settings."""
    return Catalog(
        settings.tables_uri,
        settings.table_options,
        settings.blobs_uri,
        settings.file_options,
    )


def build_ledger(settings: Settings) -> Ledger:
    """The ledger of what was seen, in the database of the settings."""
    return Ledger(settings.ledger_url)


def build_landing_zone(settings: Settings) -> LandingZone:
    """The folder or bucket in which recordings arrive. A local one is made."""
    if "://" not in settings.landing_uri:
        (settings.home / "landing").mkdir(exist_ok=True)
    folder = Folder(settings.landing_uri, settings.file_options)
    return LandingZone(folder, build_ledger(settings), settings.partial_wait_s)


def open_ledger(settings: Settings) -> Ledger:
    """The ledger to look at: nothing is written."""
    return Ledger(settings.ledger_url, is_read_only=True)


def open_landing_zone(settings: Settings, ledger: Ledger) -> LandingZone:
    """The landing zone to look at: nothing is made."""
    folder = Folder(settings.landing_uri, settings.file_options)
    return LandingZone(folder, ledger, settings.partial_wait_s)


def build_intake(settings: Settings) -> Intake:
    """What reads landed sessions into tables, under the name of this worker."""
    blobs = BlobStore(settings.blobs_uri, settings.file_options)
    keys = SealKeys(settings.home, settings.seal_key)
    return Intake(
        build_catalog(settings), build_ledger(settings), blobs, name_worker(), keys
    )


def build_tracker(settings: Settings) -> "Tracker":
    """The MLflow of the settings."""
    from assets.registry.tracker import Tracker

    return Tracker(settings.mlflow_url, settings.mlflow_artifacts, settings.asks_person)


def build_run_log(settings: Settings) -> "LiveRuns":
    """The runs of trainings in the MLflow of the settings."""
    from assets.registry.live_runs import LiveRuns

    return LiveRuns(build_tracker(settings))


def build_workspace(settings: Settings) -> Workspace:
    """The folder of models, caches and reports."""
    return settings.workspace


def build_cared(settings: Settings, is_read_only: bool = False) -> "Stores":
    """What maintenance keeps in order."""
    from assets.maintenance.home import Stores

    ledger = Ledger(settings.ledger_url, is_read_only=is_read_only)
    return Stores(build_catalog(settings), ledger, settings.home, settings.keep_days)


def build_webhook(settings: Settings) -> "Webhook | None":
    """Who is told of alarms beside the log; None where nobody is named."""
    from assets.monitoring.webhook import Webhook

    return Webhook(settings.alarm_webhook) if settings.alarm_webhook else None


def build_limits(settings: Settings) -> LoopLimits:
    """What the closed loop may cost."""
    return settings.loop


def build_records(settings: Settings) -> HomeRecords:
    """What Dagster's storage and the ledger say in words. Nothing is written there."""
    return HomeRecords(
        RunRecords(settings.dagster_home, settings.dagster_url),
        IntakeRecords(build_catalog(settings), open_ledger(settings)),
    )


RESOURCE_FACTORIES = {
    "catalog": build_catalog,
    "landing_zone": build_landing_zone,
    "intake": build_intake,
    "tracker": build_tracker,
    "run_log": build_run_log,
    "workspace": build_workspace,
    "stores": build_cared,
    "webhook": build_webhook,
    "limits": build_limits,
    "records": build_records,
}
