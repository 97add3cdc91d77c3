"""The same job on bare Dagster and Lance, as their public documentation shows it: no ledger, no quarantine.

A sensor with the newest time stamp as its cursor (docs.dagster.io, "Sensors", cursor example) asks for a run over the
files that are newer. The asset reads each file and upserts its records by an id of its path and position with Lance's
`merge_insert` (lance.org, "Read and write", upsert example). A file that cannot be decoded is skipped with a warning.
A run that fails is retried as it is, like Dagster's run retries do.
"""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.prove.export import Export, rows_of
from bench.prove.order import Order

TABLE = "records"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("topic", pa.string()),
        ("t_ns", pa.int64()),
        ("payload", pa.large_binary()),
    ]
)
_IMAGES = (".png", ".jpg", ".jpeg")
_LOG = logging.getLogger(__name__)


def find_new_files(
    source: str, options: dict[str, Any], cursor: float
) -> tuple[list[str], float]:
    """The sensor's tick: the files whose time stamp is beyond the cursor, and the cursor that follows."""
    import dagster as dg

    @dg.sensor(target=_make_asset({}))
    def landing(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        last = newest = float(context.cursor or 0)
        fresh = []
        for path, modified_s in _list(source, options):
            if modified_s > last:
                fresh.append(path)
            newest = max(newest, modified_s)
        context.update_cursor(str(newest))
        if fresh:
            yield dg.RunRequest(
                run_key=f"{newest}",
                run_config={"ops": {TABLE: {"config": {"files": fresh}}}},
            )

    with dg.DagsterInstance.ephemeral() as instance:
        tick = landing.evaluate_tick(
            dg.build_sensor_context(instance, cursor=str(cursor))
        )
    files = [
        f
        for request in tick.run_requests or []
        for f in request.run_config["ops"][TABLE]["config"]["files"]
    ]
    return files, float(tick.cursor or 0)


def take_in(order: Order) -> None:
    """One Dagster run over the files that the sensor asked for."""
    import dagster as dg

    asset = _make_asset(
        {
            "source": order.source,
            "uri": table_uri(order.tables or f"{order.home}/tables"),
            "files": order.file_options,
            "tables": order.table_options,
        }
    )
    config = {"ops": {TABLE: {"config": {"files": list(order.files)}}}}
    dg.materialize([asset], run_config=config, instance=dg.DagsterInstance.ephemeral())


def _make_asset(places: dict[str, Any]) -> Any:
    import dagster as dg

    @dg.asset(name=TABLE, config_schema={"files": [str]})
    def records(context: dg.AssetExecutionContext) -> None:
        for path in context.op_execution_context.op_config["files"]:
            data = _read(places["source"], path, places["files"])
            rows = list(records_of(path, data))
            if rows:
                write_rows(
                    places["uri"],
                    pa.Table.from_pylist(rows, schema=SCHEMA),
                    places["tables"],
                )

    return records


def write_rows(uri: str, rows: pa.Table, options: dict[str, str] | None) -> None:
    """Upsert by id; the first write makes the table."""
    import lance

    try:
        dataset = lance.dataset(uri, storage_options=options)
    except (ValueError, FileNotFoundError, OSError):
        lance.write_dataset(rows, uri, storage_options=options)
        return
    dataset.merge_insert(
        "id"
    ).when_matched_update_all().when_not_matched_insert_all().execute(rows)


def table_uri(tables: str) -> str:
    """Where the one table lies."""
    return f"{tables.rstrip('/')}/{TABLE}.lance"


def export_baseline(tables: str, options: dict[str, str] | None = None) -> Export:
    """All rows, by what they hold: the position of a record, and its bytes."""
    import lance

    try:
        rows = (
            lance.dataset(table_uri(tables), storage_options=options)
            .to_table()
            .to_pylist()
        )
    except (ValueError, FileNotFoundError, OSError):
        rows = []
    return Export({TABLE: rows_of(rows, "id", "")} if rows else {})


def records_of(path: str, data: bytes) -> Iterator[dict[str, Any]]:
    """An image is one record, a recording one a message; other files are not looked at."""
    if path.endswith(_IMAGES):
        import cv2
        import numpy as np

        if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None:
            _LOG.warning("cannot decode %s", path)
            return
        yield {"id": path, "path": path, "topic": "image", "t_ns": 0, "payload": data}
    elif path.endswith(".mcap"):
        from mcap.exceptions import McapError
        from mcap.reader import make_reader

        try:
            messages = make_reader(io.BytesIO(data)).iter_messages()
            for number, (_, channel, message) in enumerate(messages):
                yield {
                    "id": f"{path}#{number}",
                    "path": path,
                    "topic": channel.topic,
                    "t_ns": message.log_time,
                    "payload": message.data,
                }
        except McapError as error:
            _LOG.warning("cannot read %s: %s", path, error)


def _list(source: str, options: dict[str, Any]) -> list[tuple[str, float]]:
    if "://" not in source:
        root = Path(source)
        return [
            (str(p.relative_to(root)), p.stat().st_mtime)
            for p in sorted(root.rglob("*"))
            if p.is_file()
        ]
    import fsspec

    fs, root_key = fsspec.core.url_to_fs(
        source, **{"use_listings_cache": False, **options}
    )
    found = fs.find(root_key, detail=True)
    return [
        (name.removeprefix(root_key + "/"), info["LastModified"].timestamp())
        for name, info in found.items()
    ]


def _read(source: str, path: str, options: dict[str, Any]) -> bytes:
    if "://" not in source:
        return (Path(source) / path).read_bytes()
    import fsspec

    with fsspec.open(
        f"{source}/{path}", "rb", **{"use_listings_cache": False, **options}
    ) as stream:
        return bytes(stream.read())
