"""When the landing sensor asks for a session: settled, whole, or waited for long enough; and what makes none wait."""

import os
import shutil

import dagster as dg
import pytest

from assets.landing import LandingZone
from assets.storage import Folder
from assets.tables import recovery
from assets.tables.catalog import Catalog
from orchestration.sensors.landing import landing_zone_sensor


@pytest.fixture(scope="module")
def instance():
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def tick(ledger, tmp_path, instance):
    """tick(wait_s): the partitions asked for; the cursor goes on from tick to tick."""
    (tmp_path / "landing").mkdir()
    cursors: list[str | None] = [None]

    def run(partial_wait_s: float = 900.0) -> list[str]:
        zone = LandingZone(Folder(str(tmp_path / "landing")), ledger, partial_wait_s)
        with dg.build_sensor_context(instance, cursor=cursors[-1]) as context:
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


def test_a_folder_without_a_file_is_no_session_until_something_lies_there(
    tick, tmp_path, recording, ledger
):
    (tmp_path / "landing" / "monday").mkdir()
    assert [tick() for _ in range(4)] == [[], [], [], []]
    assert "monday" not in ledger.sessions()
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


@pytest.fixture
def end_pauses(ledger):
    """Let every pause be over."""

    def end() -> None:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE pauses SET until = 1")

    return end


def tell_pauses(ledger) -> list[tuple[str, int]]:
    return [(p.session, p.num_failures) for p in ledger.pauses()]


def test_a_source_that_is_gone_is_told_and_keeps_no_neighbour_waiting(
    tick, ledger, tmp_path, recording
):
    land(tmp_path, "monday/a.mcap", recording)
    ledger.register_source("gone", str(tmp_path / "unplugged"))
    assert [tick() for _ in range(3)] == [[], ["monday"], []]
    (pause,) = ledger.pauses()
    assert (pause.session, pause.num_failures) == ("gone", 1)
    assert "daguerre forget" in pause.reason


def test_a_session_that_cannot_be_listed_is_looked_at_after_growing_pauses(
    tick, ledger, tmp_path, end_pauses
):
    ledger.register_source("gone", str(tmp_path / "unplugged"))
    lengths = []
    for _ in range(8):
        tick()
        tick()  # in the pause nothing is tried
        lengths.append(round(ledger.pauses()[0].left_s / 60))
        end_pauses()
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_source_that_comes_back_is_taken_in(
    tick, ledger, tmp_path, recording, end_pauses
):
    ledger.register_source("back", str(tmp_path / "plugged"))
    tick()
    (tmp_path / "plugged").mkdir()
    (tmp_path / "plugged" / "a.mcap").write_bytes(recording)
    assert tick() == []
    end_pauses()
    assert [tick() for _ in range(2)] == [[], ["back"]]
    assert ledger.pauses() == []


def test_a_session_that_is_taken_away_is_told_no_more(
    tick, ledger, tmp_path, permissions_bind
):
    (tmp_path / "landing" / "locked").mkdir(mode=0)
    tick()
    assert tell_pauses(ledger) == [("locked", 1)]
    (tmp_path / "landing" / "locked").rmdir()
    tick()
    assert ledger.pauses() == []


def test_a_session_that_may_not_be_listed_keeps_no_neighbour_waiting(
    tick, ledger, tmp_path, recording, permissions_bind
):
    (tmp_path / "landing" / "locked").mkdir(mode=0)
    land(tmp_path, "monday/a.mcap", recording)
    assert [tick() for _ in range(3)] == [[], ["monday"], []]
    assert tell_pauses(ledger) == [("locked", 1)]


def test_a_recording_that_may_not_be_read_is_left_to_intake(
    tick, tmp_path, recording, permissions_bind
):
    land(tmp_path, "monday/a.mcap", recording)
    (tmp_path / "landing" / "monday" / "a.mcap").chmod(0)
    assert [tick() for _ in range(3)] == [[], ["monday"], []]


def test_a_landing_zone_that_is_away_hides_no_registered_place(
    tick, ledger, tmp_path, recording, permissions_bind
):
    ledger.register_source("elsewhere", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.mcap").write_bytes(recording)
    (tmp_path / "landing").chmod(0)
    assert [tick() for _ in range(2)] == [[], ["elsewhere"]]
    assert tell_pauses(ledger) == [("", 2)]
    (tmp_path / "landing").chmod(0o755)
    tick()
    assert ledger.pauses() == []


def test_a_session_of_any_bytes_keeps_no_neighbour_waiting(tick, tmp_path, recording):
    land(tmp_path, "monday/a.mcap", recording)
    folder = os.fsencode(tmp_path / "landing") + b"/tuesday \xff"
    os.makedirs(folder)
    shutil.copy(tmp_path / "landing" / "monday" / "a.mcap", folder + b"/a.mcap")
    assert [tick() for _ in range(3)] == [[], ["monday"], []]


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


def test_sessions_are_asked_for_again_when_their_source_says_otherwise(
    tick, tmp_path, recording
):
    land(tmp_path, "monday/a.mcap", recording)
    assert [tick() for _ in range(3)] == [[], ["monday"], []]
    (tmp_path / "landing" / "daguerre.yaml").write_text("video: {every: 5}\n")
    assert [tick() for _ in range(2)] == [["monday"], []]
    (tmp_path / "landing" / "daguerre.yaml").unlink()
    assert [tick() for _ in range(2)] == [["monday"], []]
