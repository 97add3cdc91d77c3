"""One home, one landing zone, and the worker processes that take the one into the other, on disk or on S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.prove.access import ACCESS
from bench.prove.export import Export, export
from bench.prove.faults import Fault
from bench.prove.history import Event, read_history
from bench.prove.landings import Step, land
from bench.prove.order import Order

ROOT = Path(__file__).resolve().parents[2]
SESSION = "monday"
MAX_ATTEMPTS = 6
_WORKER_S = 180.0


class NotRecovered(RuntimeError):
    """The work did not end well however often it was asked for."""


@dataclass(frozen=True)
class Bucket:
    """Where a site on S3 lies: what its workers use, and the same store past the proxy."""

    name: str
    endpoint: str
    direct_endpoint: str


class Worker:
    """A worker process: loaded, then under way, then ended."""

    def __init__(self, order: Order) -> None:
        env = {
            **os.environ,
            **ACCESS,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, "-m", "bench.prove.worker", order.engine]
        self.order = order
        self._log = Path(f"{order.history}.{order.worker}.log")
        self.passed = Counter[str]()
        self.status = 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._await("ready")

    def go(self) -> None:
        """Hand over the order."""
        self._tell(self.order.to_json())

    def await_pause(self) -> bool:
        """True when the worker waits at the point of its fault, False when it ended without passing it."""
        return self._await("paused")

    def resume(self) -> None:
        """Let it go on from its pause."""
        self._tell("")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """The exit status; negative for a signal."""
        try:
            out, _ = self._process.communicate(timeout=_WORKER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise NotRecovered(f"{self.order.worker} hangs: {self.error()}") from None
        self.status = self._process.returncode
        if self.status == 0:
            self.passed.update(json.loads(out.splitlines()[-1]))
        return self.status

    def error(self) -> str:
        """The end of what it wrote to its log."""
        return self._log.read_text()[-1500:]

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def _await(self, word: str) -> bool:
        assert self._process.stdout is not None
        return self._process.stdout.readline().startswith(word)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it died while it loaded: `wait` says so
            return


class Site:
    """A place where one schedule happens."""

    def __init__(
        self,
        folder: Path,
        engine: str,
        bucket: Bucket | None = None,
        ledger_url: str = "",
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.engine = engine
        self.bucket = bucket
        self.home = folder / "home"
        self._landing = folder / "landing" / SESSION
        self.home.mkdir()
        self._cursor = 0.0
        self._workers = list[Worker]()
        self._started = 0
        self.files: tuple[str, ...] = ()
        if bucket:
            self._s3(bucket.direct_endpoint).mkdir(bucket.name)
        root = f"s3://{bucket.name}" if bucket else ""
        self.order = Order(
            engine,
            "",
            str(self.home),
            f"{root}/landing/{SESSION}" if bucket else str(self._landing),
            SESSION,
            str(folder / "history.jsonl"),
            ledger_url,
            f"{root}/tables" if bucket else "",
            f"{root}/blobs" if bucket else "",
            bucket.endpoint if bucket else "",
        )

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def land(self, step: Step, number: int = 0) -> None:
        """Producers drop the files of a step."""
        if self.bucket is None:
            land(self._landing, step, number)
            return
        fs = self._s3(self.bucket.direct_endpoint)
        for path, data in step.items():
            fs.pipe_file(f"{self.order.source}/{path}", data)

    def notify(self) -> None:
        """What tells the engine that there is something new: for the baseline its sensor, which remembers a cursor."""
        if self.engine == "baseline":
            from bench.prove.baseline import find_new_files

            direct = replace(
                self.order, endpoint=self.bucket.direct_endpoint if self.bucket else ""
            )
            files, self._cursor = find_new_files(
                self.order.source, direct.file_options, self._cursor
            )
            self.files = tuple(files)

    def prepare(self, fault: Fault | None = None, **changes: Any) -> Worker:
        """A loaded worker that waits for `go`."""
        self._started += 1
        order = replace(
            self.order,
            worker=f"worker-{self._started}",
            files=self.files,
            fault=fault or Fault(),
            **changes,
        )
        worker = Worker(order)
        self._workers.append(worker)
        return worker

    def work(self, fault: Fault | None = None, **changes: Any) -> Worker:
        """A worker that has ended, well or not."""
        worker = self.prepare(fault, **changes)
        worker.go()
        worker.wait()
        worker.end()
        return worker

    def recover(self) -> int:
        """Work without a fault until it ends well, as a retry policy does; how many attempts that took."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            worker = self.work()
            if worker.status == 0:
                return attempt
        raise NotRecovered(f"{MAX_ATTEMPTS} attempts failed: {worker.error()}")

    def events(self) -> list[Event]:
        return read_history(Path(self.order.history))

    def export(self) -> Export:
        """What is there now, read past the proxy."""
        with_store = replace(
            self.order, endpoint=self.bucket.direct_endpoint if self.bucket else ""
        )
        tables = with_store.tables or f"{self.home}/tables"
        if self.engine == "baseline":
            from bench.prove.baseline import export_baseline

            return export_baseline(tables, with_store.table_options)
        from assets.ledger import Ledger
        from assets.storage import BlobStore
        from assets.tables.catalog import Catalog

        ledger = Ledger(with_store.ledger_url or f"sqlite:///{self.home}/ledger.db")
        blobs = BlobStore(
            with_store.blobs or f"{self.home}/blobs", with_store.file_options
        )
        try:
            return export(
                Catalog(tables, with_store.table_options),
                ledger,
                blobs,
                self.order.source,
            )
        finally:
            ledger.engine.dispose()

    def _s3(self, endpoint: str) -> Any:
        os.environ.update(ACCESS)
        from s3fs import S3FileSystem

        return S3FileSystem(
            client_kwargs={"endpoint_url": endpoint}, use_listings_cache=False
        )
