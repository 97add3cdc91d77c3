#!/usr/bin/env bash
# Finding: MLflow's dataset digest is of the first 10,000 values: two sets of pictures that share the first one are one
#
# Packages: mlflow==3.17.2 (Python 3.11 or later; one to two minutes, nearly all of it the installation)
#
# Guess: the digest of a dataset is of all of it, so that runs with equal digests saw equal data.
#
# Seen: an array of eight pictures of 3x64x64 has the digest of one whose other seven pictures are
#   black: what is hashed are the first 10,000 numbers of the flattened array, less than the first
#   picture. Its shape counts, and so does a change within those numbers. A frame of 20,000
#   rows has the digest of one whose last 9,999 are zero, for 10,000 rows are hashed. No warning.
#
# Why it matters: a run's `inputs` in the UI show this digest. Labels corrected behind row 10,000 look
#   like the same training set, and one picture of 60 x 60 in colour is longer than what is hashed. A
#   caller who hashes the content and gives `digest=` is right.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q mlflow==3.17.2
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY'
import numpy as np
import pandas as pd

from mlflow.data import from_numpy, from_pandas

pictures = np.random.default_rng(0).random((8, 3, 64, 64), dtype=np.float32)
others_black = pictures.copy()
others_black[1:] = 0
first_changed = pictures.copy()
first_changed[0, 0, 0, 0] += 1
one = from_numpy(pictures).digest
print("pictures:", one, " seven of eight black:", from_numpy(others_black).digest)
print("one number of the first changed:", from_numpy(first_changed).digest)
print("seven pictures:", from_numpy(pictures[:7]).digest)
assert from_numpy(others_black).digest == one
assert from_numpy(first_changed).digest != one
assert from_numpy(pictures[:7]).digest != one

labels = pd.DataFrame({"label": np.arange(20_000) % 7 + 1})
corrected = labels.copy()
corrected.loc[10_001:, "label"] = 0
early = labels.copy()
early.loc[9_999, "label"] = 0
digest = from_pandas(labels).digest
print("labels:", digest, " 9,999 of 20,000 changed:", from_pandas(corrected).digest)
print("row 9,999 changed:", from_pandas(early).digest)
assert from_pandas(corrected).digest == digest
assert from_pandas(early).digest != digest
print("as described")
PY
