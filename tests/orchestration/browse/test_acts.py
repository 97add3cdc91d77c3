"""Acts through the frame browser that succeed: by the right role, refused for others, each in the chained record."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from assets.audit import check_record, read_acts
from assets.storage import Folder
from assets.tables.champions import read_champion
from orchestration.browse.serving import (
    ASK_FOR_LINK,
    build_app,
    build_browser,
    build_keys,
)
from orchestration.cli import run_verb
from orchestration.gate import Gate, as_header
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog, build_intake, build_tracker
from orchestration.roles.book import RoleBook
from orchestration.roles.rights import ROLES
from tests.assets.registry.conftest import open_catalog, store_model, write_folder
from tests.assets.registry.test_by_hand import CHECKS, RULES

ADDRESS = "http://127.0.0.1:8500"
POLICY = "privacy: {faces: false, regions: {cam0: [[0, 0, 40, 60]]}}\n"


@pytest.fixture
def content() -> bytes:
    image = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def sealed(home, monkeypatch, content) -> str:
    """A home with a session of one picture under a policy, sealed as it came; the id of its frame."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.chdir(home)
    folder = home / "landing" / "street"
    (folder / "cam0").mkdir(parents=True)
    (folder / "cam0" / "0.png").write_bytes(content)
    (folder / "daguerre.yaml").write_text(POLICY)
    settings = load_settings()
    build_intake(settings).ingest(Folder(str(folder)), "street")
    (frame_id,) = build_catalog(settings).read_latest("frames", ["frame_id"])["frame_id"].to_pylist()  # fmt: skip
    return frame_id


def open_browser() -> Callable[[str], TestClient]:
    """open_browser()("approver"): a client with the token of a person called as the role."""
    settings = load_settings()
    book = RoleBook(settings.roles_file)
    app = build_app(settings, build_browser(settings), "Carl", run_verb)
    gate = Gate(app, [ADDRESS], build_keys(settings, "start", "Carl"), "door", ASK_FOR_LINK)  # fmt: skip

    def enter(role: str) -> TestClient:
        headers = as_header(book.grant(role, [role])) | {"X-Daguerre": "1"}
        return TestClient(gate, ADDRESS, headers=headers)

    return enter


def require_refused_for_others(enter, path: str, asked: dict, role: str) -> None:
    for other in set(ROLES) - {role}:
        assert enter(other).post(path, json=asked).status_code == 403, other


def read_record(home) -> list[tuple[str, str]]:
    assert [one for one in check_record(home) if one] == []
    return [(act["act"], act["who"]) for act in read_acts(home)]


def test_an_officer_opens_an_original_and_nobody_else_does(home, sealed, content):
    enter = open_browser()
    asked = {"frame_id": sealed, "because": "asked by court"}
    require_refused_for_others(enter, "/api/original", asked, "privacy-officer")
    assert read_record(home) == []
    answer = enter("privacy-officer").post("/api/original", json=asked)
    assert answer.status_code == 200 and answer.content == content
    assert read_record(home) == [("unseal", "privacy-officer")]
    (row,) = run_verb(("query", "select who, reason from unsealings")).facts["rows"]
    assert row == {"who": "privacy-officer", "reason": "asked by court"}


def test_an_officer_erases_a_sealed_session_whose_bytes_go_when_the_server_has_ended(
    home, sealed
):
    enter = open_browser()
    asked = {"what": ["street"], "because": "asked by letter"}
    require_refused_for_others(enter, "/api/erase", asked, "privacy-officer")
    officer = enter("privacy-officer")
    assert officer.get(f"/api/frame/{sealed}").status_code == 200
    told = officer.post("/api/erase", json=asked).json()
    assert (told["is_done"], told["is_hidden"]) == (False, True), told
    assert "another process has the tables" in told["said"]
    assert officer.get("/api/frames").json()["total"] == 0
    assert read_record(home) == [("erase", "privacy-officer")]
    assert run_verb(("forget", "--resume")).facts["ended"]
    assert not (home / "landing" / "street").exists()
    assert run_verb(("query", "select * from sealed_frames")).facts["rows"] == []
    assert run_verb(("verify",)).facts["ok"]


def test_an_approver_makes_a_waiting_model_champion(home, empty_store, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setenv("DAGUERRE_APPROVE", "recognition")
    settings = load_settings()
    (home / "mlflow").mkdir(exist_ok=True)
    shutil.copyfile(empty_store, home / "mlflow" / "mlflow.db")
    catalog = open_catalog(home)
    folder = write_folder(home / "one")
    store_model(catalog, folder, 0.9)
    from assets.registry.promotion import submit

    tracker = build_tracker(settings)
    waits = submit(catalog, tracker, folder, CHECKS, "run", rules=RULES)
    assert waits.decision.outcome == "waits"
    enter = open_browser()
    asked = {"name": "recognition", "because": "looked at by two"}
    require_refused_for_others(enter, "/api/approve", asked, "approver")
    told = enter("approver").post("/api/approve", json=asked).json()
    assert told["is_done"] and told["exit_code"] == 0, told
    assert read_champion(catalog, "recognition")["model_version"] == 1
    assert read_record(home) == [("approved", "approver")]
