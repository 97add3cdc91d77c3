"""`daguerre report MODEL` and `daguerre report RELEASE`: a page that holds all that is stored of one."""

import json
import re

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from assets.evaluation.score import score_predictions
from assets.retrieval.slices import read_slices
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from orchestration.cli import app
from orchestration.cli.slicing import explain_no_interval
from orchestration.cli.tables import drop_empty
from tests.assets.comparison.conftest import (
    class_row,
    draw_png,
    sit_exam,
    write_frames,
    write_release,
)
from tests.assets.serving.colours import COLOURS, write_colour_model

FRAMES = "abcdefghij"
STRANGE = "<b>mon</b>day"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with two releases and two recognisers, of which the second took the place of the first and met a session;
    ids of the models, then of the releases."""
    home = tmp_path_factory.mktemp("pages")
    catalog = Catalog(str(home / "tables"))
    rows = [class_row(name, n % 3, STRANGE) for n, name in enumerate(FRAMES)]
    for row in rows[:2]:
        row["split"] = "train"
    version = write_frames(catalog, FRAMES[:-1])
    former = write_release(catalog, "recognition", list(COLOURS), rows[:-1], version)
    newer = write_frames(catalog, FRAMES)
    release = write_release(catalog, "recognition", list(COLOURS), rows, newer)
    models = [examine(catalog, home, shift, release, rows[2:]) for shift in range(2)]
    promote(catalog, *models, release)
    store_what_came_since(catalog, models[1], release)
    return home, models, [former, release]


def examine(catalog, home, shift, release_id, test):
    """A recogniser that answered by its colour, and its scores."""
    package = write_colour_model(home / "models", shift, release_id)
    sha256 = package.model_sha256
    row = {
        "model_sha256": sha256,
        "task": "recognition",
        "recipe": "tiny_recognition",
        "release_id": release_id,
        "code_version": "1",
        "seed": shift,
        "run_id": "run",
        "folder": str(package.folder.relative_to(home)),
    }
    catalog.merge("models", to_table(TABLES["models"], [row]))
    said = {}
    for n, letter in enumerate(FRAMES[2:], start=2):
        called = COLOURS[n % 3] if n % (3 - shift) else COLOURS[(n + 1) % 3]
        others = [c for c in COLOURS if c != called]
        said[letter] = {"class_names": [called, *others], "scores": [0.8, 0.1, 0.1]}
    sit_exam(catalog, row, release_id, said)
    where = f"model_sha256 = '{sha256}'"
    predictions = catalog.read_latest("predictions", where=where).to_pylist()
    frames = [r for r in catalog.read_latest("release_frames").to_pylist()]
    mine = [f for f in frames if f["release_id"] == release_id and f["split"] == "test"]
    slices = {f["frame_id"]: {"session": f["session"]} for f in mine}
    scores = score_predictions("recognition", predictions, mine, COLOURS, slices)
    whole = next(s for s in scores if s["metric"] == "accuracy")
    for name, value in (("none", 0.9), ("blur 1", 0.8), ("blur 5", 0.4)):
        spoilt = {"slice_by": "corruption", "slice_value": name, "value": value}
        spoilt |= {"score_id": content_id(sha256, name), "num_units": 8}
        scores.append({**whole, **spoilt, "low": value - 0.1, "high": value + 0.05})
    catalog.upsert("scores", to_table(TABLES["scores"], scores))
    return sha256


def promote(catalog, first, second, release_id):
    acts = [
        {
            **dict.fromkeys(TABLES["promotions"].schema.names),
            **{"promotion_id": content_id(after), "task": "recognition"},
            **{"act": "promoted", "who": "the gate", "why": "<i>it is</i> better"},
            **{"at_ns": 10**18 + n, "before_sha256": before, "after_sha256": after},
            **{"after_version": n + 1, "release_id": release_id},
        }
        for n, (before, after) in enumerate(((None, first), (first, second)))
    ]
    catalog.upsert("promotions", to_table(TABLES["promotions"], acts))
    champion = {
        **dict.fromkeys(TABLES["champions"].schema.names),
        **{"task": "recognition", "model_name": "daguerre-recognition"},
        **{"model_version": 2, "model_sha256": second, "release_id": release_id},
    }
    catalog.upsert("champions", to_table(TABLES["champions"], [champion]))


def store_what_came_since(catalog, sha256, release_id):
    rule = {"claim": "no more than 0.65 of the time", "detail": "0.44"}
    form = {
        **{"edge_sha256": "cd" * 32, "model_sha256": sha256, "task": "recognition"},
        **{"release_id": release_id, "is_accepted": True},
        "verdict": json.dumps({"rules": [{**rule, "is_passed": True}]}),
    }
    catalog.upsert("edge_forms", to_table(TABLES["edge_forms"], [form]))


@pytest.fixture
def run(made, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(made[0]))
    return lambda *words: CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    """That of the second model."""
    out = tmp_path_factory.mktemp("page") / "model.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(made[0]))
        words = ("report", "recognition", "--out", str(out), "--json")
        told = CliRunner().invoke(app, words, catch_exceptions=False)
    assert json.loads(told.stdout) == {"report": str(out)}
    return out.read_text()


def test_the_page_of_a_model_has_all_that_is_stored_of_it(page, made):
    _, (first, second), (_, release_id) = made
    for title in (
        "Slices",
        "Spoilt pictures",
        f"Against the champion before, {first[:16]}",
        "Gate",
        "Champion",
        "Where it comes from",
        "Edge form",
        "Since then",
    ):
        assert f"<h3>{title}" in page, title
    for name in ("slices", "spoilt pictures", "differences by slice", "reliability"):
        assert f'alt="{name}"' in page, name
    # of 8 test frames the first is wrong about 2 of 3 .. 9 that are multiples of 3, the second about the even ones
    assert "frames won" in page and f"daguerre compare {first[:16]}" in page
    assert second in page and release_id in page and "0.44" in page
    assert re.search(r"<td>blur 5</td>.*0\.400 <small>0\.300 to 0\.450", page, re.S)


def test_names_of_strangers_are_text_and_nothing_is_loaded_from_elsewhere(page):
    assert STRANGE not in page and "&lt;b&gt;mon&lt;/b&gt;day" in page
    assert "<i>it is</i>" not in page and "&lt;i&gt;it is&lt;/i&gt; better" in page
    references = re.findall(r"""(?:src|href|srcset)\s*=\s*["']([^"']*)""", page)
    assert references and all(r.startswith(("data:image/", "#")) for r in references)
    anchors = {r[1:] for r in references if r.startswith("#")}
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))


def test_the_page_of_a_release_has_its_parts_its_difference_and_its_models(
    run, made, tmp_path
):
    _, (first, second), (former, release_id) = made
    out = tmp_path / "release.html"
    assert run("report", release_id[:10], "--out", str(out)).exit_code == 0
    page = out.read_text()
    assert f"Release {release_id[:12]}" in page and first[:16] in page
    assert second[:16] in page and f"daguerre diff {former[:12]}" in page
    # the tenth frame came, a test frame of the class of 9 % 3 = 0
    assert "frames: 9 -&gt; 10" in page and "red: 3 -&gt; 4 labels" in page
    assert re.search(r"<dt>32 × 24 px</dt><dd>10 frames", page)
    (row,) = re.findall(r"<tr><td>red</td>(.*?)<td class=\"share", page, re.S)
    assert re.findall(r">(\d+)<", row) == ["1", "0", "3"]
    pictures = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    assert len(pictures) == 9


def test_the_first_model_has_no_rival_and_the_first_release_no_former(
    run, made, tmp_path
):
    _, (first, _), (former, _) = made
    for name, absent, present in (
        (first[:12], "Against the champion", "No session has been judged by it"),
        (former[:12], "daguerre diff", "It is the first for recognition."),
    ):
        out = tmp_path / f"{name}.html"
        assert run("report", name, "--out", str(out)).exit_code == 0
        assert absent not in out.read_text() and present in out.read_text()


@pytest.mark.parametrize(
    "name, told",
    [
        ("ffffffffffff", "no release begins with ffffffffffff"),
        ("ff", "too short for an id"),
        ("detection", "detection has no champion"),
    ],
)
def test_what_there_is_not_is_said(run, name, told):
    with pytest.raises(ValueError, match=told):
        run("report", name)


@pytest.mark.parametrize("name", ["ffffffffffff", "cifar"])
def test_a_card_of_what_there_is_not_names_the_tasks_too(run, name):
    with pytest.raises(ValueError, match=f"{name}.*or name a task: recognition"):
        run("card", name)


def test_pictures_of_a_page_are_pictures(page):
    import base64

    found = re.findall(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=]+)", page)
    assert len(set(found)) > 10
    for text in set(found):
        pixels = np.frombuffer(base64.b64decode(text), np.uint8)
        assert cv2.imdecode(pixels, cv2.IMREAD_COLOR) is not None


def read_card(run, name: str, *more: str) -> str:
    told = run("card", name, *more)
    assert told.exit_code == 0, told.output
    return told.stdout


def list_rows(card: str, title: str) -> list[list]:
    """Of all tables of a section."""
    (section,) = (s for s in json.loads(card)["sections"] if s["title"] == title)
    return [row for block in section["blocks"] for row in block.get("rows", [])]


def test_the_card_of_a_dataset_counts_what_is_in_it_and_what_parts_share(run, made):
    release_id = made[2][1]
    card = read_card(run, release_id[:10], "--json")
    # ten frames of one session: two of train, eight of test; red is 0, 3, 6, 9
    assert list_rows(card, "Sources")[0][4:8] == [10, 2, 0, 8]
    assert ["red", 1, 0, 3, 1, 0, 3] in list_rows(card, "Classes")
    leaks = list_rows(card, "Parts and leaks between them")
    num_pictures = len({draw_png(letter) for letter in FRAMES})
    assert ["equal bytes", 0, num_pictures] in leaks and ["sessions", 1, 1] in leaks
    learners = [row[0] for row in list_rows(card, "Models that learnt from it")]
    assert learners == sorted(made[1])
    assert ["frames", "restricted", "payload"] in list_rows(card, "Privacy")
    page = read_card(run, release_id[:10])
    assert "for a person" not in page and "no fact of the home tells" in page
    assert STRANGE not in page and "&lt;b&gt;mon&lt;/b&gt;day" in page


def test_the_card_of_a_model_has_bounds_what_followed_and_who_made_it_champion(
    run, made
):
    second = made[1][1]
    card = read_card(run, "recognition", "--json")
    assert second in card and "is for a person to say" in card
    sure = list_rows(card, "How sure the figures are")
    assert ["corruption = blur 5", "accuracy", 0.4, 0.3, 0.45, 8, None] in [
        [*row[:3], round(row[3], 6), round(row[4], 6), *row[5:]] for row in sure
    ]
    (champion,) = (s for s in json.loads(card)["sections"] if s["title"] == "Champion")
    assert "version 2 promoted by the gate" in champion["blocks"][0]["list"][0]
    assert "No session has been judged by it." in card


def test_the_same_home_gives_the_same_bytes(run, made, tmp_path):
    for name in ("recognition", made[2][0]):
        assert read_card(run, name) == read_card(run, name)
        for more in ((), ("--json",)):
            out = tmp_path / "card"
            assert run("card", name, "--out", str(out), *more).exit_code == 0
            assert out.read_text() == read_card(run, name, *more)


def test_slices_without_intervals_say_why_and_show_no_empty_columns(made):
    """Of one recording none is drawn; corruptions have intervals here."""
    found = read_slices(Catalog(str(made[0] / "tables")))
    unsure = [one for one in found if one.low is None]
    assert "a slice needs 8 of them" in explain_no_interval(unsure)
    assert explain_no_interval(found) == ""
    rows = [{"slice": "a", "gap": "-", "p": "-"}, {"slice": "b", "gap": "-", "p": "1"}]
    assert drop_empty(rows) == [{"slice": "a", "p": "-"}, {"slice": "b", "p": "1"}]
