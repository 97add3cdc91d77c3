"""A run of Dagster on Postgres, beside the ledger there, while the server crashes and comes back."""

from __future__ import annotations

import cv2
import numpy as np

from orchestration.resources import build_catalog


def test_a_run_under_which_the_database_restarts_leaves_each_row_once(team, postgres):
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    pictures = [bytes(cv2.imencode(".png", image)[1]) for image in noise]
    team.land("monday", {f"{n}.png": data for n, data in enumerate(pictures)})
    work = team.add_machine("one").start("bench.prove.machine_work", "run_sessions")
    assert work.read() == "ready"
    work.go_on()
    while work.await_fact("stage")["stage"] != "curation/frame_quality":
        pass
    postgres.restart()
    told = work.end()
    assert told[-1] == {**told[-1], "session": "monday", "status": "SUCCESS"}, told
    catalog = build_catalog(team.settings)
    for table in ("frames", "frame_quality", "frame_embeddings"):
        frame_ids = catalog.read(table, ["frame_id"])["frame_id"].to_pylist()
        assert len(frame_ids) == len(set(frame_ids)) == 3, table
