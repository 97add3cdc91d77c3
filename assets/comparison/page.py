"""A page that needs nothing else: sections with tables, pictures and charts, in one HTML file.

Belongs here: how a comparison is shown. Does not: what was found, which hands over sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.previews.drawing import as_data_uri, encode_jpeg
from assets.previews.gallery import Draw, Picture
from assets.whole_output import writing_file

TEMPLATES = Path(__file__).parent / "templates"
STYLES = Path(__file__).parents[1] / "evaluation" / "templates"


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it: a note, a table of texts, charts by name, pictures with captions."""

    title: str
    note: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    charts: Mapping[str, Draw] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    num_columns: int = 2  # of pictures


@dataclass(frozen=True)
class Page:
    """What is compared, counts to begin with, and the sections in order."""

    title: str
    lede: str
    totals: Mapping[str, str]
    sections: Sequence[Section]
    warnings: Sequence[str] = ()


def write_page(path: Path, page: Page) -> None:
    """Write the page, complete or not at all; pictures lie in it. Raises ValueError where nothing can be written."""
    with writing_file(path) as partial:
        partial.write_text(render_page(page), encoding="utf-8")


def render_page(page: Page) -> str:
    """The page as text. Every name in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, STYLES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["uri"] = lambda p: as_data_uri(encode_jpeg(p.image_rgb))
    environment.filters["chart"] = lambda draw, theme: as_data_uri(draw(theme))
    return environment.get_template("page.html.j2").render(page=page)
