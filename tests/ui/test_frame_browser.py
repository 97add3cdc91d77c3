"""The page of `daguerre browse` in a browser: by keys, with names of strangers, a wrong question, a lost server.

The server runs in this process, behind its gate, over one small home; nothing is faked.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pytest
import uvicorn

from assets.annotation import review
from assets.annotation.labels import Author
from assets.code_versions import version_of
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from models.masks import decode_mask
from orchestration.browse.serving import (
    ASK_FOR_LINK,
    build_app,
    build_browser,
    build_keys,
)
from orchestration.cli import run_verb
from orchestration.gate import Gate
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog
from tests.assets.browsing.conftest import name_frame, put
from tests.assets.browsing.test_depth import put_map
from tests.assets.comparison.conftest import (
    class_row,
    score_frames,
    sit_exam,
    store_model,
    write_frames,
    write_release,
)
from tests.assets.comparison.test_models import LETTERS, NAMES, call

pytestmark = pytest.mark.timeout(200)
TOKEN = "token-of-a-test"
AUTHOR = "Ada"
MARKUP = "<img src=x onerror=\"document.title='ran'\"><b>mug</b>"
SESSION = "friday"
NUM_FRAMES = 60
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

_RUN_MASK = """async () => {
  const { Mask } = await import('/page/mask.js');
  const mask = new Mask({ width: 6, height: 4 }, [7, 2, 15]);
  const before = [mask.runs, mask.box];
  const dirty = mask.paint([3.5, 2.5], [5.5, 2.5], 0.5, true);
  const wider = [mask.runs, mask.box];
  mask.paint([0, 0], [6, 4], 9, false);
  return [before, dirty, wider, [mask.runs, mask.box]];
}"""
_RUN_REPLAY = """async () => {
  const { Edits } = await import('/page/edits.js');
  const mark = { label_id: 'a', class_name: 'mug', box: [1, 2, 5, 4] };
  const edits = new Edits([mark, { ...mark, label_id: 'b' }], { width: 16, height: 12 });
  const lost = edits.replay([
    { label_id: 'a', class_name: 'cup' },
    { label_id: 'b', remove: true },
    { label_id: 'gone', remove: true },
    { label_id: null, class_name: 'fork', box: [0, 0, 2, 2] },
  ]);
  return [lost, edits.changes];
}"""
_RUN_DRAW = """async () => {
  const [{ draw, fit, prepare }, { Look }, { Address }, { Colors }] = await Promise.all(
    ['drawing', 'look', 'address', 'colors'].map((name) => import(`/page/${name}.js`)));
  const context = prepare(document.createElement('canvas'), 160, 120);
  const points = [[4, 4], [12, 4], [12, 10], [4, 10]];
  const mark = { kind: 'mask', class_name: 'mug', score: null, box: [4, 4, 12, 10], points };
  const look = new Look(new Address('layers=labels'), new Colors(['mug']));
  const place = fit({ width: 16, height: 12 }, { width: 160, height: 120 });
  draw(context, { labels: [mark] }, look, place);
  const ratio = devicePixelRatio || 1;
  const opacity = (x, y) => context.getImageData(x * ratio, y * ratio, 1, 1).data[3] / 255;
  return [opacity(10, 10), opacity(80, 70), opacity(40, 70)];
}"""

# by hand, as a mouse tells 1,200 places of one round
_DRAW_CIRCLE = """() => {
  const stage = document.querySelector('.map-stage');
  stage.setPointerCapture = () => {};
  const { left, top, width, height } = stage.getBoundingClientRect();
  const send = (kind, angle) => stage.dispatchEvent(new PointerEvent(kind, {
    clientX: left + width * (0.5 + 0.9 * Math.cos(angle)),
    clientY: top + height * (0.5 + 0.9 * Math.sin(angle)),
  }));
  send('pointerdown', 0);
  for (let n = 1; n < 1200; n++) send('pointermove', (2 * Math.PI * n) / 1200);
  send('pointerup', 0);
}"""


@dataclass
class Served:
    """A server, where it answers, and the home that it shows."""

    address: str
    settings: Settings
    server: uvicorn.Server

    @property
    def link(self) -> str:
        return f"{self.address}/?token={TOKEN}"


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, frame_rows: Callable[..., pa.Table]
) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DAGUERRE_HOME", str(tmp_path_factory.mktemp("browsed")))
        settings = load_settings()
        _fill(build_catalog(settings), frame_rows)
        with serve(settings) as served:
            yield served


def _fill(catalog: Catalog, frame_rows: Callable[..., pa.Table]) -> None:
    """A session of NUM_FRAMES frames in time, with labels and vectors; and one of ten, on which two models sat an
    exam: the second finds both keys, and takes one cup for a key."""
    paths = [f"{MARKUP}{n}.png" for n in range(NUM_FRAMES)]
    rows = frame_rows(NUM_FRAMES, session=SESSION, sensor="left", source_path=paths)
    catalog.merge("frames", rows)
    ids = [name_frame(SESSION, n) for n in range(NUM_FRAMES)]
    put(catalog, "labels", [_label(ids[0], n) for n in range(2)])
    looked = {
        "annotation_id": content_id("looked"),
        "num_labels": 2,
        "num_missing": 0,
        "num_ignored": 0,
    }
    put(catalog, "annotated_frames", [_of(ids[0]) | looked])
    far = np.repeat([[1000, 0], [4000, 0]], 6, axis=0).repeat(8, axis=1)
    put_map(catalog, far, frame_id=ids[4], session=SESSION)
    directions = np.random.default_rng(1).normal(size=(NUM_FRAMES, EMBEDDING_DIM))
    vectors = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    embedded = zip(ids, vectors.astype(np.float32), strict=True)
    by = {"session": SESSION, "code_version": version_of("frame_embeddings")}
    put(
        catalog,
        "frame_embeddings",
        [{**by, "frame_id": one, "vector": v} for one, v in embedded],
    )
    version = write_frames(catalog, LETTERS)
    keys = [class_row(letter, int(letter in "ij")) for letter in LETTERS]
    release = write_release(catalog, "recognition", NAMES, keys, version)
    write_release(catalog, "recognition", NAMES, keys[:-1], version)
    models = [store_model(catalog, n, release, "recognition") for n in ("1", "2")]
    said = [dict.fromkeys(LETTERS, call("cup")) for _ in models]
    said[1] |= dict.fromkeys("ija", call("<key>"))
    for model, answers in zip(models, said, strict=True):
        sit_exam(catalog, model, release, answers)


def _of(frame: str) -> dict:
    capture = content_id("capture", SESSION)
    return {
        "frame_id": frame,
        "capture_id": capture,
        "session": SESSION,
        "task": "detection",
    }


def _label(frame: str, number: int) -> dict:
    sides = {"x_min": 1.0, "y_min": 2.0, "x_max": 5.0 + number, "y_max": 4.0}
    about = {
        "label_id": content_id("label", number),
        "class_name": MARKUP,
        "origin": "imported",
    }
    return _of(frame) | about | sides


@contextmanager
def serve(settings: Settings) -> Iterator[Served]:
    """A server of a home on a free port, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = build_app(settings, build_browser(settings), AUTHOR, run_verb)
        keys = build_keys(settings, TOKEN, AUTHOR)
        gate = Gate(app, [address], keys, "door", ASK_FOR_LINK)
        config = uvicorn.Config(
            gate, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield Served(address, settings, server)
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def visit(served: Served, browser) -> Iterator[object]:
    """A browser of somebody who opens the link."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(served: Served, visit) -> Iterator[object]:
    """A page that has opened the link; no error of a script is let pass."""
    page = visit.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(served.link)
    page.wait_for_selector("img.is-here")
    page.wait_for_selector(".filters")
    yield page
    page.close()
    assert faults == []


def wait_for(page, script: str, argument: object = None) -> None:
    page.wait_for_function(script, arg=argument, timeout=30_000)


def open_at(page, served: Served, state: str) -> None:
    page.goto(f"{served.address}/#{state}")


def test_the_grid_shows_pictures_and_keys_alone_open_and_step(served, page) -> None:
    cells = page.locator(".cell:not([hidden])")
    assert page.locator(".place").inner_text() == "1 of 70 frames"
    wait_for(
        page,
        "() => [...document.querySelectorAll('.cell:not([hidden]) img')].every(i => i.naturalWidth)",
    )
    few = cells.count()
    for _ in range(2):
        page.keyboard.press("+")
    wait_for(
        page,
        "few => document.querySelectorAll('.cell:not([hidden])').length < few",
        few,
    )
    assert cells.count() > 0, "those near the view alone are elements"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".frame-view .lineage, .frame-view .facts")
    assert f"frame={name_frame(SESSION, 1)}" in page.url and "at=1" in page.url
    page.keyboard.press("ArrowRight")
    wait_for(page, "id => location.hash.includes(id)", name_frame(SESSION, 2))
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
    page.locator(".choices input:checked").first.wait_for()
    page.keyboard.press("x")
    wait_for(
        page, "() => document.querySelector('.place').textContent === '1 of 70 frames'"
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
    page.keyboard.type("sequence < 4 and kind = 'color'")
    page.keyboard.press("Enter")
    wait_for(
        page,
        "() => /1 of \\d+ frames/.test(document.querySelector('.place').textContent)",
    )
    assert page.locator(".condition .fault").is_hidden()
    open_at(page, served, "where=sequence+%3C+0")
    page.get_by_text("No frame passes these filters").wait_for()


def test_a_question_is_answered_with_links_and_names_are_text(
    served, page, screenshots: Path
) -> None:
    page.keyboard.press("6")
    question = page.get_by_label("Question")
    question.fill("which classes are labelled?")
    question.press("Enter")
    page.locator(".answer table").get_by_text(MARKUP).wait_for()
    assert page.locator("img[src=x]").count() == 0 and "q=which" in page.url
    question.fill(f"where does frame {name_frame(SESSION, 1)[:12]} come from?")
    question.press("Enter")
    link = page.locator(".answer p a").get_by_text(name_frame(SESSION, 1)).first
    link.wait_for()
    page.screenshot(path=screenshots / "browse_ask.png")
    link.click()
    page.wait_for_selector(".frame-view .facts")


def test_a_million_rows_are_reached_from_end_to_end_px_by_px(page) -> None:
    # steps go px by px anywhere, the ends are the ends, a drag of the bar to the top is the top
    assert page.evaluate(_RUN_MAP) == [10, 20, 10, 500_007, 999_900, 0]


def test_what_somebody_changes_is_what_the_server_is_asked_for(page) -> None:
    assert page.evaluate(_RUN_EDITS) == [
        {"label_id": "a", "box": [12, 0, 16, 2]},  # as far as the picture goes
        {"label_id": "b", "class_name": "fork"},
        {"label_id": None, "class_name": "cup", "box": [2, 2, 16, 5]},
    ]


def test_a_brush_paints_whole_pixels_and_a_mask_is_told_in_runs(page) -> None:
    # 6 wide and 4 high: two px of the second row, then three of the third, then nothing
    before, dirty, wider, none = page.evaluate(_RUN_MASK)
    assert before == [[7, 2, 15], [1, 1, 3, 2]]
    assert dirty == [3, 2, 3, 1]
    assert wider == [[7, 2, 6, 3, 6], [1, 1, 6, 3]]
    assert none == [[24], None]


def test_changes_of_who_was_overtaken_are_put_on_what_stands(page) -> None:
    lost, changes = page.evaluate(_RUN_REPLAY)
    assert lost == 1, "of an object that is no more"
    assert changes == [
        {"label_id": "a", "class_name": "cup"},
        {"label_id": "b", "remove": True},
        {"label_id": None, "class_name": "fork", "box": [0, 0, 2, 2]},
    ]


def test_masks_are_drawn_as_areas_with_outlines(page) -> None:
    outside, inside, edge = page.evaluate(_RUN_DRAW)
    assert outside == 0 and inside == pytest.approx(0.34, abs=0.02) and edge > 0.9


@pytest.mark.parametrize("view", ["constructor", "__proto__", "nonsense"])
def test_an_address_of_no_view_opens_the_grid(served, page, view: str) -> None:
    page.goto("about:blank")
    open_at(page, served, f"view={view}")
    page.wait_for_selector(".grid-view img.is-here")


def test_what_readers_do_not_get_is_marked_and_told(served, page) -> None:
    assert page.locator(".stage.is-held").count() > 0
    assert "held back" in page.locator(".cell").first.get_attribute("aria-label")
    page.keyboard.press("Enter")
    page.get_by_text("Readers do not get this session: not checked yet.").wait_for()


def test_a_lost_server_is_told_until_it_is_back(served, page) -> None:
    with serve(served.settings) as other:
        page.goto(other.link)
        page.wait_for_selector("img.is-here")
    page.evaluate("location.hash = 'session=monday'")
    page.locator(".banner").wait_for(state="visible")
    assert "The server is gone" in page.locator(".banner").inner_text()


def test_a_box_is_moved_by_keys_and_saved_as_a_version(
    served, page, screenshots
) -> None:
    page.keyboard.press("Enter")
    page.wait_for_selector(".facts")
    page.keyboard.press("e")
    page.wait_for_selector(".handle")
    for key in ("ArrowRight", "Control+ArrowDown", "."):
        page.keyboard.press(key)
    page.keyboard.press("Delete")
    page.screenshot(path=screenshots / "browse_correction.png")
    page.keyboard.press("Control+s")
    page.get_by_text("Saved as version 1").wait_for()
    (version,) = read_versions(served, name_frame(SESSION, 0))
    assert version["boxes_xyxy"] == [2.0, 2.0, 6.0, 5.0]  # one right, one px taller
    assert (version["class_names"], version["author"]) == ([MARKUP], AUTHOR)
    assert (version["frame_id"], version["act"]) == (name_frame(SESSION, 0), "correct")


def test_a_mask_is_painted_by_keys_and_saved(served, page, screenshots) -> None:
    frame = name_frame(SESSION, 2)
    open_at(page, served, f"view=frame&frame={frame}&edit=detection")
    page.get_by_text("No object yet").wait_for()
    page.keyboard.press("m")
    page.get_by_text("The brush paints").wait_for()
    for _ in range(9):
        page.keyboard.press("-")  # one px wide
    # from the middle of 16 x 12: three px to the right, in the row below the middle
    for key in ("ArrowDown", "p", "ArrowRight", "ArrowRight", "p"):
        page.keyboard.press(key)
    page.screenshot(path=screenshots / "browse_mask.png")
    page.keyboard.press("Enter")
    page.get_by_label("Class", exact=True).fill("cup")
    page.keyboard.press("Enter")
    page.keyboard.press("w")
    page.get_by_text("Saved as version 1").wait_for()
    (version,) = read_versions(served, frame)
    mask = decode_mask(version["mask_rles"][0], 12, 16)
    assert np.argwhere(mask).tolist() == [[7, 8], [7, 9], [7, 10]]
    assert version["boxes_xyxy"] == [8, 7, 11, 8] and version["class_names"] == ["cup"]


def test_who_is_second_sees_the_newer_version_and_keeps_what_is_not_saved(
    served, page
) -> None:
    frame = name_frame(SESSION, 3)
    open_at(page, served, f"view=frame&frame={frame}&edit=detection")
    page.get_by_text("No object yet").wait_for()
    page.get_by_label("Class", exact=True).fill("cup")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    catalog = build_catalog(served.settings)
    seen = review.look(catalog, frame, "detection")
    said = review.correct(seen, [review.Change(None, "fork", (0.0, 0.0, 4.0, 4.0))])
    review.write(catalog, seen, said, Author("person", "Grace"))
    page.keyboard.press("w")
    page.get_by_text("Somebody saved version 1 of these labels").wait_for()
    objects = page.get_by_role("region", name="Corrections").locator(".objects .name")
    wait_for(page, "() => document.querySelectorAll('.objects .name').length === 2")
    assert objects.all_inner_texts() == ["fork", "cup"]
    page.keyboard.press("w")
    page.get_by_text("Saved as version 2").wait_for()
    assert [v["class_names"] for v in read_versions(served, frame)] == [
        ["fork"],
        ["fork", "cup"],
    ]


def test_depth_lies_over_the_picture_with_its_scale_in_metres(
    served, page, screenshots
) -> None:
    open_at(page, served, f"view=frame&frame={name_frame(SESSION, 4)}")
    page.get_by_text("stereo of left and right, ± 0.02 m").wait_for()
    page.keyboard.press("d")
    page.wait_for_selector(".depth-layer.is-here")
    scale = page.locator(".depth-scale")
    wait_for(page, "() => document.querySelectorAll('.depth-scale span').length === 9")
    assert scale.inner_text().split("\n")[0] == "1 m"
    assert "50 % of the px have a depth" in scale.get_attribute("aria-label")
    page.screenshot(path=screenshots / "browse_depth.png")
    page.keyboard.press("d")
    page.locator(".depth-layer").wait_for(state="hidden")


def test_the_map_says_which_sessions_are_held_back(served, page) -> None:
    page.keyboard.press("3")
    row = page.locator(".map-legend p").filter(has_text=SESSION)
    row.get_by_text("held back").wait_for()


def read_versions(served, frame: str) -> list[dict]:
    rows = build_catalog(served.settings).read_latest("label_versions").to_pylist()
    mine = [row for row in rows if row["frame_id"] == frame]
    return sorted(mine, key=lambda row: row["number"])


def test_two_models_are_shown_frame_by_frame_beside_the_truth(
    served, page, screenshots
) -> None:
    page.keyboard.press("4")
    for side, number in (("A", 1), ("B", 2)):
        page.get_by_label(side, exact=True).select_option(index=number)
    page.locator(".three").first.wait_for()
    page.locator(".tiles").get_by_text("won, lost").wait_for()
    first_is_better = "side=won" not in page.url and page.locator(".three").count() == 2
    page.get_by_role("button", name="Won by B").click()
    wait_for(
        page,
        "number => document.querySelectorAll('.three').length === number",
        1 if first_is_better else 2,
    )
    page.screenshot(path=screenshots / "browse_models.png")
    assert page.locator(".three").first.locator("img").count() == 3
    page.locator(".three").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".facts")
    assert page.url.count("predictions%3A") == 2  # both answers are layers there


def test_of_a_model_that_the_page_has_not_heard_of_the_server_is_asked(
    served, page
) -> None:
    page.keyboard.press("4")
    page.get_by_label("A", exact=True).select_option(index=1)
    known = page.get_by_label("A", exact=True).input_value()
    open_at(page, served, f"view=models&a={known}&b={'f' * 64}")
    page.get_by_text("ffffffff").last.wait_for()
    assert page.get_by_label("B", exact=True).input_value() == "f" * 64
    page.get_by_text(re.compile("no model.*f{8}")).wait_for()


@pytest.fixture
def given(browser, request) -> Iterator[tuple[object, Served]]:
    """A page of the home that is given (`--ui-home`), of which there are pictures for the README."""
    shown = request.config.getoption("--ui-home")
    if not shown:
        pytest.skip("a picture of a home that is given: --ui-home")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    with serve(load_settings({"DAGUERRE_HOME": shown})) as other:
        page = context.new_page()
        page.goto(other.link)
        page.wait_for_selector("img.is-here")
        yield page, other
    context.close()


def overlook(catalog: Catalog, model: dict, num_frames: int) -> str:
    """Store a model that answers as another does in its exam, but for all objects on so many frames; its id."""
    of_model = f"model_sha256 = '{model['model_sha256']}' AND purpose = 'test'"
    answers = catalog.read_latest("predictions", where=of_model).to_pylist()
    other = store_model(catalog, "overlooks", model["release_id"], model["task"])
    answers.sort(key=lambda row: -len(row["scores"]))
    for n, row in enumerate(answers):
        row["model_sha256"] = other["model_sha256"]
        row["prediction_id"] = content_id(other["model_sha256"], row["frame_id"])
        if n < num_frames:
            row |= {"boxes_xyxy": [], "class_names": [], "scores": []}
    catalog.merge("predictions", to_table(TABLES["predictions"], answers))
    score_frames(catalog, answers, model["release_id"])
    return other["model_sha256"]


def test_two_models_of_a_given_home_are_compared(given, screenshots) -> None:
    page, other = given
    catalog = build_catalog(other.settings)
    champions = catalog.read_latest("champions", where="task = 'detection'").to_pylist()
    if not champions:
        pytest.skip("no detector in the home: `daguerre train detection`")
    champion = champions[0]["model_sha256"]
    (model,) = catalog.read_latest("models", where=f"model_sha256 = '{champion}'").to_pylist()  # fmt: skip
    ids = [overlook(catalog, model, num_frames=4), champion]
    open_at(page, other, f"view=models&a={ids[-2]}&b={ids[-1]}&side=won")
    page.locator(".three").first.wait_for()
    assert page.locator(".three").count() > 1
    wait_for(
        page,
        "() => [...document.querySelectorAll('.three img')].slice(0, 6).every(i => i.naturalWidth)",
    )
    wait_for(
        page,
        "() => document.querySelectorAll('.three canvas')[5]?.width > 0",
    )
    assert page.locator(".tiles dd").count() > 0
    page.locator(".threes").evaluate("one => one.previousSibling.scrollIntoView()")
    page.screenshot(path=screenshots / "browse_compare.png")


def test_a_question_to_a_given_home_is_answered_with_sources(
    given, screenshots
) -> None:
    page, other = given
    open_at(page, other, "view=ask&q=which+sessions+have+drifted%3F")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".answer .said").first.wait_for()
    assert page.locator(".answer .sources").first.locator("a, code").count() > 0
    page.screenshot(path=screenshots / "browse_answer.png")


def test_two_releases_are_told_by_frame(served, page) -> None:
    page.keyboard.press("5")
    for side, number in (("A", 1), ("B", 2)):
        page.get_by_label(side, exact=True).select_option(index=number)
    page.locator(".thumb img.is-here").wait_for()
    assert page.locator(".thumb").count() == 1


def test_a_lasso_on_the_map_chooses_frames(served, page) -> None:
    page.keyboard.press("3")
    page.locator(".map-legend").get_by_text(SESSION).wait_for()
    page.get_by_role("button", name="Lasso").click()
    stage = page.locator(".map-stage").bounding_box()
    right, bottom = stage["x"] + stage["width"] - 2, stage["y"] + stage["height"] - 2
    page.mouse.move(stage["x"] + 2, stage["y"] + 2)
    page.mouse.down()
    for x, y in ((right, stage["y"] + 2), (right, bottom), (stage["x"] + 2, bottom)):
        page.mouse.move(x, y)
    page.mouse.up()
    wait_for(
        page, "() => document.querySelector('.place').textContent === '1 of 60 frames'"
    )
    assert "selection=" in page.url


def test_a_place_in_time_opens_its_frames(served, page) -> None:
    page.keyboard.press("2")
    strip = page.get_by_role("slider", name=f"Time of {SESSION}")
    strip.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".grid-view img.is-here")
    assert "t_ns" in page.locator(".condition textarea").input_value()
    assert page.locator(".place").inner_text().endswith(("of 1 frame", "frames"))


def test_a_span_of_time_since_1970_leaves_no_frame_at_its_ends_out(page) -> None:
    # numbers of JavaScript are 256 ns apart there: 129 is read as 256
    start, end = 1_700_000_000_000_000_129, 1_700_000_000_999_999_999
    run = """async ([start, end]) => {
      const { writeSpan } = await import('/page/timeline_view.js');
      return writeSpan('t_ns', Number(start), Number(end));
    }"""
    told = page.evaluate(run, [str(start), str(end)])
    low, high = map(int, re.findall(r"\d{10,}", told))
    assert start - 1000 < low <= start and end <= high < end + 1000


def test_a_lasso_of_many_corners_is_thinned_and_chooses(served, page) -> None:
    page.keyboard.press("3")
    page.locator(".map-legend").get_by_text(SESSION).wait_for()
    page.get_by_role("button", name="Lasso").click()
    page.evaluate(_DRAW_CIRCLE)
    wait_for(
        page, "() => document.querySelector('.place').textContent === '1 of 60 frames'"
    )


def test_an_empty_home_says_what_to_do(browser, tmp_path) -> None:
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path / "home")})
    context = browser.new_context()
    with serve(settings) as served:
        page = context.new_page()
        page.goto(served.link)
        page.get_by_text("There are no frames yet").wait_for()
        assert page.locator(".notice code").inner_text() == "daguerre ingest PATH"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_lie_over_the_pictures_by_day_and_by_night(
    served, browser, request, screenshots, scheme: str
) -> None:
    """Of the home that is given (`--ui-home`) there are pictures for the README."""
    shown = request.config.getoption("--ui-home")
    given = load_settings({"DAGUERRE_HOME": shown}) if shown else served.settings
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=scheme
    )
    with serve(given) as other:
        page = context.new_page()
        page.goto(other.link)
        page.wait_for_selector("img.is-here")
        open_at(
            page,
            other,
            "class=box&layers=labels&task=detection" if shown else "layers=labels",
        )
        wait_for(
            page,
            "() => [...document.querySelectorAll('.cell canvas')].some(one => one.width > 0)",
        )
        wait_for(
            page,
            "() => [...document.querySelectorAll('.cell:not([hidden]) img')].every(i => i.naturalWidth)",
        )
        page.screenshot(path=screenshots / f"browse_{scheme}.png")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()
    brightness = sum(map(int, re.findall(r"\d+", ground)[:3]))
    assert (brightness > 600) == (scheme == "light")
