"""Tell others who share a store what is under way there, by small objects that are renewed while it lasts.

Who begins writes an object of its own first and looks at those of others then. A store shows what was written to who
lists afterwards, so of two that begin at once one sees the other, or each does: never neither. An object is renewed
only while it is there: who was taken for gone is not there again by itself.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import NamedTuple

from assets.storage.folder import Folder
from assets.storage.object_history import drop_history
from assets.storage.objects import (
    drop_objects,
    list_written,
    put_object,
    renew_object,
)
from assets.wall_clock import tell_second

SILENCE_S = 600  # after which who is not heard of is taken for gone
RENEW_S = 60
_log = logging.getLogger("daguerre.storage")


@dataclass(frozen=True)
class Announcement:
    """What somebody does, who it is, and since when."""

    act: str
    who: str
    began_at: str

    @classmethod
    def of_this_process(cls, act: str) -> Announcement:
        """That it begins now."""
        who = f"{getpass.getuser()} on {socket.gethostname()}, process {os.getpid()}"
        return cls(act, who, tell_second())


class _Heard(NamedTuple):
    said: Announcement
    silent_s: float


@contextmanager
def announcing(
    place: Folder, act: str, bars: Collection[str], may_only_read: bool = False
) -> Iterator[Callable[[], None]]:
    """Do `act` in a bucket while nobody does what it `bars`; yields what raises ValueError where others took this
    process for gone, to be called before each step that counts.

    Raises ValueError where somebody does. Who was not heard of for SILENCE_S is taken for gone, and that is told. Who
    has no right to write is heard by nobody, and raises PermissionError unless it `may_only_read`.
    """
    mine = _Mine(place, act)
    try:
        mine.write()
    except PermissionError:
        if not may_only_read:
            raise
        mine.require_nobody(bars)
        yield lambda: None
        return
    try:
        mine.require_nobody(bars)
        with mine.renewed():
            yield mine.require_still
    finally:
        mine.withdraw()


class _Mine:
    """The object of this process, and those of others beside it."""

    def __init__(self, place: Folder, act: str) -> None:
        self._place = place
        self._content = json.dumps(asdict(Announcement.of_this_process(act))).encode()
        self._name = f"{uuid.uuid4().hex}.json"

    def write(self) -> None:
        put_object(self._place, self._name, self._content)

    def require_nobody(self, bars: Collection[str]) -> None:
        for name, heard in self._hear().items():
            if heard.silent_s >= SILENCE_S:
                self._take_over(name, heard)
            elif heard.said.act in bars:
                said = heard.said
                raise ValueError(
                    f"{said.who} is {said.act} in {self._place.uri} since {said.began_at}: wait for its end, and call "
                    f"this again; where it has crashed, that is known {SILENCE_S // 60} minutes after"
                )

    def require_still(self) -> None:
        if self._name not in list_written(self._place):
            raise ValueError(
                f"this process was not heard of in {self._place.uri} for {SILENCE_S // 60} minutes, and others took it "
                "for gone: call it again, an erasure by `daguerre forget --resume`"
            )

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """While the context lasts others hear of it."""
        stop = threading.Event()
        thread = threading.Thread(target=self._renew_until, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def withdraw(self) -> None:
        """Nothing of it stays, in a bucket that keeps older versions too. Where the store does not answer, silence says
        it."""
        with suppress(OSError):
            drop_objects(self._place, [self._name])
            drop_history(self._place, self._name.__eq__)

    def _renew_until(self, stop: threading.Event) -> None:
        while not stop.wait(RENEW_S):
            with suppress(OSError):  # it is tried again
                found = list_written(self._place).get(self._name)
                if found is None:
                    return
                renew_object(self._place, self._name, self._content, found.version)

    def _hear(self) -> dict[str, _Heard]:
        """Others, by the store's own clock: those of machines differ."""
        written = list_written(self._place)
        mine = written.pop(self._name, None)
        now_s = mine.at_s if mine else time.time()
        found = {}
        for name, (_, at_s) in written.items():
            if said := self._read(name):
                found[name] = _Heard(said, now_s - at_s)
        return found

    def _read(self, name: str) -> Announcement | None:
        """None of one that has ended meanwhile."""
        try:
            return Announcement(**json.loads(self._place.read(name)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{self._place.uri}/{name} does not say who is at work there: remove it"
            ) from error

    def _take_over(self, name: str, heard: _Heard) -> None:
        _log.warning(
            f"{heard.said.who} was {heard.said.act} in {self._place.uri} since {heard.said.began_at} and is silent for "
            f"{heard.silent_s / 60:.0f} minutes: it is taken for gone. What an erasure left `daguerre forget --resume` "
            "ends, in its home"
        )
        with suppress(PermissionError):
            drop_objects(self._place, [name])
