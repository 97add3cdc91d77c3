#!/usr/bin/env bash
# Finding: RAY_AUTH_MODE=token that is set between `import ray` and `ray.init` makes a Ray that
#   refuses the process which started it
#
# Packages: ray==2.60.0 (Python 3.11 or later)
#
# Guess: Ray's settings are environment variables that `ray.init` reads and hands to what it
#   starts, so it is enough to set them before that call.
#
# Seen: the head that is started has tokens on, as the variable says; the driver looked at it when
#   ray was imported and sends none. `ray.init` retries for some seconds and raises an
#   AuthenticationError, "RAY_AUTH_MODE is currently 'disabled'", though os.environ says token. Set
#   before the import, the same call works; a token is made where there is none.
#
# Why it matters: a library, or a notebook's first cell, that turns tokens on for its own local Ray
#   works or not by whether anything imported ray before it; of test files it depends on their order.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q ray==2.60.0
cat > "$work/driver.py" <<'PY'
import os
import sys

if sys.argv[1] == "before":
    os.environ["RAY_AUTH_MODE"] = "token"
import ray

os.environ["RAY_AUTH_MODE"] = "token"
try:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    print("started")
    ray.shutdown()
except Exception as error:
    print("AuthenticationError" if "AuthenticationError" in f"{type(error).__name__} {error}" else repr(error))
PY
# a home of its own: Ray keeps its token there
export HOME="$work" RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 RAY_USAGE_STATS_ENABLED=0
before="$("$work/v/bin/python" -W ignore "$work/driver.py" before 2>/dev/null | tail -1)"
after="$("$work/v/bin/python" -W ignore "$work/driver.py" after 2>/dev/null | tail -1)"
echo "set before the import: $before; set after it: $after"
test "$before" = started && test "$after" = AuthenticationError
