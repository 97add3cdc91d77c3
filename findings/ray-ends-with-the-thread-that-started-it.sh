#!/usr/bin/env bash
# Finding: a Ray that was started in a thread is gone when the thread ends, though the process goes on
#
# Packages: ray==2.60.0, psutil==7.2.2 (Linux, Python 3.11 or later)
#
# Guess: `ray.init` belongs to the process: who calls it in a thread of a pool, as servers and schedulers
#   do, or to wait for it beside other work, has a Ray until `ray.shutdown` or the end of the process.
#
# Seen: Ray asks the kernel to end its processes with their parent (PR_SET_PDEATHSIG), and Linux takes the
#   thread that made them for the parent. A second after that thread has returned, the raylet and the
#   head's server are gone, and `ray.is_initialized()` is still true. What is asked of Ray then waits for
#   a minute, after which Ray ends the process itself. With the thread kept, both are there.
#
# Why it matters: it works in a test that asks at once, and in the main thread; it ends a program that
#   starts Ray by `executor.submit(ray.init)`, `asyncio.to_thread` or in a request, a minute later and
#   without an exception.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q ray==2.60.0 psutil==7.2.2
cd "$work"
cat > start.py <<'PY'
import os
import sys
import threading
import time

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # loopback only
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import psutil
import ray

may_end = threading.Event()


def start():
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    is_up.set()
    if sys.argv[1] == "kept":
        may_end.wait()


is_up = threading.Event()
thread = threading.Thread(target=start)
thread.start()
is_up.wait()
if sys.argv[1] == "ended":
    thread.join()
time.sleep(2)
running = {
    name
    for child in psutil.Process().children(recursive=True)
    if child.status() != psutil.STATUS_ZOMBIE
    for name in ("raylet", "gcs_server")
    if name == child.name()
}
print(sys.argv[1], sorted(running), ray.is_initialized(), flush=True)
if sys.argv[1] == "kept":
    ray.shutdown()
    may_end.set()
    thread.join()
else:
    os._exit(0)  # there is nothing left to shut down
PY
"$work/v/bin/python" start.py kept 2> /dev/null | tee seen
"$work/v/bin/python" start.py ended 2> /dev/null | tee -a seen
diff seen - <<'TEXT'
kept ['gcs_server', 'raylet'] True
ended [] True
TEXT
