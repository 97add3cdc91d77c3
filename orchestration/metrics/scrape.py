"""One scrape: every store is looked at by itself, for a while at most, and not again before that is worth it.

A store that fails, or does not answer in time, is down: `daguerre_up` is 0, and no number of it is told, new or old.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata

from assets.addresses import hide
from orchestration.metrics import families as f
from orchestration.metrics.disk import read_disk
from orchestration.metrics.families import Sample
from orchestration.metrics.registry import read_registry
from orchestration.metrics.runs import read_runs
from orchestration.metrics.sessions import read_landing_zone, read_ledger
from orchestration.metrics.tables import read_tables
from orchestration.profiles import Settings

Read = Callable[[], Iterable[Sample]]
PATIENCE_S = 8.0  # of one scrape; Prometheus waits ten seconds by default
# a look that takes a second is taken every twenty at most: looking costs a twentieth of a processor, whoever asks
_SHARE = 20.0
_READERS: dict[str, Callable[[Settings], Iterator[Sample]]] = {
    "ledger": read_ledger,
    "landing": read_landing_zone,
    "tables": read_tables,
    "runs": read_runs,
    "registry": read_registry,
    "disk": read_disk,
}
_log = logging.getLogger("daguerre.metrics")


@dataclass(frozen=True)
class Look:
    """What a look at a store gave: samples, or why there are none."""

    samples: tuple[Sample, ...]
    fault: str
    ended_s: float  # since 1970
    seconds: float

    def is_worth_another(self, now_s: float) -> bool:
        """Whether a new look would not cost more than its share."""
        return now_s - self.ended_s >= _SHARE * self.seconds


@dataclass
class _Store:
    """A store, the last look at it, and the thread that takes one right now."""

    name: str
    read: Read
    last: Look | None = None
    thread: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Look at it in a thread, unless somebody does, or did a moment ago. One that hangs is not joined by others."""
        with self.lock:
            if self.thread is not None and self.thread.is_alive():
                return
            if self.last is not None and not self.last.is_worth_another(time.time()):
                return
            self.thread = threading.Thread(target=self._look, daemon=True)
            self.thread.start()

    def wait(self, deadline_s: float) -> Look | None:
        """The newest look; None where it is not over by then."""
        thread = self.thread
        if thread is not None:
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                return None
        return self.last

    def _look(self) -> None:
        began_s = time.monotonic()
        samples: tuple[Sample, ...] = ()
        fault = ""
        try:
            samples = tuple(self.read())
        except (
            Exception
        ) as error:  # whatever it was: the store is down, and the others are told
            fault = hide(f"{type(error).__name__}: {error}").splitlines()[0]
            _log.warning(f"{self.name} cannot be read: {fault}")
        self.last = Look(samples, fault, time.time(), time.monotonic() - began_s)


class Scraper:
    """What gives the samples of a home, to as many as ask. `readers`: name of a store -> what reads it."""

    def __init__(
        self, readers: Mapping[str, Read], patience_s: float = PATIENCE_S
    ) -> None:
        self._stores = [_Store(name, read) for name, read in readers.items()]
        self._patience_s = patience_s

    def scrape(self) -> list[Sample]:
        """All samples there are now, of stores that are up."""
        deadline_s = time.monotonic() + self._patience_s
        for store in self._stores:
            store.begin()
        told = [f.BUILD.at(1, metadata.version("daguerre"))]
        for store in self._stores:
            told += _tell(store.name, store.wait(deadline_s))
        return told


def open_scraper(settings: Settings, patience_s: float = PATIENCE_S) -> Scraper:
    """Of the stores of a home."""
    readers = {name: partial(read, settings) for name, read in _READERS.items()}
    return Scraper(readers, patience_s)


def _tell(store: str, look: Look | None) -> Iterator[Sample]:
    is_up = look is not None and not look.fault
    yield f.UP.at(is_up, store)
    if look is not None and is_up:
        yield f.READ_SECONDS.at(look.seconds, store)
        yield f.READ_AT.at(look.ended_s, store)
        yield from look.samples
