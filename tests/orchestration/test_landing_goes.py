"""Sessions that go from the landing zone, come back, or lie there under a new name: what the sensor asks for."""

from __future__ import annotations

import shutil

import dagster as dg
import pytest

from assets.landing import LandingZone
from assets.storage import Folder
from orchestration.sensors.landing import landing_zone_sensor

BOX = "0 .5 .5 .5 .5"


class Site:
    """A landing zone, its sensor, and a worker that takes in what the sensor asks for."""

    def __init__(self, root, intake, instance) -> None:
        self.root = root
        self.intake = intake
        self.instance = instance
        self.zone = LandingZone(Folder(str(root)), intake.ledger)
        self.cursor: str | None = None
        self.keys: list[str] = []

    def tick(self) -> list[str]:
        with dg.build_sensor_context(self.instance, cursor=self.cursor) as context:
            result = landing_zone_sensor(
                context, landing_zone=self.zone, catalog=self.intake.catalog
            )
        self.cursor = result.cursor
        requests = result.run_requests or []
        self.keys += [str(request.run_key) for request in requests]
        return [str(request.partition_key) for request in requests]

    def settle(self) -> list[str]:
        """Look until nothing is asked for any more, and take in what was."""
        asked = []
        for _ in range(6):
            for session in self.tick():
                self.intake.ingest(self.zone.locate(session), session)
                asked.append(session)
        return asked

    def frames(self) -> dict[str, str]:
        """frame id -> session."""
        rows = self.intake.catalog.read_latest("frames", ["frame_id", "session"])
        return dict(zip(*(rows[c].to_pylist() for c in rows.column_names), strict=True))


@pytest.fixture
def site(tmp_path, open_at, make_png):
    """Two landed sessions that are taken in: monday of two pictures with labels, tuesday of one."""
    root = tmp_path / "landing"
    for n, (session, count) in enumerate((("monday", 2), ("tuesday", 1))):
        for folder in ("images", "labels"):
            (root / session / folder).mkdir(parents=True)
        (root / session / "data.yaml").write_text("names: [cat]\n")
        for k in range(count):
            (root / session / f"images/{k}.png").write_bytes(make_png(10 * n + k))
            (root / session / f"labels/{k}.txt").write_text(BOX)
    (tmp_path / "home").mkdir()
    with dg.instance_for_test() as instance:
        site = Site(root, open_at(tmp_path / "home"), instance)
        assert site.settle() == ["monday", "tuesday"]
        yield site


def test_a_session_that_goes_takes_its_rows_along_and_brings_them_back(site, tmp_path):
    before = site.frames()
    shutil.move(site.root / "monday", tmp_path / "aside")
    assert site.settle() == ["monday"]
    assert set(site.frames().values()) == {"tuesday"}
    shutil.move(tmp_path / "aside", site.root / "monday")
    assert site.settle() == ["monday"] and site.frames() == before
    shutil.move(site.root / "monday", tmp_path / "aside")
    assert site.settle() == ["monday"] and len(site.frames()) == 1
    # Dagster makes no second run of one key
    assert len(set(site.keys)) == len(site.keys) == 5


def test_a_landing_zone_that_lacks_all_that_was_seen_there_is_an_outage(
    site, tmp_path, make_png
):
    before = site.frames()
    for session in ("monday", "tuesday"):
        shutil.move(site.root / session, tmp_path / session)
    assert site.settle() == []
    (site.root / "lost+found").mkdir()
    assert site.settle() == [] and site.frames() == before
    (site.root / "friday").mkdir()
    (site.root / "friday/a.png").write_bytes(make_png(40))
    assert site.settle() == ["friday"] and before.items() < site.frames().items()
    before = site.frames()
    site.root.rename(tmp_path / "unmounted")
    assert site.settle() == [] and site.frames() == before


def test_a_place_outside_of_the_landing_zone_is_never_missed(site, tmp_path, make_png):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/a.png").write_bytes(make_png(50))
    site.zone.register("disk", Folder(str(tmp_path / "disk")))
    assert site.settle() == ["disk"]
    shutil.move(tmp_path / "disk", tmp_path / "unplugged")
    assert site.settle() == [] and "disk" in site.frames().values()


@pytest.mark.parametrize("is_seen_gone", [False, True])
def test_a_session_under_a_new_name_stays_what_it_was(
    site, tmp_path, make_png, is_seen_gone
):
    before = site.frames()
    if is_seen_gone:
        shutil.move(site.root / "monday", tmp_path / "aside")
        site.settle()
    else:
        shutil.copytree(site.root / "monday", tmp_path / "aside")
        shutil.rmtree(site.root / "monday")
    shutil.move(tmp_path / "aside", site.root / "desk")
    (site.root / "desk/images/2.png").write_bytes(make_png(90))
    assert site.settle() == ["monday"]
    after = site.frames()
    assert before.items() < after.items() and len(after) == len(before) + 1
    assert site.zone.locate("monday").uri == str(site.root / "desk")
    shutil.rmtree(site.root / "desk")
    assert site.settle() == ["monday"]
    assert set(site.frames().values()) == {"tuesday"}


def test_a_copy_beside_its_session_and_another_session_of_the_same_names_are_their_own(
    site, make_png
):
    shutil.copytree(site.root / "monday", site.root / "copy")
    assert site.settle() == ["copy"] and len(site.frames()) == 5
    shutil.rmtree(site.root / "tuesday")
    (site.root / "wednesday/images").mkdir(parents=True)
    (site.root / "wednesday/images/0.png").write_bytes(make_png(77))
    assert sorted(site.settle()) == ["tuesday", "wednesday"]
    assert set(site.frames().values()) == {"monday", "copy", "wednesday"}
