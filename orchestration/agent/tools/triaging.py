"""The tool that says why a run failed or a session is held back: cause, evidence, remedy, what was stopped besides."""

from pydantic import Field

from orchestration.agent.answer import Answer, Fact, Source, unknown
from orchestration.agent.tool import Arguments, Tool
from orchestration.agent.world import World
from orchestration.triage.diagnosis import Diagnosis, NothingWrongError


class Triaged(Arguments):
    """Of what."""

    what: str = Field(
        "last",
        max_length=64,
        description="A run by its id or a beginning of it, a session, or 'last': the newest run that failed.",
    )


def diagnose(world: World, what: str) -> Diagnosis:
    """Raises ValueError for what is neither a session nor a run, and NothingWrongError where nothing is the matter.

    A session goes before a run whose id begins like its name.
    """
    from orchestration.triage.of_run import LAST, diagnose_run, find_run
    from orchestration.triage.of_session import diagnose_session

    if not what.strip():
        raise ValueError(
            f"nothing is named: give a session, a run by its id, or `{LAST}` for the newest run that failed"
        )
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
    except NothingWrongError as error:
        why = Fact("why", str(error), Source("home", "status"))
        return unknown("Nothing is the matter: {why}.", why)


TRIAGE = Tool(
    "triage",
    "Why a run failed or a session is held back: kind of cause, evidence with numbers, what helps, what it stopped.",
    Triaged,
    tell_diagnosis,
)
