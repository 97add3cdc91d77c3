#!/usr/bin/env bash
# Finding: safetensors 0.8 writes a NumPy array that is transposed, sliced by steps, reversed or in
#   Fortran's order as other values, of the right shape and without a word; 0.7 wrote it rightly
#
# Packages: safetensors==0.8.0 and 0.7.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: torch's side refuses tensors that are not contiguous, and NumPy's side copies them as
#   tobytes() does, so that what is loaded equals what was saved, as it always did.
#
# Seen: of a 3x4 array of 0 to 11, save() and save_file() of 0.8.0 write .T, [:, ::2], [::-1],
#   asfortranarray() and broadcast_to() so that load() gives other values; .T comes back as
#   [[0, 1, 2], [3, 4, 5], ...]. Arrays of the other byte order come back right. 0.7.0 gives all
#   of them back. A raise would have been noticed; shape and dtype are right.
#
# Why it matters: coef_.T of a linear model, channels-last weights and every second row are
#   plain uses; a model that was saved so loads and answers, wrongly. np.ascontiguousarray()
#   before saving helps.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'PY'
import json, sys
import numpy as np
from safetensors.numpy import load, load_file, save, save_file

whole = np.arange(12, dtype=np.float32).reshape(3, 4)
arrays = {
    "as it is": whole,
    "transposed": whole.T,
    "every second column": whole[:, ::2],
    "reversed": whole[::-1],
    "in Fortran's order": np.asfortranarray(whole),
    "broadcast": np.broadcast_to(whole[0], (3, 4)),
    "other byte order": whole.astype(">f4"),
    "transposed, then copied": np.ascontiguousarray(whole.T),
}
right = {}
for name, array in arrays.items():
    found = load(save({"x": array}))["x"]
    save_file({"x": array}, "x.safetensors")
    again = load_file("x.safetensors")["x"]
    assert found.shape == again.shape == array.shape
    right[name] = bool(np.array_equal(found, array)), bool(np.array_equal(again, array))
json.dump(right, sys.stdout)
PY
for version in 0.7.0 0.8.0; do
  python3 -m venv "$version"
  "$version/bin/pip" install -q "safetensors==$version" numpy==2.4.6
  "$version/bin/python" look.py > "$version.json"
done
0.8.0/bin/python - <<'PY'
import json

old, new = (json.load(open(f"{version}.json")) for version in ("0.7.0", "0.8.0"))
for name in old:
    print(f"{name:24s} 0.7.0 {old[name]}  0.8.0 {new[name]}")
kept = {"as it is", "other byte order", "transposed, then copied"}
assert all(all(pair) for pair in old.values()), old
assert {name for name, pair in new.items() if all(pair)} == kept, new
assert all(not any(new[name]) for name in new.keys() - kept), new
print("holds: what is not contiguous is written as other values by 0.8.0")
PY
