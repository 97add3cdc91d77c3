"""Exact times, numbers and poses from the text of sensor sequences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assets.formats.sequences.sequence_files import (
    NS_PER_S,
    LostDigits,
    check_rotation,
    matrix_of_pose,
    parse_nanoseconds,
    parse_number,
    parse_numbers,
    parse_seconds,
    pose_of_matrix,
    rotation_of_axis_angle,
    settle_zeros,
    split_row,
)

HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("text", "t_ns"),
    [
        (
            "1305031102.175304",
            1305031102175304000,
        ),  # as a float this is 1305031102175304055
        ("1305031102.175304013", 1305031102175304013),
        ("305.377", 305377000000),
        ("7", 7000000000),
        ("7.", 7000000000),
        ("-0.5", -500000000),
        ("1.305031102175304000e+09", 1305031102175304000),  # numpy's savetxt
        ("0.0000000014", 1),
        ("0.0000000015", 2),
    ],
)
def test_seconds_become_exact_nanoseconds(text, t_ns):
    assert parse_seconds(text) == t_ns


def test_nanoseconds_stay_what_they_are():
    # a float would give ...555456
    assert parse_nanoseconds("1403636579758555392") == 1403636579758555392
    assert parse_nanoseconds("1.403636579758555392E+18") == 1403636579758555392


@pytest.mark.parametrize("text", ["1.40363657975856E+018", "1.4E18"])
def test_rounded_nanoseconds_are_no_times(text):
    with pytest.raises(LostDigits, match="digits"):
        parse_nanoseconds(text)


def test_rounded_seconds_are_no_times():
    with pytest.raises(LostDigits, match="its last one stands for 100000000 ns"):
        parse_seconds("1.3050311021E+09")  # the last digit is a tenth of a second


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1_0", "0x10", "12:30", "1e400", "9" * 30]
)
def test_what_is_no_time_is_refused(text):
    for parse in (parse_seconds, parse_nanoseconds):
        with pytest.raises(ValueError, match=r"time|beyond|digits"):
            parse(text)


def test_a_fraction_of_a_nanosecond_is_not_a_whole_number():
    with pytest.raises(ValueError, match="not a whole number"):
        parse_nanoseconds("1403636763.853")


def test_times_beyond_64_bits_are_refused():
    assert parse_nanoseconds("9223372036854775807") == 2**63 - 1
    with pytest.raises(ValueError, match="64 bits"):
        parse_nanoseconds("9223372036854775808")
    with pytest.raises(ValueError, match="64 bits"):
        parse_seconds("9223372037")


def test_numbers_must_be_as_many_and_finite():
    assert parse_numbers(["1", "-2e3"], 2) == (1.0, -2000.0)
    with pytest.raises(ValueError, match="1 values where 2"):
        parse_numbers(["1"], 2)
    for text in ("nan", "-inf", "1_0", "-1.#IND"):
        with pytest.raises(ValueError, match="number"):
            parse_number(text)


@pytest.mark.parametrize(
    "quaternion",
    [
        (0, 0, 0, 1),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (HALF, 0, 0, HALF),
        (0.5, -0.5, 0.5, 0.5),
    ],
)
def test_a_pose_survives_the_way_over_a_matrix(quaternion):
    pose = pose_of_matrix(matrix_of_pose((1, 2, 3, *quaternion)))
    assert pose == pytest.approx((1, 2, 3, *quaternion))


def test_a_quarter_turn_about_z_takes_x_to_y():
    pose = pose_of_matrix([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]])
    assert pose == pytest.approx((5, 6, 7, 0, 0, HALF, HALF))
    assert matrix_of_pose(pose)[:3, :3] @ (1, 0, 0) == pytest.approx((0, 1, 0))


def test_rounded_matrices_pass_and_others_do_not():
    matrix = np.eye(4)
    matrix[0, 0] = 1.0004  # R R^T is off by 0.0008
    assert pose_of_matrix(matrix) == pytest.approx((0, 0, 0, 0, 0, 0, 1))
    for wrong in (
        np.zeros((4, 4)),
        np.eye(4) * 2,
        np.diag([1, 1, -1, 1]),
        np.full((4, 4), np.nan),
    ):
        with pytest.raises(ValueError, match=r"rotation|last row|no lengths"):
            pose_of_matrix(wrong)


def test_a_quaternion_of_another_length_is_no_rotation():
    check_rotation((0.6132, 0.5962, -0.3311, -0.3986))  # four digits: length 0.99999
    with pytest.raises(ValueError, match="length 0"):
        check_rotation((0, 0, 0, 0))


def test_a_rotation_vector_of_half_pi_along_z_is_a_quarter_turn():
    assert rotation_of_axis_angle((0, 0, math.pi / 2)) == pytest.approx(
        (0, 0, HALF, HALF)
    )
    assert rotation_of_axis_angle((0, 0, 0)) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("1.5 1 2", ["1.5", "1", "2"]),
        ("1.5, 1,2,", ["1.5", "1", "2"]),
        ("\ufeff1.5\t1", ["1.5", "1"]),
        ("1.5,,2,3", ["1.5", "", "2", "3"]),
        (", ,", []),
        (" # 1 2", []),
        ("\ufeff# a", []),
        ("", []),
    ],
)
def test_a_missing_field_is_an_empty_one(text, fields):
    assert split_row(text) == fields


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 0, 0], [None, None, None]),
        ([0], [None]),
        ([], []),
        ([5, 6], [5, 6]),
        (
            [0, 33_000_000, 66_000_000],
            [0, 33_000_000, 66_000_000],
        ),  # a clock that counts from zero
        ([0, 1_700_000_000 * NS_PER_S], [None, 1_700_000_000 * NS_PER_S]),
        ([0, 0, 5], [None, None, 5]),
        ([5, 0, 7], [5, None, 7]),
        ([-5, 0, 5], [-5, 0, 5]),
    ],
)
def test_a_stamp_of_zero_is_a_time_only_where_the_clock_counts_from_there(
    stamps, times
):
    notes: dict[str, str] = {}
    rows = settle_zeros(
        [(t_ns, number) for number, t_ns in enumerate(stamps)], notes, "cam"
    )
    assert list(rows) == [(t_ns, number) for number, t_ns in enumerate(times)]
    missing = times.count(None)
    assert notes == (
        {"cam: stamps of zero": f"{missing} samples have no time"} if missing else {}
    )
