"""Scores name the code that made them: the plan says which a run of today would make otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from assets.code_versions import version_of
from assets.evaluation.score import name_maker, score_open
from assets.retrieval.stale_reasons import CODE, UNVERSIONED
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from orchestration.plan.lines import Line
from orchestration.plan.tasks import Asked, list_followers
from tests.assets.comparison.conftest import (
    class_row,
    store_model,
    write_frames,
    write_release,
)

ASSET = "evaluation/recognition_scores"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, str, list[str]]:
    """A release, a champion and a model that was trained after it, both scored there; the release, and the models."""
    catalog = Catalog(str(tmp_path_factory.mktemp("home") / "tables"))
    version = write_frames(catalog, "ab")
    rows = [class_row("a", 0), class_row("b", 1)]
    names = ["cup", "box"]
    release_id = write_release(catalog, "recognition", names, rows, version)
    models = [
        store_model(catalog, name, release_id, "recognition")["model_sha256"]
        for name in ("champion", "newest")
    ]
    row = {
        **dict.fromkeys(TABLES["champions"].schema.names),
        **{"task": "recognition", "model_name": "m", "model_version": 1},
        **{"model_sha256": models[0], "release_id": release_id},
    }
    catalog.upsert("champions", to_table(TABLES["champions"], [row]))
    catalog.point("model/recognition", models[1])
    for sha256 in models:
        scores = score_open({"accuracy": 1.0, "macro_f1": 0.5}, sha256, release_id, 2)
        catalog.upsert("scores", to_table(TABLES["scores"], scores))
    return catalog, release_id, models


def list_lines(catalog: Catalog, **asked: Any) -> list[Line]:
    wanted = {"sessions": None, "selected": (), "recipes": (), "makers": None, **asked}
    lines = list_followers(catalog, [], [], Asked(**wanted))
    return [line for line in lines if line.asset.startswith(("eval", "registry"))]


def test_scores_of_other_code_are_stale_and_the_gate_judges_again(
    home: tuple[Catalog, str, list[str]],
):
    catalog, release_id, (champion, _) = home
    # its code and its release are of another day, which is no matter of scores
    other_makers = {"scores"}
    assert list_lines(catalog, makers=other_makers) == []
    scores = score_open({"accuracy": 1.0, "macro_f1": 0.5}, champion, release_id, 2)
    now = version_of("scores")
    assert {row["code_version"] for row in scores} == {now}
    old = [scores[0] | {"code_version": None}, scores[1] | {"code_version": "code-a"}]
    catalog.upsert("scores", to_table(TABLES["scores"], old))
    line, gate = list_lines(catalog, makers=other_makers)
    why = f"{UNVERSIONED}, code-a made them, {now} would"
    assert (line.asset, line.reason, line.num_rows) == (ASSET, CODE, 2)
    assert line.why == why and line.is_exact
    assert gate.asset == "registry/recognition_release"
    assert list_lines(catalog, makers={"drift"}) == []
    catalog.upsert("scores", to_table(TABLES["scores"], name_maker(old)))  # type: ignore[arg-type]
    assert list_lines(catalog, makers=other_makers) == []
