"""The metrics that there are: name, type, labels, what the number means. The documentation lists them too."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from assets.foreign_text import for_line

MOST_SERIES = 50  # of a metric, whatever a home holds
OTHER = "other"
_MOST_CHARS = 80  # of the value of a label


@dataclass(frozen=True)
class Family:
    """A metric: a gauge, or a counter, whose name ends in _total. `text` is one line.

    Of more than MOST_SERIES series the largest stay, and the rest is summed up as one whose labels are `other`, where
    numbers may be summed up (`is_sum`); else the first in the order of their labels stay. No label is called `job` or
    `instance`, which Prometheus gives to what it scrapes.
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"
    is_sum: bool = False

    def __post_init__(self) -> None:
        assert self.name.endswith("_total") == (self.kind == "counter"), self.name
        assert not {"job", "instance"} & set(self.labels), self.name

    def at(self, value: float, *labels: str) -> "Sample":
        """A sample, with the values of the labels in their order."""
        assert len(labels) == len(self.labels), self.name
        return Sample(self, float(value), tuple(map(_shorten, labels)))


@dataclass(frozen=True)
class Sample:
    """One number of a metric."""

    family: Family
    value: float
    labels: tuple[str, ...] = ()


def _shorten(text: str) -> str:
    """One line; of a long one the beginning, and what tells it from others that begin so."""
    line = for_line(text)
    if len(line) <= _MOST_CHARS:
        return line
    digest = hashlib.sha256(line.encode()).hexdigest()[:8]
    return f"{line[: _MOST_CHARS - 9]}…{digest}"


def _count(name: str, text: str, *labels: str) -> Family:
    return Family(f"daguerre_{name}", text, labels, is_sum=True)


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(f"daguerre_{name}", text, labels)


UP = _gauge(
    "up", "1: the store was read; 0: it did not answer, and has no numbers", "store"
)
READ_SECONDS = _gauge(
    "store_read_seconds", "What the last look at the store took", "store"
)
READ_AT = _gauge(
    "store_read_timestamp_seconds",
    "When the store was looked at last, since 1970",
    "store",
)
LEFT_OUT = _gauge(
    "series_left_out",
    f"Series beyond {MOST_SERIES} of the metric: summed up as other, or not shown",
    "metric",
)
BUILD = _gauge("build_info", "1, with the version of Daguerre", "version")

RUNS = Family(
    "daguerre_runs_total",
    "Runs that ended, by job and outcome: success, failure, canceled",
    ("dagster_job", "outcome"),
    "counter",
    True,
)
RUNS_OPEN = _count(
    "runs_open",
    "Runs that have not ended, by job and state: queued, starting, started, canceling",
    "dagster_job",
    "state",
)
OLDEST_QUEUED = _gauge(
    "runs_oldest_queued_timestamp_seconds",
    "When the run that waits longest was asked for, since 1970",
)
ROWS_RATE = _gauge(
    "asset_rows_per_second",
    "Rows made a second by the steps of an asset, of its last runs that made any",
    "asset",
)

FILES = _count("files", "Files that the ledger knows, by outcome", "outcome")
QUARANTINED = _count(
    "quarantined",
    "What could not be read: whole files, and records within files, by reader and kind of reason",
    "what",
    "reader",
    "reason",
)
SESSIONS_KNOWN = _gauge("sessions_known", "Sessions of which the ledger knows a file")
SESSIONS_FORGOTTEN = _gauge(
    "sessions_forgotten", "Sessions that a person told to forget"
)
SESSIONS_FAILED = _count(
    "sessions_failed",
    "Sessions whose listing or intake failed, and is tried again after a pause",
    "what",
)
CLAIMS = _gauge("intake_claims", "Captures that somebody takes in right now")
SESSIONS_WAITING = _gauge(
    "sessions_waiting", "Folders in the landing zone of which nothing was taken in yet"
)

SESSIONS_HELD = _count(
    "sessions_held", "Sessions that a check holds back from readers, by table", "table"
)
SESSIONS_PUBLISHED = _count(
    "sessions_published", "Sessions that readers see, by table", "table"
)
TABLE_ROWS = _gauge("table_rows", "Rows of the newest version of a table", "table")
NEWEST_FRAME = _gauge(
    "sensor_newest_frame_timestamp_seconds",
    "When the newest frame of a camera was taken, since 1970 by its own clock",
    "sensor",
)
UNDATED = _gauge(
    "sensors_undated",
    "Cameras whose clocks tell no date, so that their frames have no age",
)
DRIFT = _count(
    "drift_sessions",
    "Sessions that the champion has judged: drifted, stable or no verdict",
    "task",
    "verdict",
)
DRIFT_SENSORS = _count(
    "drift_sensor_sessions",
    "Sessions by what the champion says of one sensor: drifted, stable or no verdict",
    "task",
    "sensor",
    "verdict",
)
EVIDENCE = _gauge(
    "drift_evidence",
    "Evidence of a change up to the newest session, or day of requests, of images and of answers each",
    "task",
    "subject",
)
EVIDENCE_LIMIT = _gauge("drift_evidence_limit", "Evidence that raises an alarm")
ESTIMATE = _gauge(
    "estimated_score",
    "How good the champion is estimated to be on the newest session with an estimate, without labels",
    "task",
    "metric",
)
ESTIMATE_ERROR = _gauge(
    "estimate_error",
    "Mean absolute error of the estimates for the champion, of sessions whose labels have come",
    "task",
    "metric",
)
NO_ESTIMATE = _count(
    "sessions_without_estimate",
    "Sessions that the champion has judged of which its quality cannot be estimated",
    "task",
)
ALARMS = _count("alarms", "Alarms that were to be told, by kind", "kind")
ALARMS_UNTOLD = _gauge(
    "alarms_undelivered", "Alarms that the webhook has not taken, or not yet"
)
FEEDS = _count(
    "feeds", "Sensors by whether they deliver: delivers, stopped, unknown", "state"
)
REQUESTS = _count(
    "retraining_requests_open",
    "Requests for retraining that no later champion has answered",
    "task",
)
CHAMPION_VERSION = _gauge(
    "champion_version", "Version of the champion in the registry", "task"
)
CHAMPION_SCORE = _gauge(
    "champion_score",
    "What the champion scored on the test part of its release",
    "task",
    "metric",
)
CHAMPION_SAMPLES = _gauge(
    "champion_test_samples",
    "Samples of the test part that the champion was scored on",
    "task",
)
GATE_FLOOR = _gauge(
    "gate_floor",
    "What a champion has to score, in the metric of the gate",
    "task",
    "metric",
)
GATE_DROP = _gauge(
    "gate_drop_allowed",
    "How far champions may be below the best of their line, in the metric of the gate",
    "task",
    "metric",
)
GATE_SPENT = _gauge(
    "gate_drop_spent",
    "How far the champion is below the best of its line, in the metric of the gate",
    "task",
    "metric",
)
PROMOTIONS_CUT = _gauge(
    "promotions_cut_short", "Tasks whose champion the registry does not name yet"
)

STORE_BYTES = _gauge("store_size_bytes", "What a store takes on this disk", "store")
FREE_BYTES = _gauge("home_free_bytes", "Free on the disk of the home")

SERVED = Family(
    "daguerre_serving_requests_total",
    "Requests since the server's start, by task and HTTP status",
    ("task", "status"),
    "counter",
    True,
)
SERVED_IMAGES = Family(
    "daguerre_serving_images_total",
    "Images answered since the server's start, by task, version and role: champion, canary",
    ("task", "version", "role"),
    "counter",
    True,
)
SERVED_SECONDS = _gauge(
    "serving_latency_seconds",
    "From a request to its answer, of the last 2,000 answers: the quantile 0.5, 0.99",
    "task",
    "quantile",
)
SERVED_BATCH = _gauge(
    "serving_batch_images", "Images computed together, mean of the last 2,000 images"
)
SERVED_WAITING = _gauge("serving_waiting_images", "Images that wait for a replica")
REPLICAS_READY = _gauge("serving_replicas_ready", "Replicas that answer")
REPLICAS_LOST = Family(
    "daguerre_serving_replicas_lost_total",
    "Replicas that died since the server's start",
    (),
    "counter",
)
SERVED_FAULT = _gauge(
    "serving_fault",
    "1: the task's champion of the table does not answer here, or should not; /readyz says why",
    "task",
)
CANARY_RETRIED = Family(
    "daguerre_serving_canary_retried_total",
    "Requests that a canary failed and the champion answered",
    (),
    "counter",
)
CANARY_RETURNED = Family(
    "daguerre_serving_canary_returned_total",
    "Canaries that were returned since the server's start",
    ("task",),
    "counter",
)
DISAGREEMENT = _gauge(
    "serving_disagreement",
    "Mean difference of a canary's or shadow's answers from the champion's, 0 to 1, of the last 2,000 images",
    "version",
)
SAMPLED = Family(
    "daguerre_serving_sampled_total",
    "Rows for the table requests since the server's start: kept, or dropped as the writer lagged",
    ("outcome",),
    "counter",
)

FAMILIES = tuple(
    value for value in dict(globals()).values() if isinstance(value, Family)
)
