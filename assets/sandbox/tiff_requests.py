"""How a TIFF, a mask or a label image is asked for: one of WHAT and a length, then the bytes."""

from __future__ import annotations

import struct

WHAT = ("rgb", "luma", "mask", "numbers", "colours")

REQUEST = struct.Struct(">BQ")  # index in WHAT, bytes
