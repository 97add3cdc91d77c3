"""The canary of the loop's demo: real replicas answer until it takes all, or is returned with the cause."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

import pytest

from assets.serving.looks import Look
from assets.serving.versions import CanaryRules, Version
from orchestration.loop_canary import CanaryTrial, try_out
from tests.assets.serving.colours import (
    COLOURS,
    RELEASE,
    Colours,
    make_service,
    paint,
    write_colour_model,
)
from tests.assets.serving.conftest import colours as colours

# nets that take next to no time have no pace to be measured by
RULES = CanaryRules(share=0.5, num_images=60, least_images=20, max_slowdown=1e9)
IMAGES = [paint(colour) for colour in COLOURS]


def run(old: Version, new: Version) -> CanaryTrial:
    """A server with one replica, whose table names `new`."""

    async def look(known: Collection[str]) -> list[Look]:
        is_known = new.model_sha256 in known
        return [Look(new.task, new.model_sha256, None if is_known else new)]

    async def work() -> CanaryTrial:
        service = make_service()
        try:
            await service.replicas.start()
            return await try_out(service, old, look, IMAGES, RULES)
        finally:
            await service.close()

    return asyncio.run(work())


def test_a_canary_that_says_the_same_takes_all(colours: Colours) -> None:
    package = write_colour_model(colours.home / "models", enlarge=2)
    sha256, folder = package.model_sha256, package.folder
    name = "daguerre-recognition"
    new = Version("recognition", name, 3, sha256, RELEASE, folder, COLOURS)
    found = run(colours.first, new)
    assert found.answers_all and found.cause is None and found.disagreement == 0
    assert found.num_by_canary >= 60 and found.num_requests > found.num_by_canary
    assert found.roles == [
        "daguerre-recognition v1 as champion",
        "daguerre-recognition v3 as canary",
    ]
    assert "it answers all requests now" in found.line


def test_a_canary_that_says_otherwise_is_returned_with_the_cause(
    colours: Colours,
) -> None:
    found = run(colours.first, colours.second)
    assert not found.answers_all and found.disagreement == 1
    assert "its answers differ from the champion's by 1.00" in str(found.cause)
    assert found.num_by_canary < 60 and "it was returned" in found.line


def test_a_table_that_names_the_old_champion_has_no_canary(colours: Colours) -> None:
    with pytest.raises(ValueError, match="took no new champion of recognition"):
        run(colours.first, replace(colours.first))
