"""All tools, a file a family: those that read, and those that propose.

Belongs here: one value a tool. Does not: what is computed, which the verbs' own functions do.
"""

from typing import Any

from orchestration.agent.tool import Tool
from orchestration.agent.tools.finding import SEARCH, SIMILAR
from orchestration.agent.tools.judging import CHECKS, QUARANTINE
from orchestration.agent.tools.models import COMPARE_MODELS, COMPARE_RELEASES, MODELS
from orchestration.agent.tools.planning import COST, STALE
from orchestration.agent.tools.proposals import LIST_PROPOSALS, PROPOSING
from orchestration.agent.tools.tables import DESCRIBE, SQL
from orchestration.agent.tools.terms import DEPARTURES, TERMS
from orchestration.agent.tools.tracing import LINEAGE
from orchestration.agent.tools.triaging import TRIAGE
from orchestration.agent.tools.waking import MORNING
from orchestration.agent.tools.watching import CALLS, DRIFT, RUN_LOG, RUNS, SESSIONS

READING: tuple[Tool[Any], ...] = (
    *(SESSIONS, SQL, DESCRIBE, LINEAGE, TERMS, DEPARTURES, STALE, COST),
    *(CHECKS, QUARANTINE, MODELS, COMPARE_MODELS, COMPARE_RELEASES, SEARCH, SIMILAR),
    *(DRIFT, RUNS, RUN_LOG, TRIAGE, MORNING, LIST_PROPOSALS, CALLS),
)
TOOLS: tuple[Tool[Any], ...] = (*READING, *PROPOSING)


def find_tool(name: str) -> Tool[Any]:
    """The tool of a name. Raises ValueError for one that there is not."""
    for tool in TOOLS:
        if tool.name == name:
            return tool
    known = ", ".join(tool.name for tool in TOOLS)
    raise ValueError(f"there is no tool '{name}': choose of {known}")
