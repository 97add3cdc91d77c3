"""The report: whole, self-contained, and safe with whatever names come in."""

import base64
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from assets.evaluation.gallery import gather_gallery
from assets.evaluation.model_report import GateLine, ModelReport
from assets.evaluation.release_report import ReleaseReport
from assets.evaluation.report import ReportData, render_report, write_report
from assets.evaluation.score import score_predictions
from assets.kinds import find_kind
from assets.previews.gallery import Gallery, name_subject
from assets.tables.schemas import TABLES, to_table
from models.metrics.resampling import Interval
from models.types import Image

Row = dict[str, Any]
Make = Callable[..., Row]
MARKUP = "<i>'x'</i>"
BARE = Gallery((), (), (), {}, {})
BOX = [10.0, 10.0, 50.0, 40.0]
FAR = [60.0, 10.0, 90.0, 40.0]
HISTORY = [
    {"epoch": n, "train_loss": 1 / (n + 1), "val_metric": 0.1 * n, "val_map50": 0.1 * n}
    for n in range(4)
]
DRIFT = {
    "session": "dusk-1",
    "sensor": "all",
    "statistic": "session",
    "model_name": "detector",
    "model_version": 2,
    "release_id": "ab" * 16,
    "value": 4.0,
    "p_value": 1e-9,
    "threshold": 0.01,
    "is_drifted": True,
    "num_frames": 40,
    "num_reference": 12,
    "reason": "drifted: cam_left brightness -8.2 sd",
}
QUARANTINED = {
    "source_path": "b/broken.mcap",
    "session": "faulty-1",
    "reader": "mcap",
    "reason": "cut short at byte 4821",
    "remedy": "copy it again",
}


class NoiseImages:
    """Images of noise, told apart by their frame id."""

    def read(self, frame_rows: Sequence[Mapping[str, Any]], /) -> dict[str, Image]:
        return {
            row["frame_id"]: np.random.default_rng(
                int(row["frame_id"][:8], 16)
            ).integers(0, 256, (60, 100, 3), np.uint8)
            for row in frame_rows
        }


def slice_frames(frames: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By session and sensor."""
    ways = ("session", "sensor")
    return {row["frame_id"]: {way: row[way] for way in ways} for row in frames}


@pytest.fixture(scope="module")
def detector(release_row: Make, prediction_row: Make) -> ModelReport:
    names = ("cell", MARKUP)
    frames = [release_row(n, boxes=BOX + FAR, ids=[0, 1]) for n in "ab"]
    predictions = [
        prediction_row("a", ["cell", MARKUP], [0.9, 0.8], BOX + FAR),
        prediction_row("b", [MARKUP], [0.7], BOX),
    ]
    scores = score_predictions(
        "detection",
        predictions,
        frames,
        names,
        {
            row["frame_id"]: {"session": row["session"], "sensor": row["sensor"]}
            for row in frames
        },
    )
    pairs = find_kind("detection").pair(predictions, frames, names)
    gallery = gather_gallery(
        pairs,
        frames,
        NoiseImages(),
        HISTORY,
        name_subject("detector v2", pairs.subject.release_id),
    )
    return ModelReport(
        "detection",
        "detector",
        pairs.subject.release_id,
        names,
        to_table(
            TABLES["release_frames"],
            [*frames, release_row("t", boxes=BOX, ids=[0], split="train")],
        ),
        scores,
        gallery,
        version=2,
        alias="champion",
        facts={"recipe": "tiny_detection", "seed": 0},
        gate=[GateLine("mAP50 at least 0.70", "0.83 on the test split", True)],
        is_accepted=True,
    )


@pytest.fixture(scope="module")
def recogniser(release_row: Make, prediction_row: Make) -> ModelReport:
    names = ("cat", "dog")
    frames = [release_row(n, k) for k, n in enumerate("ab")]
    predictions = [prediction_row(n, ["cat", "dog"], [0.7, 0.3]) for n in "ab"]
    pairs = find_kind("recognition").pair(predictions, frames, names)
    gallery = gather_gallery(pairs, frames, NoiseImages(), HISTORY, "recogniser v1")
    scores = score_predictions(
        "recognition",
        predictions,
        frames,
        names,
        {
            row["frame_id"]: {"session": row["session"], "sensor": row["sensor"]}
            for row in frames
        },
    )
    return ModelReport(
        "recognition",
        "recogniser",
        pairs.subject.release_id,
        names,
        to_table(TABLES["release_frames"], frames),
        scores,
        gallery,
    )


def make_release(model: ModelReport) -> ReleaseReport:
    """That of a model, as the first of its task."""
    row: Any = {
        **{"release_id": model.release_id, "task": model.task, "choice": None},
        **{"class_names": list(model.class_names), "num_labels": 5, "weaknesses": []},
        **{"sessions": model.list_sessions(), "frames_version": 3, "code_version": "1"},
    }
    return ReleaseReport(
        row, model.release_frames, (("32 × 24", 3),), (), 3, 0, (), None, ()
    )


@pytest.fixture(scope="module")
def page(detector: ModelReport, recogniser: ModelReport) -> str:
    return render_report(
        ReportData(
            "Evening run",
            [detector, recogniser],
            "21 November 2026",
            [DRIFT],
            [QUARANTINED],
            {"captures": 4},
            [make_release(detector)],
        )
    )


def test_the_interval_of_the_leading_metric_stands_in_its_tile_and_card(
    detector: ModelReport,
):
    told = "0.850 to 0.892 (95 % interval, 72 independent units)"
    sure = replace(detector, interval=Interval(0.8504, 0.8917, 72))
    page = render_report(ReportData("Evening run", [sure]))
    (tile,) = re.findall(r"<div><dt>mAP50</dt>.*?</div>", page)
    assert told in tile and page.count(told) == 2
    assert "interval" not in render_report(ReportData("Evening run", [detector]))


@pytest.mark.parametrize("task", ["recognition", "detection", "segmentation"])
def test_the_card_shows_the_leading_metric_whatever_else_was_measured(
    detector: ModelReport, task: str
):
    (row, *_) = (row for row in detector.scores if row["slice_by"] == "all")
    leading = find_kind(task).leading_metric
    scores = [
        {**row, "task": task, "metric": metric, "value": value}
        for metric, value in (("ece", 0.0161), ("f1", 0.5), (leading, 0.8125))
    ]
    model = replace(detector, task=task, scores=scores)
    page = render_report(ReportData("Evening run", [model]))
    (card,) = re.findall(r'<p class="big">([^<]*)<', page)
    assert card == "0.812"


def test_nothing_is_loaded_from_elsewhere(page: str):
    references = re.findall(
        r"""(?:src|href|srcset|action|data)\s*=\s*["']([^"']*)""", page
    )
    assert references and all(r.startswith(("data:image/", "#")) for r in references)
    without_pictures = re.sub(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(
        r"https?://|//[a-z]+\.|url\(|@import|<script|<link|<iframe", without_pictures
    )


def test_every_part_is_there(page: str):
    for part in (
        "Contact sheet",
        "Labels beside predictions",
        "Curves",
        "Worst mistakes",
        "Slices",
        "Release",
        "Gate",
        "Where it comes from",
        "Spoilt pictures",
        "Drift",
        "Quarantine",
    ):
        assert re.search(rf"<h[23]>{part}", page), part
    for name in (
        "precision and recall",
        "confusion matrix",
        "reliability",
        "learning curve",
        "drift of detector v2",
    ):
        assert f'alt="{name}"' in page, name


def test_facts_of_release_model_gate_drift_and_quarantine_are_named(
    page: str, detector: ModelReport
):
    for fact in (
        detector.release_id,
        "tiny_detection",
        "mAP50 at least 0.70",
        "champion",
        "dusk-1",
        "drifted: cam_left brightness",
        "b/broken.mcap",
        "cut short at byte 4821",
        "copy it again",
        "monday",
        "detector v2",
    ):
        assert fact in page, fact


def test_names_with_markup_are_shown_as_text(page: str):
    assert MARKUP not in page
    assert "&lt;i&gt;&#39;x&#39;&lt;/i&gt;" in page


def test_every_picture_decodes(page: str):
    pictures = re.findall(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)", page)
    assert len(pictures) > 20
    for picture in set(pictures):
        assert (
            cv2.imdecode(
                np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR
            )
            is not None
        )


def test_charts_come_for_light_and_for_dark(page: str):
    assert (
        page.count('media="screen and (prefers-color-scheme: dark)"')
        == page.count('<figure class="chart">')
        == (4 + 1) + (3 + 1) + 1
    )


def test_what_was_not_measured_is_a_dash_and_not_a_zero(page: str):
    large = re.search(r"<td>large</td>.*?</tr>", page, re.DOTALL)
    assert (
        large is not None and "<span>—</span>" in large[0] and "0.000" not in large[0]
    )


def test_counts_per_split_and_class_are_those_of_the_release(page: str):
    # two test frames with a cell and one of the other name each, one train frame with a cell: 1, 0, 2 cells
    row = re.search(r"<tr><td>cell</td>(<td class=\"n [a-z]*\">\d+</td>){3}", page)
    assert row is not None and re.findall(r">(\d+)<", row[0]) == ["1", "0", "2"]


def test_classes_without_an_object_are_one_line_and_no_row(recogniser: ModelReport):
    """A net knows more classes than the release of its test: none of them is a row of noughts."""
    named = (*recogniser.class_names, "owl", MARKUP)
    wider = replace(recogniser, gallery=BARE, class_names=named)
    page = render_report(ReportData("t", [], releases=[make_release(wider)]))
    assert "without an object, 2: owl, &lt;i&gt;" in page and "<tr><td>owl" not in page
    bare = ReportData("t", [], releases=[make_release(recogniser)])
    assert "without an object" not in render_report(bare)


def test_a_model_that_met_no_gate_says_so(page: str):
    assert "no gate asked" in page


def test_what_the_test_part_cannot_tell_is_a_warning_of_the_model(
    recogniser: ModelReport,
):
    bare = replace(recogniser, gallery=BARE)
    assert "Warning" not in render_report(ReportData("t", [bare]))
    thin = replace(bare, weaknesses=[f"no object of class {MARKUP}"])
    shown = render_report(ReportData("t", [thin]))
    assert '<p class="warning"><b>Warning</b> no object of class &lt;i&gt;' in shown


def test_a_report_without_drift_quarantine_or_mistakes_is_whole(
    recogniser: ModelReport,
):
    page = render_report(ReportData("Quiet", [replace(recogniser, gallery=BARE)]))
    assert "Everything that arrived could be read." in page
    assert "No session has been compared" in page
    assert "No mistake in this split." in page


def test_a_long_quarantine_is_cut_and_says_so(recogniser: ModelReport):
    many = [{**QUARANTINED, "source_path": f"{n}.jpg"} for n in range(250)]
    page = render_report(
        ReportData("Faults", [replace(recogniser, gallery=BARE)], quarantine_rows=many)
    )
    assert "250 things could not be read" in page and "The first 200 are shown" in page
    assert "199.jpg" in page and "200.jpg" not in page


def test_a_report_of_no_model_is_refused():
    with pytest.raises(ValueError, match="needs a model"):
        ReportData("Nothing", [])


def test_the_file_is_complete_or_not_there(tmp_path: Path, recogniser: ModelReport):
    path = tmp_path / "reports" / "report.html"
    assert (
        write_report(path, ReportData("One", [replace(recogniser, gallery=BARE)]))
        == path
    )
    # a model that is not one: nothing is left behind, the old page stays
    with pytest.raises(AttributeError):
        write_report(path, ReportData("Two", ["not a model"]))  # type: ignore[list-item]
    assert os.listdir(path.parent) == ["report.html"]
    assert "<title>One</title>" in path.read_text()


def test_a_report_of_real_photographs_stays_below_six_megabytes(
    release_row: Make, prediction_row: Make, tmp_path: Path
):
    folder = (
        Path(os.environ.get("DAGUERRE_TEST_DATA", "../shared/data"))
        / "detection"
        / "bccd_voc"
        / "JPEGImages"
    )
    if not folder.is_dir():
        pytest.skip(
            f"{folder} is not there: set DAGUERRE_TEST_DATA to the folder of test data"
        )
    photographs = [
        cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB)
        for p in sorted(folder.glob("*.jpg"))[:40]
    ]
    frames = [release_row(str(n), boxes=BOX, ids=[0]) for n in range(len(photographs))]
    image_of = {
        frame["frame_id"]: photograph
        for frame, photograph in zip(frames, photographs, strict=True)
    }

    class Photographs:
        def read(self, frame_rows: Sequence[Mapping[str, Any]], /) -> dict[str, Image]:
            return {row["frame_id"]: image_of[row["frame_id"]] for row in frame_rows}

    predictions = [
        prediction_row(str(n), ["cell"], [0.9], FAR) for n in range(len(photographs))
    ]
    gallery = gather_gallery(
        find_kind("detection").pair(predictions, frames, ["cell"]),
        frames,
        Photographs(),
        HISTORY,
        "v1",
    )
    stored = to_table(TABLES["release_frames"], frames)
    model = ModelReport(
        "detection", "cells", frames[0]["release_id"], ("cell",), stored, [], gallery
    )
    path = write_report(tmp_path / "report.html", ReportData("Cells", [model]))
    assert 300_000 < path.stat().st_size < 6_000_000
