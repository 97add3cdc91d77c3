"""What every contender does to one image: hash, header, one decoding, quality figures and perceptual hash.

Needs NumPy, OpenCV and simplejpeg only, so that it runs in each peer's own environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from assets.images import decode_working_luma
from models.image_quality import measure_quality


def measure_payload(payload: bytes) -> dict[str, Any]:
    """sha256, size in px, and the figures of `models.image_quality`, of one encoded JPEG."""
    import simplejpeg

    height, width, _, _ = simplejpeg.decode_jpeg_header(payload)
    figures = measure_quality(decode_working_luma(payload))
    return {
        "sha256": hashlib.sha256(payload).hexdigest(),
        "height_px": height,
        "width_px": width,
        **figures,
    }


def measure_payloads(payloads: Sequence[bytes]) -> list[dict[str, Any]]:
    """The same of many, by one thread a core: the decoder lets the others run."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(measure_payload, payloads, chunksize=16))


def report(work: Callable[[Path], int]) -> None:
    """Run `work` on the folder named on the command line; print how many images took how long, without imports, and
    the most memory that this process held."""
    import cv2

    cv2.setNumThreads(1)
    start = time.perf_counter()
    num_images = work(Path(sys.argv[1]))
    seconds = time.perf_counter() - start
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({"images": num_images, "seconds": seconds, "peak_mib": peak_mib}))
