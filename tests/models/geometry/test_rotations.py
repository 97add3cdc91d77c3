"""Slerp and gyro integration against rotations that one can do in the head."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.rotations import integrate_gyro, slerp

IDENTITY = [0.0, 0.0, 0.0, 1.0]


def about_z(degrees: float) -> list[float]:
    half = np.radians(degrees) / 2
    return [0.0, 0.0, np.sin(half), np.cos(half)]


def test_half_way_to_a_quarter_turn_is_45_degrees():
    middle = slerp(np.array([IDENTITY]), np.array([about_z(90)]), np.array([0.5]))
    np.testing.assert_allclose(middle, [about_z(45)], atol=1e-12)


def test_a_third_of_the_way_is_a_third_of_the_angle_where_mixing_numbers_is_not():
    third = slerp(np.array([IDENTITY]), np.array([about_z(150)]), np.array([1 / 3]))
    np.testing.assert_allclose(third, [about_z(50)], atol=1e-12)


def test_the_shorter_way_is_taken_for_a_quaternion_of_the_other_sign():
    minus = -np.array([about_z(90)])
    np.testing.assert_allclose(
        slerp(np.array([IDENTITY]), minus, np.array([0.5])), [about_z(45)], atol=1e-12
    )


def test_ends_and_equal_rotations_stay_what_they_are():
    start = np.array([about_z(10)] * 3)
    end = np.array([about_z(10), about_z(40), about_z(40)])
    found = slerp(start, end, np.array([0.5, 0.0, 1.0]))
    np.testing.assert_allclose(
        found, [about_z(10), about_z(10), about_z(40)], atol=1e-12
    )


def test_a_quaternion_without_length_is_refused():
    with pytest.raises(ValueError, match="no length"):
        slerp(np.zeros((1, 4)), np.array([IDENTITY]), np.array([0.5]))


def test_one_radian_a_second_for_a_second_is_one_radian():
    t_s = np.linspace(0.0, 1.0, 11)
    curve = integrate_gyro(t_s, np.tile([0.0, 0.0, 1.0], (11, 1)))
    turned = Rotation.from_matrix(curve.at(np.array([1.0]))).as_rotvec()
    np.testing.assert_allclose(turned, [[0.0, 0.0, 1.0]], atol=1e-12)


def test_turning_left_makes_a_still_direction_turn_right_in_the_body():
    t_s = np.linspace(0.0, 1.0, 11)
    # a quarter turn, x towards y
    curve = integrate_gyro(t_s, np.tile([0.0, 0.0, np.pi / 2], (11, 1)))
    start, end = curve.at(np.array([0.0, 1.0]))
    end_from_start = end.T @ start
    np.testing.assert_allclose(
        end_from_start @ [1.0, 0.0, 0.0], [0.0, -1.0, 0.0], atol=1e-12
    )


@pytest.mark.parametrize("num_samples", [2, 3, 8, 9, 100])
def test_an_orientation_is_the_product_of_all_steps_before_it(num_samples):
    """By the rotations of SciPy, one after the other."""
    rng = np.random.default_rng(num_samples)
    t_s = np.cumsum(rng.uniform(0.01, 0.1, num_samples))
    rate = rng.normal(0, 2, (num_samples, 3))
    found = integrate_gyro(t_s, rate).at(t_s)
    wanted = Rotation.identity()
    for k, step_s in enumerate(np.diff(t_s), start=1):
        wanted = wanted * Rotation.from_rotvec((rate[k - 1] + rate[k]) / 2 * step_s)
        np.testing.assert_allclose(found[k], wanted.as_matrix(), atol=1e-12)


def test_turns_compose_in_the_body_frame():
    """A quarter turn about z, then one about the body's own x: its y points where the world's z is."""
    t_s = np.linspace(0.0, 2.0, 4001)
    rate = np.where(
        t_s[:, None] < 1.0, [[0.0, 0.0, np.pi / 2]], [[np.pi / 2, 0.0, 0.0]]
    )
    turned = integrate_gyro(t_s, rate).at(np.array([2.0]))[0]
    # one step is half of each
    np.testing.assert_allclose(turned @ [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], atol=2e-3)


def test_outside_of_the_samples_there_is_no_orientation():
    curve = integrate_gyro(np.array([0.0, 1.0]), np.zeros((2, 3)))
    assert (
        np.isnan(curve.at(np.array([-0.01, 1.01]))).all()
        and np.isfinite(curve.at(np.array([0.0, 1.0]))).all()
    )


@pytest.mark.parametrize(
    ("t_s", "rate"),
    [
        ([0.0], [[0, 0, 0]]),
        ([0.0, 0.0], [[0, 0, 0]] * 2),
        ([0.0, 1.0], [[0, 0, np.nan]] * 2),
        ([0.0, 1.0], [[0, 0]] * 2),
    ],
)
def test_samples_that_are_none_are_refused(t_s, rate):
    with pytest.raises(ValueError, match=r"gyro times|samples"):
        integrate_gyro(np.array(t_s), np.array(rate, float))
