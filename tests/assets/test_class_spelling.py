"""Names of classes that are one in two spellings."""

from assets.class_spelling import find_spellings


def test_case_spaces_and_hyphens_do_not_make_another_class():
    names = ["Car", "bus", "traffic_light", "car", "Traffic light", "c", "c++"]
    assert find_spellings(names) == [("Car", "car"), ("Traffic light", "traffic_light")]


def test_one_name_twice_is_one_spelling():
    assert find_spellings(["car", "car"]) == []
