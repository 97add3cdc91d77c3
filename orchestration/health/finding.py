"""What was found at one address."""

from dataclasses import dataclass

from assets.addresses import hide


@dataclass(frozen=True)
class Finding:
    """`may` are words for what was done there; `lacks` is what could not be, "" where nothing is missing."""

    name: str
    address: str
    may: tuple[str, ...] = ()
    lacks: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        assert bool(self.lacks) == bool(self.remedy), self.lacks or self.remedy

    @property
    def is_good(self) -> bool:
        """Whether nothing is missing."""
        return not self.lacks

    @property
    def line(self) -> str:
        """The finding for a person, without a password."""
        did = f"may {', '.join(self.may)}" if self.may else ""
        told = "; ".join(part for part in (did, self.lacks) if part)
        after = f": {self.remedy}" if self.remedy else ""
        return hide(" ".join(f"{self.name} {self.address}: {told}{after}".split()))


def tell_error(error: BaseException) -> str:
    """The first line of what a library says, without a password."""
    told = str(error).strip().splitlines()
    return hide(told[0] if told else type(error).__name__)
