"""The tool that tells what happened since the last morning, and what waits for a person. It notes nothing."""

from orchestration.agent.answer import Answer
from orchestration.agent.tool import Listing, Tool
from orchestration.agent.world import World


class Since(Listing):
    """How many of each."""


def tell_morning(world: World, asked: Since) -> Answer:
    """As `daguerre morning --dry-run` tells it."""
    from orchestration.morning.telling import look

    morning, _ = look(world)
    return morning.to_answer(asked.limit)


MORNING = Tool(
    "morning",
    "What happened since `daguerre morning` told it last, and what waits for a person with the command for each.",
    Since,
    tell_morning,
)
