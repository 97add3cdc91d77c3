"""Roboflow's trackers on the boxes in a file: how long each frame took, and what SORT made of it."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import supervision as sv
from trackers import SORTTracker


def main() -> None:
    """Read frames, boxes and scores from the file named first; write rows of tracks to the second; print seconds."""
    rows = np.load(sys.argv[1])
    frames, boxes, scores = rows["frames"], rows["boxes"], rows["scores"]
    numbers, starts = np.unique(frames, return_index=True)
    ends = [*starts[1:].tolist(), len(frames)]
    asked = [
        sv.Detections(
            xyxy=boxes[start:end].astype(np.float32),
            confidence=scores[start:end].astype(np.float32),
            class_id=np.zeros(end - start, int),
        )
        for start, end in zip(starts.tolist(), ends, strict=True)
    ]
    tracker = SORTTracker(
        lost_track_buffer=1,
        track_activation_threshold=0.0,
        minimum_consecutive_frames=3,
        minimum_iou_threshold=0.3,
    )
    tracker.update(asked[0])  # what is imported late is there
    tracker.reset()
    start = time.perf_counter(), time.process_time()
    answers = [tracker.update(one) for one in asked]
    taken = time.perf_counter() - start[0], time.process_time() - start[1]
    told = [
        np.column_stack([np.full(len(answer), number), answer.tracker_id, answer.xyxy])[
            answer.tracker_id >= 0
        ]
        for number, answer in zip(numbers, answers, strict=True)
    ]
    np.save(sys.argv[2], np.concatenate([np.zeros((0, 6)), *told]))
    print(json.dumps({"seconds": taken[0], "cpu_s": taken[1]}))


if __name__ == "__main__":
    main()
