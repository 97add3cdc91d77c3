"""Two replicas, real processes, under load: one is killed, another champion comes, a canary has to go."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from assets.sandbox.confinement import list_gaps
from assets.sandbox.guard import ImageGuard
from assets.serving import replicas
from assets.serving.protocol import Message
from assets.serving.queue import Waiting
from assets.serving.refusals import Refused
from assets.serving.sampling import Asked, Said, Sampler, SamplingRules, make_row
from assets.serving.service import Given, Reply, Service, name_request
from assets.serving.versions import CANARY, CanaryRules, Lineup
from assets.tables.rows import RequestRow
from tests.assets.serving.colours import make_service, paint, write_colour_model

PAYLOADS = [paint(colour) for colour in ("red", "red", "blue")]
IMAGES = [Given(payload) for payload in PAYLOADS]
SAID = {1: ["red", "red", "blue"], 2: ["green", "green", "red"]}
SAID[3] = SAID[1]  # the slow one


class Returns(Sampler):
    """Keeps here what was taken back, where others hand it to a process that writes."""

    def __init__(self, stores: Message, rules: SamplingRules) -> None:
        super().__init__(stores, rules)
        self.returned: list[Message] = []

    async def note_return(self, told: Message) -> None:
        """Keep it."""
        self.returned.append(told)


@pytest.fixture(scope="module")
def service(loop):
    made: list[Service] = []

    async def start() -> None:
        made.append(make_service(num_replicas=2, budget_s=60.0))
        made[0].sampler = Returns({}, SamplingRules(rate=0.0))
        await made[0].replicas.start()

    loop.run(start())
    yield made[0]
    loop.run(made[0].close())


async def ask(service: Service) -> Reply:
    """One request; all of its answers are the ones of the version that it names."""
    reply = await service.ask("recognition", IMAGES, name_request())
    said = [answered.columns["class_names"][0] for answered in reply.answers]
    assert said == SAID[reply.version.model_version]
    return reply


@asynccontextmanager
async def loaded(service: Service, num_askers: int = 4) -> AsyncIterator[list[Reply]]:
    """Askers that ask without a pause; none of them is refused."""
    replies: list[Reply] = []
    is_over = False

    async def go_on() -> None:
        while not is_over:
            replies.append(await ask(service))

    askers = [asyncio.create_task(go_on()) for _ in range(num_askers)]
    yield replies
    is_over = True
    await asyncio.gather(*askers)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    while not holds():
        await asyncio.sleep(0.01)


class Rows(Returns):
    """Keeps all rows here, where others hand them to a process that writes."""

    def __init__(self) -> None:
        super().__init__({}, SamplingRules(rate=1.0))
        self.rows: list[RequestRow] = []

    def keep(self, asked: Asked, said: Sequence[Said]) -> None:
        """Make the rows."""
        self.rows += [make_row(asked, one, self.rules) for one in said]


async def sample(service: Service, num_requests: int) -> list[RequestRow]:
    """The rows of so many requests, one after the other."""
    before, service.sampler = service.sampler, Rows()
    try:
        for _ in range(num_requests):
            await ask(service)
        await until(lambda: not service._aside)
        return service.sampler.rows
    finally:
        service.sampler = before


def begin(service: Service, lineup: Lineup) -> Awaitable[None]:
    """Answer recognition by this line-up."""
    service.lineups.clear()
    return service.take_champion(lineup)


def test_a_killed_replica_loses_no_request_and_is_started_again(service, loop, colours):
    async def work() -> None:
        await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
        before = service.replicas.num_lost
        async with loaded(service) as replies:
            await until(lambda: len(replies) > 5)
            os.kill(service.replicas.pids[0], signal.SIGKILL)
            await until(lambda: service.replicas.num_lost == before + 1)
            num_answered = len(replies)
            await until(lambda: len(replies) > num_answered + 5)
            await until(lambda: service.replicas.num_ready == 2)
        assert {reply.version for reply in replies} == {colours.first}

    loop.run(work())


def test_replicas_that_died_with_nothing_to_do_are_not_ready_and_cost_no_request(
    service, loop, colours
):
    """Nobody asks meanwhile: nothing but their end says that they are gone."""

    async def work() -> None:
        await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
        gone = service.replicas.pids
        for pid in gone:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: service.replicas.num_ready == 0)
        await until(lambda: service.replicas.num_ready == 2)
        assert not set(gone) & set(service.replicas.pids)
        await ask(service)

    loop.run(work())


def test_a_replica_that_says_what_is_no_answer_is_ended_and_another_one_asked(
    loop, colours, monkeypatch
):
    module = "tests.assets.serving.boastful_replica"
    monkeypatch.setattr(replicas, "_MODULE", module)

    async def work() -> None:
        service = make_service(num_replicas=1, budget_s=60.0)
        await service.replicas.start()
        try:
            await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
            monkeypatch.setattr(replicas, "_MODULE", "assets.serving.replica")
            await ask(service)
            assert service.replicas.num_lost == 1
        finally:
            await service.close()

    loop.run(work())


def test_a_model_that_ends_who_opens_it_is_refused_and_the_others_go_on(
    loop, colours, monkeypatch
):
    monkeypatch.setattr(replicas, "_MODULE", "tests.assets.serving.fragile_replica")

    async def work() -> None:
        service = make_service(num_replicas=2, budget_s=60.0)
        await service.replicas.start()
        try:
            await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
            for told in ("cannot be opened", "cannot be opened", "has ended 2"):
                with pytest.raises(replicas.CannotLoad, match=told):
                    await service.follow(colours.second)
                await until(lambda: service.replicas.num_ready == 2)
            assert service.replicas.num_lost == 2
            assert (await ask(service)).version == colours.first
        finally:
            await service.close()

    loop.run(work())


def test_a_model_whose_package_is_gone_keeps_no_replica_from_the_others(
    loop, colours, tmp_path
):
    package = write_colour_model(tmp_path / "models", shift=0, enlarge=2)
    other = replace(
        colours.first,
        task="detection",
        model_sha256=package.model_sha256,
        folder=package.folder,
    )

    async def work() -> None:
        service = make_service(num_replicas=1, budget_s=60.0)
        await service.replicas.start()
        try:
            for version in (colours.first, other):
                await service.take_champion(Lineup(version, CanaryRules(share=0.0)))
            (package.folder / "model.onnx").unlink()
            os.kill(service.replicas.pids[0], signal.SIGKILL)
            await until(lambda: service.replicas.num_lost == 1)
            await until(lambda: service.replicas.num_ready == 1)
            await ask(service)
            with pytest.raises(Refused, match="could not open the model"):
                await service.ask("detection", IMAGES, name_request())
        finally:
            await service.close()

    loop.run(work())


def test_a_promotion_under_load_loses_no_request_and_mixes_no_versions(
    service, loop, colours
):
    async def work() -> None:
        await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
        async with loaded(service) as replies:
            await until(lambda: len(replies) > 5)
            await service.follow(colours.second)
            num_answered = len(replies)
            await until(lambda: len(replies) > num_answered + 20)
        by_version = Counter(reply.version.model_version for reply in replies)
        assert by_version[1] > 5 and by_version[2] > 10
        # who asked before may be answered by the first
        assert {reply.version for reply in replies[-5:]} == {colours.second}

    loop.run(work())


def test_a_canary_that_disagrees_is_returned_and_takes_no_more_requests(
    service, loop, colours
):
    rules = CanaryRules(0.5, num_images=60, least_images=9, max_slowdown=1e9)

    async def work() -> None:
        lineup = Lineup(colours.first, rules)
        await begin(service, lineup)
        async with loaded(service) as replies:
            await service.follow(colours.second)
            await until(lambda: lineup.canary is None)
            num_answered = len(replies)
            await until(lambda: len(replies) > num_answered + 20)
        assert any(reply.role == CANARY for reply in replies)
        assert lineup.champion == colours.first
        # of red, red, blue it says green, green, red: all differ
        fault = "its answers differ from the champion's by 1.00 (0 to 1)"
        assert lineup.returned == {colours.second.model_sha256: fault}
        await until(lambda: not service._aside)
        (row,) = [r for r in service.sampler.returned if r["cause"] == fault]
        assert (row["model_version"], row["champion_version"]) == (2, 1)
        assert row["disagreement"] == 1 and row["num_images"] >= 9
        assert {reply.version for reply in replies[-5:]} == {colours.first}

    loop.run(work())


def test_a_canary_that_is_slow_is_returned_though_it_says_the_same(
    service, loop, colours
):
    package = write_colour_model(colours.home / "models", enlarge=32)
    slow = replace(
        colours.first,
        model_version=3,
        model_sha256=package.model_sha256,
        folder=package.folder,
    )

    async def work() -> None:
        lineup = Lineup(colours.first, CanaryRules(0.5, least_images=9))
        await begin(service, lineup)
        while len(lineup.figures.seconds) < 9:
            await ask(service)
        await service.follow(slow)
        while lineup.canary is not None:
            await ask(service)
        assert "times as long as the champion's" in lineup.returned[slow.model_sha256]
        assert (await ask(service)).version == colours.first

    loop.run(work())


def test_an_image_on_which_a_replica_died_is_refused_by_the_guard_and_kills_no_other(
    service, loop, colours
):
    bad = paint("red")[:60]

    async def work() -> None:
        await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
        answer = asyncio.get_running_loop().create_future()
        suspect = Waiting(colours.first.model_sha256, bad, answer)
        service.queue.give_back([suspect], "process 1 ended")
        with pytest.raises(Refused, match="does not decode"):
            await answer
        assert suspect.num_tries == 1 and service.replicas.num_ready == 2
        # one that the guard finds nothing in goes to a replica
        answer = asyncio.get_running_loop().create_future()
        good = Waiting(colours.first.model_sha256, PAYLOADS[0], answer)
        service.queue.give_back([good], "process 1 ended")
        assert (await good.answer).columns["class_names"][0] == "red"

    loop.run(work())


def test_a_replica_sees_no_file_and_no_secret_of_the_server(service, loop):
    pid = service.replicas.pids[0]
    names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert not [name for name in names if name.startswith((b"HOME=", b"DAGUERRE_"))]
    status = Path(f"/proc/{pid}/status").read_text()
    if not list_gaps():
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status


def test_a_canary_that_fails_is_answered_for_by_the_champion(service, loop, colours):
    rules = CanaryRules(share=1.0, num_images=60, least_images=9)

    async def work() -> None:
        lineup = Lineup(colours.first, rules)
        await begin(service, lineup)
        await service.follow(colours.second)
        # as if its session were gone: each of its batches fails
        for child in service.replicas._children.values():
            await child.ask({"do": "drop", "model": colours.second.model_sha256})
        replies = [await ask(service) for _ in range(5)]
        assert {reply.version for reply in replies} == {colours.first}
        assert lineup.returned[colours.second.model_sha256].startswith("9 of 9 images")
        assert service.figures.retried == 3

    loop.run(work())


def test_rows_of_a_shadow_say_how_far_it_is_from_the_champion(service, loop, colours):
    lineup = Lineup(colours.first, CanaryRules(share=0.0), colours.second, 1.0)

    async def work() -> None:
        await begin(service, lineup)
        rows = await sample(service, 1)
        told = {(r["image_index"], r["role"]): r["disagreement"] for r in rows}
        champion = {(place, "champion"): None for place in range(3)}
        assert told == {**champion, **{(place, "shadow"): 1.0 for place in range(3)}}
        assert {r["class_names"][0] for r in rows if r["role"] == "shadow"} == {"green", "red"}  # fmt: skip

    loop.run(work())


def test_a_sampled_picture_is_measured_as_on_intake(service, loop, colours):
    payload = paint("green", side_px=300, suffix=".jpg")
    with ImageGuard() as guard:
        (verdict,) = guard.collect(guard.submit([payload]))

    async def work() -> None:
        await begin(service, Lineup(colours.first, CanaryRules(share=0.0)))
        before, service.sampler = service.sampler, Rows()
        await service.ask("recognition", [Given(payload)], name_request())
        (row,) = service.sampler.rows
        service.sampler = before
        measured = {name: row[name] for name in verdict.quality}
        assert measured == verdict.quality
        # nobody keeps the answer: nothing is measured
        reply = await service.ask("recognition", [Given(payload)], name_request())
        assert reply.answers[0].facts.quality is None

    loop.run(work())


def test_a_replica_whose_time_is_over_is_followed_by_another_and_nothing_is_lost(
    loop, colours, monkeypatch
):
    monkeypatch.setattr(replicas, "_MODULE", "tests.assets.serving.short_lived_replica")

    async def work() -> None:
        short = make_service(num_replicas=1, budget_s=60.0)
        try:
            await short.replicas.start()
            await begin(short, Lineup(colours.first, CanaryRules(share=0.0)))
            (first,) = short.replicas.pids
            await ask(short)
            await until(lambda: short.replicas.pids not in ([], [first]))
            await ask(short)
            assert short.replicas.num_lost == 0
        finally:
            await short.close()

    loop.run(work())


def test_rows_of_a_canary_say_how_far_it_is_from_the_champion(service, loop, colours):
    async def work() -> None:
        lineup = Lineup(colours.first, CanaryRules(share=1.0))
        await begin(service, lineup)
        await service.follow(colours.second)
        rows = await sample(service, 1)
        assert [(r["role"], r["disagreement"]) for r in rows] == [(CANARY, 1.0)] * 3

    loop.run(work())
