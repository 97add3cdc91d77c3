"""Classes that a test part shows and a model never finds: their share of a mean is too small to be seen in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# of a class, by kind of label: 0 where not one object, picture or pixel of it was called right
FOUND_BY = ("ap50", "recall", "iou")
_MOST_NAMES = 10


def list_missed(
    score_rows: Iterable[Mapping[str, Any]], model_sha256: str, release_id: str
) -> tuple[str, ...]:
    """Their names in order, from rows of `scores`; none of a task that has no figures by class."""
    exam = (model_sha256, release_id, "test", "class")
    return tuple(
        sorted(
            row["slice_value"]
            for row in score_rows
            if (row["model_sha256"], row["release_id"], row["split"], row["slice_by"])
            == exam
            and row["metric"] in FOUND_BY
            and row["value"] == 0
        )
    )


def tell_missed(names: Iterable[str]) -> str:
    """As a sentence; empty where none is missed."""
    missed = list(names)
    more = len(missed) - _MOST_NAMES
    told = ", ".join(missed[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    what = "class" if len(missed) == 1 else "classes"
    return f"never found, of what the test part shows, {what} {told}" if missed else ""
