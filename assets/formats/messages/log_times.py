"""Keep the recorder's own times of messages that carry no stamp, and tell them beside the data.

They say when a message reached the recorder, not when its sensor measured: they are no `t_ns`, and are named apart.
"""

from __future__ import annotations

from collections import Counter
from statistics import median

NS_PER_S = 1_000_000_000
_MAX_STEPS = 100_000  # of one topic, for its rate


class LogTimes:
    """Counts messages by topic, and notes first and last log time of those without a stamp."""

    def __init__(self) -> None:
        self._num_messages: Counter[str] = Counter()
        self._num_bare: Counter[str] = Counter()
        self._first_ns: dict[str, int] = {}
        self._last_ns: dict[str, int] = {}
        self._steps_ns: dict[str, list[int]] = {}

    def add(self, topic: str, log_ns: int, has_stamp: bool) -> None:
        """Count a message of a topic that was recorded at `log_ns`."""
        self._num_messages[topic] += 1
        if has_stamp:
            return
        self._num_bare[topic] += 1
        steps = self._steps_ns.setdefault(topic, [])
        if topic in self._last_ns and len(steps) < _MAX_STEPS:
            steps.append(log_ns - self._last_ns[topic])
        self._first_ns.setdefault(topic, log_ns)
        self._last_ns[topic] = log_ns

    def describe(self) -> dict[str, str]:
        """Note by topic: "log time of /cam0 (no stamps in its messages)": "1 .. 9 ns on the recorder's clock, ..."."""
        notes = {}
        for topic, count in sorted(self._num_bare.items()):
            total = self._num_messages[topic]
            which = (
                "no stamps in its messages"
                if count == total
                else f"no stamps in {count} of {total} messages"
            )
            span = f"{self._first_ns[topic]} .. {self._last_ns[topic]} ns on the recorder's clock (UTC, as a rule)"
            step_ns = median(self._steps_ns[topic]) if self._steps_ns[topic] else 0
            rate = f", median rate {NS_PER_S / step_ns:.4g} Hz" if step_ns > 0 else ""
            notes[f"log time of {topic} ({which})"] = f"{span}, {count} messages{rate}"
        return notes
