"""Search spaces: which values of a setting are worth a trial, and which of them the trials take.

Values are text, as behind `--set`, so that what a search finds is what a person types.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from models.recipes.config import TrainConfig
from models.recipes.settings import change_settings, format_setting, is_whole

_DECADE = 10.0  # from here on, the ends of a range are apart by orders of magnitude
# drawn for each trial, because trials of a space with few values repeat
_POINTS_A_TRIAL = 16


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where both ends are.

    They are spread evenly, or evenly over their logarithm where both ends are above 0 and a factor of ten apart.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (
            math.isfinite(self.low)
            and math.isfinite(self.high)
            and self.low < self.high
        ):
            raise ValueError(
                f"{self.low}..{self.high} is no range: give two numbers, the lower one first"
            )

    @property
    def ends(self) -> tuple[str, ...]:
        """Both ends, as text."""
        return (str(self.low), str(self.high))

    def at(self, share: float) -> str:
        """The value at `share` in [0, 1) of the range; three digits of it where it is no whole number."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return str(self.low + int(share * (self.high - self.low + 1)))
        if self.low > 0 and self.high / self.low >= _DECADE:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        return str(min(max(float(f"{value:.3g}"), self.low), self.high))


@dataclass(frozen=True)
class Choice:
    """Any of these values, each as likely."""

    values: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        """All values."""
        return self.values

    def at(self, share: float) -> str:
        """The value at `share` in [0, 1) of the list."""
        return self.values[int(share * len(self.values))]


Space = Mapping[str, Range | Choice]  # by the name of the setting


def read_values(name: str, text: str) -> Range | Choice:
    """`1e-4..1e-2` as a range, `8/16/32` as a choice of the setting. Raises ValueError that shows both."""
    number = int if is_whole(name) else float
    low, dots, high = text.strip().partition("..")
    values = tuple(part.strip() for part in text.split("/"))
    try:
        if dots:
            return Range(number(low), number(high))
        if len(values) > 1:
            return Choice(values)
    except ValueError as error:
        raise ValueError(
            f"{name} = {text!r}: give a range such as 1e-4..1e-2 ({error})"
        ) from None
    raise ValueError(
        f"{name} = {text!r}: give a range such as 1e-4..1e-2, or values such as 8/16/32"
    )


def narrow_space(
    config: TrainConfig,
    space: Space,
    searched: Mapping[str, str],
    fixed: Collection[str],
) -> Space:
    """The recipe's space with what a person wants `searched` in place of it, and without what is `fixed`.

    Raises ValueError for what is both, for values that no training could take, and when nothing is left.
    """
    both = sorted(set(searched) & set(fixed))
    if both:
        raise ValueError(
            f"{', '.join(both)}: searched and fixed; give it with --space or with --set"
        )
    if "epochs" in searched:
        raise ValueError(
            "epochs is what trials are compared at: fix it, with --set epochs=N"
        )
    wanted = {
        **space,
        **{name: read_values(name, text) for name, text in searched.items()},
    }
    kept = {name: values for name, values in wanted.items() if name not in fixed}
    for name, values in kept.items():
        for end in values.ends:
            change_settings(config, {name: end})
    if not kept:
        raise ValueError(
            "every setting is fixed, nothing is left to search: name one, as in --space lr=1e-4..1e-2"
        )
    return kept


def draw_settings(
    config: TrainConfig, space: Space, num_trials: int, seed: int
) -> list[dict[str, str]]:
    """The settings of each trial: first the recipe's own, then points of a scrambled Halton sequence over the space.

    Such points cover a space more evenly than independent ones, which counts where trials are few (Bousquet et al.
    2017, "Critical Hyper-Parameters: No Random, No Cry"). Equal arguments give equal trials, more trials begin with the
    same ones, and none comes twice: a space with few values gives fewer.
    """
    from scipy.stats import qmc

    if num_trials < 1:
        raise ValueError(f"{num_trials} trials: at least 1 is needed")
    own = {name: format_setting(getattr(config, name)) for name in space}
    points = qmc.Halton(len(space), rng=seed).random(_POINTS_A_TRIAL * num_trials)
    drawn = [
        {
            n: values.at(share)
            for (n, values), share in zip(space.items(), p, strict=True)
        }
        for p in points
    ]
    unique = {tuple(settings.values()): settings for settings in [own, *drawn]}
    return list(unique.values())[:num_trials]
