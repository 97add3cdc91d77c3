"""What is erased is in no object of a bucket any more, and in no older version that the bucket keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from s3fs import S3FileSystem
from typer.testing import CliRunner

from assets.erasure.artifacts import RunStore, find_in_buckets, remove_from_buckets
from assets.storage import Folder, drop_history, object_history
from bench.prove.canaries import find_canaries, name_needles
from orchestration.cli import app
from orchestration.resources import build_intake, build_landing_zone


@pytest.fixture
def versioned(settings) -> S3FileSystem:
    """The bucket of the settings, which keeps what is replaced and deleted."""
    store = S3FileSystem(use_listings_cache=False, **settings.file_options)
    store.make_bucket_versioned(name_bucket(settings), True)
    return store


def name_bucket(settings) -> str:
    return settings.tables_uri.split("/")[2]


def list_history(store: S3FileSystem, bucket: str) -> list[str]:
    """Keys of older versions and of marks of deletion."""
    found = store.call_s3("list_object_versions", Bucket=bucket)
    old = [one["Key"] for one in found.get("Versions", ()) if not one["IsLatest"]]
    return old + [one["Key"] for one in found.get("DeleteMarkers", ())]


def test_bytes_go_from_a_bucket_with_versions_once_a_person_is_alone(
    versioned, settings, make_png, tmp_path, monkeypatch
):
    for name, value in (
        ("HOME", settings.home),
        ("S3_ENDPOINT", settings.s3_endpoint),
        ("LANDING", settings.landing_uri),
        ("TABLES", settings.tables_uri),
        ("BLOBS", settings.blobs_uri),
    ):
        monkeypatch.setenv(f"DAGUERRE_{name}", str(value))
    intake, zone = build_intake(settings), build_landing_zone(settings)
    for session in ("monday", "tuesday"):
        content = make_png(len(session))
        versioned.pipe_file(f"{settings.landing_uri}/{session}/a.png", content)
        intake.ingest(zone.locate(session), session)
    versioned.pipe_file(f"{settings.blobs_uri}/reports/index.html", b"monday")
    columns = ["frame_id", "sha256", "payload"]
    mine = intake.catalog.read_latest("frames", columns, "session = 'monday'")
    (frame,) = mine.to_pylist()
    needles = name_needles([frame["frame_id"], frame["sha256"], "monday"])
    needles["bytes"] = frame["payload"][-80:]
    gone = f"{settings.tables_uri}/frames.lance/data/merged.lance"
    versioned.pipe_file(gone, frame["payload"])
    versioned.rm_file(gone)
    assert len(list_history(versioned, name_bucket(settings))) > 1

    def look(name: str) -> list[str]:
        bucket = name_bucket(settings)
        versioned.get(bucket, str(tmp_path / name), recursive=True)
        return find_canaries(tmp_path / name, needles, {})

    before = look("before")
    assert {line.split("/")[0] for line in before} == {"tables", "landing", "blobs"}

    def run(*words: str):
        return CliRunner().invoke(app, ["forget", *words], catch_exceptions=False)

    with pytest.raises(ValueError, match="--alone"):
        run("monday", "--erase", "--because", "a face", "--yes")
    left = intake.catalog.read_latest("frames", ["session"])["session"].to_pylist()
    assert left == ["tuesday"], "it is hidden by then"
    assert run("--resume", "--alone").exit_code == 0
    assert look("after") == []
    assert list_history(versioned, name_bucket(settings)) == []
    assert run("--resume").exit_code == 0
    left = intake.catalog.read_latest("frames", ["session"])["session"].to_pylist()
    assert left == ["tuesday"]


@pytest.fixture
def run_of_release(versioned, settings, tmp_path, empty_store) -> Callable[[str], str]:
    """run_of_release("a" * 32): the prefix of the artifacts of a run on that release, in the bucket, with a picture."""
    from mlflow import MlflowClient

    store = tmp_path / "mlflow.db"
    shutil.copyfile(empty_store, store)
    root = f"{settings.blobs_uri}/artifacts"
    client = MlflowClient(f"sqlite:///{store}")
    experiment = client.create_experiment("recognition", artifact_location=root)

    def make(release_id: str) -> str:
        run = client.create_run(experiment)
        client.log_param(run.info.run_id, "release_id", release_id)
        for name in ("worst.jpg", "curve.png", "report.json"):
            place = f"{run.info.artifact_uri}/{name}"
            versioned.pipe_file(place, b"of a face")
        versioned.pipe_file(f"{run.info.artifact_uri}/worst.jpg", b"drawn anew")
        return run.info.artifact_uri

    return make


def test_pictures_of_runs_in_a_bucket_go_with_their_older_versions(
    run_of_release, versioned, settings, tmp_path
):
    """Of runs on a release that held it alone; charts, which show no frame, stay."""
    options = settings.file_options
    runs = RunStore(tmp_path / "mlflow.db", f"{settings.blobs_uri}/artifacts")
    mine, other = run_of_release("a" * 32), run_of_release("b" * 32)
    found = find_in_buckets(runs, ["a" * 32], options)
    assert [file.path for file in found] == ["worst.jpg"]
    for _ in range(2):
        histories = list(remove_from_buckets(runs, ["a" * 32], options))
        assert [one.remedy for one in histories] == [""]
    assert find_in_buckets(runs, ["a" * 32], options) == []
    left = sorted(path.rpartition("/")[2] for path in versioned.find(mine))
    assert left == ["curve.png", "report.json"]
    assert len(versioned.find(other)) == 3
    # the picture of the other run, which was drawn anew
    (kept,) = list_history(versioned, name_bucket(settings))
    assert other.endswith(kept.removesuffix("/worst.jpg"))


def test_a_version_that_the_store_keeps_stays_deleted_and_is_told(
    versioned, settings, monkeypatch
):
    """The mark of deletion before it stays, or it would be the object again."""
    monkeypatch.setattr(object_history, "_PAGE_VERSIONS", 2)
    for name in ("held", "free", "free", "other"):
        versioned.pipe_file(f"{settings.blobs_uri}/{name}", b"x")
    for name in ("held", "free", "other"):
        versioned.rm_file(f"{settings.blobs_uri}/{name}")
    folder = Folder(settings.blobs_uri, settings.file_options)
    ask = folder.fs.call_s3

    def hold(method: str, **words):
        """As a store with a lock on an object answers: it deletes the others."""
        if method != "delete_objects":
            return ask(method, **words)
        wanted = words["Delete"]["Objects"]
        locked = [one for one in wanted if one["Key"] == "blobs/held"]
        others = [one for one in wanted if one not in locked]
        done = ask(method, **words | {"Delete": {"Objects": others}}) if others else {}
        return done | {"Errors": [one | {"Code": "AccessDenied"} for one in locked]}

    monkeypatch.setattr(folder.fs, "call_s3", hold)
    history = drop_history(folder, {"held", "free"}.__contains__)
    assert (history.kept, history.num_removed) == ({"blobs/held"}, 3)
    assert "s3:DeleteObjectVersion" in history.remedy
    assert not folder.exists(), "the object is not there again"
    left = list_history(versioned, name_bucket(settings))
    assert sorted(left) == ["blobs/held"] * 2 + ["blobs/other"] * 2
