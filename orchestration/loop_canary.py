"""The last step of the loop's demo: a server that the champion of before answers for takes the new one up as a canary.

Belongs here: asking a server until it has made up its mind, and what is told of that. Does not: the server, and what it
holds a canary to.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from assets.serving.following import look_once
from assets.serving.looks import Look, Looks
from assets.serving.service import Given, Service, name_request
from assets.serving.versions import CANARY, CanaryRules, Lineup, Version
from assets.tables.rows import ChampionRow
from orchestration.profiles import Settings

RULES = CanaryRules(share=0.5)  # the demo is all who ask
_MOST_REQUESTS = 2000


@dataclass(frozen=True)
class CanaryTrial:
    """What became of a new champion under requests: `cause` tells why it was returned; None where it was not."""

    num_requests: int
    num_by_canary: int
    disagreement: float | None  # from the champion before, mean, between 0 and 1
    answers_all: bool
    cause: str | None = None
    # versions in the order in which they first answered, and as what
    roles: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """For people."""
        differs = (
            ""
            if self.disagreement is None
            else f", {self.disagreement:.2f} from the champion before (0 to 1)"
        )
        if self.answers_all:
            end = "it answers all requests now"
        else:
            end = f"it was returned: {self.cause or 'the requests ended before it was judged'}"
        return f"{self.num_by_canary} of {self.num_requests} requests answered by the canary{differs}: {end}"


def serve_canary(
    settings: Settings, old: ChampionRow, images: Sequence[bytes]
) -> CanaryTrial:
    """Start a server of the home as `daguerre serve` does, but for its port, and `try_out` on it; it has ended then.

    Raises ValueError as `try_out` does, and where the champion of before cannot be opened.
    """
    from orchestration.serving import ServeOptions, build_service
    from orchestration.serving_follower import build_champions

    champions = build_champions(settings)
    service = build_service(settings, ServeOptions(0, 1, sample_rate=0.0))

    async def look(known: Collection[str]) -> list[Look]:
        return champions.look(known)

    async def work() -> CanaryTrial:
        try:
            await service.replicas.start()
            return await try_out(service, champions.open(old), look, images)
        finally:
            await service.close()

    return asyncio.run(work())


async def try_out(
    service: Service,
    old: Version,
    look: Looks,
    images: Sequence[bytes],
    rules: CanaryRules = RULES,
) -> CanaryTrial:
    """Let `old` answer, find the new champion of the table as a server does, and ask about the images, again and again,
    until the canary takes all or is returned. The replicas are started; who calls closes the service.

    Raises ValueError where the table names no other champion that can answer.
    """
    lineup = Lineup(old, rules)
    await service.take_champion(lineup)
    first = await service.ask(old.task, [Given(images[0])], name_request())
    roles = [f"{first.version.name} as {first.role}"]
    await look_once(service, look, rules)
    trial = lineup.canary
    if trial is None:
        why = service.faults.get(old.task, "the table names the old one")
        raise ValueError(f"the server took no new champion of {old.task}: {why}")
    num_requests = num_by_canary = 0
    for payload in cycle(images):
        if lineup.canary is None or num_requests == _MOST_REQUESTS:
            break
        reply = await service.ask(old.task, [Given(payload)], name_request())
        num_requests += 1
        num_by_canary += reply.role == CANARY
        said = f"{reply.version.name} as {reply.role}"
        roles += [said] * (said not in roles)
        await asyncio.sleep(0)  # what is compared is compared beside the answers
    figures = trial.figures.disagreements
    return CanaryTrial(
        num_requests,
        num_by_canary,
        sum(figures) / len(figures) if figures else None,
        lineup.champion == trial.version,
        lineup.returned.get(trial.version.model_sha256),
        roles,
    )
