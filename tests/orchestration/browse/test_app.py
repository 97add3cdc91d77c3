"""Routes of the frame browser: what they answer, how they refuse, and what never leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from starlette.testclient import TestClient

from assets.browsing import browser
from assets.browsing.browser import Browser
from assets.browsing.masks import MOST_RUNS
from assets.inference.embed import name_version
from assets.tables.schemas import EMBEDDING_DIM, content_id
from orchestration.browse import app as routes
from orchestration.browse.serving import build_app
from orchestration.cli import run_verb
from orchestration.profiles import load_settings
from tests.assets.browsing.conftest import looked_at, name_frame, put  # noqa: F401
from tests.assets.browsing.test_depth import put_map
from tests.assets.comparison.conftest import (
    class_row,
    frame_id,
    sit_exam,
    store_model,
    write_frames,
    write_release,
)
from tests.assets.comparison.test_models import LETTERS, NAMES, call

MONDAY = name_frame("monday", 1)
# of the fixture's frame_exif: nothing of it may stand in any answer
SECRETS = ("48.125", "11.5625", "SERIAL-OF-A-CAMERA", "2026-11-03T07:08:09")


@pytest.fixture
def client(home, looked_at) -> Iterator[TestClient]:  # noqa: F811
    browser: Browser = looked_at()
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    with TestClient(build_app(settings, browser, "Anna", run_verb)) as client:
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


def test_a_session_that_was_taken_in_a_moment_ago_is_listed(
    client, catalog, frame_rows, monkeypatch
):
    monkeypatch.setattr(routes, "_FOLLOW_S", 60.0)
    before = client.get("/api/home").json()
    catalog.merge("frames", frame_rows(2, session="wednesday"))
    after = client.get("/api/home").json()
    assert [s["session"] for s in after["sessions"]] == [
        *("monday", "tuesday", "wednesday")
    ]
    page = client.get("/api/frames").json()
    assert page["index"] == after["index"] > before["index"]
    strips = client.get("/api/timeline").json()["sessions"]
    assert strips[-1]["session"] == "wednesday" and page["total"] == 9


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
        ("/page/" + "a" * 5000 + ".js", 404),
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


def test_a_picture_that_a_browser_keeps_is_asked_for_again_and_gone_with_its_frame(
    client, catalog, monkeypatch
):
    monkeypatch.setattr(browser, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(routes, "_FOLLOW_S", 60.0)
    for path in (f"/thumbs/{MONDAY}.jpg", f"/pictures/{MONDAY}.jpg"):
        first = client.get(path)
        assert first.headers["cache-control"] == "private, no-cache"
        same = {"If-None-Match": first.headers["etag"]}
        again = client.get(path, headers=same)
        assert again.status_code == 304 and not again.content
    catalog.delete("frames", f"frame_id = '{MONDAY}'")
    for path in (f"/thumbs/{MONDAY}.jpg", f"/pictures/{MONDAY}.jpg"):
        assert client.get(path, headers=same).status_code == 404


def test_what_a_camera_wrote_leaves_by_no_route(client, embedded):
    drawn = {"polygon": [[-9, -9], [9, -9], [9, 9], [-9, 9]]}
    answers = [
        client.post(path, json=body, headers=POST)
        for path, body in (
            ("/api/lasso", drawn),
            ("/api/labels", {**correct(MONDAY), "act": "confirm"}),
            ("/api/labels", {"frame_id": MONDAY, "task": "SERIAL", "seen": 0}),
            ("/api/queue", {"row_id": MONDAY, "state": "skipped"}),
            ("/api/similar", {"no": "picture"}),
        )
    ]
    assert answers[0].json()["num"] == 3
    for answer in answers:
        for secret in SECRETS:
            assert secret.encode() not in answer.content, answer.url
    paths = [
        "/api/home",
        "/api/timeline",
        "/api/map",
        "/api/map/frames",
        f"/api/compare/models?a={'a' * 64}&b={'b' * 64}",
        f"/api/compare/releases?a={'a' * 32}&b={'b' * 32}",
        "/api/frames?sort=-t_ns",
        f"/api/frame/{MONDAY}",
        f"/api/marks?frames={MONDAY}&layers=labels,tracks,predictions:a",
        f"/thumbs/{MONDAY}.jpg",
        f"/pictures/{MONDAY}.jpg",
        f"/api/masks/{MONDAY}?task=detection",
        f"/api/depth/{MONDAY}",
        f"/depth/{MONDAY}.png",
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


@pytest.fixture
def embedded(client, catalog) -> None:
    """Of each frame of monday a vector, in a direction of its own."""
    version = name_version(None)
    vectors = np.eye(3, EMBEDDING_DIM, dtype=np.float32)
    rows = [
        {
            "frame_id": name_frame("monday", n),
            "session": "monday",
            "vector": vectors[n].tolist(),
            "code_version": version,
        }
        for n in range(3)
    ]
    put(catalog, "frame_embeddings", rows)
    client.get("/api/home")


def correct(frame_id: str, *changes: dict) -> dict:
    return {
        "frame_id": frame_id,
        "task": "detection",
        "seen": 0,
        "changes": list(changes),
    }


def test_a_picture_that_is_uploaded_orders_frames_by_likeness(client, embedded):
    picture = client.get(f"/pictures/{MONDAY}.jpg").content
    sent = client.post("/api/similar", content=picture, headers=POST)
    assert sent.status_code == 200, sent.text
    asked = {"sort": f"similar:{sent.json()['upload_id']}"}
    found = client.get("/api/frames", params=asked).json()
    scores = [frame["score"] for frame in found["frames"]]
    assert found["total"] == 3 and scores == sorted(scores, reverse=True)
    for body, told in ((b"plain words", "no image"), (b"", "")):
        refused = client.post("/api/similar", content=body, headers=POST)
        assert refused.status_code == 422 and told in refused.json()["error"]


def test_a_picture_is_not_compared_with_vectors_of_another_encoder(client, catalog):
    other = {"frame_id": MONDAY, "session": "monday", "code_version": "1:other"}
    put(catalog, "frame_embeddings", [other | {"vector": [1.0] * EMBEDDING_DIM}])
    client.get("/api/home")
    refused = client.post("/api/similar", content=b"", headers=POST)
    assert refused.status_code == 422 and "1:other" in refused.json()["error"]


def test_a_frame_that_a_queue_asks_is_skipped_once(client, catalog):
    row = {"row_id": content_id("row"), "frame_id": MONDAY, "task": "detection"}
    put(catalog, "label_queue", [row | {"state": "open", "told": "most unlike"}])
    (asked,) = client.get(f"/api/frame/{MONDAY}").json()["queue"]
    assert (asked["state"], asked["told"]) == ("open", "most unlike")
    said = {"row_id": asked["row_id"], "state": "skipped"}
    done = client.post("/api/queue", json=said, headers=POST)
    assert done.json() == {"state": "skipped"}
    (stored,) = catalog.read_latest("label_queue").to_pylist()
    assert (stored["state"], stored["frame_id"]) == ("skipped", MONDAY)
    again = client.post("/api/queue", json=said, headers=POST)
    assert again.status_code == 400 and "skipped already" in again.json()["error"]


def test_a_correction_counts_in_what_is_asked_next(client):
    def count(name: str) -> int:
        return client.get("/api/frames", params={"class": name}).json()["total"]

    assert count("cup") == 0
    asked = correct(MONDAY, {"class_name": "cup", "box": [1, 2, 4, 8]})
    assert client.post("/api/labels", json=asked, headers=POST).status_code == 200
    # on a busy machine the first answer is from before
    assert any(count("cup") == 1 for _ in range(20))


def test_what_readers_do_not_get_is_told_with_its_reason(client, catalog):
    def read() -> tuple:
        frames = client.get("/api/frames?session=monday").json()["frames"]
        home = client.get("/api/home").json()["sessions"][0]
        frame = client.get(f"/api/frame/{MONDAY}").json()
        return {f["is_held"] for f in frames}, home["published"], frame["held"]

    version = catalog.latest_version("frames")
    assert read() == ({True}, False, "not checked yet")
    catalog.hold("frames", "monday", version, "too dark")
    assert read() == ({True}, False, "too dark")
    catalog.publish("frames", "monday", version)
    assert read() == ({False}, True, None)


def test_files_of_the_page_are_asked_for_again_and_sent_once(client):
    first = client.get("/page/main.js")
    assert "no-cache" in first.headers["cache-control"] and first.content
    same = {"If-None-Match": first.headers["etag"]}
    again = client.get("/page/main.js", headers=same)
    assert again.status_code == 304 and not again.content
    assert "default-src 'self'" in again.headers["content-security-policy"]
    other = client.get("/page/main.js", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert client.get("/api/home").headers["cache-control"] == "no-store"


def test_two_models_and_two_releases_are_compared(client, catalog):
    version = write_frames(catalog, LETTERS)
    keys = [class_row(letter, int(letter in "ij")) for letter in LETTERS]
    release = write_release(catalog, "recognition", NAMES, keys, version)
    fewer = write_release(catalog, "recognition", NAMES, keys[:-1], version)
    models = [store_model(catalog, n, release, "recognition") for n in ("1", "2")]
    said = [dict.fromkeys(LETTERS, call("cup")) for _ in models]
    said[1] |= dict.fromkeys("ija", call("<key>"))
    ids = [model["model_sha256"] for model in models]
    two = {"a": ids[0], "b": ids[1]}
    refused = client.get("/api/compare/models", params=two)
    assert refused.status_code == 400 and "no exam" in refused.json()["error"]
    for model, answers in zip(models, said, strict=True):
        sit_exam(catalog, model, release, answers)
    found = client.get("/api/compare/models", params=two).json()
    assert found["model_ids"] == ids
    assert (found["changed_sides"]["won"], found["changed_sides"]["lost"]) == (2, 1)
    sides = {one["frame_id"] for one in found["changed_sides"]["frames"]}
    assert sides == {frame_id(letter) for letter in "aij"}
    releases = {"a": fewer, "b": release}
    told = client.get("/api/compare/releases", params=releases).json()
    assert told["release_ids"] == [fewer, release] and told["total"] == 1
    (frame,) = told["frames"]
    assert (frame["frame_id"], frame["change"]) == (frame_id("j"), "added")
    for path in ("models", "releases"):
        alone = client.get(f"/api/compare/{path}?a={release}")
        assert alone.status_code == 400 and alone.json()["remedy"]


def test_a_fault_of_ours_is_told_as_one(home, looked_at, monkeypatch):  # noqa: F811
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    app = build_app(settings, looked_at(), "Anna", run_verb)
    monkeypatch.setattr("orchestration.browse.app.tell_home", lambda *_: {}["units"])
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/api/home")
    assert answer.status_code == 500
    assert answer.json()["error"] and answer.json()["remedy"]


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


def test_a_mask_is_read_corrected_and_read_again_upright(client):
    # shown 12 wide and 16 high; two pixels of the third row
    runs = [2 * 12 + 1, 2, 12 * 16 - 2 * 12 - 3]
    asked = correct(MONDAY, {"class_name": "cup", "box": [1, 2, 3, 3], "runs": runs})
    done = client.post("/api/labels", json=asked, headers=POST)
    assert done.status_code == 200, done.text
    told = client.get(f"/api/masks/{MONDAY}?task=detection").json()
    assert (told["version"], told["width"], told["height"]) == (1, 12, 16)
    ((label, read),) = told["runs"].items()
    assert read == runs
    wider = [2 * 12 + 1, 3, 12 * 16 - 2 * 12 - 4]
    change = {"label_id": label, "box": [1, 2, 4, 3], "runs": wider}
    asked = correct(MONDAY, change) | {"seen": 1}
    assert client.post("/api/labels", json=asked, headers=POST).json()["version"] == 2
    assert client.post("/api/labels", json=asked, headers=POST).status_code == 409
    (mark,) = read_marks(client, MONDAY)
    assert (mark["kind"], mark["box"]) == ("mask", [1, 2, 4, 3])


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        ({"runs": [5, 5]}, "192 px together"),
        ({"runs": [192]}, "no pixel"),
        ({"runs": [0, 192], "points": [[0, 0], [1, 0], [1, 1]]}, "one of points"),
        ({"runs": ["1"]}, "changes.0.runs"),
    ],
)
def test_a_mask_that_is_none_is_refused(client, mask, told):
    asked = correct(MONDAY, {"class_name": "cup", "box": [1, 2, 3, 3]} | mask)
    refused = client.post("/api/labels", json=asked, headers=POST)
    assert refused.status_code == 400 and told in refused.json()["error"]
    assert client.get(f"/api/masks/{MONDAY}?task=detection").json()["runs"] == {}


def test_a_mask_of_too_many_runs_is_refused(client):
    runs = [1] * (MOST_RUNS + 1)
    asked = correct(MONDAY, {"class_name": "cup", "runs": runs})
    refused = client.post("/api/labels", json=asked, headers=POST)
    assert refused.status_code == 400 and "runs" in refused.json()["error"]


def test_masks_of_a_picture_that_is_too_large_are_not_drawn_here(client, lower):
    from assets.browsing import masks

    lower(masks, MOST_PX=100)
    refused = client.get(f"/api/masks/{MONDAY}?task=detection")
    assert refused.status_code == 400 and "--mask FILE" in refused.json()["error"]
    for mask in ({"runs": [0, 192]}, {"points": [[0, 0], [9, 0], [9, 9]]}):
        asked = correct(MONDAY, {"class_name": "cup"} | mask)
        refused = client.post("/api/labels", json=asked, headers=POST)
        assert refused.status_code == 400 and "--mask FILE" in refused.json()["error"]


def test_a_correction_that_does_not_fit_says_what_helps(client):
    asked = correct(MONDAY, {"class_name": "cup", "box": [4, 4, 4, 8]})
    refused = client.post("/api/labels", json=asked, headers=POST)
    assert refused.status_code == 422 and "no area" in refused.json()["error"]
    assert "nothing was written" in refused.json()["remedy"]


def test_depth_is_a_picture_with_its_scale(client, catalog):
    path = f"/depth/{MONDAY}.png"
    refused = client.get(path)
    assert refused.status_code == 404 and "daguerre depth" in refused.json()["remedy"]
    assert client.get(f"/api/frame/{MONDAY}").json()["depth"] is None
    put_map(catalog, np.full((12, 16), 2000))
    assert client.get(f"/api/frame/{MONDAY}").json()["depth"]["sigma_m"] == 0.02
    answer = client.get(path)
    assert answer.headers["content-type"] == "image/png"
    assert "no-store" in answer.headers["cache-control"]
    told = client.get(f"/api/depth/{MONDAY}").json()
    assert told["near_m"] == pytest.approx(2) and told["coverage"] == 1
    assert len(told["scale"]) == 9
    assert client.get("/api/depth/nonsense").status_code == 404


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
