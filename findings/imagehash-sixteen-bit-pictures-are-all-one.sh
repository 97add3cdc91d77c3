#!/usr/bin/env bash
# Finding: all 16-bit pictures whose values are above 255 have one and the same hash in imagehash
#
# Packages: imagehash==4.3.2, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: a perceptual hash is of the picture, scaled to whatever it needs: a depth map and one that is
#   turned by 90 degrees, or one of noise, have hashes that differ in many bits, as those of 8-bit
#   pictures do.
#
# Seen: a ramp, the ramp turned, and noise, as 16-bit grey (mode I;16), values from 500 to 5,000: the
#   average, difference, perceptual and wavelet hashes are the same for all three, at a distance of 0. In
#   8 bits their distances are 28 and more. The picture is converted with `convert("L")`, which clips at
#   255 in Pillow, so that everything brighter is white.
#
# Why it matters: looking for duplicates in depth, thermal or X-ray pictures, a script keeps the first one
#   and drops all others as its copies; a split by hash puts the whole set on one side.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q imagehash==4.3.2 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io

import imagehash
import numpy as np
from PIL import Image

HASHES = ("average_hash", "dhash", "phash", "whash")
ramp = np.linspace(500, 5000, 64 * 64).reshape(64, 64)
noise = np.random.default_rng(1).uniform(500, 5000, (64, 64))
PICTURES = {"ramp": ramp, "turned": np.rot90(ramp), "noise": noise}


def as_png(values):
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(file, "PNG")
    return Image.open(file)


def distances(pictures, name):
    hashes = [getattr(imagehash, name)(picture) for picture in pictures]
    return [int(hashes[i] - hashes[j]) for i in range(3) for j in range(i)]


deep = [as_png(values.astype(np.uint16)) for values in PICTURES.values()]
plain = [as_png((values / 5000 * 255).astype(np.uint8)) for values in PICTURES.values()]
assert {picture.mode for picture in deep} == {"I;16"}
for name in HASHES:
    print(name, "16 bits:", distances(deep, name), "8 bits:", distances(plain, name))
    assert distances(deep, name) == [0, 0, 0]
    assert min(distances(plain, name)) >= 20
PY
