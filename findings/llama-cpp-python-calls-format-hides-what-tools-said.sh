#!/usr/bin/env bash
# Finding: llama-cpp-python's chat format for calls of functions, chatml-function-calling, shows a
#   model neither what a tool answered nor what tools are for
#
# Packages: llama-cpp-python==0.3.36 (its source alone: nothing is built), jinja2==3.1.6, Python 3.11 or later
#
# Guess: messages of the role "tool" are written into the prompt, as every loop of calls needs it, and
#   each function's description beside its parameters.
#
# Seen: the template of the format writes the role of a tool's message and nothing of its content, not
#   even the end of the turn; of each function it writes name and parameters, no description. The
#   descriptions of single parameters are there.
#
# Why it matters: the model calls a function, never sees the result, and calls it again or makes a
#   number up; to the client the calls look right. The project's README names the format for functions
#   with any model.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv v
v/bin/pip install -q jinja2==3.1.6
v/bin/pip download -q --no-deps --no-binary :all: llama-cpp-python==0.3.36
tar xzf llama_cpp_python-0.3.36.tar.gz llama_cpp_python-0.3.36/llama_cpp/llama_chat_format.py
cat > look.py <<'PY'
import ast
from pathlib import Path

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

source = Path("llama_cpp_python-0.3.36/llama_cpp/llama_chat_format.py").read_text()
(handler,) = [
    node
    for node in ast.walk(ast.parse(source))
    if isinstance(node, ast.FunctionDef) and node.name == "chatml_function_calling"
]
(template,) = [
    ast.literal_eval(node.value)
    for node in ast.walk(handler)
    if isinstance(node, ast.Assign)
    and getattr(node.targets[0], "id", "") == "function_calling_template"
]
function = {
    "name": "count_frames",
    "description": "PURPOSE OF THE FUNCTION",
    "parameters": {
        "type": "object",
        "properties": {"session": {"type": "string", "description": "WHICH SESSION"}},
    },
}
call = {"id": "1", "type": "function", "function": {"name": "count_frames", "arguments": '{"session": "monday"}'}}
told = ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(
    messages=[
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "How many frames has monday?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "THE ANSWER IS 4711"},
    ],
    tools=[{"type": "function", "function": function}],
    tool_calls=True,
    add_generation_prompt=True,
)
print(told)
assert '"session": "monday"' in told and "WHICH SESSION" in told
assert "4711" not in told and "PURPOSE" not in told, "shown now"
assert "<|im_start|>tool\n<|im_start|>assistant" in told
print("holds: neither the tool's answer nor the function's purpose is in the prompt")
PY
v/bin/python look.py
