"""The function that Pixeltable computes a column with: it wants it in a module of its own."""

from pathlib import Path
from typing import Any

import pixeltable

from bench.peers.figures import measure_payload


@pixeltable.udf
def measure(path: str) -> dict[str, Any]:
    return measure_payload(Path(path).read_bytes())
