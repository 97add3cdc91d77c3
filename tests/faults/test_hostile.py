"""The judge of hostile files: workers take them in one by one, and a worker that dies is counted and replaced."""

from __future__ import annotations

from pathlib import Path

from bench.prove import hostile
from bench.prove.bombs import make_bombs

NAMES = (
    "tar_of_digits",
    "mcap_that_lies_about_its_size",
    "yaml_of_merges",
    "names_that_are_code",
)


def drop(folder: Path, name: str) -> Path:
    for path, data in make_bombs(0)[name]().items():
        target = folder / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder / name


def test_every_bomb_is_answered_for_within_the_limits(tmp_path):
    drops = [drop(tmp_path / "bombs", name) for name in NAMES]
    verdicts = list(hostile._ingest_each(drops, tmp_path / "homes"))
    assert [v.name for v in verdicts] == list(NAMES)
    assert all(
        v.is_alive and v.is_explained and v.peak_rss_mib < hostile.MAX_RSS_MIB
        for v in verdicts
    ), verdicts
    assert verdicts[-1].detail.startswith("9 frames, 0 files quarantined")


def test_a_worker_that_dies_is_a_death_and_the_next_one_goes_on(tmp_path):
    drops = [tmp_path / "bombs" / "absent", drop(tmp_path / "bombs", NAMES[0])]
    (drops[0] / "x").mkdir(parents=True)
    (drops[0] / "x" / "a.jpg").write_bytes(b"")
    (tmp_path / "homes").mkdir()
    # no home can be made there: the worker ends on it
    (tmp_path / "homes" / "0").touch()
    died, went_on = hostile._ingest_each(drops, tmp_path / "homes")
    assert not died.is_alive and "status 1" in died.detail
    assert went_on.is_alive and went_on.is_explained
