"""The baseline is a fair peer: left in peace it takes in everything, once."""

from __future__ import annotations

from bench.prove.baseline import TABLE
from bench.prove.landings import first_step, second_step
from bench.prove.stage import Stage


def test_in_peace_the_baseline_has_every_message_and_every_image_once(tmp_path):
    stage = Stage.build(tmp_path, "baseline", None, "", None)
    with stage.open() as site:
        for number, step in enumerate((first_step(), second_step())):
            site.land(step, number)
            site.notify()
            site.recover()
        keys = [key for key, _ in site.export().sections[TABLE]]
    assert len(keys) == len(set(keys))
    images = {key for key in keys if "#" not in key}
    assert images == {
        "images/0.png",
        "images/1.png",
        "images/2.png",
        "images/9.png",
        "images/cut.png",
    }
    recordings = {key.partition("#")[0] for key in keys if "#" in key}
    assert recordings == {"drive.mcap", "drive2.mcap"} and len(keys) > 300
