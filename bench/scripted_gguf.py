"""Stands for a language model in a file, to try what reads its words: the file is what it does in turn, as JSON.

`[{"call": "sql", "arguments": {...}}, {"answer": "..."}, {"cut": "..."}, {"says": "..."}, {"error": "..."},
{"sleep_s": 5}, {"exit": 3}]`; then it begins anew.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.agent.ladder.gguf_child import Answer, serve

USAGE = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}


def read_script(path: Path) -> Answer:
    """Does one step for each request, after those that sleep."""
    script = itertools.cycle(json.loads(path.read_text()))

    def answer(_: dict[str, Any]) -> dict[str, Any]:
        step = next(script)
        while "sleep_s" in step:
            time.sleep(step["sleep_s"])
            step = next(script)
        if "exit" in step:
            raise SystemExit(step["exit"])
        return reply(step)

    return answer


def reply(step: Mapping[str, Any]) -> dict[str, Any]:
    """What xllamacpp says of a step."""
    if "error" in step:
        return {"error": {"code": 400, "message": step["error"]}}
    if "call" in step:
        said = json.dumps({"tool": step["call"], "arguments": step["arguments"]})
    else:
        said = step.get("says") or json.dumps({"answer": step.get("answer", "")})
    reason = "length" if "cut" in step else "stop"
    message = {"role": "assistant", "content": step.get("cut", said)}
    choice = {"index": 0, "finish_reason": reason, "message": message}
    return {"id": "1", "created": 0, "model": "scripted", "usage": USAGE, "choices": [choice]}  # fmt: skip


if __name__ == "__main__":
    serve(lambda: read_script(Path(sys.argv[1])))
