"""`python -m bench.prove.label_studio [--json]`: a queue goes to a real Label Studio and comes back without loss.

Label Studio is installed into an environment of its own, in a pinned version, and runs on loopback over a new folder. A
person's part is played over the same API as the tool's own page uses: one proposal is submitted as it is, one box is
moved, one picture is found empty, one is left to the model. Ends with 1 where an answer that came back is not the one
that was given, and with 3, and the reason, where Label Studio cannot be installed or started.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from assets.annotation.labels import Marked
from assets.label_versions import read_counting, to_rows
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.peers.environment import make_environment
from checks.gates import gate_session
from models.masks import encode_mask
from orchestration import label_push
from orchestration.label_pull import Questions, fetch_answers, take
from orchestration.label_studio import LabelStudio

VERSION = "1.21.0"
WIDTH, HEIGHT = 160, 120
TOKEN = hashlib.sha256(b"a token of this run alone").hexdigest()[:40]
PERSON = "anna@example.com"
MODEL = "f" * 64
_START_S = 600
_SETTINGS = {
    # a server makes no legacy token count unless it is told to
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LATEST_VERSION_CHECK": "false",
    "COLLECT_ANALYTICS": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}


class CannotStart(RuntimeError):
    """Label Studio is not to be had here."""


@contextmanager
def serve(folder: Path) -> Iterator[LabelStudio]:
    """Label Studio over a new folder, until the context ends. Raises CannotStart with the reason."""
    try:
        python = make_environment(f"label-studio-{VERSION}", f"label-studio=={VERSION}")
    except RuntimeError as error:
        raise CannotStart(str(error)) from error
    port = _find_port()
    command = [
        *(str(python.parent / "label-studio"), "start", "--no-browser"),
        *("--internal-host", "127.0.0.1", "--port", str(port)),
        *("--username", PERSON, "--password", TOKEN, "--user-token", TOKEN),
        *("--data-dir", str(folder)),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **_SETTINGS, "LABEL_STUDIO_BASE_DATA_DIR": str(folder)}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, server, folder / "log")
            yield LabelStudio(url, _make_token(url))
        finally:
            server.terminate()
            server.wait(60)


def prove(catalog: Catalog, server: LabelStudio) -> dict[str, Any]:
    """Push, answer, pull; what was given beside what came back, and how many requests of each there were."""
    frames = _store(catalog)
    rows = [_ask(frame, rank) for rank, frame in enumerate(frames, 1)]
    asked = label_push.read_asked(catalog, rows)
    sent = label_push.push_to_server(catalog, asked, server, ["cup", "mug"])
    label_push.note_push(catalog, asked, sent.place, "bench")
    project = server.find_project(sent.place)
    assert project is not None, sent.place
    given = _answer(server, project)
    pushes = label_push.read_pushes(catalog, asked.queue_id)
    questions = Questions.of(rows, pushes)
    taken = {}
    for _ in range(2):  # the second time nothing is new
        found = fetch_answers(catalog, server, pushes, questions)
        taken = {
            name: take(catalog, read, name, questions, False)
            for name, read in found.by_person.items()
        }
    verdicts = gate_session(catalog, "label_versions", None)
    counting = read_counting(catalog)
    back = {v["frame_id"]: [_tell(x) for x in to_rows(v)[0]] for v in counting}
    return {
        "version": VERSION,
        "frames": len(frames),
        "proposed": sent.num_proposed,
        "answered": len(given),
        "people": sorted({v["author"] for v in counting}),
        "kinds": sorted({v["author_kind"] for v in counting}),
        "queues": sorted({v["queue_id"] or "" for v in counting}) == [asked.queue_id],
        "guidelines": sorted({v["guideline_id"] or "" for v in counting})
        == [questions.order.guideline_id],
        "known_again": {name: of.num_known for name, of in taken.items()},
        "not_read": [line for of in taken.values() for line in of.unread + of.refused],
        "gate": all(verdict.passed for verdict in verdicts),
        "differ": [
            i for i in {*given, *back} if not _is_same(given.get(i), back.get(i))
        ],
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.prove.label_studio")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    started = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        try:
            with serve(Path(place) / "label-studio") as server:
                found = prove(Catalog(str(Path(place) / "home" / "tables")), server)
        except CannotStart as error:
            print(f"skipped: {error}", file=sys.stderr)
            sys.exit(3)
    found["processor_s"] = round(time.process_time() - started, 1)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        print(
            f"Label Studio {VERSION}: {found['frames']} frames pushed with {found['proposed']} proposals, "
            f"{found['answered']} answered, {len(found['differ'])} differ; {found['processor_s']} s of processor"
        )
    is_whole = (
        found["gate"]
        and found["queues"]
        and found["guidelines"]
        and found["kinds"] == ["person"]
        and not (found["differ"] or found["not_read"])
    )
    sys.exit(not is_whole)


# ---- the home ------------------------------------------------------------------------------------------------------


def _store(catalog: Catalog) -> list[dict[str, Any]]:
    """Four frames, published, and what a model said of them: a cup and a mug each."""
    frames = [_draw(number) for number in range(4)]
    made = catalog.merge("frames", to_table(TABLES["frames"], frames))
    catalog.publish("frames", "monday", made.version)
    predictions = [_predict(frame) for frame in frames]
    catalog.merge("predictions", to_table(TABLES["predictions"], predictions))
    return frames


def _draw(number: int) -> dict[str, Any]:
    noise = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    payload = cv2.imencode(".png", noise)[1].tobytes()
    return {
        "frame_id": content_id("frame", number),
        "capture_id": content_id("capture"),
        "session": "monday",
        "sensor": "cam",
        "kind": "color",
        "sequence": number,
        "width_px": WIDTH,
        "height_px": HEIGHT,
        "encoding": "png",
        "payload": payload,
        "sha256": hashlib.sha256(payload).hexdigest(),
        "source_path": f"{number}.png",
        "source_offset": 0,
    }


def _predict(frame: dict[str, Any]) -> dict[str, Any]:
    return {
        "prediction_id": content_id("prediction", frame["frame_id"]),
        "frame_id": frame["frame_id"],
        "session": "monday",
        "sensor": "cam",
        "task": "detection",
        "model_sha256": MODEL,
        "purpose": "monitoring",
        "boxes_xyxy": [16.0, 12.0, 48.0, 60.0, 80.5, 30.25, 120.0, 90.0],
        "class_names": ["cup", "mug"],
        "scores": [0.9, 0.4],
    }


def _ask(frame: dict[str, Any], rank: int) -> dict[str, Any]:
    return {
        "queue_id": content_id("queue"),
        "frame_id": frame["frame_id"],
        "frame_sha256": frame["sha256"],
        "task": "detection",
        "rank": rank,
        "state": "open",
        "guideline_id": content_id("guideline"),
        "model_sha256": MODEL,
    }


# ---- a person --------------------------------------------------------------------------------------------------------


def _answer(server: LabelStudio, project: int) -> dict[str, list[Marked]]:
    """What a person submits of three tasks: as it was proposed, with a box moved and a mask drawn, and nothing."""
    tasks = sorted(server.export(project), key=lambda task: task["id"])
    proposals = {t["id"]: server.list_predictions(t["id"]) for t in tasks}
    given: dict[str, list[Marked]] = {}
    for number, task in enumerate(tasks[:3]):
        (proposal,) = proposals[task["id"]]
        results = [] if number == 2 else [dict(r) for r in proposal["result"]]
        if number == 1:
            results[0]["value"] = {**results[0]["value"], "x": 12.5, "width": 25.0}
            results.append(_draw_brush())
        server.annotate(task["id"], results)
        given[task["data"]["frame_id"]] = [_expect(result) for result in results]
    return given


def _mask() -> Any:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:41, 60:91] = True
    mask[25, 70] = False
    return mask


def _draw_brush() -> dict[str, Any]:
    from assets.formats.annotations.brush_runs import encode_brush

    value = {"format": "rle", "rle": encode_brush(_mask()), "brushlabels": ["cup"]}
    return {
        "id": "drawn",
        "type": "brushlabels",
        "from_name": "mask",
        "to_name": "image",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": value,
    }


def _expect(result: dict[str, Any]) -> Marked:
    value = result["value"]
    if result["type"] == "brushlabels":
        return Marked("cup", (60, 20, 91, 41), encode_mask(_mask()))
    left, top = value["x"] * WIDTH / 100, value["y"] * HEIGHT / 100
    right = left + value["width"] * WIDTH / 100
    bottom = top + value["height"] * HEIGHT / 100
    return Marked(value["rectanglelabels"][0], (left, top, right, bottom))


def _tell(label: Any) -> Marked:
    box = (label["x_min"], label["y_min"], label["x_max"], label["y_max"])
    return Marked(label["class_name"], box, label["mask_rle"])


def _is_same(given: list[Marked] | None, back: list[Marked] | None) -> bool:
    if given is None or back is None or len(given) != len(back):
        return False
    pairs = zip(*(sorted(of, key=_order) for of in (given, back)), strict=True)
    return all(
        (a.class_name, a.mask_rle) == (b.class_name, b.mask_rle)
        and np.allclose(a.box_xyxy or (), b.box_xyxy or (), atol=1e-3)
        for a, b in pairs
    )


def _order(marked: Marked) -> tuple[str, float]:
    return marked.class_name, round((marked.box_xyxy or (0.0,))[0], 2)


# ---- the server ----------------------------------------------------------------------------------------------------


def _find_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _make_token(url: str) -> str:
    """A personal access token, as people make them; the token that the server was started with is for this alone."""
    request = urllib.request.Request(
        f"{url}/api/token/", b"", {"Authorization": f"Token {TOKEN}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.loads(answer.read())["token"])


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    said = log.read_text(errors="replace")[-800:]
    raise CannotStart(f"Label Studio {VERSION} does not answer at {url}: {said}")


if __name__ == "__main__":
    main()
