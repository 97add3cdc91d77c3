"""What a server tells of itself: every metric of serving, and zeros from which a first event is a rise."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.serving.service import Service
from assets.serving.versions import CanaryRules, Lineup, Version
from orchestration.metrics import families as f
from orchestration.metrics.serving import list_samples
from orchestration.profiles import load_settings
from orchestration.serving import ServeOptions, build_service

VERSION = Version(
    "recognition", "daguerre-recognition", 3, "a" * 64, "b" * 32, Path("none"), ("cup",)
)


@pytest.fixture
def service(home: Path) -> Service:
    """One that has a champion, and was not started."""
    home.mkdir(exist_ok=True)
    settings = load_settings({"DAGUERRE_HOME": str(home)})
    made = build_service(settings, ServeOptions(port=0))
    made.lineups["recognition"] = Lineup(VERSION, CanaryRules())
    return made


def tell(service: Service) -> dict[tuple[str, ...], float]:
    return {(s.family.name, *s.labels): s.value for s in list_samples(service)}


def test_a_server_that_was_asked_tells_every_metric_of_serving(service) -> None:
    service.figures.add("recognition", 200, 0.25)
    service.figures.images["recognition", VERSION.name, "champion"] += 2
    service.figures.batch_sizes.extend([2, 4])
    service.figures.compare(VERSION.name, 0.5)
    told = tell(service)
    of_serving = {one.name for one in f.FAMILIES if "_serving_" in one.name}
    assert {name for name, *_ in told} == of_serving
    assert told[f.SERVED.name, "recognition", "200"] == 1
    assert told[f.SERVED_SECONDS.name, "recognition", "0.99"] == 0.25
    assert told[(f.SERVED_BATCH.name,)] == 3


def test_a_canary_that_is_returned_is_a_rise_from_zero(service) -> None:
    returned = f.CANARY_RETURNED.name, "recognition"
    assert tell(service)[returned] == 0
    service.figures.returned["recognition"] += 1
    assert tell(service)[returned] == 1
