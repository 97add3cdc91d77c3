"""What the asset goes by: the champion of detection, and the tracker that knows all frames, at the champion's score."""

from __future__ import annotations

from dataclasses import replace

from assets.retrieval.answers import read_operating_score
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ModelRef
from assets.tracking.rows import Method
from models.task_names import DETECTION


def choose_asset_method(catalog: Catalog) -> tuple[ModelRef, Method] | None:
    """The model and method where nobody asks for others; None where there is no champion."""
    model = read_detector(catalog)
    return None if model is None else (model, choose_score(catalog, model, Method()))


def read_detector(catalog: Catalog) -> ModelRef | None:
    """The champion of detection, which the asset goes by; None where there is none."""
    where = is_in("task", [DETECTION])
    rows: list[ModelRef] = catalog.read_latest("champions", where=where).to_pylist()
    return rows[0] if rows else None


def choose_score(catalog: Catalog, model: ModelRef, method: Method) -> Method:
    """The method at the operating score of the model, where it has one."""
    score = read_operating_score(catalog, model)
    return method if score is None else replace(method, min_score=score)
