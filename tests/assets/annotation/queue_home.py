"""A small home that queues are made of: two sessions of one camera, vectors, clusters, labels, answers, verdicts.

`monday` has ten frames, `tuesday` twenty. Frame k of a session is called by its letter and number: m0 to m9, t0 to t19.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from assets.tables.schemas.monitoring import WHOLE_SESSION

CHAMPION, RIVAL = "a" * 64, "b" * 64
RELEASE = "1" * 32
BOX = (2.0, 2.0, 8.0, 8.0)
Box = tuple[Sequence[float], str, float]  # sides, class, score
_DERIVED = {"input_sha256": "0" * 64, "code_version": "1"}


class QueueHome:
    """The home, and what is put into it; `name(frame_id)` gives `t3`."""

    def __init__(self, catalog: Catalog, frame_rows: Callable[..., pa.Table]) -> None:
        self.catalog = catalog
        self.ids: dict[str, str] = {}
        for session, letter, count in (("monday", "m", 10), ("tuesday", "t", 20)):
            rows = frame_rows(count, seed=0, session=session)
            written = catalog.merge("frames", rows)
            catalog.publish("frames", session, written.version)
            ids = rows["frame_id"].to_pylist()
            self.ids |= {f"{letter}{k}": i for k, i in enumerate(ids)}
        self._names = {i: n for n, i in self.ids.items()}

    def copy_to(self, folder: Path) -> QueueHome:
        """The same in another folder."""
        shutil.copytree(self.catalog.uri, folder)
        other = copy(self)
        other.catalog = Catalog(str(folder))
        return other

    def name(self, frame_id: str) -> str:
        """`m0` or `t19`."""
        return self._names[frame_id]

    def session_of(self, name: str) -> str:
        """Where a frame lies."""
        return "monday" if name[0] == "m" else "tuesday"

    def embed(self, angles: dict[str, float] | None = None) -> None:
        """Vectors on a circle: m0 to m9 at 0, t0 to t19 from 0.05 rad on, or at the angles given."""
        found = {n: 0.0 if n[0] == "m" else 0.05 + 0.01 * int(n[1:]) for n in self.ids}
        found |= angles or {}
        rows = []
        for name, angle in found.items():
            vector = np.zeros(EMBEDDING_DIM, np.float32)
            vector[:2] = np.cos(angle), np.sin(angle)
            rows.append(self._of_frame(name) | {"vector": vector} | _DERIVED)
        self._put("frame_embeddings", rows, sessions=True)

    def cluster(self, *groups: Sequence[str]) -> None:
        """Near-duplicates: the first of each group leads it; every other frame is alone."""
        leader = {name: group[0] for group in groups for name in group}
        rows = []
        for name in self.ids:
            led = leader.get(name, name)
            rows.append(
                self._of_frame(name)
                | {
                    "duplicate_of": None if led == name else self.ids[led],
                    "cluster_id": self.ids[led],
                    "similarity": None if led == name else 0.99,
                }
                | _DERIVED
            )
        self._put("unique_frames", rows)

    def label(self, task: str, classes: dict[str, str]) -> None:
        """One label a frame, with the box of all."""
        sides = dict(zip(("x_min", "y_min", "x_max", "y_max"), BOX, strict=True))
        rows = [
            self._of_frame(name)
            | {
                "label_id": content_id("label", task, name),
                "capture_id": content_id("capture", self.session_of(name)),
                "task": task,
                "class_name": class_name,
                **(sides if task == "detection" else {}),
                "origin": "imported",
                "source_path": "labels.json",
                "source_offset": 0,
            }
            for name, class_name in classes.items()
        ]
        self._put("labels", rows, sessions=True)

    def crown(self, task: str, learnt: Sequence[str] = ()) -> None:
        """Two models; the first is champion, and both learnt from these frames."""
        for model in (CHAMPION, RIVAL):
            row = {
                "model_sha256": model,
                "task": task,
                "recipe": f"tiny_{task}",
                "release_id": RELEASE,
                "code_version": "1",
                "seed": 0,
                "run_id": "run",
                "folder": "models/x",
            }
            self._put("models", [row])
        champion = {
            "task": task,
            "model_name": f"daguerre-{task}",
            "model_version": 1,
            "model_sha256": CHAMPION,
            "release_id": RELEASE,
        }
        self._put("champions", [champion])
        rows = [
            self._of_frame(name)
            | {
                "row_id": content_id("release", name),
                "release_id": RELEASE,
                "capture_id": content_id("capture", self.session_of(name)),
                "sensor": "cam",
                "split": "train",
                "sha256": "0" * 64,
                "boxes_xyxy": [],
                "box_class_ids": [],
            }
            for name in learnt
        ]
        if rows:
            self._put("release_frames", rows)

    def answer(
        self,
        task: str,
        said: dict[str, Sequence[Box]],
        model: str = CHAMPION,
        **more: Any,
    ) -> None:
        """Answers of a model: boxes of a frame, or of recognition its classes, the first first."""
        rows = [
            self._of_frame(name)
            | {
                "prediction_id": content_id(model, name),
                "sensor": "cam",
                "task": task,
                "model_sha256": model,
                "purpose": "monitoring",
                "boxes_xyxy": [v for sides, _, _ in found for v in sides],
                "class_names": [c for _, c, _ in found],
                "scores": [s for _, _, s in found],
                "mask_rles": None,
            }
            | {column: values[name] for column, values in more.items()}
            for name, found in said.items()
        ]
        self._put("predictions", rows)

    def drift(self, session: str, task: str, value: float) -> None:
        """A verdict that the session has drifted, by the brightness of its camera."""
        whole = {"sensor": "all", "statistic": WHOLE_SESSION, "value": value}
        figure = {"sensor": "cam", "statistic": "brightness", "value": -value}
        rows = [
            {
                "drift_id": content_id("drift", session, n),
                "session": session,
                "model_name": f"daguerre-{task}",
                "model_version": 1,
                "release_id": RELEASE,
                "p_value": 0.001,
                "threshold": 0.01,
                "is_drifted": True,
                "num_frames": 20,
                "num_reference": 8,
                "unit": "recording",
                "reason": "darker",
                **row,
            }
            for n, row in enumerate((whole, figure))
        ]
        self._put("drift", rows, sessions=True)

    def _of_frame(self, name: str) -> dict[str, Any]:
        return {"frame_id": self.ids[name], "session": self.session_of(name)}

    def _put(
        self, table: str, rows: list[dict[str, Any]], sessions: bool = False
    ) -> None:
        written = self.catalog.upsert(table, to_table(TABLES[table], rows))
        for session in {r["session"] for r in rows} if sessions else [None]:
            self.catalog.publish(table, session, written.version)
