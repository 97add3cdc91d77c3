"""When the landing sensor asks for a session: settled, whole, or waited for long enough."""

import os

import dagster as dg
import pytest

from assets.landing import LandingZone
from assets.storage import Folder
from assets.tables import recovery
from assets.tables.catalog import Catalog
from orchestration.sensors.landing import landing_zone_sensor


@pytest.fixture
def tick(ledger, tmp_path):
    """tick(wait_s): the partitions asked for; the cursor goes on from tick to tick."""
    (tmp_path / "landing").mkdir()
    cursors: list[str | None] = [None]

    def run(partial_wait_s: float = 900.0) -> list[str]:
        zone = LandingZone(Folder(str(tmp_path / "landing")), ledger, partial_wait_s)
        with (
            dg.instance_for_test() as instance,
            dg.build_sensor_context(instance, cursor=cursors[-1]) as context,
        ):
            result = landing_zone_sensor(
                context,
                landing_zone=zone,
                catalog=Catalog(str(tmp_path / "tables")),
            )
        cursors.append(result.cursor)
        return [str(request.partition_key) for request in result.run_requests or []]

    return run


def land(tmp_path, name: str, content: bytes) -> None:
    path = tmp_path / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_a_whole_session_is_asked_for_once(tick, tmp_path, recording):
    land(tmp_path, "monday/a.mcap", recording)
    assert [tick() for _ in range(3)] == [[], ["monday"], []]


def test_a_recording_in_parts_waits_and_goes_in_when_it_is_whole(
    tick, tmp_path, recording
):
    land(tmp_path, "monday/a.mcap", recording[: len(recording) // 2])
    assert [tick() for _ in range(4)] == [[], [], [], []]
    land(tmp_path, "monday/a.mcap", recording)
    os.utime(tmp_path / "landing" / "monday" / "a.mcap", ns=(1, 1))
    assert [tick() for _ in range(3)] == [[], ["monday"], []]


def test_a_recording_that_stays_in_parts_is_asked_for_after_the_wait(
    tick, tmp_path, recording
):
    land(tmp_path, "monday/a.mcap", recording[: len(recording) // 2])
    assert [tick() for _ in range(3)] == [[], [], []]
    assert [tick(partial_wait_s=0.0), tick(partial_wait_s=0.0)] == [["monday"], []]


def test_a_neighbour_does_not_wait(tick, tmp_path, recording):
    land(tmp_path, "monday/a.mcap", recording[:999])
    land(tmp_path, "tuesday/b.mcap", recording)
    assert [tick() for _ in range(2)] == [[], ["tuesday"]]


def test_all_sessions_are_asked_for_again_after_a_power_cut_took_rows(
    tick, tmp_path, recording
):
    land(tmp_path, "monday/a.mcap", recording)
    Catalog(str(tmp_path / "tables")).open_or_create("frames")
    assert [tick() for _ in range(3)] == [[], ["monday"], []]
    (manifest,) = (tmp_path / "tables/frames.lance/_versions").glob("*.manifest")
    os.truncate(manifest, 0)
    recovery._checked.clear()
    assert [tick(), tick()] == [["monday"], []]
