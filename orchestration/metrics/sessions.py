"""Samples of the ledger and of the landing zone: files, quarantine, sessions that wait, failed or are forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from assets.causes import find_cause
from assets.exclusions import WHOLE
from assets.ledger import Ledger
from assets.ledger.rows import DONE
from assets.storage import Folder, session_key
from orchestration.metrics import families as f
from orchestration.metrics.families import Sample
from orchestration.profiles import Settings
from orchestration.resources import open_ledger

FILE = "file"
RECORD = "record"


def read_ledger(settings: Settings) -> Iterator[Sample]:
    """Of the ledger alone."""
    with _looking_at(settings) as ledger:
        files = ledger.count_files()
        for outcome in DONE:
            yield f.FILES.at(files.get(outcome, 0), outcome)
        for reader, reason, count in ledger.count_quarantined():
            yield f.QUARANTINED.at(count, FILE, reader, find_cause(reason))
        forgotten = _list_forgotten(ledger)
        yield f.SESSIONS_KNOWN.at(len(ledger.sessions()))
        yield f.SESSIONS_FORGOTTEN.at(len(forgotten))
        pauses = [pause.what for pause in ledger.pauses()]
        for what in ("listing", "intake"):
            yield f.SESSIONS_FAILED.at(pauses.count(what), what)
        yield f.CLAIMS.at(len(ledger.leases()))


def read_landing_zone(settings: Settings) -> Iterator[Sample]:
    """Of the folders in the landing zone, by one listing: what lies in them is not looked at."""
    folder = Folder(settings.landing_uri, settings.file_options)
    names = folder.folders()
    with _looking_at(settings) as ledger:
        owners = {uri: session for session, uri in ledger.sources().items()}
        known = {*ledger.sessions(), *_list_forgotten(ledger)}
    waiting = set()
    for name in names:
        with suppress(ValueError):  # a name that no session can have
            place = folder.below(name).uri if owners else ""
            waiting.add(owners.get(place) or session_key(name))
    yield f.SESSIONS_WAITING.at(len(waiting - known))


@contextmanager
def _looking_at(settings: Settings) -> Iterator[Ledger]:
    ledger = open_ledger(settings)
    try:
        yield ledger
    finally:
        ledger.engine.dispose()


def _list_forgotten(ledger: Ledger) -> set[str]:
    return {e.session for e in ledger.exclusions() if e.path == WHOLE}
