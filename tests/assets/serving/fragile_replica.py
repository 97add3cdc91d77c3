"""A replica that ends on its second model."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from assets.serving import replica
from assets.serving.protocol import Message


class Fragile(replica.Replica):
    """Has room for one."""

    def do(self, message: Message, pieces: Sequence[bytes]) -> Message:
        """As the others, once."""
        if message["do"] == "load" and self._models:
            sys.exit(1)
        return super().do(message, pieces)


if __name__ == "__main__":
    replica.Replica = Fragile  # type: ignore[misc]
    replica.main(*sys.argv[1:])
