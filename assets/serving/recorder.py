"""The process that keeps samples of requests: embeds their images and writes rows, far from who answers.

Run as `python -m assets.serving.recorder DESCRIPTOR`. It takes what is told over the sockets and answers nothing but
the end; it yields the processor to all others. Rows are written together; those of a process that is killed are lost,
and no answer with them.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assets.images import decode_rgb
from assets.serving.protocol import Message, receive, send
from assets.serving.retention import TABLE, drop_expired
from assets.serving.returned import store_return
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

MOST_ROWS = 64
MOST_WAIT_S = 5.0
_TRIM_S = 3600.0
_log = logging.getLogger("daguerre.serving")


class Recorder:
    """Samples of requests, on their way into the table."""

    def __init__(self, opened: Message) -> None:
        self._catalog = Catalog(
            opened["tables_uri"], opened["table_options"], opened["blobs_uri"]
        )
        self._opened = opened
        self._embedder: Any = None
        self._rows: list[dict[str, Any]] = []
        self._since_s = time.monotonic()
        self._trims_s = time.monotonic()

    @property
    def wait_s(self) -> float:
        """How long to wait for more before something is to be done."""
        due_s = self._since_s + MOST_WAIT_S if self._rows else self._trims_s
        return max(0.0, due_s - time.monotonic())

    def take(self, message: Message, pieces: Sequence[bytes]) -> None:
        """Add the rows of one image, which all have its vector; or store that a canary was taken back."""
        if message.get("do") == "return":
            self._store_return(message["row"])
            return
        found = self._embed(pieces[0])
        if not self._rows:
            self._since_s = time.monotonic()
        self._rows += [{**row, **found, **_name(row)} for row in message["rows"]]

    def tend(self) -> None:
        """Write what is enough or has waited long enough, and remove what is over."""
        waited_s = time.monotonic() - self._since_s
        if len(self._rows) >= MOST_ROWS or (self._rows and waited_s >= MOST_WAIT_S):
            self.write()
        if time.monotonic() >= self._trims_s:
            self._trims_s = time.monotonic() + _TRIM_S
            drop_expired(self._catalog)

    def write(self) -> None:
        """Write all rows that there are; where the table cannot be written, they are lost, and that is said."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            self._catalog.merge(TABLE, to_table(TABLES[TABLE], rows))
        except Exception as error:  # a store that is away: requests go on
            _log.warning(f"{len(rows)} sampled requests were not kept: {error}")

    def _store_return(self, told: dict[str, Any]) -> None:
        try:
            store_return(self._catalog, told)
        except Exception as error:  # a store that is away: requests go on
            _log.warning(f"that a canary was taken back was not kept: {error}")

    def _embed(self, payload: bytes) -> dict[str, Any]:
        """The columns of the image's vector, by the encoder that stored frames are embedded with."""
        if self._embedder is None:
            from assets.inference.embed import Embedder

            encoder = self._opened["encoder"]
            self._embedder = Embedder(
                Path(self._opened["cache"]), encoder and Path(encoder), num_threads=1
            )
        (vector,) = self._embedder.embed([decode_rgb(payload)])
        return {"vector": vector.tolist(), "vector_version": self._embedder.version}


def _name(row: dict[str, Any]) -> dict[str, str]:
    name = content_id(row["request_id"], row["image_index"], row["model_sha256"])
    return {"sample_id": name}


def main(descriptor: str) -> None:
    """Keep samples until the other end goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the parent, which hangs up
    os.nice(19)
    with socket.socket(fileno=int(descriptor)) as sock:
        got = receive(sock)
        if got is None:
            return
        recorder = Recorder(got[0])
        while True:
            recorder.tend()
            if not select.select([sock], [], [], recorder.wait_s)[0]:
                continue
            got = receive(sock)
            if got is None or got[0]["do"] == "end":
                break
            recorder.take(*got)
        recorder.write()
        if got is not None:
            send(sock, {})


if __name__ == "__main__":
    main(sys.argv[1])
