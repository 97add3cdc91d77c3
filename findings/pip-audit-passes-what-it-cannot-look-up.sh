#!/usr/bin/env bash
# Finding: pip-audit passes packages that it could not look up, and says that nothing is known
#
# Packages: pip-audit==2.10.0 (Python 3.11 or later)
#
# Guess: an audit in which no package could be looked up fails, or ends with a word of that.
#
# Seen: for a version that the index does not tell about it prints 'No known vulnerabilities
#   found' and exits 0; the reason stands below in a table of skipped packages. Only with
#   --strict does it exit 1. Behind a mirror that serves files but not the index's JSON, all
#   packages are skipped so.
#
# Why it matters: a job in CI that looks at the exit status is green for ever, having looked
#   nothing up.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pip-audit==2.10.0
echo "requests==999.0" > "$work/lock.txt"
audit() { "$work/v/bin/pip-audit" -r "$work/lock.txt" --no-deps --disable-pip --progress-spinner off "$@" 2>&1; }
told="$(audit)" && code=0 || code=$?
audit --strict >/dev/null && strict=0 || strict=$?
echo "$told" | grep -v WARNING
echo "exit status $code, with --strict $strict"
[ "$code" = 0 ] && [ "$strict" = 1 ]
echo "$told" | grep -q "No known vulnerabilities found"
echo "$told" | grep -q "could not be audited: requests (999.0)"
