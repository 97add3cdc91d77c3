"""Reports and charts come back by name, from where all who work with a home find them."""

from __future__ import annotations

from assets.pages import Pages
from assets.workspace import Elsewhere, Workspace


def test_what_is_put_replaces_what_had_the_name(tmp_path):
    pages = Pages(str(tmp_path / "reports"))
    at = pages.put("report.html", b"one")
    assert (
        pages.put("report.html", b"two") == at == str(tmp_path / "reports/report.html")
    )
    assert (tmp_path / "reports" / "report.html").read_bytes() == b"two"
    assert [p.name for p in (tmp_path / "reports").iterdir()] == ["report.html"]


def test_charts_of_a_model_are_read_on_another_machine(tmp_path):
    store = Elsewhere(str(tmp_path / "shared"))
    trained, registered = (Workspace(tmp_path / n, store=store) for n in ("a", "b"))
    drawn = {"learning curve": b"\x89PNG1", "answers": b"\xff\xd8\xffjpeg"}
    place = trained.keep_plots("f" * 64, drawn)
    assert place == str(tmp_path / "shared" / "reports" / "plots" / ("f" * 16))
    assert registered.read_plots("f" * 64) == {
        "answers.jpg": b"\xff\xd8\xffjpeg",
        "learning_curve.png": b"\x89PNG1",
    }
    assert registered.read_plots("0" * 64) == {}


def test_a_home_of_its_own_keeps_them_in_it(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.keep_plots("f" * 64, {"a": b"\x89PNG1"})
    assert (tmp_path / "reports" / "plots" / ("f" * 16) / "a.png").is_file()
