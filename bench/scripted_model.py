"""A language model that is a script, behind an address on loopback that speaks OpenAI's protocol: for tests and exams.

Belongs here: the server, and what was sent to it. Does not: what scripts say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, TypeAlias

Message: TypeAlias = Mapping[str, Any]
Script: TypeAlias = Callable[[Sequence[Message]], Message]
KEY = "key-of-the-exam-which-nobody-else-has"


@dataclass
class ScriptedModel:
    """The model as a server. `script` takes the messages until now and gives the next one; it may be changed."""

    script: Script
    address: str = ""
    bodies: list[bytes] = field(default_factory=list)  # of requests
    keys: list[str] = field(default_factory=list)
    usage: Mapping[str, int] | None = None  # what it says that a turn cost


def ask_tools(*calls: tuple[str, Mapping[str, Any]]) -> Message:
    """A message that calls tools."""
    wanted = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for number, (name, arguments) in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": wanted}


def say(text: str) -> Message:
    """A message in words, which ends a conversation."""
    return {"role": "assistant", "content": text}


def play(*messages: Message) -> Script:
    """One message after the other; the last again and again."""

    def script(before: Sequence[Message]) -> Message:
        turn = sum(one["role"] == "assistant" for one in before)
        return messages[min(turn, len(messages) - 1)]

    return script


@contextmanager
def serve_model(script: Script) -> Iterator[ScriptedModel]:
    """The model, while it answers."""
    model = ScriptedModel(script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(model))
    model.address = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _make_handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            model.bodies.append(body)
            model.keys.append(self.headers.get("Authorization", ""))
            message = model.script(json.loads(body)["messages"])
            self._send(_wrap(message, model.usage))

        def _send(self, facts: Mapping[str, Any]) -> None:
            told = json.dumps(facts).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Nothing: its lines are nobody's."""

    return Handler


def _wrap(message: Message, usage: Mapping[str, int] | None) -> dict[str, Any]:
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    facts: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 1}
    facts |= {"model": "scripted", "choices": [choice]}
    return facts | ({"usage": dict(usage)} if usage else {})
