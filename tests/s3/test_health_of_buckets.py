"""A bucket is tried as it will be used, and a writer that comes second is told so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from s3fs import S3FileSystem

from orchestration.health import require_answers
from orchestration.health.stores import try_landing, try_store


def test_a_bucket_lets_its_owner_do_all_and_nothing_is_left(settings):
    for name, uri in (("tables", settings.tables_uri), ("blobs", settings.blobs_uri)):
        found = try_store(name, uri, settings, races=True)
        assert found.is_good, found.line
        assert found.may[-1] == "write once among racers"
    fs = S3FileSystem(**settings.file_options, skip_instance_cache=True)
    assert fs.find(settings.blobs_uri.removeprefix("s3://").split("/")[0]) == []


def test_the_landing_zone_is_listed_only(settings):
    assert try_landing(settings).may == ("list",)


def test_a_bucket_that_is_not_there_is_named_with_the_remedy(settings):
    found = try_store("blobs", "s3://no-such-bucket/blobs", settings)
    assert not found.is_good and "make the bucket" in found.remedy


def test_nothing_is_started_where_a_bucket_is_not_there(settings):
    require_answers(settings)
    away = replace(settings, blobs_uri="s3://no-such-bucket/blobs")
    with pytest.raises(
        ValueError, match=r"^blobs s3://no-such-bucket.* make the bucket"
    ):
        require_answers(away)


def test_a_store_that_does_not_answer_is_named_soon(settings):
    away = replace(settings, s3_endpoint="http://127.0.0.1:9")
    found = try_store("blobs", settings.blobs_uri, away)
    assert not found.is_good and "DAGUERRE_S3_ENDPOINT" in found.remedy


def test_mlflow_has_a_name_of_its_own_for_the_store(settings, monkeypatch):
    uri = f"{settings.blobs_uri}/mlflow"
    monkeypatch.delenv("MLFLOW_S3_ENDPOINT_URL", raising=False)
    found = try_store("MLflow artifacts", uri, settings)
    assert "MLFLOW_S3_ENDPOINT_URL" in found.remedy
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", str(settings.s3_endpoint))
    assert try_store("MLflow artifacts", uri, settings).is_good


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_no_key_stands_in_what_is_told(settings, monkeypatch, name):
    monkeypatch.setenv(name, "harmless-marker-5309")
    away = replace(settings, s3_endpoint="http://127.0.0.1:9")
    assert "marker" not in try_store("blobs", settings.blobs_uri, away).line
