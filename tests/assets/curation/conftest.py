"""Labels on stored frames, and who looked at which of them, published as intake does."""

from collections.abc import Callable, Sequence

import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

_SIDES = ("x_min", "y_min", "x_max", "y_max")
Box = tuple[float, float, float, float]


@pytest.fixture
def label(catalog: Catalog) -> Callable[..., None]:
    """label("detection", [(frame id, class, box or None), ...], session="monday", masks=[...]): published labels."""

    def add(
        task: str,
        said: Sequence[tuple[str, str, Box | None]],
        session: str = "monday",
        masks: Sequence[str | None] | None = None,
    ) -> None:
        rows = [
            {
                "label_id": content_id(task, session, n, frame_id, name, box, mask),
                "frame_id": frame_id,
                "session": session,
                "task": task,
                "capture_id": content_id("capture", session),
                "class_name": name,
                "origin": "imported",
                "source_path": "l.json",
                "source_offset": 0,
                "mask_rle": mask,
                **dict(zip(_SIDES, box or [None] * 4, strict=True)),
            }
            for n, ((frame_id, name, box), mask) in enumerate(
                zip(said, masks or [None] * len(said), strict=True)
            )
        ]
        catalog.publish(
            "labels",
            session,
            catalog.merge("labels", to_table(TABLES["labels"], rows)).version,
        )

    return add


@pytest.fixture
def look(catalog: Catalog) -> Callable[..., None]:
    """look([frame id, ...], num_missing=1): published rows that say somebody looked, and found nothing or that."""

    def add(
        frame_ids: Sequence[str],
        session: str = "monday",
        task: str = "detection",
        **counts: int,
    ) -> None:
        rows = [
            {
                "annotation_id": content_id(
                    task, session, frame_id, sorted(counts.items())
                ),
                "frame_id": frame_id,
                "session": session,
                "task": task,
                "capture_id": content_id("capture", session),
                "source_path": "l.json",
                "source_offset": 0,
                "num_labels": 0,
                "num_missing": 0,
                "num_ignored": 0,
                **counts,
            }
            for frame_id in frame_ids
        ]
        written = catalog.merge(
            "annotated_frames", to_table(TABLES["annotated_frames"], rows)
        )
        catalog.publish("annotated_frames", session, written.version)

    return add
