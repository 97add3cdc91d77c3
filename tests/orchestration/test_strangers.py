"""A session whose names hold markup and controls is shown everywhere as what is written, and as nothing else."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import dagster as dg
import numpy as np
import pytest
from markdown_it import MarkdownIt

from assets.capture.defs import SessionPages
from assets.capture.outcomes import IntakeReport
from assets.clocks.reports import refresh_clock_reports
from assets.inference.package import read_package
from assets.landing import LandingZone
from assets.registry.card import CardFacts, render_card
from assets.registry.lineage import Lineage
from assets.retrieval.quarantine import list_quarantine
from assets.storage import Folder
from assets.tables.catalog import Catalog
from checks.as_check import as_result
from checks.verdicts import Verdict
from orchestration import cli
from orchestration.cli.quarantine import _list_entries
from orchestration.console import RunConsole
from tests.assets.formats.messages.test_mcap_reader import Recording, picture
from tests.assets.registry.conftest import RELEASE, model_row, write_folder

MS = 1_000_000
CLASS = "[click](http://example.invalid/x) <b>marker</b> \x1b[31mred"
SHOWN = CLASS.replace("\x1b", "\\x1b")
FILE = "<b>marker \x1b[31mred [click](x).png"
# a topic's name, which is that of its sensor
SENSOR = "<b>marker [click](x) $\\q$"


@dataclass(frozen=True)
class Taken:
    """What intake made of the session."""

    catalog: Catalog
    zone: LandingZone
    report: IntakeReport


@pytest.fixture(scope="module")
def taken(tmp_path_factory, open_at) -> Taken:
    folder = tmp_path_factory.mktemp("landing") / "monday"
    land(folder)
    intake = open_at(tmp_path_factory.mktemp("home"))
    report = intake.ingest(Folder(str(folder)), "monday")
    version = intake.catalog.latest_version("frames")
    intake.catalog.publish("frames", "monday", version)
    refresh_clock_reports(intake.catalog, "monday")
    zone = LandingZone(Folder(str(folder.parent)), intake.ledger)
    return Taken(intake.catalog, zone, report)


def land(folder: Path) -> None:
    """A labelled image, one that is cut, and a recording of a camera."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    image = cv2.imencode(".jpg", noise)[1].tobytes()
    (folder / "whole.jpg").write_bytes(image)
    (folder / FILE).write_bytes(image[:40])
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16}
    document = {
        "images": [{"id": 1, "file_name": "whole.jpg", "width": 16, "height": 12}],
        "categories": [{"id": 1, "name": CLASS}],
        "annotations": [box],
    }
    (folder / "labels.json").write_text(json.dumps(document))
    recording = Recording()
    for t_ns in range(0, 500 * MS, 100 * MS):
        recording.add(f"/{SENSOR}/image", picture(image, t_ns), t_ns)
    (folder / "drive.mcap").write_bytes(recording.finish())


def describe_all(taken: Taken, folder: Path) -> dict[str, str]:
    """Every text in Markdown that is made of the session."""
    shown = SessionPages(taken.catalog, taken.zone.ledger, "monday")
    pages = {
        name: str(getattr(value, "value", value))
        for noun in ("recordings", "imported_labels", "clock_reports")
        for name, value in shown.describe(noun).items()
    }
    return pages | describe_class(folder)


def describe_class(folder: Path) -> dict[str, str]:
    """Texts in Markdown that are made of the name of a class; in the folder a model of it is put down."""
    pages = {}
    verdict = Verdict("claim", False, True, f"{CLASS} is cut", 1, examples=(CLASS,))
    result = as_result(dg.AssetKey("frames"), verdict)
    pages["check"] = str(result.description)
    pages["examples"] = str(result.metadata["examples"].value)
    package = read_package(write_folder(folder, class_names=[CLASS, "ball"]))
    lineage = Lineage(RELEASE, model_row(folder))
    pages["card"] = render_card(CardFacts(package, lineage, None, None, 1))
    return pages


def find_markup(page: str) -> set[str]:
    """What a reader of Markdown makes of a page, beside paragraphs, lists and tables; 'address' is what it may link."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = set()
    for token in reader.parse(page):
        if token.type in ("html_block", "blockquote_open", "hr", "fence", "code_block"):
            found.add(token.type)
        for inner in token.children or ():
            if inner.type not in ("text", "code_inline", "softbreak", "text_special"):
                found.add(inner.type)
            if inner.type == "text" and (
                "://" in inner.content or "@" in inner.content
            ):
                found.add("address")
    return found


def read_text(page: str) -> str:
    """The words of a page, a line for each paragraph or cell."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return "\n".join(
        "".join(inner.content for inner in token.children or ())
        for token in reader.parse(page)
        if token.type == "inline"
    )


def test_the_session_has_the_names(taken: Taken) -> None:
    """Without them the tests below would show nothing."""
    labels = taken.catalog.read_latest("labels", ["class_name"])
    assert CLASS in labels["class_name"].to_pylist()
    sensors = taken.catalog.read_latest("frames", ["sensor"])["sensor"].to_pylist()
    assert SENSOR in sensors
    assert [reason["path"] for reason in taken.report.reasons] == [FILE]


def test_pages_cards_and_checks_show_names_and_make_nothing_of_them(
    taken: Taken, tmp_path: Path
) -> None:
    pages = describe_all(taken, tmp_path / "model")
    pictures = {"contact sheet", "timeline"}  # of our own making
    assert {n: find_markup(p) for n, p in pages.items() if n not in pictures} == {
        name: set() for name in pages.keys() - pictures
    }
    for name in ("labels", "check", "examples", "card"):
        assert SHOWN in read_text(pages[name]), name
    assert FILE.replace("\x1b", "\\x1b") in read_text(pages["quarantine"])
    for name in ("sync report", "evidence"):
        assert SENSOR in read_text(pages[name]), name


def test_a_terminal_gets_no_controls(taken: Taken, capsys) -> None:
    print(_list_entries(list_quarantine(taken.catalog, taken.zone), False))
    RunConsole()  # one before it has nothing to tell any more
    console = RunConsole()
    console.tell(CLASS)
    with console.step(CLASS):
        logging.getLogger("daguerre.tables").warning("%s\nnext", CLASS)
    told = "".join(capsys.readouterr())
    assert "\x1b" not in told
    assert told.count(SHOWN) == 3
    assert "red\\nnext" in told


def test_a_mistake_is_told_without_controls(monkeypatch, capsys) -> None:
    def fail(**_: object) -> None:
        raise ValueError(f"{CLASS}: name another")

    monkeypatch.setattr(cli, "_narrow", lambda words: fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == f"daguerre: {SHOWN}: name another\n"
