"""The text that Prometheus reads, written out by hand; and no metric with more series than it may have."""

from __future__ import annotations

import math

from orchestration.metrics.exposition import bound, to_facts, write_text
from orchestration.metrics.families import (
    FAMILIES,
    LEFT_OUT,
    MOST_SERIES,
    NEWEST_FRAME,
    RUNS,
    RUNS_OPEN,
    Family,
)


def test_a_metric_has_its_meaning_its_type_and_a_line_a_series() -> None:
    samples = [RUNS.at(3, "b", "success"), RUNS.at(1, "a", "failure")]
    assert write_text(samples).splitlines() == [
        "# HELP daguerre_runs_total Runs that ended, by job and outcome: success, failure, canceled",
        "# TYPE daguerre_runs_total counter",
        'daguerre_runs_total{dagster_job="a",outcome="failure"} 1',
        'daguerre_runs_total{dagster_job="b",outcome="success"} 3',
    ]


def test_numbers_are_written_as_go_reads_them() -> None:
    family = Family("daguerre_x", "x")
    values = (0.1, 2.0, 1e300, math.nan, math.inf, -math.inf)
    told = [write_text([family.at(v)]).splitlines()[-1].split()[1] for v in values[:2]]
    assert told == ["0.1", "2"]
    told = [write_text([family.at(v)]).splitlines()[-1].split()[1] for v in values[2:]]
    assert [float(text) for text in told[:1]] == [1e300]
    assert told[1:] == ["NaN", "+Inf", "-Inf"]
    assert to_facts([family.at(math.inf)])[0]["samples"][0]["value"] is None


def test_what_would_end_a_label_or_a_line_is_escaped() -> None:
    line = write_text([NEWEST_FRAME.at(1, 'a"b\\c\nd')]).splitlines()[-1]
    # the newline is made visible as \\n before, and its backslash escaped
    assert line == (
        r'daguerre_sensor_newest_frame_timestamp_seconds{sensor="a\"b\\c\\nd"} 1'
    )


def test_samples_with_equal_labels_are_one_sum() -> None:
    samples = [RUNS_OPEN.at(n, "train", "queued") for n in (1, 2)]
    assert write_text(samples).splitlines()[-1].endswith("} 3")


def test_what_may_be_summed_up_is_summed_up_beyond_the_limit() -> None:
    # 0, 1, .. 59: the 49 largest stay, and 0 + 1 + .. + 10 = 55 of the eleven others
    samples = [RUNS_OPEN.at(n, f"job{n:02}", "queued") for n in range(60)]
    kept, num_left_out = bound(samples)
    assert (len(kept), num_left_out) == (MOST_SERIES, 11)
    assert (kept[-1].labels, kept[-1].value) == (("other", "other"), 55)
    assert sum(s.value for s in kept) == sum(range(60))


def test_what_may_not_be_summed_up_is_left_out_and_counted() -> None:
    samples = [NEWEST_FRAME.at(n, f"camera{n:02}") for n in range(60)]
    lines = write_text(samples).splitlines()
    assert sum(line.startswith(NEWEST_FRAME.name) for line in lines) == MOST_SERIES
    assert lines[-1] == f'{LEFT_OUT.name}{{metric="{NEWEST_FRAME.name}"}} 10'


def test_long_labels_are_cut_and_stay_different() -> None:
    first, second = (NEWEST_FRAME.at(1, "x" * 500 + end).labels[0] for end in "ab")
    assert len(first) == len(second) == 80
    assert first != second


def test_names_follow_the_conventions_of_prometheus() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    for family in FAMILIES:
        assert family.name.startswith("daguerre_") and "\n" not in family.text
        assert not {"_ms", "_minutes", "_kb", "_mib"} & {family.name[-3:]}
        # what times and sizes are in stands at the end
        is_measure = any(w in family.name for w in ("timestamp", "size", "free"))
        assert not is_measure or family.name.endswith(("_seconds", "_bytes"))
