"""`daguerre report SESSION`: one page with what is stored of a session, and pictures of what each stage made of it."""

import json
import re

import pytest
from typer.testing import CliRunner

from assets.capture.simulate import SimulationSpec, simulate
from assets.reconstruction.depth_maps import refresh_depth
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import plain_row
from orchestration.cli import app
from orchestration.session_facts import gather_session

STRANGE = "<b>not a picture.jpg"


@pytest.fixture(scope="module")
def made(tmp_path_factory, open_at):
    """A home with a simulated session, whose stereo pairs have depth and one of whose files is no picture."""
    home = tmp_path_factory.mktemp("session-page")
    landed = home / "landing" / "monday"
    simulate(landed, SimulationSpec(1, 0.3, 3, width_px=160, height_px=120))
    (landed / STRANGE).write_text("no picture")
    intake = open_at(home)
    intake.ingest(Folder(str(landed)), "monday")
    catalog = intake.catalog
    for table in ("frames", "calibrations"):
        catalog.publish(table, "monday", catalog.dataset(table).version)
    refresh_depth(catalog, "monday")
    return home, catalog


@pytest.fixture(scope="module")
def report(made):
    return gather_session(made[1], "monday")


@pytest.fixture
def run(made, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(made[0]))
    return lambda *words: CliRunner().invoke(app, words)


def test_figures_are_those_of_the_tables(made, report):
    _, catalog = made
    frames = catalog.dataset("frames")
    assert {(s.sensor, s.kind): s.num_frames for s in report.sensors} == {
        (sensor, kind): frames.count_rows(f"sensor = '{sensor}' AND kind = '{kind}'")
        for sensor, kind in (("left", "color"), ("right", "color"), ("depth", "depth"))
    }
    assert all(s.num_stamped == s.num_frames > 0 for s in report.sensors)
    assert sum(c.num_frames for c in report.captures) == frames.count_rows()
    assert sum(count for _, count in report.labels) == (
        catalog.dataset("labels").count_rows()
    )
    assert [q["source_path"] for q in report.quarantine] == [STRANGE]


def test_stages_that_made_something_are_drawn_and_others_are_not(report):
    titles = [drawn.title for drawn in report.drawn]
    assert titles == ["Frames", "Timeline", "Depth", "A rectified pair"]


def test_the_page_holds_all_and_names_of_files_run_nothing(run, tmp_path):
    out = tmp_path / "monday.html"
    done = run("report", "monday", "--out", str(out), "--json")
    assert json.loads(done.stdout) == {"report": str(out)}
    page = out.read_text()
    assert len(re.findall(r'<img src="data:image/(?:png|jpeg);base64,', page)) == 4
    assert STRANGE not in page and "&lt;b&gt;not a picture.jpg" in page
    assert "://" not in re.sub(r'base64,[^"]+', "", page)


def test_a_model_whose_bytes_are_gone_is_said_and_the_rest_is_drawn(made):
    _, catalog = made
    facts = {"session": "monday", "reason": None, "model_sha256": "0" * 64}
    row = plain_row("sparse_models", {}) | facts
    catalog.upsert("sparse_models", to_table(TABLES["sparse_models"], [row]))
    drawn = {d.title: d for d in gather_session(catalog, "monday").drawn}
    catalog.delete("sparse_models", "session = 'monday'")
    assert not drawn["Sparse model"].picture and drawn["Depth"].picture
    assert "could not be drawn" in drawn["Sparse model"].shows


def test_a_name_that_is_nothing_is_a_mistake(run):
    for name in ("mondya", "nope"):
        done = run("report", name)
        assert done.exit_code != 0
        assert f"no session is called '{name}', and " in str(done.exception)


def test_a_session_without_recordings_is_named(tmp_path):
    with pytest.raises(ValueError, match="session 'monday' has no recordings"):
        gather_session(Catalog(str(tmp_path / "tables")), "monday")
