"""Numbers with what they count."""

from __future__ import annotations

import pytest

from assets.wording import many, name_many


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 frames"), (1, "1 frame"), (2, "2 frames")]
)
def test_one_is_one_frame_and_any_other_number_are_frames(number, told):
    assert many(number, "frame") == told


def test_a_noun_may_have_a_plural_of_its_own():
    assert (
        many(2, "box", "boxes") == "2 boxes" and name_many(1, "box", "boxes") == "box"
    )
