"""What a language model gets to see of a tool's answer: no private column, no secret of the settings, no path.

Belongs here: what is taken out, and how much is sent. Does not: what tools say, which have no private columns either.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.addresses import hide
from assets.tables.schemas import TABLES
from assets.tables.sql import list_private
from orchestration.agent.answer import Answer, Rows
from orchestration.profiles import Settings

MAX_CHARACTERS = 16_000  # of one answer
# who asked, proposed or decided, in rows of tools
PEOPLE = frozenset({"by", "decided_by", "who", "author"})
_HIDDEN = "***"
_LEAST_SECRET = 6  # characters; shorter ones are words


def disclose(answer: Answer, settings: Settings) -> str:
    """The answer as JSON, in `MAX_CHARACTERS` at most; a note says that rows were left out."""
    return _write(leave_out(answer, _list_hidden()), settings)


def leave_out(answer: Answer, names: Collection[str]) -> Answer:
    """The answer without columns and facts of these names."""
    return replace(
        answer,
        rows=tuple(_leave_out(rows, names) for rows in answer.rows),
        more=tuple(fact for fact in answer.more if fact.name not in names),
    )


def conceal(text: str, settings: Settings) -> str:
    """A text without what only this machine and its people should know."""
    for secret, shown in _list_secrets(settings):
        if len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, shown)
    return hide(text)


def _leave_out(rows: Rows, names: Collection[str]) -> Rows:
    shown = ({k: v for k, v in row.items() if k not in names} for row in rows.rows)
    return replace(rows, rows=tuple(shown))


def _write(answer: Answer, settings: Settings) -> str:
    facts: dict[str, Any] = answer.to_dict()
    text = conceal(json.dumps(facts, default=str, ensure_ascii=False), settings)
    while len(text) > MAX_CHARACTERS and any(one["rows"] for one in facts["rows"]):
        longest = max(facts["rows"], key=lambda one: len(one["rows"]))
        kept = len(longest["rows"]) // 2
        longest |= {"rows": longest["rows"][:kept], "is_cut": True, "left_out": None}
        facts["note"] = "Rows were left out here: ask for fewer rows or columns."
        text = conceal(json.dumps(facts, default=str, ensure_ascii=False), settings)
    return text[:MAX_CHARACTERS]


def _list_hidden() -> frozenset[str]:
    """Names that are private in some table and in no other open."""
    private = {name for table in TABLES for name in list_private(table)}
    named = {(table, c.name) for table in TABLES for c in TABLES[table].columns}
    open_ones = {name for table, name in named if name not in list_private(table)}
    return frozenset(private - open_ones) | PEOPLE


def _list_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    yield settings.asked_model.key, _HIDDEN
    yield settings.alarm_webhook, _HIDDEN
    for address in (settings.ledger_url, settings.mlflow_url, settings.dagster_url):
        yield address or "", hide(address or "")
    yield str(settings.home), "$DAGUERRE_HOME"
    yield str(Path.home()), "~"
