"""Samples as Prometheus reads them: the text format, version 0.0.4; and as JSON has them.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from orchestration.metrics.families import (
    LEFT_OUT,
    MOST_SERIES,
    OTHER,
    Family,
    Sample,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_IN_TEXT = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def write_text(samples: Iterable[Sample]) -> str:
    """The page that a scrape gets."""
    return "".join(f"{line}\n" for line in _list_lines(samples))


def to_facts(samples: Iterable[Sample]) -> list[dict[str, Any]]:
    """The same as JSON has it; what is not finite is None."""
    return [
        {
            "name": family.name,
            "type": family.kind,
            "help": family.text,
            "samples": [
                {
                    "labels": dict(zip(family.labels, s.labels, strict=True)),
                    "value": s.value if math.isfinite(s.value) else None,
                }
                for s in mine
            ],
        }
        for family, mine in _group(samples)
    ]


def _list_lines(samples: Iterable[Sample]) -> Iterator[str]:
    for family, mine in _group(samples):
        yield f"# HELP {family.name} {family.text.translate(_IN_TEXT)}"
        yield f"# TYPE {family.name} {family.kind}"
        for sample in mine:
            yield f"{family.name}{_name_labels(sample)} {_name_number(sample.value)}"


def _name_labels(sample: Sample) -> str:
    pairs = zip(sample.family.labels, sample.labels, strict=True)
    inside = ",".join(f'{name}="{text.translate(_IN_LABEL)}"' for name, text in pairs)
    return f"{{{inside}}}" if inside else ""


def _name_number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value.is_integer() else repr(value)


def _group(samples: Iterable[Sample]) -> list[tuple[Family, list[Sample]]]:
    """By metric, in the order in which they come, each with as many series as it may have."""
    families: dict[Family, list[Sample]] = {}
    for sample in samples:
        families.setdefault(sample.family, []).append(sample)
    left_out = []
    groups = []
    for family, mine in families.items():
        kept, num_left_out = bound(_sum_up(mine) if family.is_sum else mine)
        groups.append((family, kept))
        if num_left_out:
            left_out.append(LEFT_OUT.at(num_left_out, family.name))
    return [*groups, (LEFT_OUT, left_out)] if left_out else groups


def bound(samples: Sequence[Sample]) -> tuple[list[Sample], int]:
    """At most MOST_SERIES series of one metric, by labels, and how many were left out or summed up."""
    ordered = sorted(samples, key=lambda s: s.labels)
    if len(ordered) <= MOST_SERIES:
        return ordered, 0
    family = ordered[0].family
    if not family.is_sum:
        return ordered[:MOST_SERIES], len(ordered) - MOST_SERIES
    largest = sorted(ordered, key=lambda s: -s.value)
    kept, rest = largest[: MOST_SERIES - 1], largest[MOST_SERIES - 1 :]
    others = family.at(sum(s.value for s in rest), *[OTHER] * len(family.labels))
    return [*sorted(kept, key=lambda s: s.labels), others], len(rest)


def _sum_up(samples: Iterable[Sample]) -> list[Sample]:
    """Samples with equal labels as one."""
    sums: dict[tuple[str, ...], Sample] = {}
    for sample in samples:
        known = sums.get(sample.labels)
        value = sample.value + (known.value if known else 0.0)
        sums[sample.labels] = Sample(sample.family, value, sample.labels)
    return list(sums.values())
