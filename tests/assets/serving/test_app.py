"""What is asked and answered over HTTP: typed answers, and refusals that name the value and the remedy."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from assets.serving.app import make_app
from assets.serving.service import Service, ServiceRules
from assets.serving.sources import Sources
from assets.serving.versions import CanaryRules, Lineup
from assets.storage import BlobStore
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from tests.assets.serving.colours import COLOURS, Loop, make_service, paint

JPEG = {"content-type": "image/jpeg"}
PNG = {"content-type": "image/png"}


@dataclass(frozen=True)
class Server:
    """An application over one replica, in this process."""

    loop: Loop
    service: Service
    app: Any
    catalog: Catalog
    frame_id: str
    home: Path

    def call(self, method: str, path: str, **asked: Any) -> httpx2.Response:
        """One request."""

        async def work() -> httpx2.Response:
            transport = httpx2.ASGITransport(self.app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                return await client.request(method, path, **asked)

        found: httpx2.Response = self.loop.run(work())
        return found

    def ask(self, **asked: Any) -> httpx2.Response:
        """A question to the recogniser."""
        return self.call("POST", "/v1/recognition", **asked)


@pytest.fixture(scope="module")
def server(tmp_path_factory, loop, colours, frame_rows) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("server")
    catalog = Catalog(str(home / "tables"))
    (row,) = frame_rows(1).to_pylist()
    row["payload"] = paint("blue")
    written = catalog.merge("frames", to_table(TABLES["frames"], [row]))
    catalog.publish("frames", "monday", written.version)
    made: list[Service] = []

    async def start() -> Service:
        service = make_service(most_bytes=50_000)
        await service.replicas.start()
        await service.take_champion(Lineup(colours.first, CanaryRules(share=0.0)))
        return service

    made.append(loop.run(start()))
    sources = Sources(catalog, str(home / "landing"), str(home / "blobs"))
    yield Server(
        loop,
        made[0],
        make_app(made[0], lambda: sources),
        catalog,
        row["frame_id"],
        home,
    )
    loop.run(made[0].close())


def name_best(response: httpx2.Response) -> list[str]:
    """The most probable class of each image."""
    assert response.status_code == 200, response.text
    return [a["classes"][0]["class_name"] for a in response.json()["answers"]]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_is_answered_with_all_classes_and_the_version(server, colour, suffix):
    response = server.ask(
        content=paint(colour, suffix=suffix), headers=PNG if suffix == ".png" else JPEG
    )
    assert name_best(response) == [colour]
    said = response.json()
    (answer,) = said["answers"]
    assert (answer["width_px"], answer["height_px"]) == (24, 24)
    assert sum(c["score"] for c in answer["classes"]) == pytest.approx(1, abs=1e-5)
    champion = server.service.lineups["recognition"].champion
    assert said["model"]["sha256"] == champion.model_sha256
    assert said["request_id"] == response.headers["x-request-id"]


def test_a_request_keeps_the_id_that_it_came_with_and_no_other_text(server):
    headers = {**PNG, "x-request-id": "f" * 32}
    assert (
        server.ask(content=paint("red"), headers=headers).json()["request_id"]
        == "f" * 32
    )
    headers["x-request-id"] = "<script>"
    given = server.ask(content=paint("red"), headers=headers).json()["request_id"]
    assert len(given) == 32 and given != "<script>"


def test_images_of_one_request_come_from_frames_blobs_and_base64(server):
    blobs = BlobStore(server.catalog.blobs.folder.uri)
    sha256 = blobs.put(io.BytesIO(paint("green")))
    images = [
        {"frame_id": server.frame_id},
        {"url": f"blob:{sha256}"},
        {"base64": base64.b64encode(paint("red")).decode()},
    ]
    response = server.ask(json={"images": images})
    assert name_best(response) == ["blue", "green", "red"]


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ({"content": b"", "headers": PNG}, 422, "empty image"),
        ({"content": b"\x89PNG broken", "headers": PNG}, 422, "refused: neither JPEG nor PNG"),
        ({"content": b"a letter", "headers": PNG}, 422, "refused: neither JPEG nor PNG"),
        ({"content": paint("red")[:60], "headers": PNG}, 422, "does not decode"),
        ({"content": b"GIF89a", "headers": {"content-type": "image/gif"}}, 415, "gif"),
        ({"content": bytes(50_001), "headers": PNG}, 413, "more than 50000 bytes"),
        ({"content": b"{}", "headers": {"content-type": "application/json"}}, 400, "images"),
        ({"json": {"images": []}}, 400, "images"),
        ({"json": {"images": [{"frame_id": "0" * 32}]}}, 404, "no published frame"),
        ({"json": {"images": [{"url": "blob:" + "0" * 64}]}}, 404, "nothing at"),
        ({"json": {"images": [{"url": "http://127.0.0.1/x"}]}}, 400, "no address"),
        ({"json": {"images": [{"url": "file:///etc/hostname"}]}}, 400, "no address"),
        ({"json": {"images": [{"base64": "%"}]}}, 400, "does not decode"),
        ({"json": {"images": [{"base64": "", "url": "blob:"}]}}, 400, "one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_the_remedy(
    server, asked, status, told
):
    response = server.ask(**asked)
    assert response.status_code == status
    said = response.json()
    assert told in said["reason"], said
    assert said["remedy"] and said["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("GET", "/v1/models/1", 404), ("POST", "/healthz", 405)],
)
def test_a_path_that_there_is_not_is_refused_in_the_form_of_all_others(
    server, method, path, status
):
    response = server.call(method, path)
    assert response.status_code == status
    said = response.json()
    assert said.keys() == {"request_id", "reason", "remedy", "image"}
    assert path in said["reason"] and "/openapi.json" in said["remedy"]
    assert said["request_id"] == response.headers["x-request-id"]


def test_a_body_that_states_no_length_is_cut_off_at_the_limit(server):
    async def pieces():
        for _ in range(20):
            yield bytes(5_000)

    response = server.ask(content=pieces(), headers=PNG)
    assert response.status_code == 413


def test_the_broken_image_of_several_is_named(server):
    good = {"base64": base64.b64encode(paint("red")).decode()}
    bad = {"base64": base64.b64encode(b"nothing").decode()}
    response = server.ask(json={"images": [good, bad]})
    assert (response.status_code, response.json()["image"]) == (422, 1)


def test_unknown_tasks_and_tasks_without_a_champion_are_named(server):
    unknown = server.call("POST", "/v1/tasting", content=b"")
    assert unknown.status_code == 404 and "'tasting'" in unknown.json()["reason"]
    without = server.call("POST", "/v1/detection", content=paint("red"), headers=PNG)
    assert without.status_code == 409
    assert without.json()["remedy"].startswith("`daguerre train detection`")


def test_a_question_by_get_is_told_to_be_a_post(server):
    response = server.call("GET", "/v1/recognition")
    assert (response.status_code, response.json()["remedy"]) == (405, "send a POST")


def test_a_store_that_fails_is_told_in_the_form_of_all_refusals(server):
    sha256 = BlobStore(str(server.home / "blobs")).put(io.BytesIO(paint("green")))
    (blob,) = (server.home / "blobs").rglob(f"*{sha256[4:]}")
    blob.unlink()
    blob.mkdir()
    response = server.ask(json={"images": [{"url": f"blob:{sha256}"}]})
    assert response.status_code == 500
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert server.service.figures.requests["recognition", 500] == 1


def test_a_request_whose_time_is_over_is_told_so(server, monkeypatch):
    monkeypatch.setattr(server.service, "rules", ServiceRules(budget_s=0.0))
    response = server.ask(content=paint("red"), headers=PNG)
    assert response.status_code == 504 and "within 0 s" in response.json()["reason"]


def test_more_than_may_wait_is_sent_away_for_a_while(server, monkeypatch):
    monkeypatch.setattr(server.service, "rules", ServiceRules(most_waiting=1))
    image = {"base64": base64.b64encode(paint("red")).decode()}
    response = server.ask(json={"images": [image, image]})
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1


def test_health_readiness_and_versions_are_told(server, colours):
    assert server.call("GET", "/healthz").json() == {"is_alive": True}
    ready = server.call("GET", "/readyz")
    assert ready.status_code == 200
    assert (ready.json()["tasks"], ready.json()["replicas"]) == (["recognition"], 1)
    versions = server.call("GET", "/v1/models").json()["recognition"]
    assert versions["champion"]["sha256"] == colours.first.model_sha256
    assert versions["canary"] is None and versions["returned"] == {}


def test_openapi_names_each_task_its_answers_and_its_refusals(server):
    said = server.call("GET", "/openapi.json").json()
    asked = said["paths"]["/v1/detection"]["post"]
    assert set(asked["requestBody"]["content"]) == {
        "image/jpeg",
        "image/png",
        "application/octet-stream",
        "application/json",
    }
    answer = asked["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["$ref"].endswith("/DetectionReply")
    assert {"409", "413", "503", "504"} <= asked["responses"].keys()
    assert "box_xyxy" in said["components"]["schemas"]["FoundObject"]["properties"]


def test_sources_climb_out_of_no_bucket():
    sources = Sources(Catalog("tables"), "s3://bucket/landing", "blobs")
    is_ours: Callable[[str], bool] = sources._is_ours
    assert is_ours("s3://bucket/landing/monday/1.jpg")
    for url in (
        "s3://bucket/landing",
        "s3://bucket/landing/../secret.jpg",
        "s3://bucket/landing-other/1.jpg",
        "s3://other/landing/1.jpg",
        "s3://bucket/landing/*.jpg",
        "https://bucket/landing/1.jpg",
    ):
        assert not is_ours(url), url
