"""Routes of the frame browser: what they answer, how they refuse, and what never leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from assets.browsing.browser import Browser
from orchestration.browse.app import make_app
from tests.assets.browsing.conftest import looked_at, name_frame  # noqa: F401

MONDAY = name_frame("monday", 1)
# of the fixture's frame_exif: nothing of it may stand in any answer
SECRETS = ("48.125", "11.5625", "SERIAL-OF-A-CAMERA", "2026-11-03T07:08:09")


@pytest.fixture
def client(looked_at) -> Iterator[TestClient]:  # noqa: F811
    browser: Browser = looked_at()
    with TestClient(make_app(browser)) as client:
        yield client


def test_the_home_tells_what_can_be_asked(client):
    home = client.get("/api/home").json()
    assert home["num_frames"] == 7
    assert [(s["session"], s["num_frames"]) for s in home["sessions"]] == [
        ("monday", 3),
        ("tuesday", 4),
    ]
    assert not home["sessions"][0]["published"]
    assert home["sensors"] == ["left", "right"] and home["classes"] == ["fork", "mug"]
    assert {"name": "sharpness", "kind": "number"}.items() <= next(
        c for c in home["columns"] if c["name"] == "sharpness"
    ).items()


def test_frames_are_asked_by_address(client):
    asked = {"class": "mug", "sort": "-t_ns", "limit": "1"}
    found = client.get("/api/frames", params=asked).json()
    assert (found["total"], found["offset"]) == (2, 0)
    assert found["frames"][0]["frame_id"] == name_frame("tuesday", 1)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/frames?where=nonsense(", 400),
        ("/api/frames?sort=nonsense", 400),
        ("/api/frames?limit=100000", 400),
        ("/api/frames?offset=-1", 400),
        ("/api/frames?split=nonsense", 400),
        ("/api/frames?selection=nonsense", 400),
        ("/api/marks?frames=&layers=nonsense", 400),
        ("/api/frame/nonsense", 404),
        ("/thumbs/nonsense.jpg", 404),
        ("/pictures/nonsense.jpg", 404),
        ("/page/..%2fapp.py", 404),
        ("/page/app.py", 404),
        ("/nonsense", 404),
    ],
)
def test_what_cannot_be_answered_has_a_reason_and_a_remedy(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.json()["error"] and answer.json()["remedy"]


def test_pictures_are_jpegs(client):
    for path in (f"/thumbs/{MONDAY}.jpg", f"/pictures/{MONDAY}.jpg"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8")


def test_what_a_camera_wrote_leaves_by_no_route(client):
    paths = [
        "/api/home",
        "/api/frames?sort=-t_ns",
        f"/api/frame/{MONDAY}",
        f"/api/marks?frames={MONDAY}&layers=labels,tracks,predictions:a",
        f"/thumbs/{MONDAY}.jpg",
        f"/pictures/{MONDAY}.jpg",
        "/api/frames?where=EXISTS (SELECT body_serial FROM frame_exif)",
    ]
    for path in paths:
        answer = client.get(path)
        for secret in SECRETS:
            assert secret.encode() not in answer.content, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    names = {c["name"] for c in client.get(f"/api/frame/{MONDAY}").json()["columns"]}
    assert "sensor" in names and "payload" not in names


def test_answers_are_json_without_what_json_cannot_say(client):
    answer = client.get("/api/frames")
    assert json.loads(answer.text, parse_constant=pytest.fail)["total"] == 7
