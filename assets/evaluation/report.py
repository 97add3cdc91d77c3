"""Write the report: one HTML file that needs nothing else, with the pictures, figures and facts of models, releases
and sessions.

Belongs here: the page and its frame. Does not: what is said of a model, a release, a session or drift, which have files
of their own beside this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.evaluation.drift_tables import describe_drift
from assets.evaluation.model_report import ModelReport, describe_model
from assets.evaluation.release_report import ReleaseReport, describe_release
from assets.evaluation.session_report import SessionReport, describe_session
from assets.evaluation.slice_tables import format_figure
from assets.previews.drawing import as_data_uri, encode_jpeg
from assets.previews.gallery import Picture
from assets.tables.rows import DriftRow, QuarantineRow
from assets.whole_output import writing_file

TEMPLATES = Path(__file__).parent / "templates"
MAX_QUARANTINE_ROWS = 200


@dataclass(frozen=True)
class ReportData:
    """All that a page shows. `drift_rows` and `quarantine_rows` are rows of those tables, `totals` any counts.

    `is_of_home`: of a home as a whole, so that what there is no drift and no quarantine of is said.
    """

    title: str
    models: Sequence[ModelReport]
    made_on: str = ""
    drift_rows: Sequence[DriftRow] = ()
    quarantine_rows: Sequence[QuarantineRow] = ()
    totals: Mapping[str, object] = field(default_factory=dict)
    releases: Sequence[ReleaseReport] = ()
    sessions: Sequence[SessionReport] = ()
    is_of_home: bool = True

    def __post_init__(self) -> None:
        if not self.models and not self.releases and not self.sessions:
            raise ValueError(
                "a report needs a model that was scored: `daguerre train TASK` makes one"
            )


def write_report(path: Path, data: ReportData) -> Path:
    """Write the page to `path` (complete or not at all) and return it. Pictures and charts lie in it as data URIs."""
    with writing_file(path) as partial:
        partial.write_text(render_report(data), encoding="utf-8")
    return path


def render_report(data: ReportData) -> str:
    """The page as text. Every name and reason in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=format_figure, uri=_show_picture)
    return environment.get_template("report.html.j2").render(
        title=data.title,
        made_on=data.made_on,
        totals={name: format_figure(value) for name, value in data.totals.items()},
        models=[describe_model(model) for model in data.models],
        releases=[describe_release(release) for release in data.releases],
        sessions=[describe_session(session) for session in data.sessions],
        is_of_home=data.is_of_home,
        drift=describe_drift(data.drift_rows),
        quarantine=list(data.quarantine_rows[:MAX_QUARANTINE_ROWS]),
        num_quarantined=len(data.quarantine_rows),
        reasons=Counter(row["reason"] for row in data.quarantine_rows).most_common(6),
    )


def _show_picture(picture: Picture) -> str:
    return as_data_uri(encode_jpeg(picture.image_rgb))
