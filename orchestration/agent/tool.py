"""A tool as a value, and how it is called: arguments within bounds, one call at a time, written down.

Belongs here: what all tools share. Does not: what one of them does.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.agent.answer import Answer
from orchestration.agent.call_log import Call, CallLog
from orchestration.agent.world import Heard, World

MAX_ROWS = 200
_DEFAULT_ROWS = 50


class Arguments(BaseModel):
    """Those of a tool: bounds stand with each, and what is not named is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=4000)


class Listing(Arguments):
    """Of a tool that lists."""

    limit: int = Field(_DEFAULT_ROWS, ge=1, le=MAX_ROWS, description="Rows at most.")


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One thing that can be asked of a home, or proposed to be done with it.

    `summary` is for people and models. `run` raises ValueError, in one line with the remedy, for what cannot be asked.
    """

    name: str
    summary: str
    arguments: type[A]
    run: Callable[[World, A], Answer]
    is_proposal: bool = False


def call(
    tool: Tool[Any], world: World, given: Mapping[str, Any], log: CallLog | None = None
) -> Answer:
    """The tool's answer; the call is written down, whatever came of it. Raises ValueError for wrong arguments.

    In a world that is heard, by an exam, it is noted there and nowhere else.
    """
    if world.heard is not None:
        world.heard.append(Heard(tool.name, dict(given)))
        return tool.run(world, _read(tool, given))
    began = time.monotonic()
    noted = Call(world.who, tool.name, dict(given))
    answer: Answer | None = None
    error = ""
    try:
        answer = tool.run(world, _read(tool, given))
        return answer
    except Exception as raised:
        error = type(raised).__name__
        raise
    finally:
        took_s = time.monotonic() - began
        if log is not None:
            log.note(noted.end(answer, took_s, error))


def _read(tool: Tool[Any], given: Mapping[str, Any]) -> Any:
    try:
        return tool.arguments.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "arguments"
        known = ", ".join(tool.arguments.model_fields) or "none"
        raise ValueError(
            f"{tool.name}: {where}: {first['msg']}; its arguments are {known}"
        ) from None
