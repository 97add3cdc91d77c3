"""What a reader of archives asks of the home that takes an archive in; a reading without one has no such place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from assets.storage import SessionFile

if TYPE_CHECKING:
    from assets.formats.observations import CapturePlan
    from assets.formats.protocol import Leftover, Opener, Reader


@dataclass(frozen=True)
class Shares:
    """Members as they are shared out among readers; plans may have pictures that are lent to them beside."""

    plans: Sequence[CapturePlan]
    leftovers: Sequence[Leftover]
    opener: Opener  # of members, and of what is lent


class Home(Protocol):
    """A home, as it is seen from inside an archive."""

    def share_out(
        self, members: Sequence[SessionFile], opener: Opener, readers: Sequence[Reader]
    ) -> Shares:
        """Plans of the members, with the stored frames that their labels are of."""

    def tell(self, plan: CapturePlan) -> str:
        """Of how many stored frames the labels of such a plan will be; "" where of none."""

    def keep(self, stream: BinaryIO) -> str:
        """Store the bytes of a member, and give their sha256."""

    def open(self, sha256: str) -> BinaryIO:
        """What was kept."""
