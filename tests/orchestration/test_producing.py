"""Simulated producers: what is begun goes on beside other work, and lands whole."""

from __future__ import annotations

from assets.capture.simulate import SimulationSpec
from orchestration.console import RunConsole
from orchestration.producing import Producers


def test_what_was_begun_with_another_wave_lands_when_it_is_its_turn(tmp_path):
    landing = tmp_path / "landing"
    first, second = (
        {name: [SimulationSpec(1, 0.2, 0)]} for name in ("first", "second")
    )
    (landing / "there").mkdir(parents=True)
    with Producers(landing, RunConsole()) as producers:
        producers.begin({**first, "there": [SimulationSpec(1, 0.2, 0)]})
        producers.begin(second)
        producers.land({**first, "there": []})
        assert sorted(p.name for p in landing.iterdir()) == ["first", "there"]
    producers.land(second)
    landed = {p.name: len(list(p.iterdir())) for p in landing.iterdir()}
    assert landed == {"first": 1, "second": 1, "there": 0}
    assert list((tmp_path / "demo" / "producing").iterdir()) == []
