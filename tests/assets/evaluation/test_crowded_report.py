"""A report on many classes and sessions: links land, nothing is hidden, and it prints with all its pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from assets.evaluation.gallery import gather_gallery
from assets.evaluation.model_report import GateLine, ModelReport
from assets.evaluation.report import ReportData, render_report
from assets.evaluation.score import score_predictions
from assets.kinds import find_kind
from assets.previews import plots
from assets.previews.gallery import name_subject
from assets.tables.schemas import TABLES, to_table
from models.types import Image

Make = Callable[..., dict[str, Any]]
NUM_CLASSES = 80
NAMES = tuple(f"class number {n}" for n in range(NUM_CLASSES))
SESSIONS = [f"warehouse-{n}-2026-11-{n + 10}-evening-shift" for n in range(12)]
HISTORY = [
    {"epoch": n, "train_loss": 1 / (n + 1), "val_map": 0.1 * n, "val_map50": 0.1 * n}
    for n in range(8)
]


class GreyImages:
    """Images of one grey level."""

    def read(self, frame_rows: Sequence[Mapping[str, Any]], /) -> dict[str, Image]:
        grey = np.full((60, 100, 3), 120, np.uint8)
        return {row["frame_id"]: grey for row in frame_rows}


def slice_frames(frames: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By session and sensor."""
    ways = ("session", "sensor")
    return {row["frame_id"]: {way: row[way] for way in ways} for row in frames}


@pytest.fixture(scope="module")
def page(release_row: Make, prediction_row: Make) -> str:
    """Each of 60 pictures has four objects; a third of them is taken for the class after it."""
    rng = np.random.default_rng(0)
    boxes = [5.0, 5, 20, 20, 30, 5, 50, 20, 60, 5, 80, 20, 5, 30, 40, 55]
    frames = []
    predictions = []
    for n in range(60):
        ids = [(n * 4 + k) % NUM_CLASSES for k in range(4)]
        frames.append(release_row(str(n), None, boxes, ids, SESSIONS[n % 12]))
        found = [NAMES[(i + (rng.random() < 0.3)) % NUM_CLASSES] for i in ids]
        predictions.append(
            prediction_row(str(n), found, list(rng.uniform(0.5, 1, 4)), boxes)
        )
    scores = score_predictions(
        "detection",
        predictions,
        frames,
        NAMES,
        {
            row["frame_id"]: {"session": row["session"], "sensor": row["sensor"]}
            for row in frames
        },
    )
    pairs = find_kind("detection").pair(predictions, frames, NAMES)
    subject = name_subject("daguerre-detection v3", pairs.subject.release_id)
    gallery = gather_gallery(pairs, frames, GreyImages(), HISTORY, subject)
    model = ModelReport(
        "detection",
        "daguerre-detection",
        pairs.subject.release_id,
        NAMES,
        to_table(TABLES["release_frames"], frames),
        scores,
        gallery,
        version=3,
        alias="champion",
        facts={"recipe": "base_detection", "weights sha256": "ab" * 32},
        gate=[GateLine("mAP50 at least 0.70", "0.83 on the test split", True)],
        is_accepted=True,
    )
    drift = [
        {
            "session": session,
            "sensor": sensor,
            "statistic": statistic,
            "model_name": "daguerre-detection",
            "model_version": 3,
            "release_id": "ab" * 16,
            "value": 4.0,
            "p_value": float(rng.uniform(1e-3, 1)),
            "threshold": 0.01,
            "is_drifted": n == 3,
            "num_frames": 40,
            "num_reference": 12,
            "reason": "",
        }
        for n, session in enumerate(SESSIONS)
        for sensor, statistic in (
            ("all", "session"),
            ("cam_left", "brightness"),
            ("cam_left", "embedding"),
            ("cam_right", "brightness"),
        )
    ]
    return render_report(ReportData("Crowded", [model], "29 November 2026", drift))


def test_every_link_lands_on_the_one_thing_of_its_name(page: str):
    links = re.findall(r'href="#([^"]*)"', page)
    anchors = Counter(re.findall(r'\bid="([^"]*)"', page))
    assert len(links) >= 4 and {anchors[link] for link in links} == {1}
    assert set(anchors.values()) == {1}


def test_all_pictures_are_there_before_anybody_scrolls(page: str):
    assert page.count("<img ") > 20 and 'loading="lazy"' not in page


def test_paper_is_printed_by_day_with_everything_open(page: str):
    by_night = page.count("prefers-color-scheme: dark")
    assert 0 < by_night == page.count("screen and (prefers-color-scheme: dark)")
    paper = page.split("@media print", 1)[1].split("</style>")[0]
    for rule in ("max-height: none", "details-content", "print-color-adjust: exact"):
        assert rule in paper, rule


def test_what_stands_between_a_heading_and_its_content_goes_with_it(page: str):
    """On paper a heading, and all that may follow one before a picture or a table, ends no page."""
    paper = page.split("@media print", 1)[1].split("</style>")[0]
    held = re.findall(r"([^{}]+)\{[^{}]*break-after: avoid", paper)
    selectors = {part.strip() for rule in held for part in rule.split(",")}
    body = page.split("<main", 1)[1]
    between = re.findall(
        r'<h[23]>[^<]*(?:<span[^>]*>[^<]*</span>)?</h[23]>\s*<p class="(\w+)"', body
    )
    introducing = set(between) - {"empty"}  # with nothing after it
    assert {"note", "legend", "lede"} <= introducing
    assert {"h2", "h3", *(f".{name}" for name in introducing)} <= selectors


def test_only_a_table_that_fits_a_page_is_kept_on_one(page: str):
    """Of 80 classes none, of 12 sessions one."""
    kinds = re.findall(
        r'<div class="scroll( short)?"><table>\s*<thead><tr><th>(\w+)', page
    )
    kept = {title: bool(short) for short, title in reversed(kinds)}
    assert (kept["Class"], kept["Session"]) == (False, True)


def test_every_table_scrolls_in_its_own_box(page: str):
    boxes = re.findall(r'<div class="scroll(?: short)?"><table>', page)
    assert page.count("<table>") == len(boxes) > 4


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures of the charts, in the order in which they are drawn."""
    figures: list[Figure] = []
    encode = plots.encode_figure

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return encode(figure)

    monkeypatch.setattr(plots, "encode_figure", keep)
    return figures


def test_mistakes_among_many_classes_are_named_by_pair_the_most_frequent_first(
    drawn: list[Figure],
):
    confusion = np.diag(np.full(NUM_CLASSES, 10))
    confusion[7, 3] = 30
    confusion[2, 1] = 5
    plots.confusion_matrix_plot(confusion, NAMES, "v1")
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "class number 7 → class number 3",
        "class number 2 → class number 1",
    ]
    # 30 of 10 + 30, and 5 of 10 + 5
    assert [t.get_text().strip() for t in axes.texts] == [
        "30  75 % of it",
        "5  33 % of it",
    ]


@pytest.mark.parametrize("num_metrics", [1, 3, 9])
def test_a_legend_covers_no_curve(drawn: list[Figure], num_metrics: int):
    names = [f"val_metric_{n}" for n in range(num_metrics)]
    history = [{"epoch": n, **{k: 0.1 * n for k in names}} for n in range(5)]
    plots.learning_curve_plot(history, "v1")
    axes = drawn[0].axes[0]
    legend = axes.get_legend()
    assert legend is not None and len(legend.get_texts()) == num_metrics
    box = legend.get_window_extent()
    assert not box.shrunk(0.98, 0.98).overlaps(axes.get_window_extent())
