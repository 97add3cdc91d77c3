#!/usr/bin/env bash
# Finding: cleanvision takes 16-bit pictures for 8-bit ones: a good one is "light", a dark one passes or is "light"
#
# Packages: cleanvision==0.3.7 numpy==2.1.3 pillow==11.3.0 (Python 3.11 or later; about a minute)
#
# Guess: a 16-bit grey PNG is scaled by its own range, or refused.
#
# Seen: one gradient, stored as 8 and as 16 bits, with scores that are said to lie in 0 to 1. At full
#   light neither is an issue in 8 bits; in 16 bits the dark score is about 218, the light score
#   about -56, and `is_light_issue` is set. At 2 % of the light the 8-bit picture is dark; the
#   16-bit one is light. At 1 % the 16-bit one has no issue at all. Values are divided by 255. Grey pictures
#   of 16 bits are not `is_grayscale_issue` either, where those of 8 bits are.
#
# Why it matters: thermal, depth and industrial cameras write such files. A filter on these flags drops the
#   good frames, keeps the dark ones, and an average of the scores means nothing.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q cleanvision==0.3.7 numpy==2.1.3 pillow==11.3.0
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY' 2>"$work/progress"
import os

import numpy as np
from PIL import Image

from cleanvision import Imagelab

ramp = np.add.outer(np.linspace(0, 1, 120), np.linspace(0, 1, 160)) / 2 * 0.8 + 0.1
scene = np.clip(ramp + np.random.default_rng(0).normal(0, 0.02, ramp.shape), 0, 1)
os.mkdir("pictures")
for name, light in {"full": 1, "dark": 0.02, "darker": 0.01}.items():
    Image.fromarray((scene * light * 255).astype("uint8")).save(f"pictures/{name}-8.png")
    Image.fromarray((scene * light * 65535).astype("uint16")).save(f"pictures/{name}-16.png")

lab = Imagelab(data_path="pictures")
lab.find_issues({"dark": {}, "light": {}, "grayscale": {}}, n_jobs=1, verbose=False)
found = lab.issues
found.index = [os.path.basename(path)[: -len(".png")] for path in found.index]
shown = ["is_dark_issue", "dark_score", "is_light_issue", "light_score", "is_grayscale_issue"]
print(found.sort_index()[shown].round(2).to_string())


def issues(name):
    return [kind for kind in ("dark", "light") if found.loc[name, f"is_{kind}_issue"]]


assert issues("full-8") == [] and issues("full-16") == ["light"]
assert issues("dark-8") == ["dark"] and issues("dark-16") == ["light"]
assert issues("darker-8") == ["dark"] and issues("darker-16") == []
assert found.loc["full-16", "dark_score"] > 200 and found.loc["full-16", "light_score"] < -50
assert found.is_grayscale_issue[["full-8", "dark-8"]].all()
assert not found.is_grayscale_issue[["full-16", "dark-16"]].any()
print("as described")
PY
