"""The verdict on an int8 form: by the margins of the gate, and by time and bytes."""

import pytest

from assets.comparison.models import Comparison, SliceDifference
from assets.registry.cost import Cost
from assets.registry.edge import judge_edge
from assets.registry.release import rules_of
from models.metrics.paired import Difference
from models.metrics.resampling import Interval


def compare(second: float | None, slice_interval: tuple[float, float] | None = None):
    interval = Interval(*slice_interval, num_units=9) if slice_interval else None
    slices = [SliceDifference("sensor", "left", 9, Difference(0.9, 0.8, 9, interval))]
    whole = Difference(0.9, second, 9, None)
    return Comparison(
        "recognition",
        "accuracy",
        "1" * 32,
        "a" * 64,
        "b" * 64,
        9,
        whole,
        {},
        slices,
        (),
    )


def judge(comparison, time=0.5, size=0.3):
    costs = Cost(10.0, 1000), Cost(10.0 * time, int(1000 * size))
    return judge_edge(comparison, costs, rules_of("recognition"), 64)


def test_what_is_as_right_and_much_quicker_is_accepted():
    verdict = judge(compare(0.8901))
    assert verdict.is_accepted and verdict.reasons == []
    assert verdict.to_dict()["int8"] == {"cpu_ms": 5.0, "bytes": 300}


@pytest.mark.parametrize(
    ("comparison", "time", "size", "reason"),
    [
        (compare(0.8899), 0.5, 0.3, "accuracy no more than 0.01 below"),
        (compare(None), 0.5, 0.3, "not measured"),
        (compare(0.9, (-0.2, -0.06)), 0.5, 0.3, "sensor = left -0.1"),
        (compare(0.9), 0.66, 0.3, "processor time: 0.66"),
        (compare(0.9), 0.5, 0.51, "bytes: 0.51"),
    ],
)
def test_anything_else_is_refused_with_its_reason(comparison, time, size, reason):
    verdict = judge(comparison, time, size)
    assert not verdict.is_accepted
    assert len(verdict.reasons) == 1 and reason in verdict.reasons[0]


def test_a_slice_that_may_be_as_good_does_not_refuse():
    assert judge(compare(0.9, (-0.2, -0.04))).is_accepted
