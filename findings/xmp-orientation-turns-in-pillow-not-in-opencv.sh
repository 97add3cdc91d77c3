#!/usr/bin/env bash
# Finding: an orientation written only in XMP turns the picture in Pillow and not in OpenCV
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: ImageOps.exif_transpose looks at EXIF; a file without the EXIF tag is left alone by
#   both libraries.
#
# Seen: Pillow fills getexif()[274] from the tiff:Orientation attribute of the XMP packet in
#   JPEG, PNG and WebP, even when an EXIF block without orientation is there; exif_transpose
#   then swaps the sides. OpenCV keeps the stored size. An EXIF orientation of 1 wins over
#   XMP.
#
# Why it matters: after an editor wrote the rotation in XMP only, half of a pipeline sees a
#   portrait and the other half a landscape.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import cv2, numpy as np
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

xmp = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>')
def saved(kind, **options):
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options["pnginfo"] = info
    else:
        options["xmp"] = xmp
    out = io.BytesIO()
    Image.new("RGB", (4, 2), (10, 20, 30)).save(out, kind, **options)
    return out.getvalue()
def both(data):
    width, height = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size
    return (height, width), decode(data, cv2.IMREAD_COLOR).shape[:2]
other, upright = Image.Exif(), Image.Exif()
other[271], upright[274] = "maker", 1
seen = {
    "JPEG": both(saved("JPEG")), "PNG": both(saved("PNG")), "WEBP": both(saved("WEBP")),
    "JPEG with other EXIF": both(saved("JPEG", exif=other)), "JPEG with EXIF 1": both(saved("JPEG", exif=upright)),
}
print(seen)
apart = ((4, 2), (2, 4))
assert seen == {"JPEG": apart, "PNG": apart, "WEBP": apart, "JPEG with other EXIF": apart, "JPEG with EXIF 1": ((2, 4), (2, 4))}, seen
PY
