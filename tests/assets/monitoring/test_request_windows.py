"""Which days of requests make a window."""

from __future__ import annotations

import pytest

from assets.monitoring.request_windows import MIN_IMAGES, divide, find_due
from assets.tables.catalog import Catalog
from tests.assets.monitoring.champion_home import SHA, store

DAY = 86_400 * 10**9
MONDAY = 20_422 * DAY  # 2025-11-30


def ask(day: int, images: range, hour: float = 12.0) -> list[tuple[int, str]]:
    at_ns = MONDAY + day * DAY + int(hour * DAY / 24)
    return [(at_ns + n, f"image {n}") for n in images]


def test_a_day_of_enough_images_is_a_window_of_its_name():
    (window,) = divide(ask(0, range(MIN_IMAGES)))
    assert (window.start_ns, window.end_ns) == (MONDAY, MONDAY + DAY)
    assert (window.name, window.num_images) == ("2025-11-30", MIN_IMAGES)


def test_days_of_few_images_are_one_window_and_what_is_left_over_is_in_none():
    asked = ask(0, range(10)) + ask(2, range(10, 30)) + ask(3, range(5))
    (window,) = divide(asked)
    assert (window.name, window.num_images) == ("2025-11-30 to 2025-12-02", 30)
    assert window.end_ns == MONDAY + 3 * DAY


def test_an_image_that_is_asked_about_again_and_again_counts_once():
    assert divide(ask(0, range(MIN_IMAGES - 1)) + ask(0, range(9), 13.0)) == []


def test_each_day_counts_its_images_anew():
    asked = ask(0, range(40)) + ask(1, range(40))
    assert [w.num_images for w in divide(asked)] == [40, 40]


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


CHAMPION = {"model_name": "m", "model_version": 1, "model_sha256": SHA}


def store_asked(catalog: Catalog, day: int, name: str, **changed: object) -> None:
    rows = [
        {"sample_id": f"{name}{n:031x}"[:32], "image_sha256": f"{n:064x}"}
        | {"at_ns": at_ns, "model_sha256": SHA, "role": "champion", **changed}
        for n, (at_ns, _) in enumerate(ask(day, range(40)))
    ]
    store(catalog, "requests", rows)


def test_a_day_is_due_ten_minutes_after_midnight_and_not_again_once_it_is_judged(
    catalog,
):
    store_asked(catalog, 0, "a")
    store_asked(catalog, 1, "b")
    late = 600 * 10**9
    assert find_due(catalog, CHAMPION, MONDAY + DAY + late - 1) == []
    (first,) = find_due(catalog, CHAMPION, MONDAY + DAY + late)
    assert first.name == "2025-11-30"
    judged = {"model_name": "m", "model_version": 1, "end_ns": first.end_ns}
    store(catalog, "request_windows", [judged])
    (second,) = find_due(catalog, CHAMPION, MONDAY + 3 * DAY)
    assert second.name == "2025-12-01"


@pytest.mark.parametrize(
    "changed",
    [{"role": "shadow"}, {"model_sha256": "d" * 64}, {"frame_id": "e" * 32}],
    ids=["a shadow", "another model", "a stored frame"],
)
def test_what_another_answered_and_what_was_about_stored_frames_is_no_window(
    catalog, changed
):
    store_asked(catalog, 0, "a", **changed)
    assert find_due(catalog, CHAMPION, MONDAY + 9 * DAY) == []
    store_asked(catalog, 0, "b", role="canary")
    assert len(find_due(catalog, CHAMPION, MONDAY + 9 * DAY)) == 1
