"""The page of `daguerre browse` in a browser: by keys, with names of strangers, a wrong question, a lost server.

The server runs in this process, behind its gate, over one small home; nothing is faked.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest
import uvicorn

from assets.browsing.browser import Browser
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from orchestration.browse.app import make_app
from orchestration.browse.serving import COOKIE
from orchestration.gate import Gate
from tests.assets.browsing.conftest import name_frame, put

pytestmark = pytest.mark.timeout(200)
TOKEN = "token-of-a-test"
MARKUP = "<img src=x onerror=\"document.title='ran'\"><b>mug</b>"
NUM_FRAMES = 60
SIDE_PX = (16, 12)
_RUN_MAP = """async () => {
  const { ScrollMap } = await import('/page/scroll_map.js');
  const map = new ScrollMap(1000);
  map.resize(1_000_000, 100);
  const seen = [];
  let top = 0;
  for (const by of [10, 10, -10]) {
    top = map.follow(top + by);
    seen.push(map.top);
  }
  top = map.jump(500_000);
  top = map.follow(top + 7);
  seen.push(map.top);
  map.follow(map.jump(999_999));
  seen.push(map.top);
  map.follow(map.follow(0));
  seen.push(map.top);
  return seen;
}"""
_RUN_EDITS = """async () => {
  const { Edits, shift, stretch } = await import('/page/edits.js');
  const mark = { label_id: 'a', class_name: 'mug', box: [1, 2, 5, 4] };
  const size = { width: 16, height: 12 };
  const edits = new Edits([mark, { ...mark, label_id: 'b' }], size);
  edits.place(0, shift(edits.objects[0].box, 100, -100, size));
  edits.remove(1);
  edits.undo();
  edits.rename(1, 'fork');
  edits.add('cup', stretch([2, 2, 4, 4], 'se', 90, 1));
  return edits.changes;
}"""


@dataclass
class Served:
    """A server, where it answers, and what ends it."""

    address: str
    catalog: Catalog
    server: uvicorn.Server

    @property
    def link(self) -> str:
        return f"{self.address}/?token={TOKEN}"


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, frame_rows: Callable[..., pa.Table]
) -> Iterator[Served]:
    catalog = Catalog(str(tmp_path_factory.mktemp("browsed") / "tables"))
    _fill(catalog, frame_rows)
    with _serve(catalog) as served:
        yield served


def _fill(catalog: Catalog, frame_rows: Callable[..., pa.Table]) -> None:
    """A session of NUM_FRAMES frames in time; the first has two labels of one class, whose name holds markup."""
    paths = [f"{MARKUP}{n}.png" for n in range(NUM_FRAMES)]
    rows = frame_rows(NUM_FRAMES, session="monday", sensor="left", source_path=paths)
    catalog.merge("frames", rows)
    first = name_frame("monday", 0)
    mine = {
        "frame_id": first,
        "capture_id": content_id("capture", "monday"),
        "session": "monday",
        "task": "detection",
    }
    label = {
        **mine,
        "class_name": MARKUP,
        "x_min": 1.0,
        "y_min": 2.0,
        "x_max": 5.0,
        "y_max": 4.0,
        "origin": "imported",
    }
    labels = [label | {"label_id": content_id("label", n)} for n in range(2)]
    put(catalog, "labels", labels)
    put(
        catalog,
        "annotated_frames",
        [mine | {"annotation_id": content_id("looked"), "num_labels": 2}],
    )


class _serve:
    """A server of a catalog on a free port, in a thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        app = Gate(make_app(Browser(catalog)), [address], TOKEN, COOKIE)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._served = Served(address, catalog, uvicorn.Server(config))
        self._thread = threading.Thread(
            target=self._served.server.run, args=([self._socket],)
        )

    def __enter__(self) -> Served:
        self._thread.start()
        return self._served

    def __exit__(self, *_: object) -> None:
        self._served.server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture
def page(served: Served, browser) -> Iterator[object]:
    """A page that has opened the link, in a browser of its own; no error of a script is let pass."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(served.link)
    page.wait_for_selector("img.is-here")
    yield page
    context.close()
    assert faults == []


def wait_for(page, script: str, argument: object = None) -> None:
    page.wait_for_function(script, arg=argument, timeout=30_000)


def open_at(page, served: Served, state: str) -> None:
    page.goto(f"{served.address}/#{state}")


def test_the_grid_shows_pictures_and_keys_alone_open_and_step(served, page) -> None:
    cells = page.locator(".cell:not([hidden])")
    assert page.locator(".place").inner_text() == "1 of 60 frames"
    wait_for(
        page,
        "() => [...document.querySelectorAll('.cell:not([hidden]) img')].every(i => i.naturalWidth)",
    )
    assert 10 < cells.count() <= NUM_FRAMES
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".frame-view .lineage, .frame-view .facts")
    assert f"frame={name_frame('monday', 1)}" in page.url and "at=1" in page.url
    page.keyboard.press("ArrowRight")
    wait_for(page, "id => location.hash.includes(id)", name_frame("monday", 2))
    page.keyboard.press("Escape")
    page.wait_for_selector(".grid-view")
    wait_for(
        page, "() => document.querySelector('.place').textContent.startsWith('3 of')"
    )
    page.keyboard.press("?")
    assert page.locator("dialog").get_by_text("sort by likeness").is_visible()


def test_names_of_strangers_are_shown_and_run_nothing(
    served, page, screenshots: Path
) -> None:
    assert page.locator(".choices").get_by_text(MARKUP).count() >= 1
    page.keyboard.press("Enter")
    page.wait_for_selector(".facts")
    page.locator(".objects").get_by_text(MARKUP).first.wait_for()
    assert page.locator(".facts").get_by_text(f"{MARKUP}0.png").count() == 1
    page.screenshot(path=screenshots / "browse_frame.png")
    assert page.title() == "Frame · Daguerre"
    assert page.locator("img[src=x], #app b:text-is('mug')").count() == 0
    policy = page.request.get(f"{served.address}/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'") and "unsafe" not in policy


def test_an_address_opens_the_frames_that_it_asks_for(served, page) -> None:
    page.locator(".choices label").filter(has_text=MARKUP).first.click()
    wait_for(
        page, "() => document.querySelector('.place').textContent === '1 of 1 frame'"
    )
    address = page.url
    assert quote("<b>mug</b>", safe="") in address
    page.goto("about:blank")
    page.goto(address)
    wait_for(
        page, "() => document.querySelector('.place')?.textContent === '1 of 1 frame'"
    )
    assert page.locator(".choices input:checked").count() >= 1
    page.keyboard.press("x")
    wait_for(
        page, "() => document.querySelector('.place').textContent === '1 of 60 frames'"
    )


def test_a_wrong_condition_is_told_with_what_helps_and_taken_back(served, page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("no_such_column = 1")
    page.keyboard.press("Enter")
    page.locator(".condition .fault").wait_for(state="visible")
    assert "no_such_column" in page.locator(".condition .fault").inner_text()
    assert (
        page.locator(".notice")
        .get_by_role("button", name="Show all frames")
        .is_visible()
    )
    page.keyboard.press("Control+a")
    page.keyboard.type("sequence < 4")
    page.keyboard.press("Enter")
    wait_for(
        page, "() => document.querySelector('.place').textContent === '1 of 4 frames'"
    )
    assert page.locator(".condition .fault").is_hidden()
    open_at(page, served, "where=sequence+%3C+0")
    page.get_by_text("No frame passes these filters").wait_for()


def test_a_million_rows_are_reached_from_end_to_end_px_by_px(page) -> None:
    # steps go px by px anywhere, the ends are the ends, a drag of the bar to the top is the top
    assert page.evaluate(_RUN_MAP) == [10, 20, 10, 500_007, 999_900, 0]


def test_what_somebody_changes_is_what_the_server_is_asked_for(page) -> None:
    assert page.evaluate(_RUN_EDITS) == [
        {"label_id": "a", "box": [12, 0, 16, 2]},  # as far as the picture goes
        {"label_id": "b", "class_name": "fork"},
        {"label_id": None, "class_name": "cup", "box": [2, 2, 16, 5]},
    ]


def test_a_lost_server_is_told_until_it_is_back(served, page) -> None:
    with _serve(served.catalog) as other:
        page.goto(other.link)
        page.wait_for_selector("img.is-here")
    page.evaluate("location.hash = 'session=monday'")
    page.locator(".banner").wait_for(state="visible")
    assert "The server is gone" in page.locator(".banner").inner_text()
