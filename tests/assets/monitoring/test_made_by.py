"""Predictions and drift name the code that made them: what other code made is stale, and made anew when asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.code_versions import version_of
from assets.monitoring.drift import Assessment
from assets.monitoring.watch import assess, predict_session
from assets.retrieval.stale_reasons import CODE
from assets.retrieval.stale_rows import Stale, list_stale_verdicts
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from assets.workspace import Workspace
from bench.cluster import fill, store_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> tuple[Catalog, Path, dict]:
    """A home with four frames of a session, and a champion that has said something about them."""
    home = tmp_path_factory.mktemp("home")
    catalog = Catalog(str(home / "tables"))
    fill(catalog, "s", 4, num_pictures=2)
    champion = {
        **store_model(catalog, home),
        "model_name": "daguerre-recognition",
        "model_version": 2,
        "spent": None,
    }
    catalog.upsert("champions", to_table(TABLES["champions"], [champion]))
    done = predict_session(catalog, Workspace(home), champion, "s")
    assert (done.computed, done.total) == (4, 4)
    return catalog, home, champion


def test_predictions_of_other_code_are_stale_and_made_anew(judged):
    catalog, home, champion = judged
    now = version_of("predictions")
    rows = catalog.read_latest("predictions").sort_by("prediction_id").to_pylist()
    assert {row["code_version"] for row in rows} == {now}
    assert list_stale_verdicts(catalog) == []
    assert predict_session(catalog, Workspace(home), champion, "s").computed == 0
    spoilt = [rows[0] | {"code_version": None}, rows[1] | {"code_version": "code-aa"}]
    catalog.upsert("predictions", to_table(TABLES["predictions"], spoilt))
    found = sorted(list_stale_verdicts(catalog), key=lambda one: one.why)
    asset = "monitoring/predictions"
    assert found == [
        Stale(asset, "s", CODE, f"{made_by} made them, {now} would", 1, "predictions")
        for made_by in ("code from before its versions were kept", "code-aa")
    ]
    assert list_stale_verdicts(catalog, {"another"}) == []
    assert predict_session(catalog, Workspace(home), champion, "s").computed == 2
    again = catalog.read_latest("predictions").sort_by("prediction_id").to_pylist()
    assert again == rows


def test_drift_of_other_code_is_stale_where_today_s_champion_judged(
    judged, monkeypatch
):
    catalog, _, champion = judged
    verdict = {
        **dict.fromkeys(TABLES["drift"].schema.names),
        **{"session": "s", "sensor": "", "statistic": "session", "unit": "none"},
        **{"threshold": 0.01, "num_frames": 4, "num_reference": 0, "reason": "few"},
        **{n: champion[n] for n in ("model_name", "release_id")},
    }
    ids = {1: "a" * 32, 2: "b" * 32}
    rows = [verdict | {"drift_id": ids[v], "model_version": v} for v in ids]
    monkeypatch.setattr(
        "assets.monitoring.watch.assess_session",
        lambda *_: Assessment([rows[1]], None, None, "few"),
    )
    catalog.upsert("drift", to_table(TABLES["drift"], rows))
    (stale,) = list_stale_verdicts(catalog)
    assert (stale.asset, stale.rows, stale.maker) == ("monitoring/drift", 1, "drift")
    made = assess(catalog, champion, "s").rows
    assert [row["code_version"] for row in made] == [version_of("drift")]
    catalog.upsert("drift", to_table(TABLES["drift"], made))
    assert list_stale_verdicts(catalog) == []
