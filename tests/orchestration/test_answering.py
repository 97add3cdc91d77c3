"""`daguerre queue push` and `pull`: what a queue asks goes out, and comes back as what a person said."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from assets.label_versions import read_versions
from assets.tables.catalog import is_in
from assets.tables.schemas import TABLES, content_id, to_table
from orchestration.label_studio import open_label_studio

QUEUE = content_id("queue")
MODEL = "f" * 64


@pytest.fixture
def frames(catalog, frame_rows):
    """Three stored frames that a queue asks; of the first a model has an answer."""
    rows = frame_rows(3)
    catalog.publish("frames", "monday", catalog.merge("frames", rows).version)
    frames = rows.select(["frame_id", "sha256"]).to_pylist()
    asked = [
        {
            "row_id": content_id("row", n),
            "queue_id": QUEUE,
            "frame_id": frame["frame_id"],
            "frame_sha256": frame["sha256"],
            "session": "monday",
            "sensor": "cam",
            "task": "detection",
            "rank": n,
            "reasons": ["uncertainty"],
            "values": [0.5],
            "told": "unsure",
            "label_ids": [],
            "strategy": "uncertainty",
            "budget": 3,
            "seed": 0,
            "model_sha256": MODEL,
            "state": "open",
            "made_ns": 1,
        }
        for n, frame in enumerate(frames, 1)
    ]
    catalog.merge("label_queue", to_table(TABLES["label_queue"], asked))
    said = {
        "prediction_id": content_id("prediction"),
        "frame_id": frames[0]["frame_id"],
        "session": "monday",
        "sensor": "cam",
        "task": "detection",
        "model_sha256": MODEL,
        "purpose": "monitoring",
        "boxes_xyxy": [4.0, 3.0, 8.0, 9.0],
        "class_names": ["cup"],
        "scores": [0.9],
    }
    catalog.merge("predictions", to_table(TABLES["predictions"], [said]))
    return [frame["frame_id"] for frame in frames]


@pytest.fixture
def run(home, run_on):
    return run_on(home, exit_codes=(0, 1))


def test_a_models_proposal_is_nobodys_answer_until_a_person_submits_it(
    run, catalog, frames, tmp_path
):
    (tmp_path / "guide.md").write_text("# Cups\nAll of them.")
    words = ("--guideline", str(tmp_path / "guide.md"), "--by", "Carla")
    pushed = run("queue", "push", QUEUE, str(tmp_path / "out"), *words)
    assert (pushed["frames"], pushed["proposed"]) == (3, 1)
    path = tmp_path / "out" / "tasks.json"
    tasks = json.loads(path.read_text())
    assert [t["predictions"][0]["model_version"] for t in tasks] == [
        "model ffffffffffff",
        "stored",
        "stored",
    ]
    for task in tasks:
        task["annotations"] = []
    path.write_text(json.dumps(tasks))
    pulled = run("queue", "pull", QUEUE, str(path), "--by", "Anna")
    assert (pulled["people"], pulled["answered"]) == ([], 0)
    tasks[0]["annotations"] = [
        {"id": 1, "completed_by": 1, "result": tasks[0]["predictions"][0]["result"]}
    ]
    path.write_text(json.dumps(tasks))
    pulled = run("queue", "pull", QUEUE, str(path), "--by", "Anna")
    assert [(p["by"], p["new"]) for p in pulled["people"]] == [("Anna", 1)]
    assert pulled["answered"] == 1
    (version,) = read_versions(catalog, frames)
    assert (version["author_kind"], version["author"]) == ("person", "Anna")
    assert version["boxes_xyxy"] == [4, 3, 8, 9]
    assert version["queue_id"] == QUEUE
    assert version["guideline_id"] == pushed["guideline_id"]
    assert catalog.read("label_versions").num_rows == 1  # its gate has passed
    states = catalog.read_latest("label_queue", ["frame_id", "state"]).to_pylist()
    assert {r["frame_id"]: r["state"] for r in states} == {
        frames[0]: "answered",
        frames[1]: "open",
        frames[2]: "open",
    }


def test_a_frame_that_changed_is_not_pushed_and_a_dry_run_writes_nothing(
    run, catalog, frames, tmp_path
):
    row = catalog.read_latest("frames").to_pylist()[0] | {"sha256": "0" * 64}
    catalog.upsert("frames", to_table(TABLES["frames"], [row]))
    told = run("queue", "push", QUEUE, str(tmp_path / "out"), "--dry-run")
    assert (told["frames"], told["changed"]) == (2, [row["frame_id"]])
    assert not (tmp_path / "out").exists() and not catalog.exists("label_pushes")


@pytest.mark.parametrize(
    ("form", "told"),
    [("nope", "is none of"), ("masks", "holds no labels for detection: choose coco")],
)
def test_a_form_that_cannot_hold_the_answers_is_refused_before_anybody_labels(
    run, frames, tmp_path, form, told
):
    words = ("--format", form, "--dry-run")
    with pytest.raises(ValueError, match=told):
        run("queue", "push", QUEUE, str(tmp_path / "out"), *words)


def test_a_frame_that_was_forgotten_is_said_to_be(run, catalog, frames, tmp_path):
    run("queue", "push", QUEUE, str(tmp_path / "out"))
    path = tmp_path / "out" / "tasks.json"
    tasks = json.loads(path.read_text())
    for number, task in enumerate(tasks, 1):
        result = tasks[0]["predictions"][0]["result"]
        task["annotations"] = [{"id": number, "completed_by": 1, "result": result}]
    path.write_text(json.dumps(tasks))
    first = is_in("frame_id", frames[:1])
    row = catalog.read_latest("frames", ["capture_id"], first).to_pylist()[0]
    gone = {
        "gone_id": content_id("gone"),
        "session": "monday",
        "path": "a.mcap",
        "version": "1",
        "capture_id": row["capture_id"],
        "cause": "forgotten",
        "num_frames": 1,
        "num_labels": 0,
        "frames_version": catalog.latest_version("frames"),
        "gone_ns": 1,
    }
    catalog.delete("frames", first)
    catalog.merge("gone", to_table(TABLES["gone"], [gone]))
    (anna,) = run("queue", "pull", QUEUE, str(path), "--by", "Anna")["people"]
    assert anna["new"] == 2, "the others are taken"
    assert anna["not_read"] == [
        f"frame {frames[0]} was forgotten: `daguerre forget --undo` of what it lay in takes it back; "
        f"`daguerre queue skip {frames[0][:12]}` frees its place in the queue"
    ]


class TwoProjects(BaseHTTPRequestHandler):
    """What a server says that has a project 8, and had a project 7."""

    tasks: ClassVar[list[dict]] = []

    def do_GET(self):
        is_there = "/projects/7/" not in self.path
        body: object = self.tasks if "/export" in self.path else {"results": []}
        content = json.dumps(body if is_there else {"detail": "Not found."}).encode()
        self.send_response(200 if is_there else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def projects(monkeypatch):
    """A server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), TwoProjects)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("LABEL_STUDIO_URL", url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "legacy")
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_project_that_was_deleted_is_named_and_the_others_are_pulled(
    run, catalog, frames, projects, tmp_path, monkeypatch
):
    run("queue", "push", QUEUE, str(tmp_path / "out"))
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    result = tasks[0]["predictions"][0]["result"]
    tasks[0]["annotations"] = [{"id": 1, "completed_by": 4, "result": result}]
    monkeypatch.setattr(TwoProjects, "tasks", tasks)
    (push,) = catalog.read_latest("label_pushes").to_pylist()
    rows = [
        push | {"push_id": content_id(n), "place": f"{projects}/projects/{n}/"}
        for n in (7, 8)
    ]
    catalog.merge("label_pushes", to_table(TABLES["label_pushes"], rows))
    pulled = run("queue", "pull", QUEUE, "label-studio")
    assert pulled["deleted"] == [f"{projects}/projects/7/"]
    assert [(p["by"], p["new"]) for p in pulled["people"]] == [("annotator 4", 1)]
    catalog.delete("label_pushes", f"push_id = '{content_id(8)}'")
    with pytest.raises(ValueError, match=r"projects/7/ was deleted there.*queue push"):
        run("queue", "pull", QUEUE, "label-studio")


def test_a_guideline_that_is_not_there_is_refused_before_anything_is_done(
    run, frames, tmp_path
):
    for words in ((), ("--dry-run",)):
        with pytest.raises(ValueError, match=r"there is no file nope\.md"):
            run("queue", "push", QUEUE, str(tmp_path / "out"), "--guideline", "nope.md", *words)  # fmt: skip
    (tmp_path / "empty.md").write_text(" ")
    words = ("--guideline", str(tmp_path / "empty.md"), "--dry-run")
    with pytest.raises(ValueError, match="has no text"):
        run("queue", "push", QUEUE, str(tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_a_server_is_asked_for_with_its_address_and_token(monkeypatch):
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)
    with pytest.raises(ValueError, match="LABEL_STUDIO_URL is '': set it"):
        open_label_studio()
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match="LABEL_STUDIO_API_KEY is not set"):
        open_label_studio()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "not-shown")
    server = open_label_studio()
    assert "not-shown" not in repr(server)
    with pytest.raises(ValueError, match="does not answer"):
        server.list_people()
