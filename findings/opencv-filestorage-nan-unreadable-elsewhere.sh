#!/usr/bin/env bash
# Finding: a NaN written by cv2.FileStorage makes the JSON file invalid and the YAML value a
#   string for other readers
#
# Packages: opencv-python-headless==5.0.0.93, pyyaml==6.0.3, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: the JSON is readable by the json module (which accepts NaN), and the YAML by PyYAML,
#   which knows .nan, .NaN and .NAN.
#
# Seen: FileStorage spells it .Nan: json.loads raises, and yaml.safe_load returns the text
#   ".Nan" where the neighbour is a float. The word yes, written unquoted, is read back by
#   PyYAML as True.
#
# Why it matters: a calibration with an unknown coefficient, written by one tool, breaks the
#   next one or puts a string into a matrix.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pyyaml==6.0.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import json
import cv2, numpy as np, yaml
texts = {}
for kind in (".json", ".yml"):
    store = cv2.FileStorage(kind, cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY)
    store.write("k1", float("nan"))
    store.write("k2", 0.5)
    store.write("fixed", "yes")
    texts[kind] = store.releaseAndGetString()
try:
    json.loads(texts[".json"])
    error = None
except json.JSONDecodeError as caught:
    error = str(caught)
values = yaml.safe_load(texts[".yml"])
back = cv2.FileStorage(texts[".yml"], cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
print(error, values, back.getNode("k1").real(), back.getNode("fixed").string())
assert error == "Expecting value: line 2 column 11 (char 12)", error
assert values == {"k1": ".Nan", "k2": 0.5, "fixed": True}, values
assert np.isnan(back.getNode("k1").real()) and back.getNode("fixed").string() == "yes"
PY
