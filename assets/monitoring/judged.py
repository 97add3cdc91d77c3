"""All that is judged of one session for one champion, and stored: images, answers, and how good these may be."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from assets.monitoring.drift import Assessment, stamp
from assets.monitoring.estimates import Judgement, estimate_session
from assets.monitoring.watch import assess, assess_answers, read_answered
from assets.tables.catalog import Catalog, session_is
from assets.tables.rows import ChampionRow, EstimateRow
from assets.tables.schemas import TABLES, to_table


@dataclass(frozen=True)
class Judged:
    """What was found."""

    images: Assessment
    answers: Assessment
    estimate: EstimateRow


def judge_session(catalog: Catalog, champion: ChampionRow, session: str) -> Judged:
    """Judge the session and store the rows of `answer_drift`, `estimates` and, last, `drift`: a session is judged when
    that is there. One that was judged before keeps its place among the others. Raises what `assess` raises."""
    now_ns = time.time_ns()
    images = _stamp(catalog, "drift", session, assess(catalog, champion, session))
    answered = read_answered(catalog, champion, session)
    answers = assess_answers(champion, session, answered)
    answers = _stamp(catalog, "answer_drift", session, answers)
    judgement = Judgement(session, images.p_value, now_ns)
    estimate = estimate_session(catalog, champion, judgement, answered)
    if answers.rows:
        catalog.upsert("answer_drift", to_table(TABLES["answer_drift"], answers.rows))
    catalog.upsert("estimates", to_table(TABLES["estimates"], [estimate]))
    catalog.upsert("drift", to_table(TABLES["drift"], images.rows))
    return Judged(images, answers, estimate)


def _stamp(catalog: Catalog, table: str, session: str, found: Assessment) -> Assessment:
    columns = ["drift_id", "judged_ns"]
    where = f"{session_is(session)} AND judged_ns IS NOT NULL"
    stored = catalog.read_latest(table, columns, where).to_pylist()
    known = {row["drift_id"]: row["judged_ns"] for row in stored}
    return replace(found, rows=stamp(found.rows, time.time_ns(), known))
