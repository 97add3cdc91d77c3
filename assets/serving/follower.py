"""What the process that looks at the champions does: a question, an answer, until the other end goes."""

from __future__ import annotations

import signal
import socket

from assets.serving.champions import Champions
from assets.serving.looks import pack_look, pack_version
from assets.serving.protocol import Message, receive, send


def answer(champions: Champions, message: Message) -> Message:
    """A look, or a shadow; `error` where it cannot be had, and the process goes on."""
    try:
        if message["do"] == "shadow":
            return pack_version(champions.open_shadow(message["model"]))
        return {"looks": [pack_look(one) for one in champions.look(message["known"])]}
    except Exception as error:  # a store that is away, whatever its library makes of it
        return {"error": str(error) or type(error).__name__}


def follow(champions: Champions, descriptor: int) -> None:
    """Answer at one end of a pair of sockets."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the parent, which hangs up
    with socket.socket(fileno=descriptor) as sock:
        while (got := receive(sock)) is not None:
            send(sock, answer(champions, got[0]))
