"""TrackEval's HOTA, CLEAR and Identity of the cases in a file: their figures, and how long they took.

Frames without a box on either side are left out, which changes none of the figures that are compared.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from typing import Any

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):
    from trackeval.datasets._base_dataset import _BaseDataset
    from trackeval.metrics import CLEAR, HOTA, Identity

    METRICS = (
        HOTA(),
        CLEAR({"PRINT_CONFIG": False}),
        Identity({"PRINT_CONFIG": False}),
    )


def main() -> None:
    """Read the file named first; print a JSON object of the figures by case."""
    rows = np.load(sys.argv[1])
    found: dict[str, Any] = {}
    for name in sorted({key.rpartition("/")[0] for key in rows}):
        start = time.process_time()
        data = prepare(rows[f"{name}/truth"], rows[f"{name}/found"])
        figures: dict[str, Any] = {}
        for metric in METRICS:
            figures |= metric.eval_sequence(data)
        figures = {key: np.asarray(v, float).tolist() for key, v in figures.items()}
        found[name] = {**figures, "cpu_s": time.process_time() - start}
    print(json.dumps(found))


def prepare(truth: Any, found: Any) -> dict[str, Any]:
    """The data of one sequence as TrackEval's datasets hand them to its metrics."""
    frames = np.union1d(truth[:, 0], found[:, 0])
    ids = [np.unique(side[:, 1]) for side in (truth, found)]
    data: dict[str, Any] = {
        "num_timesteps": len(frames),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(found),
        "num_gt_ids": len(ids[0]),
        "num_tracker_ids": len(ids[1]),
        "gt_ids": [],
        "tracker_ids": [],
        "similarity_scores": [],
    }
    for frame in frames:
        mine, theirs = (side[side[:, 0] == frame] for side in (truth, found))
        data["gt_ids"].append(np.searchsorted(ids[0], mine[:, 1]))
        data["tracker_ids"].append(np.searchsorted(ids[1], theirs[:, 1]))
        data["similarity_scores"].append(
            _BaseDataset._calculate_box_ious(
                mine[:, 2:6], theirs[:, 2:6], box_format="x0y0x1y1"
            )
        )
    return data


if __name__ == "__main__":
    main()
