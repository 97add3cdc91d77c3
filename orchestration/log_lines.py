"""What is told on stderr: lines for people, or with DAGUERRE_LOG=json one JSON object a line for machines.

Belongs here: the form of a line, and where it goes. Does not: what is told, results on stdout.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from assets.addresses import hide
from assets.tracing import trace_id
from assets.under_way import current_work

SETTING = "DAGUERRE_LOG"
_FORMS = ("text", "json")
_told = logging.getLogger("daguerre.command")


class JsonLines(logging.StreamHandler[Any]):
    """A record a line, on what is stderr then; without the passwords of addresses."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        self.setStream(sys.stderr)
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """The JSON object. What is not known is null."""
        work = current_work()
        at = datetime.fromtimestamp(record.created, UTC)
        facts = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hide(record.getMessage()),
            "run_id": work.run_id or None,
            "session": work.session or None,
            "trace_id": trace_id(),
        }
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            facts["exception"] = hide(text)
        return json.dumps(facts)


def choose_log(environ: Mapping[str, str] | None = None) -> None:
    """Let the loggers of daguerre write JSON where DAGUERRE_LOG says so. Raises ValueError for another form."""
    env = os.environ if environ is None else environ
    form = env.get(SETTING) or "text"
    if form not in _FORMS:
        raise ValueError(f"{SETTING}={form!r} is not known: use {' or '.join(_FORMS)}")
    log = logging.getLogger("daguerre")
    for handler in [h for h in log.handlers if isinstance(h, JsonLines)]:
        log.removeHandler(handler)
    if form == "json":
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(JsonLines())


def writes_json() -> bool:
    """Whether lines are for machines."""
    handlers = logging.getLogger("daguerre").handlers
    return any(isinstance(handler, JsonLines) for handler in handlers)


def tell_failure(line: str, error: Exception | None = None) -> None:
    """Print why a command ends: a line, or where an `error` is ours to mend its traceback."""
    if writes_json():
        _told.error(line, exc_info=error)
    elif error is not None:
        print(
            hide("".join(traceback.format_exception(error))).rstrip(), file=sys.stderr
        )
    else:
        tell(f"daguerre: {line}", logging.ERROR)


def tell(line: str, level: int = logging.INFO) -> None:
    """Print a line on stderr."""
    if writes_json():
        _told.log(level, line)
    else:
        print(line, file=sys.stderr, flush=True)
