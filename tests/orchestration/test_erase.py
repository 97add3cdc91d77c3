"""What is erased is in no store of the home any more, whoever was killed on the way, and does not come back."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from assets.erasure.certificates import list_certificates
from assets.erasure.erase import begin, go_on
from assets.erasure.plan import make_plan
from assets.erasure.subject import find_subject
from assets.capture.forgetting import Target
from assets.landing import LandingZone
from assets.storage import Folder
from assets.tables.releases import open_release
from assets.tables.schemas import TABLES, content_id, to_table
from bench.prove.canaries import find_canaries
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from orchestration.cli import app
from orchestration.cli.erasing import build_home
from orchestration.profiles import load_settings

BOX = "0 .5 .5 .5 .5"
GATED = ("captures", "frames", "labels", "annotated_frames", "frame_quality", "gone")


class Home:
    """A home with a landing zone, and the command on it."""

    def __init__(self, folder, intake) -> None:
        self.folder = folder
        self.intake = intake
        self.zone = LandingZone(Folder(str(folder / "landing")), intake.ledger)

    def run(self, *words: str, code: int = 0):
        result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def take_in(self, session: str):
        return self.intake.ingest(self.zone.locate(session), session)

    def pictures(self) -> list[str]:
        rows = self.intake.catalog.read("frames", ["session", "source_path"])
        return sorted(f"{r['session']}/{r['source_path']}" for r in rows.to_pylist())

    def frame(self, session: str, path: str) -> dict:
        where = f"session = '{session}' AND source_path = '{path}'"
        columns = ["frame_id", "capture_id", "session", "sensor", "sha256", "payload"]
        rows = self.intake.catalog.read_latest("frames", columns, where)
        return rows.to_pylist()[0]


@pytest.fixture(scope="module")
def stored(tmp_path_factory, open_at, make_png):
    """monday of three pictures with labels, tuesday of two, and a release of one picture of each."""
    folder = tmp_path_factory.mktemp("stored")
    for n, session in enumerate(("monday", "tuesday")):
        place = folder / "landing" / session
        for below in ("images", "labels"):
            (place / below).mkdir(parents=True)
        (place / "data.yaml").write_text("names: [cat]\n")
        for k in range(3 - n):
            name = f"{session}-{k}"
            (place / f"images/{name}.png").write_bytes(make_png(10 * n + k))
            (place / f"labels/{name}.txt").write_text(BOX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(folder))
        home = Home(folder, open_at(folder))
        for session in ("monday", "tuesday"):
            home.take_in(session)
            for table in GATED:
                gate_session(home.intake.catalog, table, session)
    return folder


@pytest.fixture
def home(stored, tmp_path, open_at, monkeypatch) -> Home:
    """A copy of that home."""
    folder = shutil.copytree(stored, tmp_path / "home")
    monkeypatch.setenv("DAGUERRE_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return Home(folder, open_at(folder))


def test_smoke(home):
    frame = home.frame("monday", "images/monday-0.png")
    words = ["forget", "monday/images/monday-0.png", "--erase", "--because", "a face"]
    print(json.dumps(home.run(*words, "--dry-run"), indent=1))
    print(home.run(*words, "--yes"))
    print(home.pictures())
    print(home.run("verify"))
    assert home.run("verify")["ok"]
