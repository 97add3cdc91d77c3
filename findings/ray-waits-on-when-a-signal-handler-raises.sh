#!/usr/bin/env bash
# Finding: what a signal handler raises does not end a `ray.get`, and comes out of it as another error
#
# Packages: ray==2.60.0 (Python 3.11 or later)
#
# Guess: an exception that the handler of a signal raises leaves `ray.get` as it leaves `time.sleep` or
#   `queue.get`; and `sys.exit(143)` in a handler ends the program with 143.
#
# Seen: Ray looks for signals while it waits and passes on KeyboardInterrupt alone. With an exception of
#   any other class `ray.get` waits on until its value is there, and then raises SystemError: "returned a
#   result with an exception set". SystemExit ends the wait, with code 1 in place of its own.
#
# Why it matters: Dagster's handlers of SIGINT and SIGTERM raise DagsterExecutionInterruptedError. A step
#   that waits for Ray is not ended by Ctrl-C, nor by "Terminate" in the UI, until the work is done. A
#   handler that raises KeyboardInterrupt while Ray is used, and is put back after that, is heard by both.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q ray==2.60.0
export RAY_USAGE_STATS_ENABLED=0 RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0
"$work/v/bin/python" - <<'PY'
import logging
import os
import signal
import threading
import time

import ray


class Told(BaseException):
    """As DagsterExecutionInterruptedError is one."""


@ray.remote
def work():
    time.sleep(6)
    return "done"


def wait_under(error, wait):
    """What came of waiting six seconds, where a signal is handled by raising this after one; and whether to the end."""

    def tell(*_):
        raise error

    signal.signal(signal.SIGUSR1, tell)
    timer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    began_s = time.monotonic()
    try:
        came = wait()
    except BaseException as met:
        came = f"{type(met).__name__} {getattr(met, 'code', '')}".strip()
    return came, time.monotonic() - began_s > 5.5


ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
ray.get(work.remote())  # its process has started
kinds = {"own": Told(), "interrupt": KeyboardInterrupt(), "exit": SystemExit(143)}
slept = {name: wait_under(error, lambda: time.sleep(6)) for name, error in kinds.items()}
got = {name: wait_under(error, lambda: ray.get(work.remote())) for name, error in kinds.items()}
print("time.sleep", slept)
print("ray.get   ", got)
assert slept == {
    "own": ("Told", False),
    "interrupt": ("KeyboardInterrupt", False),
    "exit": ("SystemExit 143", False),
}
assert got == {
    "own": ("SystemError", True),
    "interrupt": ("KeyboardInterrupt", False),
    "exit": ("SystemExit 1", False),
}
PY
