"""Measure the page of `daguerre browse` in a headless Chromium: the first screen, and blank cells of a scroll.

The home is synthetic: frames of 8 x 8 pixels, published as the product does. `first_screen_ms` goes from the opening of
the link until every cell that shows has its picture, by somebody whose browser keeps nothing of it; the first round,
which finds the server cold, is told apart. The scroll goes at a steady speed through the middle of the list; at each
frame that the browser draws, cells that show are counted, and those of them without their picture. Leaps go to places
far apart, as a drag of the scroll bar does: `leap_ms` until all cells there have their pictures.

Run: `python -m bench.browse_page --frames 100000 --json`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.printing import make_parser, print_figures
from bench.synthetic_home import fill, name_sessions
from orchestration.profiles import CHECKOUT, load_settings
from orchestration.resources import build_catalog, build_landing_zone

SESSION_FRAMES = 1000
ROUNDS = 5
LEAPS = 5
# px a second of the scroll: about two rows, and about a view, of the usual size
SPEEDS_PX = (300, 1200)
SECONDS = 5.0
_PORT = 8599
_VIEW = {"width": 1440, "height": 900}
# cells that show, and those whose picture is not there
_COUNT = """() => {
  const grid = document.querySelector('.grid').getBoundingClientRect();
  let shown = 0;
  let blank = 0;
  for (const cell of document.querySelectorAll('.cell:not([hidden])')) {
    const place = cell.getBoundingClientRect();
    if (place.bottom <= grid.top || place.top >= grid.bottom) continue;
    shown += 1;
    const picture = cell.querySelector('img');
    if (!(picture.hasAttribute('src') && picture.complete && picture.naturalWidth)) blank += 1;
  }
  return [shown, blank];
}"""
_IS_FULL = (
    f"() => {{ const [shown, blank] = ({_COUNT})(); return shown > 0 && blank === 0; }}"
)
_FULL_AT = f"""() => new Promise(done => {{
  const look = () => (({_IS_FULL})() ? done(performance.now()) : requestAnimationFrame(look));
  look();
}})"""
_SCROLL = f"""([speed, seconds]) => new Promise(done => {{
  const grid = document.querySelector('.grid');
  const count = {_COUNT};
  const start = performance.now();
  let last = start;
  let left = 0; // scrollTop is kept in whole px
  const seen = {{ frames: 0, cells: 0, blank: 0, longest_ms: 0 }};
  const step = now => {{
    const gone = Math.max(0, now - last);
    left += speed * gone / 1000;
    const by = Math.floor(left);
    left -= by;
    grid.scrollTop += by;
    last = now;
    seen.frames += 1;
    seen.longest_ms = Math.max(seen.longest_ms, gone);
    const [shown, blank] = count();
    seen.cells += shown;
    seen.blank += blank;
    if (now - start < seconds * 1000) requestAnimationFrame(step);
    else done(seen);
  }};
  requestAnimationFrame(step);
}})"""
_LEAP = f"""share => new Promise(done => {{
  const grid = document.querySelector('.grid');
  const start = performance.now();
  grid.scrollTop = share * (grid.scrollHeight - grid.clientHeight);
  const look = () => (({_IS_FULL})() ? done(performance.now() - start) : requestAnimationFrame(look));
  requestAnimationFrame(() => requestAnimationFrame(look));
}})"""


def main() -> None:
    """Print the figures as text or as one JSON object."""
    parser = make_parser(__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daguerre-bench-") as folder:
        home = make_home(Path(folder) / "home", options.frames)
        with serving(home) as (link, server), started() as browser:
            figures = {"frames": options.frames, **measure(browser, link)}
            memory = server.memory_full_info().pss
            figures["server_mib"] = round(memory / (1 << 20))
    print_figures(figures, options.json)


def make_home(home: Path, num_frames: int) -> Path:
    """A home with so many frames, in sessions of SESSION_FRAMES."""
    os.environ["DAGUERRE_HOME"] = str(home)
    settings = load_settings()
    build_landing_zone(settings)
    num_sessions = max(1, num_frames // SESSION_FRAMES)
    each = min(num_frames, SESSION_FRAMES)
    fill(build_catalog(settings), name_sessions(num_sessions), each, is_labelled=True)
    return home


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The link that `daguerre browse` prints, and its process."""
    command = [sys.executable, "-m", "orchestration.cli", "browse"]
    with subprocess.Popen(
        [*command, "--port", str(_PORT)],
        cwd=CHECKOUT,
        env={**os.environ, "DAGUERRE_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield _read_link(server.stdout), psutil.Process(server.pid)
        finally:
            server.terminate()


def _read_link(lines: Iterator[str]) -> str:
    for line in lines:
        if found := re.search(r"http://\S+token=\S+", line):
            return found[0]
    raise RuntimeError("the server printed no link")


@contextmanager
def started() -> Iterator[Any]:
    """A headless Chromium of the system."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on this machine: install the package 'chromium'")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


def measure(browser: Any, link: str) -> dict[str, object]:
    """All figures of one browser."""
    _, first = _open(browser, link)
    pages = [_open(browser, link) for _ in range(ROUNDS)]
    rounds = [full_at for _, full_at in pages]
    page = pages[-1][0]
    figures: dict[str, object] = {
        "first_screen_cold_ms": round(first),
        "first_screen_ms": round(median(rounds)),
        "first_screen_ms_rounds": [round(one) for one in rounds],
    }
    page.evaluate(_LEAP, 0.5)
    for speed in SPEEDS_PX:
        seen = page.evaluate(_SCROLL, [speed, SECONDS])
        figures[f"blank_share_{speed}_px_s"] = round(seen["blank"] / seen["cells"], 5)
        figures[f"drawn_per_s_{speed}_px_s"] = round(seen["frames"] / SECONDS, 1)
        figures[f"longest_ms_{speed}_px_s"] = round(seen["longest_ms"], 1)
    leaps = [page.evaluate(_LEAP, (n + 0.5) / LEAPS) for n in range(LEAPS)]
    figures["leap_ms"] = round(median(leaps))
    return figures


def _open(browser: Any, link: str) -> tuple[Any, float]:
    """A page, and milliseconds from the opening of the link to its full screen, for somebody who was never here."""
    page = browser.new_context(viewport=_VIEW).new_page()
    page.set_default_timeout(120_000)
    page.goto(link, wait_until="commit")
    page.wait_for_selector(".cell")
    return page, float(page.evaluate(_FULL_AT))


if __name__ == "__main__":
    main()
