"""A replica that says of a picture what none of its size can be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from assets.serving import replica
from assets.serving.protocol import Message


class Boastful(replica.Replica):
    """Each picture is wider than any that is read."""

    def _ask(self, message: Message, pieces: Sequence[bytes]) -> Message:
        said: Any = super()._ask(message, pieces)
        for answer in said["answers"]:
            answer["facts"]["width_px"] = 10**9
        return dict(said)


if __name__ == "__main__":
    replica.Replica = Boastful  # type: ignore[misc]
    replica.main(*sys.argv[1:])
