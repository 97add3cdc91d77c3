#!/usr/bin/env bash
# Finding: PyYAML cannot load a plain = as a value, though it loads it as a key and YAML 1.2
#   gives it no special meaning
#
# Packages: pyyaml==6.0.3 (Python 3.11 or later)
#
# Guess: a list of symbol classes such as [+, -, =] loads as three strings, or three loaders
#   treat it alike as a syntax error.
#
# Seen: safe_load raises "could not determine a constructor for the tag
#   tag:yaml.org,2002:value"; the same sign as a mapping key, {=: 4}, loads, and BaseLoader
#   gives the text. The dumper of the same library quotes it, so only files written by hand or
#   by other tools fail.
#
# Why it matters: the class list of a handwritten formula or keyboard dataset makes the whole
#   data.yaml unreadable, with an error about a tag that is not in the file.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pyyaml==6.0.3
cd "$work"
"$work/v/bin/python" - <<'PY'
import yaml
def load(text, loader=yaml.SafeLoader):
    try:
        return yaml.load(text, Loader=loader)
    except yaml.constructor.ConstructorError as error:
        return error.problem
seen = [load("names: [+, '-', =]"), load("{=: 4}"), load("names: [+, '-', '=']"), load("names: [+, '-', =]", yaml.BaseLoader), yaml.safe_dump(["="])]
print(seen)
problem = "could not determine a constructor for the tag 'tag:yaml.org,2002:value'"
names = {"names": ["+", "-", "="]}
assert seen == [problem, {"=": 4}, names, names, "- '='\n"], seen
PY
