"""From what is made or judged of frames to the frames: addresses in metadata, and where `daguerre ui` leads by them."""

from __future__ import annotations

from urllib.parse import parse_qs

import dagster as dg
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from assets.browsing.links import link_made, link_named, link_session
from assets.materialize import result
from assets.tables.schemas import content_id
from checks.as_check import as_result
from checks.verdicts import Verdict
from orchestration.browse_link import BrowseLink, find_browser

ONE, OTHER = (content_id("frame", n) for n in range(2))


def read(link: str | None) -> dict[str, list[str]]:
    """What the page reads of an address."""
    assert link is not None
    root, _, state = link.partition("#")
    assert root == "/browse" and " " not in state
    return parse_qs(state)


def test_what_was_made_of_a_session_leads_to_its_frames():
    assert read(link_session("monday")) == {"session": ["monday"]}
    assert read(link_made("frames", "monday")) == {"session": ["monday"]}
    assert read(link_made("captures", "monday")) == {"session": ["monday"]}
    assert read(link_made("labels", "monday")) == {
        "session": ["monday"],
        "where": ["frame_id IN (SELECT frame_id FROM labels)"],
    }


def test_what_has_neither_session_nor_frames_leads_nowhere():
    assert link_made("models", None) is None
    assert link_made("frame_exif", None) is None, "nothing of it is shown"
    assert read(link_made("label_queue", None)) == {
        "where": ["frame_id IN (SELECT frame_id FROM label_queue)"]
    }


def test_a_check_leads_to_the_frames_that_it_names():
    sentences = (f"a mug on frame {ONE}: no area", f"{OTHER}: 0.01", "a word", ONE)
    named = {"where": [f"frame_id IN ('{ONE}', '{OTHER}')"]}
    assert read(link_named(sentences)) == named
    assert link_named([f"capture {ONE}: gone", "frame 12", f"{ONE}{OTHER}: x"]) is None
    verdict = Verdict("claim", False, True, "2 of 3", 3, examples=sentences)
    shown = as_result(dg.AssetKey("labels"), verdict).metadata["in the browser"]
    assert read(shown.value) == named
    passed = as_result(dg.AssetKey("labels"), Verdict("claim", True, True, "all", 3))
    assert "in the browser" not in passed.metadata


def test_the_condition_of_many_frames_is_one_that_is_answered():
    from assets.browsing.conditions import MOST_CHARACTERS

    many = [f"frame {content_id('frame', n)}" for n in range(50)]
    (where,) = read(link_named(many))["where"]
    assert where.count("'") == 40 and len(where) < MOST_CHARACTERS


def test_a_result_has_the_way_among_its_metadata(catalog):
    made = result(catalog, "labels", ["capture", "labels"], "monday")
    assert made.metadata is not None
    assert read(made.metadata["in the browser"].value)["session"] == ["monday"]


@pytest.mark.parametrize(
    ("host", "origins", "there"),
    [
        ("127.0.0.1:3000", (), "http://127.0.0.1:8500"),
        ("localhost:3000", (), "http://localhost:8500"),
        (
            "dagster.example",
            ("https://dagster.example", "https://browse.example"),
            "https://browse.example",
        ),
        (
            "localhost:3000",
            ("https://dagster.example", "https://browse.example"),
            "http://localhost:8500",
        ),
        (
            "daguerre.localhost:3000",
            ("http://daguerre.localhost:3000", "http://daguerre.localhost:8500"),
            "http://daguerre.localhost:8500",
        ),
    ],
)
def test_the_browser_is_where_its_visitor_can_reach_it(host, origins, there):
    assert find_browser(host, 8500, origins) == there


def test_dagsters_pages_lead_there_and_answer_everything_else():
    app = BrowseLink(PlainTextResponse("of Dagster"), 8500, ())
    client = TestClient(app, base_url="http://127.0.0.1:3000", follow_redirects=False)
    answer = client.get("/browse")
    # a browser keeps what stands behind the # of the first address
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "http://127.0.0.1:8500/",
    )
    assert answer.headers["cache-control"] == "no-store"
    for path in ("/browse/more", "/browser", "/"):
        assert client.get(path).text == "of Dagster"
    assert client.post("/browse").text == "of Dagster"
