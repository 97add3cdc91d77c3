"""The gates of annotation: versions of labels, under what they were made, agreement, and what is asked next."""

from __future__ import annotations

from checks.gate import Gate
from checks.label_queue import QUEUE_RULES
from checks.label_versions import AGREEMENT_RULES, VERSION_RULES

GATES = (
    Gate("label_versions", VERSION_RULES, lambda _: "nobody has labelled a frame here"),
    Gate(
        "guidelines", may_be_empty=lambda _: "nobody has written one", has_readers=False
    ),
    Gate("label_pushes", may_be_empty=lambda _: "none was pushed", has_readers=False),
    Gate(
        "label_agreements",
        AGREEMENT_RULES,
        lambda _: "no two people answered one frame",
        has_readers=False,
    ),
    Gate("label_queue", QUEUE_RULES, has_readers=False),
)
WHOLE_ASSETS = {
    "labels": ("label_versions", "label_agreements", "guidelines", "label_pushes"),
    "label_queue": ("label_queue",),
}
