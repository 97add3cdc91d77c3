"""The tool that says why a run failed or a session is held back: cause, evidence, remedy, what was stopped besides."""

from pydantic import Field

from orchestration.agent.answer import Answer, unknown
from orchestration.agent.tool import Arguments, Tool
from orchestration.agent.world import World
from orchestration.triage.diagnosis import Diagnosis


class Triaged(Arguments):
    """Of what."""

    what: str = Field(
        "last",
        min_length=1,
        max_length=64,
        description="A run by its id or a beginning of it, a session, or 'last': the newest run that failed.",
    )


def diagnose(world: World, what: str) -> Diagnosis:
    """Raises ValueError for what is neither a session nor a run, and where nothing is the matter.

    A session goes before a run whose id begins like its name. LookupError: "last", and no run has failed.
    """
    from orchestration.triage.of_run import LAST, diagnose_run, find_run
    from orchestration.triage.of_session import diagnose_session

    if what == LAST:
        return diagnose_run(world.settings, find_run(world.settings, what))
    try:
        return diagnose_session(world, what)
    except LookupError as error:
        try:
            return diagnose_run(world.settings, find_run(world.settings, what))
        except LookupError as other:
            raise ValueError(
                f"{error}, and {other}: `daguerre status` lists sessions, `daguerre ask 'the newest runs'` runs"
            ) from error


def tell_diagnosis(world: World, asked: Triaged) -> Answer:
    """The diagnosis as facts."""
    try:
        return diagnose(world, asked.what).to_answer()
    except LookupError:
        return unknown("No run has failed, so that none is told of.")


TRIAGE = Tool(
    "triage",
    "Why a run failed or a session is held back: kind of cause, evidence with numbers, what helps, what it stopped.",
    Triaged,
    tell_diagnosis,
)
