"""No file imports, over however many others, a file that imports it; what is imported inside a function counts."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("assets", "bench.prove", "checks", "daguerre", "models", "orchestration")


def list_circle(graph: grimp.ImportGraph, root: Path) -> list[str]:
    """The arrows of a circle of files, a short one, each with its place; none where there is no circle."""
    imports = {
        file: graph.find_modules_directly_imported_by(file) - {file}
        for file in graph.modules
    }
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circles = [
            [importer, *(graph.find_shortest_chain(imported, importer) or ())]
            for imported, importer in pairwise(error.args[1])
        ]
        arrows = pairwise(min(circles, key=len))
        return [_tell(graph, root, *arrow) for arrow in arrows]
    return []


def _tell(graph: grimp.ImportGraph, root: Path, importer: str, imported: str) -> str:
    """Python hardly loads a circle of imports at the top of files: one that is inside has closed it."""
    details = graph.get_import_details(importer=importer, imported=imported)
    number = details[0]["line_number"]
    place = root.joinpath(*importer.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    line = file.read_text().splitlines()[number - 1]
    where = "inside" if line.startswith(" ") else "at the top"
    return f"{file.relative_to(root)}:{number} imports {imported} {where}"


def test_files_import_each_other_in_no_circle():
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    assert len(graph.modules) > 1000
    circle = list_circle(graph, ROOT)
    assert not circle, "\n".join(["move what both need to the lower file:", *circle])


@pytest.mark.parametrize(
    ("closing", "number"),
    [
        ("def call():\n    from circled.top import call\n", 2),
        ("if TYPE_CHECKING:\n    import csv\n    from circled import top\n", 3),
    ],
    ids=["in a function", "for a type"],
)
def test_the_arrow_that_closes_a_circle_is_named(
    tmp_path, monkeypatch, closing, number
):
    files = {
        "__init__.py": "",
        "top/__init__.py": "from circled import middle\n",
        "middle.py": "from circled.low import call\n",
        "low.py": closing,
        "beside.py": "from circled import top\n",
    }
    found = list_circle(build(tmp_path, monkeypatch, "circled", files), tmp_path)
    assert sorted(found) == [
        f"circled/low.py:{number} imports circled.top inside",
        "circled/middle.py:1 imports circled.low at the top",
        "circled/top/__init__.py:1 imports circled.middle at the top",
    ]


def test_files_that_share_a_lower_one_are_no_circle(tmp_path, monkeypatch):
    files = {
        "__init__.py": "",
        "low.py": "def find():\n    from shared.low import find\n",
        "one.py": "from shared import low\n",
        "other.py": "from shared import low\n",
        "top.py": "from shared import one, other\n",
    }
    assert list_circle(build(tmp_path, monkeypatch, "shared", files), tmp_path) == []


def build(root: Path, monkeypatch, name: str, files: dict[str, str]):
    """The graph of a package of these files; none of them is loaded."""
    for path, text in files.items():
        file = root / name / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(root)
    return grimp.build_graph(name, cache_dir=None)
