"""Routes of the frame browser: what they answer, how they refuse, and what never leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from assets.browsing.browser import Browser
from orchestration.browse.serving import build_app
from orchestration.profiles import load_settings
from tests.assets.browsing.conftest import looked_at, name_frame  # noqa: F401

MONDAY = name_frame("monday", 1)
# of the fixture's frame_exif: nothing of it may stand in any answer
SECRETS = ("48.125", "11.5625", "SERIAL-OF-A-CAMERA", "2026-11-03T07:08:09")


@pytest.fixture
def client(home, looked_at) -> Iterator[TestClient]:  # noqa: F811
    browser: Browser = looked_at()
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    with TestClient(build_app(settings, browser, "Anna")) as client:
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


def test_a_frame_tells_its_neighbours_of_the_same_sensor(client):
    def find(number: int) -> dict:
        path = f"/api/frame/{name_frame('monday', number)}"
        return client.get(path).json()["neighbours"]

    # left, right, left
    assert find(0) == {"previous": None, "next": name_frame("monday", 2)}
    assert find(1) == {"previous": None, "next": None}
    assert find(2) == {"previous": name_frame("monday", 0), "next": None}


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


POST = {"X-Daguerre": "1"}


def test_a_label_is_corrected_in_the_name_of_who_started_and_the_second_is_told(client):
    frame_id = name_frame("monday", 0)
    before = client.get(f"/api/frame/{frame_id}").json()["labels"]
    assert {"task": "detection", "version": 0, "num_labels": 1}.items() <= next(
        one for one in before if one["task"] == "detection"
    ).items()
    (mark,) = read_marks(client, frame_id)
    asked = {
        "frame_id": frame_id,
        "task": "detection",
        "seen": 0,
        "changes": [
            {"label_id": mark["label_id"], "class_name": "cup"},
            {"class_name": "fork", "box": [0, 0, 8, 6]},
        ],
    }
    done = client.post("/api/labels", json=asked, headers=POST)
    assert done.status_code == 200 and done.json()["version"] == 1, done.text
    assert sorted(
        (m["class_name"], m["box"]) for m in read_marks(client, frame_id)
    ) == [
        ("cup", [1, 2, 5, 4]),
        ("fork", [0, 0, 8, 6]),
    ]
    again = client.post("/api/labels", json=asked, headers=POST)
    assert again.status_code == 409 and again.json()["remedy"]


def test_what_is_drawn_on_the_upright_picture_is_stored_as_the_picture_is(client):
    # stored 16 wide and 12 high, shown a quarter turn to the right: 12 wide and 16 high
    asked = {
        "frame_id": MONDAY,
        "task": "detection",
        "seen": 0,
        "changes": [
            {
                "class_name": "cup",
                "box": [1, 2, 4, 8],
                "points": [[1, 2], [3, 2], [3, 7], [1, 7]],
            }
        ],
    }
    done = client.post("/api/labels", json=asked, headers=POST)
    assert done.status_code == 200, done.text
    (mark,) = read_marks(client, MONDAY)
    assert mark["kind"] == "mask" and mark["box"] == [1, 2, 4, 8]
    assert {tuple(p) for p in mark["points"]} == {
        (1.5, 2.5),
        (3.5, 2.5),
        (3.5, 7.5),
        (1.5, 7.5),
    }


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/api/labels", {}, {}, 403),
        ("/api/labels", {}, POST, 400),
        ("/api/labels", {"frame_id": "x", "task": "detection", "seen": 0}, POST, 404),
        (
            "/api/labels",
            {"frame_id": MONDAY, "task": "detection", "seen": 0},
            POST,
            400,
        ),
        ("/api/queue", {"row_id": "x", "state": "skipped"}, POST, 400),
        ("/api/queue", {"row_id": "x", "state": "answered"}, POST, 400),
        ("/api/lasso", {"polygon": "everything"}, POST, 400),
        ("/api/lasso", {"polygon": [[0, 0], [1, 1], [0, 1]]}, POST, 400),
    ],
)
def test_what_cannot_be_written_is_refused(client, path, body, headers, status):
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] and answer.json()["remedy"]


def read_marks(client: TestClient, frame_id: str) -> list[dict]:
    asked = {"frames": frame_id, "layers": "labels"}
    return client.get("/api/marks", params=asked).json()[frame_id].get("labels", [])
