"""A replica whose time is over with its first batch."""

from __future__ import annotations

import sys

from assets.serving import replica

if __name__ == "__main__":
    replica._LIFE_SECONDS = 0.0
    replica.main(*sys.argv[1:])
