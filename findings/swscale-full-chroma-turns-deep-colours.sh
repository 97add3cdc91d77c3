#!/usr/bin/env bash
# Finding: asked for the better chroma, swscale turns a bright sky of a 10-bit video into blue,
#   where packed RGB of 16 bits is wanted; into planes of 16 bits it converts the same sky right
#
# Packages: av==18.1.0 (with libswscale 9.5.102), numpy==2.4.6 (Python 3.11 or later)
#
# Guess: FULL_CHR_H_INT interpolates chroma between samples and changes nothing in a picture of
#   one colour; rgb48le and gbrp16le of one frame hold the same numbers; what is brighter than
#   white is clipped to white, as it is in 8 bits.
#
# Seen: a frame of Y 900, U 600, V 400 (of 1023) is (50861, 65535, 65535) in rgb48le by default
#   and in gbrp16le with either flag, and (0, 0, 65535) in rgb48le with the flag: channels that
#   run over wrap or fall to 0 instead of being clipped. 8 bits from the same frame are right.
#
# Why it matters: HDR and 10-bit camera recordings lose their bright and saturated regions,
#   only where somebody asked for better quality and kept all bits, and without any error.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q av==18.1.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import av, numpy as np
from av.video.reformatter import Interpolation
frame = av.VideoFrame(64, 48, "yuv420p10le")
for plane, value in zip(frame.planes, (900, 600, 400)):
    plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
def middle(form, flags):
    out = frame.reformat(format=form, interpolation=flags)
    if form == "gbrp16le":
        rows = [np.frombuffer(p, "<u2").reshape(-1, p.line_size // 2) for p in out.planes]
        return tuple(int(rows[i][20, 20]) for i in (2, 0, 1))
    return tuple(int(v) for v in out.to_ndarray()[20, 20])
plain = Interpolation.BILINEAR
full = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT
seen = {(form, name): middle(form, flags) for form in ("rgb48le", "gbrp16le", "rgb24")
        for name, flags in (("plain", plain), ("full", full))}
for key, value in seen.items():
    print(*key, value)
right = (50861, 65535, 65535)
assert seen["rgb48le", "plain"] == seen["gbrp16le", "plain"] == seen["gbrp16le", "full"] == right, seen
assert seen["rgb48le", "full"] == (0, 0, 65535), seen
assert seen["rgb24", "full"] == (199, 255, 255), seen
PY
