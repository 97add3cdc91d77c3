"""Roles in the frame browser, through its gate: what each token opens, what is refused, and what is written down."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from assets.audit import RECORD, check_record, read_acts
from assets.tables.schemas import content_id
from orchestration.browse.serving import (
    ASK_FOR_LINK,
    build_app,
    build_browser,
    build_keys,
)
from orchestration.cli import run_verb
from orchestration.gate import Gate, as_header
from orchestration.profiles import load_settings
from orchestration.roles.book import RoleBook
from orchestration.roles.keys import Keys
from orchestration.roles.rights import ROLES, Person, Right
from tests.assets.browsing.conftest import looked_at, name_frame, put  # noqa: F401
from tests.orchestration.browse.test_app import SECRETS, correct

ADDRESS = "http://127.0.0.1:8500"
POST = {"X-Daguerre": "1"}
LOCATED = name_frame("monday", 1)  # the one frame with Exif


@pytest.fixture
def enter(home) -> Callable[..., TestClient]:
    """enter("reader"): a client with the token of a person called as the role; "": with that of the server's start."""
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    book = RoleBook(settings.roles_file)
    app = build_app(settings, build_browser(settings), "Carl", run_verb)
    gate = Gate(app, [ADDRESS], build_keys(settings, "start", "Carl"), "door", ASK_FOR_LINK)  # fmt: skip

    def act(role: str = "", address: str = "testclient") -> TestClient:
        token = book.grant(role, [role]) if role else "start"
        return TestClient(gate, ADDRESS, headers=as_header(token) | POST, client=(address, 1))  # fmt: skip

    return act


@pytest.fixture
def world(looked_at, home):  # noqa: F811
    """The home with frames in it."""
    return looked_at()


BODIES = {
    "/api/labels": {**correct(name_frame("monday", 0)), "act": "confirm"},
    "/api/queue": {"row_id": "a" * 32, "state": "skipped"},
    "/api/masked": {"frame_id": LOCATED},
    "/api/original": {"frame_id": LOCATED, "because": "asked"},
    "/api/approve": {"name": "detection", "because": "asked"},
    "/api/erase": {"what": ["monday"], "because": "asked"},
}
MAY = {
    "annotator": {"/api/labels", "/api/queue"},
    "privacy-officer": {"/api/masked", "/api/original", "/api/erase"},
    "approver": {"/api/approve"},
    "": {"/api/labels", "/api/queue"},
}


def test_what_a_role_may_not_do_is_refused_with_the_right_and_who_gives_it(
    world, enter
):
    for role in (*ROLES, ""):
        client = enter(role)
        assert client.get("/api/frames").json()["total"] == 7
        for path in BODIES.keys() - MAY.get(role, set()):
            refused = client.post(path, json=BODIES[path])
            assert refused.status_code == 403, (role, path)
            assert "has no right to" in refused.json()["error"]
            assert "`daguerre role grant`" in refused.json()["error"]


# every route that is asked by POST, with its right; all others are read, by who may look
RIGHT_OF = {
    "/api/lasso": Right.LOOK,
    "/api/similar": Right.LOOK,
    "/api/ask": Right.LOOK,
    "/api/query": Right.LOOK,
    "/api/decide": Right.LOOK,
    "/api/labels": Right.ANNOTATE,
    "/api/queue": Right.ANNOTATE,
    "/api/export/labels": Right.EXPORT,
    "/api/export/release": Right.EXPORT,
    "/api/masked": Right.READ_PRIVATE,
    "/api/original": Right.UNSEAL,
    "/api/approve": Right.APPROVE,
    "/api/erase": Right.ERASE,
}


def test_every_route_that_there_is_asks_for_its_right_before_anything_else(world, home):
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    app = build_app(settings, build_browser(settings), "Carl", run_verb)
    routes = [
        (method, route.path)
        for route in app.routes
        for method in route.methods - {"HEAD"}
    ]
    asked = {path for method, path in routes if method == "POST"}
    assert asked == RIGHT_OF.keys() and len(routes) == len(asked) + 17
    persons = [Person(role, (role,)) for role in ROLES] + [Person("nobody", ())]
    for person in persons:
        client = TestClient(Gate(app, [ADDRESS], Keys("its", person), "door"), ADDRESS)
        for method, path in routes:
            if method == "GET" and person.name not in ("reader", "nobody"):
                continue  # all roles look
            named = path.format(frame_id=LOCATED, name="index.html")
            stranger = client.request(method, named, headers=POST)
            assert stranger.status_code == 401, named
            # a body that is none: rights are looked at first
            headers = POST | as_header("its")
            answer = client.request(method, named, content=b"?", headers=headers)
            right = RIGHT_OF[path] if method == "POST" else Right.LOOK
            if right in person.rights:
                assert answer.status_code not in (401, 403, 500), (person, path)
            else:
                assert answer.status_code == 403, (person, path)
                assert f"no right to {right}," in answer.json()["error"]


def test_two_tokens_one_may_correct_and_the_other_sees_the_name(world, enter, home):
    anna, ben = enter("annotator"), enter("reader")
    assert anna.get("/api/home").json()["author"] == "annotator"
    assert ben.get("/api/home").json()["author"] is None
    frame_id = name_frame("monday", 0)
    asked = correct(frame_id, {"class_name": "cup", "box": [0, 0, 8, 6]})
    assert ben.post("/api/labels", json=asked).status_code == 403
    assert anna.post("/api/labels", json=asked).json()["version"] == 1
    (version,) = world.catalog.read_latest("label_versions").to_pylist()
    assert version["author"] == "annotator"
    (act,) = read_acts(home)
    assert (act["act"], act["who"]) == ("correct labels", "annotator")
    assert act["of"] == f"{frame_id} of detection"


def test_a_correction_that_cannot_be_written_down_is_not_made(world, enter, home):
    anna = enter("annotator")
    (home / RECORD).parent.mkdir()
    (home / RECORD).write_text("no entry\n")
    asked = correct(name_frame("monday", 0), {"class_name": "cup", "box": [0, 0, 8, 6]})
    refused = anna.post("/api/labels", json=asked)
    assert refused.status_code == 422
    assert refused.json()["remedy"].startswith("nothing was written")
    assert not len(world.catalog.read_latest("label_versions"))


def test_who_opened_the_link_works_as_without_roles(world, enter):
    client = enter()
    assert client.get("/api/home").json()["author"] == "Carl"
    decided = client.post("/api/queue", json=BODIES["/api/queue"])
    assert "no queue has the row" in decided.json()["error"]


def test_the_link_with_a_persons_token_becomes_their_cookie(world, enter, home):
    token = enter("annotator").headers["authorization"].split()[1]
    client = enter()
    client.headers.pop("authorization")
    assert client.get("/").status_code == 401
    client.get("/", params={"token": token})
    assert client.get("/api/home").json()["person"]["name"] == "annotator"
    decided = client.post("/api/queue", json=BODIES["/api/queue"])
    assert decided.status_code == 403  # a cookie alone, and no page of ours
    ours = {"Origin": ADDRESS}
    decided = client.post("/api/queue", json=BODIES["/api/queue"], headers=ours)
    assert "no queue has the row" in decided.json()["error"]


def test_a_proxy_says_who_asks_where_the_file_names_it(world, enter, home):
    enter("reader")
    client = enter(address="10.0.0.5")
    client.headers.pop("authorization")
    client.headers["X-Forwarded-User"] = "reader"
    assert client.get("/api/home").status_code == 401
    with (home / "roles.yaml").open("a") as file:
        file.write("proxy: {header: X-Forwarded-User, addresses: [10.0.0.5]}\n")
    assert client.get("/api/home").json()["person"]["roles"] == ["reader"]
    other = enter(address="10.0.0.6")
    other.headers.pop("authorization")
    other.headers["X-Forwarded-User"] = "reader"
    assert other.get("/api/home").status_code == 401


def test_private_columns_are_masked_and_read_by_the_officer_alone(world, enter, home):
    reader, officer = enter("reader"), enter("privacy-officer")
    shown = reader.get(f"/api/frame/{LOCATED}")
    assert "frame_exif.latitude_deg" in shown.json()["masked"]
    assert not any(secret in shown.text for secret in SECRETS)
    told = officer.post("/api/masked", json={"frame_id": LOCATED}).json()["columns"]
    found = {one["name"]: (one["value"], one["unit"]) for one in told}
    assert found["frame_exif.latitude_deg"] == (48.125, "deg")
    assert found["frame_exif.body_serial"] == ("SERIAL-OF-A-CAMERA", "1")
    (act,) = read_acts(home)
    assert (act["act"], act["who"]) == ("read", "privacy-officer")
    assert "frame_exif.latitude_deg" in act["of"] and LOCATED in act["why"]
    assert [one for one in check_record(home) if one] == []


ORACLES = (
    "/api/frames?where=frame_id IN (SELECT frame_id FROM frame_exif WHERE latitude_deg > 48)",
    "/api/frames?where=latitude_deg > 48",
    "/api/frames?where=EXISTS (SELECT author FROM label_versions WHERE author = 'x')",
    "/api/frames?sort=latitude_deg",
    "/api/frames?sort=-body_serial",
)


def test_no_condition_and_no_order_tells_of_a_masked_column(world, enter):
    for role in ("reader", "privacy-officer"):
        client = enter(role)
        assert [client.get(path).status_code for path in ORACLES] == [400] * 5


def test_sql_has_private_columns_for_the_officer_and_writes_that_down(
    world, enter, home
):
    sql = "select latitude_deg from frame_exif"
    reader, officer = enter("reader"), enter("privacy-officer")
    refused = reader.post("/api/query", json={"sql": sql})
    assert refused.status_code == 400
    assert "latitude_deg is private" in refused.json()["error"]
    every = reader.post("/api/query", json={"sql": "select * from frame_exif"})
    assert every.status_code == 200
    assert not any(secret in every.text for secret in SECRETS)
    assert read_acts(home) == []
    told = officer.post("/api/query", json={"sql": sql}).json()
    assert told["rows"] == [{"latitude_deg": 48.125}]
    (act,) = read_acts(home)
    assert (act["who"], act["of"]) == ("privacy-officer", "frame_exif.latitude_deg")
    assert act["why"] == sql


def test_figures_of_groups_that_are_large_enough_are_for_everybody(
    world, enter, home, catalog
):
    rows = [
        {"frame_id": content_id(s), "session": s, "make": "Acme", "latitude_deg": n}
        for s, n in (("a", 1.0), ("b", 3.0))
    ]
    put(catalog, "frame_exif", rows)
    (home / "policy.yaml").write_text("min_group: 2\n")
    sql = "select make, avg(latitude_deg) as mean from frame_exif group by make"
    told = enter("reader").post("/api/query", json={"sql": sql}).json()
    # monday's frame has no make: a group of one session
    assert told["rows"] == [{"make": "Acme", "mean": 2.0}]
    assert told["groups_left_out"] == 1
    (act,) = read_acts(home)
    assert act["of"] == "frame_exif.latitude_deg over groups of 2 sessions or more"


def test_who_may_not_propose_lets_no_model_propose(world, enter):
    asked = {"question": "how many frames are there?", "propose": True}
    refused = enter("reader").post("/api/ask", json=asked)
    assert refused.status_code == 403
    assert "has no right to let a program propose" in refused.json()["error"]
    asked["propose"] = False
    assert enter("reader").post("/api/ask", json=asked).json()["is_known"]


def test_what_the_verb_refuses_is_refused_in_its_words(world, enter, home):
    asked = {"what": ["nowhere"], "because": "asked by letter", "dry_run": True}
    refused = enter("privacy-officer").post("/api/erase", json=asked)
    assert refused.status_code == 400 and "nowhere" in refused.json()["error"]
