#!/usr/bin/env bash
# Finding: supervisely reads one PNG as two masks: compressed with zlib its transparent pixels are
#   outside, as it is they are inside, and a grey one loses its columns
#
# Packages: supervisely==6.74.51 (Python 3.11)
#
# Guess: `Bitmap.base64_2_data` "supports both compressed and uncompressed masks", so the same PNG
#   gives the same mask with and without zlib around it.
#
# Seen: of a white 2x3 PNG that is opaque at two pixels the compressed form has these two, the plain
#   form all six: there any channel counts, not alpha. Of a grey PNG the plain form is no mask of
#   2x3 any more but two values, one a row. Nothing is raised.
#
# Why it matters: a tool that writes annotations without the extra zlib, as the documentation allows,
#   has every object of its masks filled to the rectangle around it.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q supervisely==6.74.51
cd "$work"
"$work/v/bin/python" - <<'PY'
import base64, io, zlib
import numpy as np
from PIL import Image
import supervisely as sly


def read(pixels, compress):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    text = base64.b64encode(compress(out.getvalue())).decode()
    return sly.Bitmap.base64_2_data(text).astype(int).tolist()


colours = np.full((2, 3, 4), 255, np.uint8)
colours[..., 3] = [[255, 0, 0], [0, 0, 255]]
seen = {}
for name, pixels in (("RGBA", colours), ("grey", colours[..., 3])):
    for form, compress in (("zlib", zlib.compress), ("plain", bytes)):
        seen[name, form] = read(pixels, compress)
        print(name, form, seen[name, form])
two = [[1, 0, 0], [0, 0, 1]]
assert seen["RGBA", "zlib"] == seen["grey", "zlib"] == two, seen
assert seen["RGBA", "plain"] == [[1, 1, 1], [1, 1, 1]], seen
assert seen["grey", "plain"] == [1, 1], seen
PY
