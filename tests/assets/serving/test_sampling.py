"""Requests that are kept: rows with the picture's figures, its vector and the answer, written by another process."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from assets.sandbox.guard import ImageFacts
from assets.serving import sampling
from assets.serving.protocol import Message
from assets.serving.queue import Answered
from assets.serving.recorder import Recorder
from assets.serving.returned import make_return
from assets.serving.sampling import Asked, Said, Sampler, SamplingRules, make_row
from assets.serving.versions import CanaryRules, Trial
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from checks.gates import gate_session
from tests.assets.serving.colours import paint

QUALITY = {
    "brightness": 0.5,
    "contrast": 0.1,
    "sharpness": 0.1,
    "clipped_dark": 0.0,
    "clipped_bright": 0.0,
    "noise": 0.0,
    "perceptual_hash": "0" * 16,
}
COLUMNS = {
    "boxes_xyxy": [],
    "class_names": ["red", "blue"],
    "scores": [0.75, 0.25],
    "mask_rles": None,
}
FACTS = ImageFacts(24, 20, "png", 3, 8, False, QUALITY)


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


@pytest.fixture
def rules(tmp_path, encoder) -> SamplingRules:
    return SamplingRules(1.0, 30, tmp_path, encoder)


def name_stores(catalog: Catalog) -> Message:
    return {
        "tables_uri": catalog.uri,
        "table_options": catalog.storage_options,
        "blobs_uri": catalog.blobs.folder.uri,
    }


def ask(number: int = 0) -> Asked:
    return Asked(content_id(number), 0, 10**9, paint("red"), FACTS)


def say(colours, role: str = "champion") -> Said:
    version = colours.first if role == "champion" else colours.second
    return Said(version, role, Answered(FACTS, COLUMNS, 4, 0.01, 0.01), 12.5)


def test_a_row_names_the_version_the_picture_and_how_long_it_stays(colours, rules):
    row = make_row(ask(), say(colours), rules)
    assert row["model_sha256"] == colours.first.model_sha256
    assert (row["width_px"], row["height_px"], row["batch_size"]) == (24, 20, 4)
    assert (row["confidence"], row["latency_ms"], row["sample_rate"]) == (0.75, 12.5, 1)
    days = (row["keep_until_ns"] - time.time_ns()) / (86_400 * 10**9)
    assert days == pytest.approx(30, abs=0.01)


def test_what_a_server_hands_on_is_in_the_table_with_vectors_when_it_ends(
    catalog, rules, colours, loop
):
    async def work() -> Sampler:
        sampler = Sampler(name_stores(catalog), rules)
        await sampler.start()
        assert sampler.chooses()
        sampler.keep(ask(1), [say(colours), say(colours, "shadow")])
        sampler.keep(ask(2), [say(colours)])
        await sampler.close()
        sampler.keep(ask(3), [say(colours)])  # nobody takes it any more
        return sampler

    sampler = loop.run(work())
    assert (sampler.num_kept, sampler.num_dropped) == (3, 1)
    rows = catalog.read_latest("requests").to_pylist()
    assert sorted(row["role"] for row in rows) == ["champion", "champion", "shadow"]
    for row in rows:
        assert np.linalg.norm(row["vector"]) == pytest.approx(1, abs=1e-3)
        assert row["vector_version"].endswith(rules.encoder.name)
    assert all(verdict.passed for verdict in gate_session(catalog, "requests", None))


def test_a_canary_that_was_taken_back_is_stored_also_where_nothing_is_sampled(
    catalog, rules, colours, loop
):
    trial = Trial(colours.second, CanaryRules())
    trial.figures.add([0.1] * 3, num_failed=2)
    trial.figures.disagreements += [0.5, 1.0]

    async def work() -> None:
        sampler = Sampler(name_stores(catalog), replace(rules, rate=0.0))
        await sampler.start()
        await sampler.note_return(make_return(trial, colours.first, "it failed"))
        await sampler.close()

    loop.run(work())
    (row,) = catalog.read_latest("canary_returns").to_pylist()
    assert (row["model_version"], row["champion_version"]) == (2, 1)
    assert (row["num_images"], row["num_failed"]) == (5, 2)
    assert (row["cause"], row["disagreement"]) == ("it failed", 0.75)
    assert all(v.passed for v in gate_session(catalog, "canary_returns", None))


def test_a_process_that_keeps_samples_is_followed_by_another(
    catalog, rules, colours, loop, monkeypatch
):
    monkeypatch.setattr(sampling, "_PAUSE_S", 0.0)

    async def work() -> Sampler:
        sampler = Sampler(name_stores(catalog), rules)
        await sampler.start()
        first = sampler._child
        os.kill(first.pid, signal.SIGKILL)
        while not first.is_gone:
            await asyncio.sleep(0.01)
        sampler.keep(ask(1), [say(colours)])
        while sampler._child is first:
            await asyncio.sleep(0.01)
        sampler.keep(ask(2), [say(colours)])
        await sampler.close()
        return sampler

    sampler = loop.run(work())
    assert (sampler.num_kept, sampler.num_dropped) == (1, 1)
    (row,) = catalog.read_latest("requests").to_pylist()
    assert row["request_id"] == content_id(2)


def test_a_store_that_is_away_loses_samples_and_no_more(
    tmp_path, rules, colours, caplog
):
    (tmp_path / "tables").write_text("a file where the tables should be")
    sampler = Sampler(name_stores(Catalog(str(tmp_path / "tables"))), rules)
    recorder = Recorder(sampler._describe())
    asked = ask()
    recorder.take({"rows": [make_row(asked, say(colours), rules)]}, [asked.payload])
    recorder.write()
    assert "1 sampled requests were not kept" in caplog.text
    recorder.write()
    assert caplog.text.count("were not kept") == 1
