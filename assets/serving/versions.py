"""Which version answers a request: the champion, a canary that has to prove itself, a shadow that nobody hears.

A canary is a new champion of the table. It answers a share of the requests, each of which the old champion is asked
about too, told to nobody. It takes all when it has answered often enough, and is returned, for good, when its answers
fail, take longer, or differ more than the rules let them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

CHAMPION = "champion"
CANARY = "canary"
SHADOW = "shadow"
_KEPT = 1000  # figures of the champion that a canary is held against


@dataclass(frozen=True)
class Version:
    """A model that may answer, and where its package lies on this machine."""

    task: str
    model_name: str
    model_version: int
    model_sha256: str
    release_id: str
    folder: Path
    class_names: tuple[str, ...]  # that it knows

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.model_name} v{self.model_version}"


@dataclass(frozen=True)
class CanaryRules:
    """What a canary is held to. `share` 0: a new champion answers at once."""

    share: float = 0.1
    num_images: int = 200  # after so many it takes all
    least_images: int = 30  # before so many nothing is judged
    max_more_failures: float = 0.02  # share of images, above the champion's
    max_slowdown: float = 2.0  # of the median processor time an image
    max_disagreement: float = 0.3  # mean, between 0 and 1


@dataclass
class Figures:
    """What is known of one version's answers."""

    num_images: int = 0
    num_failed: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    disagreements: list[float] = field(default_factory=list)

    @property
    def failure_rate(self) -> float:
        """Share of images without an answer."""
        return self.num_failed / self.num_images if self.num_images else 0.0

    def add(self, seconds: Sequence[float], num_failed: int = 0) -> None:
        """What a request took of the processor, by image, and how many of its images failed."""
        self.num_images += len(seconds) + num_failed
        self.num_failed += num_failed
        self.seconds.extend(seconds)


@dataclass
class Trial:
    """A canary beside the champion."""

    version: Version
    rules: CanaryRules
    figures: Figures = field(default_factory=Figures)

    def find_fault(self, champion: Figures) -> str | None:
        """Why the canary is to be returned; None where it may go on."""
        mine, rules = self.figures, self.rules
        if mine.num_images < rules.least_images:
            return None
        excess = mine.failure_rate - champion.failure_rate
        if excess > rules.max_more_failures:
            return f"{mine.num_failed} of {mine.num_images} images failed"
        if mine.seconds and champion.seconds:
            slowdown = median(mine.seconds) / max(median(champion.seconds), 1e-9)
            if slowdown > rules.max_slowdown:
                return f"an image takes {slowdown:.1f} times as long as the champion's"
        found = mine.disagreements
        if len(found) >= rules.least_images:
            mean = sum(found) / len(found)
            if mean > rules.max_disagreement:
                return f"its answers differ from the champion's by {mean:.2f} (0 to 1)"
        return None

    @property
    def is_over(self) -> bool:
        """Whether it has answered and been compared often enough."""
        least = min(self.figures.num_images, len(self.figures.disagreements))
        return least >= self.rules.num_images


@dataclass
class Lineup:
    """The versions of one task. `returned` tells of canaries that may not answer again, by sha256, why."""

    champion: Version
    rules: CanaryRules
    shadow: Version | None = None
    shadow_share: float = 0.0
    canary: Trial | None = None
    figures: Figures = field(default_factory=Figures)
    returned: dict[str, str] = field(default_factory=dict)
    shadow_figures: Figures = field(default_factory=Figures)

    def choose(self, draw: float) -> tuple[Version, str]:
        """Who answers a request, all of it, for a number drawn from [0, 1)."""
        if self.canary is not None and draw < self.rules.share:
            return self.canary.version, CANARY
        return self.champion, CHAMPION

    def shadows(self, draw: float) -> Version | None:
        """The version that is asked as well, for a number drawn from [0, 1)."""
        return self.shadow if draw < self.shadow_share else None

    def list_known(self) -> set[str]:
        """The models that answer or were returned, by sha256."""
        known = {self.champion.model_sha256, *self.returned}
        if self.canary is not None:
            known.add(self.canary.version.model_sha256)
        return known

    def knows(self, model_sha256: str) -> bool:
        """Whether the model answers, or was returned."""
        return model_sha256 in self.list_known()

    def try_out(self, version: Version) -> list[Version]:
        """Let a new champion answer: a share of the requests first, or all; the versions that answer no more."""
        if self.rules.share > 0:
            before = self.canary
            self.canary = Trial(version, self.rules)
            return [before.version] if before else []
        return [self._crown(version)]

    def reinstate(self, version: Version) -> list[Version]:
        """Let a former champion answer all, at once; the versions that answer no more."""
        trial, self.canary = self.canary, None
        old = self._crown(version)
        return [old, trial.version] if trial else [old]

    def settle(self) -> tuple[Version, str] | None:
        """Return the canary, or let it take all, where it is time: who answers no more, and why."""
        trial = self.canary
        if trial is None:
            return None
        fault = trial.find_fault(self.figures)
        if fault:
            self.canary = None
            self.returned[trial.version.model_sha256] = fault
            return trial.version, f"{trial.version.name} was returned: {fault}"
        if trial.is_over:
            self.canary = None
            old = self._crown(trial.version)
            return old, f"{trial.version.name} answers all, in the place of {old.name}"
        return None

    def _crown(self, version: Version) -> Version:
        old, self.champion = self.champion, version
        self.figures = Figures()
        return old
