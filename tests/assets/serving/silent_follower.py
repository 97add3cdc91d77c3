"""A process that reads what it is asked, and never answers; its first line of the log is its number."""

from __future__ import annotations

import os
import socket
import sys

from assets.serving.protocol import receive

if __name__ == "__main__":
    print(os.getpid(), flush=True)
    with socket.socket(fileno=int(sys.argv[1])) as sock:
        while receive(sock) is not None:
            pass
