"""DAGUERRE_ENCODER: read with its errors; on simulated sessions the frames of another encoder are embedded anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.storage import Folder
from assets.tables.catalog import Catalog
from orchestration.cli.intake import take_in
from orchestration.console import RunConsole
from orchestration.jobs import train_jobs
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.ticks import LocalEngine
from orchestration.train import complete_sessions


@pytest.mark.parametrize("name", ["nowhere", "model.safetensors"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(
        ValueError,
        match=rf"DAGUERRE_ENCODER='.*{name}': there is no folder .*of a model package",
    ):
        load_settings(
            {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_ENCODER": str(tmp_path / name)}
        )
    assert (
        load_settings(
            {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_ENCODER": ""}
        ).workspace.encoder
        is None
    )


def take_in_session(settings: Settings, name: str, seed: int) -> None:
    simulate(
        settings.home / name, SimulationSpec(1, 0.2, seed, width_px=96, height_px=72)
    )  # 2 frames of 2 cameras
    folder = Folder(str(settings.home / name), settings.file_options)
    build_landing_zone(settings).register(name, folder)
    take_in(settings, folder, name)


def read_encoders(catalog: Catalog) -> dict[str, set[str]]:
    """session -> the code versions of its rows."""
    rows = catalog.read("frame_embeddings", ["session", "code_version"]).to_pylist()
    return {
        r["session"]: {
            other["code_version"] for other in rows if other["session"] == r["session"]
        }
        for r in rows
    }


@pytest.mark.filterwarnings("default")  # third parties warn inside Dagster runs
def test_another_encoder_embeds_again_what_the_first_has_made_and_no_more(
    home: Path, encoder: Path
) -> None:
    published = load_settings({"DAGUERRE_HOME": str(home), "DAGUERRE_PROFILE": "ci"})
    settings = replace(
        published, workspace=replace(published.workspace, encoder=encoder)
    )
    catalog = build_catalog(settings)
    mine = f"1:{encoder.name}"
    curate = {
        "job": train_jobs["pretraining"].name,
        "only": [["curation", "unique_frames"]],
    }
    take_in_session(published, "monday", seed=1)
    assert read_encoders(catalog) == {"monday": {"1"}}
    take_in_session(settings, "tuesday", seed=2)
    with LocalEngine(settings) as engine:
        refused = engine.execute(**curate)
        assert not refused.success and "'1' made those of monday" in refused.error, (
            refused
        )
        before = catalog.read_latest(
            "frame_embeddings", where="session = 'tuesday'"
        ).sort_by("frame_id")
        console = RunConsole()
        complete_sessions(engine, console)
        assert console.seconds.keys() == {"embedding monday"}
        assert read_encoders(catalog) == {"monday": {mine}, "tuesday": {mine}}
        after = catalog.read_latest(
            "frame_embeddings", where="session = 'tuesday'"
        ).sort_by("frame_id")
        assert after.equals(before) and len(after) == 4
        version = catalog.latest_version("frame_embeddings")
        complete_sessions(engine, RunConsole())
        assert catalog.latest_version("frame_embeddings") == version
        assert engine.execute(**curate).success
        (threshold,) = {
            r["code_version"]
            for r in catalog.read("unique_frames", ["code_version"]).to_pylist()
        }
        assert threshold.startswith(f"3:{mine}:0.9")
