"""The newest pictures of an asset are in its description, which Dagster shows first; what was not drawn is blank."""

from __future__ import annotations

import dagster as dg
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from assets.materialize import picture
from orchestration.graph import build_defs
from orchestration.pictures import Pictures, find_picture
from orchestration.profiles import load_settings

PNG = b"\x89PNG\r\n\x1a\n"
KEY = dg.AssetKey(["evaluation", "detection_scores"])


@pytest.fixture(scope="module")
def client():
    """The pages of an instance in which scores were made twice, with a picture, then with two."""
    with dg.instance_for_test() as instance:
        for contents in ([PNG + b"old"], [PNG + b"labels", PNG + b"chart"]):
            metadata = {f"picture {n}": picture(c) for n, c in enumerate(contents)}
            made = dg.AssetMaterialization(KEY, metadata={"frames": 3, **metadata})
            instance.report_runless_asset_event(made)

        def find(stage: str, noun: str, number: int):
            return find_picture(instance, stage, noun, number)

        yield TestClient(Pictures(PlainTextResponse("of Dagster"), find))


def test_the_newest_pictures_lie_at_the_addresses_of_the_description(client, home):
    defs = build_defs(load_settings({"DAGUERRE_HOME": str(home)}))
    description = defs.resolve_all_asset_specs()
    (spec,) = [s for s in description if s.key == KEY]
    assert spec.description is not None
    assert "![](/pictures/evaluation/detection_scores/0)" in spec.description
    for number, content in enumerate((b"labels", b"chart")):
        answer = client.get(f"/pictures/evaluation/detection_scores/{number}")
        assert answer.content == PNG + content
        assert answer.headers["content-type"] == "image/png"


def test_a_session_without_frames_leaves_the_pictures_of_the_one_before():
    key = dg.AssetKey(["capture", "frames"])
    with dg.instance_for_test() as instance:
        for session, metadata in (
            ("monday", {"frames": picture(PNG + b"monday")}),
            ("signals", {"rows": 0}),
        ):
            made = dg.AssetMaterialization(key, partition=session, metadata=metadata)
            instance.report_runless_asset_event(made)
        assert find_picture(instance, *key.path, 0) == ("image/png", PNG + b"monday")
        assert find_picture(instance, *key.path, 1) is None


@pytest.mark.parametrize(
    "address",
    ["/pictures/evaluation/detection_scores/2", "/pictures/training/detection/0"],
)
def test_what_was_not_drawn_is_blank(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("address", ["/", "/pictures/../ui_token", "/pictures/a/b/c"])
def test_everything_else_is_dagsters(client, address):
    assert client.get(address).text == "of Dagster"
