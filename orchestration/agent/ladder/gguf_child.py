"""The process that reads a GGUF file and answers by it: `python -m orchestration.agent.ladder.gguf_child FILE`.

A message is its length in four bytes and JSON, in either way. The first says that the model is read, or why it is not.
Belongs here: llama.cpp by `xllamacpp`. Does not: what is asked, and how long.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable
from typing import IO, Any, TypeAlias

# to a request as xllamacpp takes it
Answer: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
_CONTEXT = 16_384  # tokens of a conversation; less where the model was trained on less


def serve(read_model: Callable[[], Answer]) -> None:
    """Answer by what was read until the input ends."""
    # what llama.cpp prints is no answer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        answer = read_model()
    except Exception as error:
        _send(answers, {"error": str(error)})
        return
    _send(answers, {"error": ""})
    while head := sys.stdin.buffer.read(4):
        asked = json.loads(sys.stdin.buffer.read(int.from_bytes(head)))
        try:
            _send(answers, answer(asked))
        except Exception as error:
            _send(answers, {"error": str(error)})


def _read_gguf(path: str) -> Answer:
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = path
    wanted.n_ctx = _CONTEXT
    wanted.n_parallel = 1
    # it listens on a port of loopback as well, which nobody is told of
    wanted.api_keys = [secrets.token_hex(32)]
    answer: Answer = xllamacpp.Server(wanted).handle_chat_completions
    return answer


def _send(pipe: IO[bytes], told: dict[str, Any]) -> None:
    body = json.dumps(told).encode()
    pipe.write(len(body).to_bytes(4) + body)
    pipe.flush()


if __name__ == "__main__":
    serve(lambda: _read_gguf(sys.argv[1]))
