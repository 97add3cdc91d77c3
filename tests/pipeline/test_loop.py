"""The whole graph on a tiny simulated world, in this process: landed files become a champion, and dusk raises drift."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.monitoring.pending import champions
from assets.monitoring.watch import predict_session
from assets.retrieval.lineage import trace
from assets.retrieval.results import read_results
from assets.workspace import Workspace
from orchestration.jobs import ingest_session, monitor_session, train_jobs
from orchestration.profiles import Settings, load_settings
from orchestration.reporting import summarise_home, write_home_report
from orchestration.resources import build_catalog
from orchestration.sensors.drift import drift_sensor
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.sensors.monitoring import unjudged_session_sensor
from orchestration.ticks import LocalEngine
from orchestration.train import train_here

# third parties warn inside Dagster runs
pytestmark = [pytest.mark.timeout(800), pytest.mark.filterwarnings("default")]
DETECTION = {"epochs": "4", "image_size_px": "160"}


def record(captures: int, seed: int, **changes: str) -> SimulationSpec:
    """20 small frames a camera."""
    return SimulationSpec(captures, 2.0, seed, width_px=160, height_px=120, **changes)


def land(settings: Settings, session: str, *specs: SimulationSpec) -> None:
    stage = Path(settings.landing_uri).parent / "producing" / session
    for spec in specs:
        simulate(stage, spec)
    os.replace(stage, Path(settings.landing_uri) / session)


def settle(engine: LocalEngine) -> dict[str, bool]:
    """Two ticks of the landing sensor, and the runs they ask for: session -> success."""
    engine.tick(landing_zone_sensor)
    return {
        str(r.partition_key): engine.execute(
            ingest_session.name, r.partition_key
        ).success
        for r in engine.tick(landing_zone_sensor)
    }


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory, start_home):
    """The loop run once; the tests look at what it left."""
    home = start_home(tmp_path_factory.mktemp("loop"))
    settings = load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_PROFILE": "ci",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
        }
    )
    (home / "landing").mkdir()
    facts: dict = {"settings": settings}
    with LocalEngine(settings) as engine:
        land(settings, "plain", record(6, seed=1))
        land(
            settings,
            "broken",
            *(record(1, seed=2, fault=f) for f in ("corrupt_frame", "truncated_file")),
        )
        facts["first"] = settle(engine)
        facts["again"] = settle(engine)
        ops = {
            "training__detection": {
                "config": {"recipe": "tiny_detection", "settings": DETECTION}
            },
            # seven recordings, of which one is the test part
            "registry__detection_release": {"config": {"accept_thin_test": True}},
        }
        facts["train"] = engine.execute(train_jobs["detection"].name, ops=ops)
        land(settings, "dusk", record(1, seed=3, shift="dusk"))
        land(settings, "like", record(1, seed=4))
        facts["second"] = settle(engine)
        facts["judged"] = {
            str(r.partition_key): engine.execute(
                monitor_session.name, r.partition_key
            ).success
            for r in engine.tick(unjudged_session_sensor)
        }
        facts["left_to_judge"] = engine.tick(unjudged_session_sensor)
        facts["requests"] = engine.tick(drift_sensor)
        facts["requests_in_cooldown"] = engine.tick(drift_sensor)
    release = read_results(build_catalog(settings), "detection")[0]["release_id"]
    facts["trained_again"] = train_here(
        settings, "detection", "tiny_detection", release, DETECTION, seed=0
    )
    on_ray = load_settings({"DAGUERRE_HOME": str(home), "DAGUERRE_PROFILE": "local"})
    with LocalEngine(on_ray) as engine:
        changes = {"epochs": "2", "image_size_px": "64"}
        ops = {
            "training__recognition": {
                "config": {"recipe": "tiny_recognition", "settings": changes}
            }
        }
        facts["train_on_ray"] = engine.execute(train_jobs["recognition"].name, ops=ops)
    yield facts
    shutil.rmtree(home, ignore_errors=True)


def test_each_landed_session_is_taken_in_once(loop) -> None:
    assert loop["first"] == {"plain": True, "broken": True}
    assert loop["again"] == {}
    frames = build_catalog(loop["settings"]).read(
        "frames", ["frame_id", "session", "sensor"]
    )
    plain = [r for r in frames.to_pylist() if r["session"] == "plain"]
    assert len(plain) == 6 * 20 * 3  # captures x frames x (left, right, depth)
    assert len({r["frame_id"] for r in plain}) == len(plain)


def test_what_is_broken_is_quarantined_and_its_neighbours_go_on(loop) -> None:
    catalog = build_catalog(loop["settings"])
    problems = catalog.read_latest("quarantine").to_pylist()
    assert {p["session"] for p in problems} == {"broken"}
    assert all(p["reason"] and p["remedy"] and p["reader"] == "mcap" for p in problems)
    assert {p["source_path"] for p in problems if p["capture_id"] is None} == {
        "sim_s2_truncated_file_000.mcap"
    }
    # of the other recording
    assert len(catalog.read("frames", ["frame_id"], "session = 'broken'")) == 20 * 3 - 1


def test_training_ends_in_a_registered_champion_with_its_lineage(loop) -> None:
    assert loop["train"].success, loop["train"]
    summary = summarise_home(loop["settings"], None, ["detection"])
    (model,) = summary["models"]
    assert model["alias"] == "champion" and model["metrics"]["map50"] >= 0.4
    catalog = build_catalog(loop["settings"])
    down = trace(catalog, "model", model["model_sha256"])
    assert down["upstream"]["release"]["release_id"] == model["release_id"]
    assert {p["purpose"] for p in down["downstream"]["predictions"]} == {
        "test",
        "monitoring",
    }


def test_a_prediction_leads_back_to_bytes_of_its_capture(loop) -> None:
    catalog = build_catalog(loop["settings"])
    prediction = catalog.read_latest(
        "predictions", ["prediction_id"], "session = 'dusk'"
    ).to_pylist()[0]
    upstream = trace(catalog, "prediction", prediction["prediction_id"])["upstream"]
    frame = upstream["frame"]
    capture = upstream["capture"]
    data = (Path(capture["source_uri"]) / frame["source_path"]).read_bytes()
    record = data[
        frame["source_offset"] : frame["source_offset"] + frame["source_length"]
    ]
    payload = catalog.read_latest(
        "frames", ["payload"], f"frame_id = '{frame['frame_id']}'"
    ).to_pylist()[0]["payload"]
    assert payload in record


def test_frames_keep_their_predictions_and_those_without_get_one(loop) -> None:
    catalog = build_catalog(loop["settings"])
    home = loop["settings"].home
    (champion,) = (c for c in champions(catalog) if c["task"] == "detection")
    again = predict_session(catalog, Workspace(home), champion, "like")
    assert again.total > 10 and (again.new, again.computed) == (0, 0)
    mine = f"session = 'like' AND model_sha256 = '{champion['model_sha256']}'"
    before = catalog.read_latest("predictions", where=mine).sort_by("prediction_id")
    catalog.delete("predictions", f"prediction_id = '{before['prediction_id'][0]}'")
    done = predict_session(catalog, Workspace(home), champion, "like")
    assert (done.new, done.computed, done.total) == (1, 1, again.total)
    after = catalog.read_latest("predictions", where=mine).sort_by("prediction_id")
    assert after.slice(1).equals(before.slice(1))
    (redone,) = after.slice(0, 1).to_pylist()
    (first,) = before.slice(0, 1).to_pylist()
    assert redone["prediction_id"] == first["prediction_id"]
    # another batch size rounds otherwise: equals change places
    sure = sum(score > 0.1 for score in first["scores"])
    assert redone["scores"][:sure] == pytest.approx(first["scores"][:sure], abs=1e-4)
    assert sorted(redone["class_names"][:sure]) == sorted(first["class_names"][:sure])


def test_dusk_is_drift_and_a_like_session_is_not(loop) -> None:
    assert loop["judged"] == {"dusk": True, "like": True, "broken": True} or loop[
        "judged"
    ] == {
        "dusk": True,
        "like": True,
    }
    assert loop["left_to_judge"] == []
    drift = summarise_home(loop["settings"], None, ["detection"])["drift"]
    assert drift["dusk"]["is_drifted"] is True
    assert drift["like"]["is_drifted"] is False


def test_drift_files_one_request_and_then_cools_down(loop) -> None:
    assert [r.job_name for r in loop["requests"]] == ["train_detection"]
    # none was run: the same one is asked for, under the same key
    assert [r.run_key for r in loop["requests_in_cooldown"]] == [
        r.run_key for r in loop["requests"]
    ]
    (request,) = summarise_home(loop["settings"], None, ["detection"])[
        "retraining_requests"
    ]
    assert request["session"] == "dusk" and request["task"] == "detection"


def test_the_same_graph_trains_on_two_ray_workers_and_takes_all_sessions(loop) -> None:
    assert loop["train_on_ray"].success, loop["train_on_ray"]
    (release,) = summarise_home(loop["settings"], None, ["recognition"])["releases"]
    assert release["sessions"] == ["broken", "dusk", "like", "plain"]


def test_the_command_line_trains_the_same_model_again(loop) -> None:
    again = loop["trained_again"]
    assert again["success"] and again["is_champion"], again
    (row,) = read_results(build_catalog(loop["settings"]), "detection")
    assert (
        row["model_sha256"] == again["model_sha256"]
        and row["run_id"] != again["run_id"]
    )
    assert row["scores"]["map50"] >= 0.4


def test_the_report_is_one_page_with_the_model_and_the_drift(
    loop, tmp_path: Path
) -> None:
    page = Path(
        write_home_report(loop["settings"], tmp_path / "report.html")
    ).read_text()
    assert "daguerre-detection" in page and "dusk" in page and "data:image" in page
    assert 'src="http' not in page and 'href="http' not in page


def test_the_report_opens_in_a_browser_and_asks_for_nothing_else(
    loop, browser, screenshots: Path, tmp_path: Path
) -> None:
    path = Path(write_home_report(loop["settings"], tmp_path / "report.html"))
    page = browser.new_page(viewport={"width": 1280, "height": 1700}, offline=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.screenshot(path=screenshots / "report.png")
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert page.get_by_text("daguerre-detection").first.is_visible()


def test_the_summary_is_plain_json(loop) -> None:
    text = json.dumps(summarise_home(loop["settings"], None, ["detection"]))
    assert json.loads(text)["captures"] == 9  # ten recordings, one of them cut off
