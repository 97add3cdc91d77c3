"""The registry on a real MLflow store: what is recorded, once, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assets.inference.package import Refusal
from assets.registry.release import decide
from assets.registry.tracker import CHAMPION, Tracker
from assets.registry.verdict import Evaluation, GateRules

YES = decide(
    Evaluation("m", "r", 100, {"accuracy": 0.9}),
    None,
    GateRules("accuracy", 0.5, 0.01, 10),
    {"a": True},
)
NO = decide(
    Evaluation("m", "r", 100, {"accuracy": 0.4}),
    None,
    GateRules("accuracy", 0.5, 0.01, 10),
    {"a": True},
)


@pytest.fixture
def register(tracker, make_folder, read_with_lineage):
    def act(name="model", weight=1.0):
        folder = (
            make_folder(name, weight)
            if not (Path(tracker_home(tracker)) / name).exists()
            else tracker_home(tracker) / name
        )
        metrics = {"accuracy": 0.875, "ece": None}
        return tracker.log_training(
            *read_with_lineage(folder),
            metrics,
            {"learning curve.png": b"\x89PNG"},
            "dagster-1",
            {"k": 1},
        )

    return act


def tracker_home(tracker: Tracker) -> Path:
    return Path(tracker.tracking_uri.removeprefix("sqlite:///")).parent


def test_run_records_parameters_epochs_release_and_plots(tracker, register, release):
    run = register()
    from mlflow import MlflowClient

    client = MlflowClient(tracker.tracking_uri)
    stored = client.get_run(run.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.data.params == {"optim.lr": "0.01", "epochs": "2", "k": "1"}
    assert stored.data.metrics == {"loss": 0.5, "accuracy": 0.875}
    assert stored.data.tags["unmeasured"] == "ece"
    assert (stored.data.tags["dagster_run_id"], stored.data.tags["code_version"]) == (
        "dagster-1",
        "1",
    )
    assert [
        (m.step, m.value) for m in client.get_metric_history(run.run_id, "loss")
    ] == [(0, 0.75), (1, 0.5)]
    dataset = stored.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == (
        release["release_id"],
        release["content_sha256"][:32],
    )
    assert json.loads(dataset.profile)["content_sha256"] == release["content_sha256"]
    assert [f.path for f in client.list_artifacts(run.run_id, "plots")] == [
        "plots/learning_curve.png"
    ]


def test_new_version_is_challenger_with_hashes_and_lineage(tracker, register, release):
    run = register()
    model = tracker.challenger("recognition")
    assert (model.version, model.name, model.aliases) == (
        run.model_version,
        "daguerre-recognition",
        ("challenger",),
    )
    assert model.release_id == release["release_id"]
    assert len(model.tags["onnx_sha256"]) == len(model.model_sha256) == 64
    assert model.metrics["accuracy"] == 0.875
    assert tracker.champion("recognition") is None


def test_same_model_registers_once(tracker, register):
    first = register()
    second = register()
    assert (second.run_id, second.model_version, second.is_new) == (
        first.run_id,
        first.model_version,
        False,
    )
    assert len(tracker.versions("recognition")) == 1


def test_two_models_are_two_versions(tracker, register):
    register("a", 1.0), register("b", 2.0)
    assert [v.aliases for v in tracker.versions("recognition")] == [(), ("challenger",)]


def test_promotion_moves_champion_and_keeps_the_decision(tracker, register):
    version = register().model_version
    tracker.record("recognition", version, YES)
    tracker.set_alias("recognition", CHAMPION, version)
    assert tracker.champion("recognition").version == version
    assert tracker.champion("recognition").tags["gate"] == "passed"


def test_refused_challenger_keeps_the_reasons(tracker, register):
    tracker.set_alias("recognition", CHAMPION, register("a").model_version)
    second = register("b", 2.0).model_version
    tracker.record("recognition", second, NO)
    assert tracker.champion("recognition").version == 1
    assert "floor" in tracker.version("recognition", second).tags["gate_reasons"]


def stored_file(tracker: Tracker, name: str) -> Path:
    source = tracker.version("recognition", 1).source
    return Path(source.removeprefix("file://")) / name


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_changed_bytes_are_not_promoted(tracker, register, name):
    register()
    path = stored_file(tracker, name)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refusal, match=f"{name} has changed"):
        tracker.set_alias("recognition", CHAMPION, 1)
    assert tracker.champion("recognition") is None


def test_package_that_changed_after_it_was_read_is_refused(
    tracker, make_folder, read_with_lineage
):
    folder = make_folder()
    package, lineage = read_with_lineage(folder)
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(Refusal, match=r"model\.onnx has changed"):
        tracker.log_training(package, lineage, {}, {}, "dagster-1")
    assert tracker.versions("recognition") == []


def test_version_that_somebody_registered_by_hand_has_no_lineage_and_is_refused(
    tracker, register
):
    register()
    from mlflow import MlflowClient

    source = tracker.version("recognition", 1).source
    MlflowClient(tracker.tracking_uri).create_model_version(
        "daguerre-recognition", source
    )
    with pytest.raises(Refusal, match="version 2 has no model_sha256"):
        tracker.set_alias("recognition", "champion", 2)


def test_onnx_flavour_loads_and_multiplies(tracker, register):
    register()
    import mlflow.onnx

    model = mlflow.onnx.load_model(tracker.challenger("recognition").source)
    from onnxruntime import InferenceSession

    session = InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {"x": np.ones((3, 4), np.float32)})
    assert y.tolist() == [[4.0, 4.0]] * 3  # four inputs of 1 times weights of 1


def test_no_pickle_among_the_artifacts(tracker, register):
    register()
    names = {
        p.name for p in (tracker_home(tracker) / "artifacts").rglob("*") if p.is_file()
    }
    assert names == {
        "MLmodel",
        "requirements.txt",
        "model.safetensors",
        "model.onnx",
        "model.json",
        "learning_curve.png",
    }


def test_card_is_artifact_and_description(tracker, register):
    run = register()
    tracker.describe("recognition", 1, "# card\n" + 600 * "- 34567890\n")
    from mlflow import MlflowClient

    client = MlflowClient(tracker.tracking_uri)
    description = client.get_model_version("daguerre-recognition", "1").description
    assert 4980 < len(description) <= 5000 and description.endswith("model_card.md)")
    assert {len(line) for line in description.splitlines()[1:-2]} == {10}
    assert "model_card.md" in [f.path for f in client.list_artifacts(run.run_id)]


def test_an_unknown_alias_is_none_and_an_unknown_version_says_so(tracker):
    assert tracker.champion("detection") is None
    with pytest.raises(LookupError, match="no version 9"):
        tracker.version("detection", 9)


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns"])
def test_file_store_is_refused(uri):
    with pytest.raises(ValueError, match="use sqlite"):
        Tracker(uri, "artifacts")


RACER = """
import sys
from pathlib import Path
from assets.registry.lineage import Lineage
from assets.inference.package import read_package
from assets.registry.tracker import Tracker
import mlflow.models
uri, folder = sys.argv[1:3]
tracker = Tracker(uri, str(Path(folder).parent / "artifacts"))
lineage = Lineage({"release_id": "0" * 32, "content_sha256": "0" * 64}, {"run_id": "t"})
package = read_package(Path(folder))
print("ready", flush=True)
sys.stdin.readline()
print(tracker.log_training(package, lineage, {}, {}, "d").model_version, flush=True)
"""


def test_two_processes_that_register_one_model_in_a_new_store_make_one_version(
    tmp_path, make_folder
):
    tracker = Tracker(
        f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}", str(tmp_path / "artifacts")
    )
    folder = make_folder()
    command = [sys.executable, "-c", RACER, tracker.tracking_uri, str(folder)]
    root = Path(__file__).parents[3]
    racers = [
        subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=120)[0].strip() for racer in racers]
    versions = tracker.versions("recognition")
    assert [racer.returncode for racer in racers] == [0, 0]
    assert answers == [str(versions[0].version)] * 2
    assert len(versions) == 1 and versions[0].aliases == ("challenger",)


def test_an_alias_that_another_writer_makes_in_between_is_pointed_at(
    tracker, register, monkeypatch
):
    from sqlalchemy.orm import Session

    register()
    client = tracker.open_client()
    client.delete_registered_model_alias("daguerre-recognition", "challenger")
    merge = Session.merge
    in_between = iter([True])

    def merge_then_lose_the_race(session, row, *args, **kwargs):
        pending = merge(session, row, *args, **kwargs)
        if row.__tablename__ == "registered_model_aliases" and next(in_between, False):
            client.set_registered_model_alias("daguerre-recognition", "challenger", "1")
        return pending

    monkeypatch.setattr(Session, "merge", merge_then_lose_the_race)
    assert register().model_version == 1
    assert next(in_between, "used up") == "used up"
    assert tracker.challenger("recognition").version == 1


def test_definitions_do_not_import_mlflow():
    code = "import sys, assets.registry.tracker, assets.registry.promotion; sys.exit('mlflow' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False
        ).returncode
        == 0
    )


def test_late_writer_of_the_same_model_undoes_its_version_and_run(
    tracker, register, read_with_lineage, tmp_path
):
    first = register()
    package, _ = read_with_lineage(tmp_path / "model")
    client = tracker.open_client()
    tags = tracker.version("recognition", 1).tags
    run_id = tracker._start_run(client, package, tags)
    source, _ = tracker._store_package(client, run_id, package)
    late = tracker._register(client, run_id, package, source, tags)
    assert (late.run_id, late.model_version, late.is_new) == (first.run_id, 1, False)
    assert [v.version for v in tracker.versions("recognition")] == [1]
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"


def test_rerun_finishes_what_a_killed_writer_left(
    tracker, register, read_with_lineage, tmp_path
):
    register()
    client = tracker.open_client()
    package, _ = read_with_lineage(tmp_path / "model")
    client.delete_registered_model_alias("daguerre-recognition", "challenger")
    orphan = tracker._start_run(client, package, tracker.version("recognition", 1).tags)
    register()
    assert tracker.challenger("recognition").version == 1
    assert client.get_run(orphan).info.status == "KILLED"


def test_looking_at_a_store_changes_no_file_of_it(tracker, register, tmp_path):
    version = register().model_version
    tracker.record("recognition", version, YES)
    before = {p: p.lstat().st_mtime_ns for p in tmp_path.rglob("*")}
    again = Tracker(tracker.tracking_uri, tracker.artifact_root)
    assert again.is_there() and len(again.versions("recognition")) == 1
    assert again.decision("recognition", version)["is_promoted"]
    assert {p: p.lstat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_store_that_is_not_there_is_not_made_by_asking(tmp_path):
    tracker = Tracker(f"sqlite:///{tmp_path / 'none.db'}", str(tmp_path / "artifacts"))
    assert not tracker.is_there() and list(tmp_path.iterdir()) == []
