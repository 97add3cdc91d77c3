"""One worker process of a schedule: it takes in one session under one fault, and writes its operations down.

`python -m bench.prove.worker`: prints "ready" when all is loaded, reads its order as one JSON line, goes to work, and
prints the points that it passed. It ends with 0 when the intake reported success, with 1 after an error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from bench.prove.faults import (
    BLOB_WRITES,
    LEDGER_WRITES,
    TABLE_WRITES,
    Failpoints,
    suffer,
    wrap,
)
from bench.prove.history import History
from bench.prove.order import Order


def work(order: Order, points: Failpoints) -> None:
    """Do what is ordered; raises what the engine raises."""
    if order.engine == "baseline":
        from bench.prove import baseline

        wrap(baseline, ("write_rows",), points.announce)
        baseline.take_in(order)
        return
    from assets.storage import Folder

    intake = build_intake(order, points)
    intake.ingest(Folder(order.source, order.file_options), order.session)


def build_intake(order: Order, points: Failpoints) -> Any:
    """The intake of the product, whose writes are announced."""
    from assets.tables.appending import Appender
    from assets.tables.fencing import FencedWriter

    intake = open_intake(order)
    wrap(intake.catalog, TABLE_WRITES, points.announce)
    wrap(Appender, ("append",), points.announce)
    wrap(FencedWriter, TABLE_WRITES, points.announce)
    wrap(intake.blobs, BLOB_WRITES, points.announce)
    wrap(intake.ledger, LEDGER_WRITES, points.announce)
    return intake


def open_intake(order: Order) -> Any:
    """The intake of the product on its own stores, whose claims are written down."""
    from assets.capture.intake import Intake
    from assets.ledger import Ledger
    from assets.storage import BlobStore
    from assets.tables.catalog import Catalog
    from assets.worker import name_worker

    catalog = Catalog(order.tables or f"{order.home}/tables", order.table_options)
    blobs = BlobStore(order.blobs or f"{order.home}/blobs", order.file_options)
    ledger = Ledger(
        order.ledger_url or f"sqlite:///{order.home}/ledger.db", order.lease_s
    )
    _write_down(ledger, History(Path(order.history), order.worker))
    return Intake(catalog, ledger, blobs, name_worker())


def _write_down(ledger: Any, history: History) -> None:
    """Claims, commits and acknowledgements, as the ledger's callers see them."""
    claim = ledger.claim
    commit = ledger.commit
    record = ledger.record

    def write_claim(capture_id: str, owner: str) -> Any:
        given = claim(capture_id, owner)
        history.add(
            "claimed" if given else "claim refused",
            capture_id=capture_id,
            epoch=given.epoch if given else None,
        )
        return given

    def write_commit(given: Any, outcomes: Any) -> None:
        facts = {"capture_id": given.capture_id, "epoch": given.epoch}
        history.add("commit begins", **facts)
        commit(given, outcomes)
        history.add("committed", **facts)
        history.add("acknowledged", files=_keys(outcomes))

    def write_record(outcomes: Any) -> None:
        outcomes = list(outcomes)
        record(outcomes)
        history.add("acknowledged", files=_keys(outcomes))

    ledger.claim = write_claim
    ledger.commit = write_commit
    ledger.record = write_record


def _keys(outcomes: Any) -> list[str]:
    return [f"{o.session}/{o.path}@{o.version}" for o in outcomes]


def _load(engine: str) -> None:
    """Import what takes long, so that workers that race begin at once."""
    if engine == "baseline":
        import bench.prove.baseline  # noqa: F401
    else:
        import assets.capture.intake
        import assets.ledger  # noqa: F401
    import lance  # noqa: F401


def main() -> None:
    _load(sys.argv[1])
    print("ready", flush=True)
    order = Order.from_json(sys.stdin.readline())
    points = Failpoints(order.fault)
    history = History(Path(order.history), order.worker)
    suffer(order.fault)
    history.add("begins", process=os.getpid())
    try:
        work(order, points)
    except BaseException as error:
        history.add("failed", error=f"{type(error).__name__}: {error}"[:500])
        raise
    history.add("ended")
    print(json.dumps(points.passed))


if __name__ == "__main__":
    main()
