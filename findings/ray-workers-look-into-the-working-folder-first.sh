#!/usr/bin/env bash
# Finding: a Ray worker imports a module from the folder in which the driver was started, where
#   the driver itself, told not to look there, imports the one of PYTHONPATH
#
# Packages: ray==2.60.0 (Python 3.11 or later)
#
# Guess: with PYTHONSAFEPATH=1 neither the driver nor its children look into the working folder.
#   Workers inherit the environment, so "import models" means the same file everywhere.
#
# Seen: the driver imports models from PYTHONPATH, the task imports models.py from the working
#   folder: Ray puts the driver's working folder in front of the worker's sys.path.
#
# Why it matters: a program whose own package is called models, data or utils runs, and fails, or
#   computes something else, only inside of its workers, and only in some folders.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q ray==2.60.0
mkdir "$work/library" "$work/here"
echo 'PLACE = "library"' > "$work/library/models.py"
echo 'PLACE = "working folder"' > "$work/here/models.py"
cat > "$work/library/driver.py" <<'PY'
import ray
import models

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")


@ray.remote
def look():
    import models

    return models.PLACE


seen = {"driver": models.PLACE, "worker": ray.get(look.remote())}
ray.shutdown()
print(seen)
assert seen == {"driver": "library", "worker": "working folder"}, seen
PY
cd "$work/here"
export PYTHONSAFEPATH=1 PYTHONPATH="$work/library" RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 RAY_USAGE_STATS_ENABLED=0
"$work/v/bin/python" -W ignore -m driver
