"""What roles let people do on the page of `daguerre browse`: the buttons of who may, and none for others.

The server runs behind its gate over one small home, whose one session is under a privacy policy.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.annotation import review
from assets.annotation.labels import Author
from assets.audit import read_acts
from assets.ledger.proposals import Proposal, Proposals
from assets.storage import Folder
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_intake
from orchestration.roles.book import RoleBook
from orchestration.roles.rights import HOLDER
from tests.orchestration.browse.test_acts import POLICY
from tests.ui.test_frame_browser import MARKUP, TOKEN, Served, serve

pytestmark = pytest.mark.timeout(200)
PROPOSED = "P-0123abcd"
PANELS = {
    "export": "Take out labels or a release",
    "approve": "Models that wait for approval",
    "erase": "Erase for good",
}
SHOWN_TO = {
    "annotator": {"export"},
    "operator": {"export"},
    "approver": {"approve"},
    "privacy-officer": {"erase"},
}


@dataclass
class World:
    """A home with one sealed picture, served; who comes in has a browser of their own."""

    served: Served
    settings: Settings
    frame_id: str
    original: bytes
    enter: Callable[[str], object]

    @property
    def acts(self) -> list[tuple[str, str, str]]:
        return [(a["act"], a["who"], a["why"]) for a in read_acts(self.settings.home)]


@pytest.fixture(scope="module")
def world(tmp_path_factory, browser) -> Iterator[World]:
    home = tmp_path_factory.mktemp("governed")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGUERRE_HOME", str(home))
        settings = load_settings()
        frame_id, original = land(settings)
        with serve(settings) as served:
            book = RoleBook(settings.roles_file)
            opened = []

            def enter(role: str) -> object:
                """A page of somebody called Ann with this role, or of who opened the link of the start."""
                token = TOKEN if role == HOLDER else book.grant("Ann", [role])
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                opened.append(context)
                page = context.new_page()
                page.goto(f"{served.address}/?token={token}")
                page.wait_for_selector("img.is-here")
                page.wait_for_selector(".filters")
                return page

            yield World(served, settings, frame_id, original, enter)
            for context in opened:
                context.close()


def land(settings: Settings) -> tuple[str, bytes]:
    """A picture under a policy, taken in and labelled, and a proposal; the frame's id and the picture's bytes."""
    image = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    original = cv2.imencode(".png", image)[1].tobytes()
    folder = settings.home / "landing" / "street"
    (folder / "cam0").mkdir(parents=True)
    (folder / "cam0" / "0.png").write_bytes(original)
    (folder / "daguerre.yaml").write_text(POLICY)
    build_intake(settings).ingest(Folder(str(folder)), "street")
    catalog = build_catalog(settings)
    (frame_id,) = catalog.read_latest("frames", ["frame_id"])["frame_id"].to_pylist()
    seen = review.look(catalog, frame_id, "detection")
    said = review.correct(seen, [review.Change(None, MARKUP, (0.0, 0.0, 8.0, 6.0))])
    review.write(catalog, seen, said, Author("person", "Ada"))
    words = ("train", MARKUP)
    about = (PROPOSED, "train", words, MARKUP, "a program", "2026-11-30T18:20:00Z")
    Proposals(settings.ledger_url).propose(Proposal(*about, "0" * 16, ("a plan",), {}))
    return frame_id, original


def open_govern(page, more: str = "") -> None:
    page.evaluate("state => { location.hash = state; }", f"view=govern{more}")
    panel(page, "Who may do what").wait_for()


def panel(page, title: str):
    return page.get_by_role("region", name=title)


def require_nothing_ran(page) -> None:
    assert "ran" not in page.title() and page.locator("img[src=x]").count() == 0


def require_own_buttons(page, role: str) -> None:
    """Those of the role, and no others; what it may do is told."""
    shown = {name for name, title in PANELS.items() if panel(page, title).count()}
    assert shown == SHOWN_TO.get(role, set())
    mine = page.locator(".roles thead .mine")
    assert mine.inner_text() == ("link of the start" if role == HOLDER else role)
    told = panel(page, "Who may do what").locator("p").first.inner_text()
    assert ("erase" in told) == (role == "privacy-officer")


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("reader", "You are Ann: reader. You may look."),
        (HOLDER, "You opened the link that this server printed at its start, as Ada."),
    ],
)
def test_who_may_only_look_or_opened_the_link_sees_what_others_may_and_no_button(
    world, screenshots: Path, role: str, told: str
):
    page = world.enter(role)
    open_govern(page)
    page.screenshot(path=screenshots / f"govern_{role}.png")
    panel(page, "Who may do what").get_by_text(told).wait_for()
    require_own_buttons(page, role)


def test_labels_are_measured_and_then_saved_by_keys_alone(world, screenshots: Path):
    page = world.enter("annotator")
    open_govern(page)
    require_own_buttons(page, "annotator")
    mine = panel(page, PANELS["export"])
    mine.get_by_label("What").select_option("labels detection")
    mine.get_by_label("Format").select_option("coco")
    mine.get_by_label("Sessions").select_option("street")
    mine.get_by_role("button", name="How much is it?").focus()
    page.keyboard.press("Enter")
    mine.get_by_text("labels of detection as coco: 1 frame of 1 session").wait_for()
    page.screenshot(path=screenshots / "govern_export.png")
    assert world.acts == [], "nothing has left"
    page.keyboard.press("Tab")
    with page.expect_download() as saving:
        page.keyboard.press("Enter")
    with zipfile.ZipFile(io.BytesIO(Path(saving.value.path()).read_bytes())) as archive:
        assert any(name.startswith("annotations/") for name in archive.namelist())
    assert saving.value.suggested_filename == "labels-detection.zip"
    assert world.acts == [("export", "Ann", "")]
    mine.get_by_label("What").select_option("labels segmentation")
    mine.get_by_role("button", name="Download").click()
    refused = mine.get_by_role("alert")
    refused.wait_for()
    assert "nobody has looked" in refused.inner_text()
    require_nothing_ran(page)


def test_an_original_is_saved_for_who_says_why(world, screenshots: Path):
    page = world.enter("privacy-officer")
    page.keyboard.press("Enter")
    mine = panel(page, "Original")
    mine.wait_for()
    mine.get_by_role("button", name="Save it").click()
    why = mine.get_by_label("Why the original is opened")
    assert why.evaluate("one => one === document.activeElement"), "a reason is missing"
    why.fill("asked by court")
    with page.expect_download() as saving:
        mine.get_by_role("button", name="Save it").click()
    assert Path(saving.value.path()).read_bytes() == world.original
    assert saving.value.suggested_filename == "original.png"
    mine.get_by_text("original.png is saved").wait_for()
    page.screenshot(path=screenshots / "govern_original.png")
    assert world.acts[-1] == ("unseal", "Ann", "asked by court")
    mine.get_by_role("button", name="Save it").wait_for()
    key = world.settings.home / "seal_key"
    aside = key.rename(key.with_name("aside"))
    mine.get_by_role("button", name="Save it").click()
    refused = mine.get_by_role("alert")
    refused.wait_for()
    assert "there is no key: put" in refused.inner_text()
    aside.rename(key)


def test_others_see_of_a_sealed_frame_no_button(world):
    page = world.enter("operator")
    page.keyboard.press("Enter")
    panel(page, "Private").wait_for()
    page.wait_for_load_state("networkidle")
    for title in ("Original", "Erase"):
        assert panel(page, title).count() == 0
    open_govern(page)
    require_own_buttons(page, "operator")
    page.keyboard.press("1")
    page.wait_for_selector("img.is-here")
    page.keyboard.press("Enter")
    panel(page, "Private").wait_for()
    page.keyboard.press("e")
    page.get_by_text("no right to correct labels, which the role annotator").wait_for()


def test_a_proposal_is_rejected_by_who_may_decide_and_its_words_are_text(
    world, screenshots: Path
):
    """Who proposed it is the server's to say; what becomes of it `test_roles` shows."""
    reader = world.enter("reader")
    reader.keyboard.press("6")
    one = reader.get_by_role("article", name=PROPOSED)
    one.get_by_text("Here decides who has the role operator").wait_for()
    assert one.get_by_role("button").count() == 0
    assert one.get_by_text("Why:").count() == 0, "why is for who decides"
    page = world.enter("operator")
    page.keyboard.press("6")
    one = page.get_by_role("article", name=PROPOSED)
    one.get_by_text(f"Why: {MARKUP}").wait_for()
    page.screenshot(path=screenshots / "govern_proposal.png")
    asked = []

    def decide(route) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(json={"is_done": True, "exit_code": 0, "said": {}})

    page.route("**/api/decide", decide)
    one.get_by_role("button", name="Carry out").click()
    assert asked == [], "a reason is missing"
    one.get_by_label("Why").fill("not now")
    one.get_by_role("button", name="Reject").focus()
    page.keyboard.press("Enter")
    page.get_by_text(f"{PROPOSED} is rejected").wait_for()
    said = {"proposal": PROPOSED, "act": "reject", "because": "not now"}
    assert asked == [said]
    require_nothing_ran(page)


def test_a_model_that_waits_is_approved_with_a_reason(world, screenshots: Path):
    """Which models wait, and what becomes of one, is said in the server's place: a model takes minutes to make."""
    page = world.enter("approver")
    waiting, asked = ["detection/3"], []

    def tell(route) -> None:
        told = route.fetch().json()
        route.fulfill(json=told | {"waiting": waiting})

    def approve(route) -> None:
        asked.append(route.request.post_data_json)
        if len(asked) == 1:
            return route.fulfill(status=400, json={"error": f"{MARKUP} is gone", "remedy": "wait"})  # fmt: skip
        waiting.clear()
        route.fulfill(json={"is_done": True, "exit_code": 0, "said": {}})

    page.route("**/api/governance", tell)
    page.route("**/api/approve", approve)
    open_govern(page)
    require_own_buttons(page, "approver")
    mine = panel(page, PANELS["approve"])
    mine.get_by_role("button", name="Approve").click()
    assert asked == [], "a reason is missing"
    mine.get_by_label("Why, of detection/3").fill("looked at by two")
    mine.get_by_role("button", name="Approve").click()
    mine.get_by_role("alert").get_by_text(f"{MARKUP} is gone: wait").wait_for()
    page.screenshot(path=screenshots / "govern_approval.png")
    mine.get_by_role("button", name="Approve").click()
    mine.get_by_text("No model waits for a person").wait_for()
    assert asked == [{"name": "detection/3", "because": "looked at by two"}] * 2
    require_nothing_ran(page)


def test_it_is_planned_and_erased_by_its_name_typed_once_more(world, screenshots: Path):
    """The plan is the server's; of the last step the page's words alone, as `test_acts` shows what becomes of it."""
    page = world.enter("privacy-officer")
    page.keyboard.press("Enter")
    page.get_by_text("Plan the erasure of this frame").click()
    mine = panel(page, PANELS["erase"])
    mine.wait_for()
    require_own_buttons(page, "privacy-officer")
    what = mine.get_by_label("A session, SESSION/PATH")
    assert what.input_value() == world.frame_id
    what.fill("street")
    what.press("Enter")
    mine.get_by_text("1 session, 1 capture, 1 frame, 2 files").wait_for(timeout=60_000)
    last = mine.get_by_role("button", name="Erase for good")
    page.screenshot(path=screenshots / "govern_erase.png", full_page=True)
    assert last.is_disabled()
    mine.get_by_label("Why; it is written down").fill("asked by letter")
    mine.get_by_label("to erase it").fill("stree")
    assert last.is_disabled(), "it is not its name"
    mine.get_by_label("to erase it").fill("street")
    asked = []

    def erase(route) -> None:
        asked.append(route.request.post_data_json)
        said = f"another process has the tables of {MARKUP} open"
        route.fulfill(json={"is_done": False, "is_hidden": True, "said": said})

    page.route("**/api/erase", erase)
    last.focus()
    page.keyboard.press("Enter")
    mine.get_by_text("street is hidden from everybody").wait_for()
    mine.get_by_text(f"of {MARKUP} open").wait_for()
    assert asked == [{"what": ["street"], "because": "asked by letter"}]
    with page.expect_request("**/api/frames?*"):
        page.keyboard.press("1")
    page.wait_for_selector("img.is-here")
    require_nothing_ran(page)


def test_what_cannot_be_erased_is_named_and_an_erasure_that_has_not_ended_is_told(
    world,
):
    page = world.enter("privacy-officer")

    def tell(route) -> None:
        told = route.fetch().json()
        route.fulfill(json=told | {"erasures": ["ab" * 16]})

    def refuse(route) -> None:
        said = {"error": f"there is no {MARKUP}", "remedy": "name another"}
        route.fulfill(status=400, json=said)

    page.route("**/api/governance", tell)
    page.route("**/api/erase", refuse)
    open_govern(page, "&erase=nowhere")
    mine = panel(page, PANELS["erase"])
    mine.get_by_text("Erasure abababab has not ended").wait_for()
    mine.get_by_role("button", name="Plan").click()
    mine.get_by_role("alert").get_by_text(f"no {MARKUP}: name another").wait_for()
    require_nothing_ran(page)
