"""Places that lie evenly among many."""

from models.even_spread import spread_evenly


def test_places_are_in_order_and_evenly_spaced_from_the_first():
    assert spread_evenly(10, 5).tolist() == [0, 2, 4, 6, 8]
    # n * 7 // 3
    assert spread_evenly(7, 3).tolist() == [0, 2, 4]


def test_all_places_are_taken_where_they_are_few():
    assert spread_evenly(3, 5).tolist() == [0, 1, 2]
    assert spread_evenly(0, 5).tolist() == []
