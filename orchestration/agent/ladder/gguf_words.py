"""What is asked of a model in a file, in words that any instruct model was taught, and what its words come to.

Belongs here: from a request of OpenAI's protocol to plain messages and a JSON schema, and from JSON to an answer of
that protocol. Does not: the model. The templates of many models leave tools out without a word, so no template is asked
to name them: the first message does, and the schema holds the model to one call of a tool or one answer.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
_PROTOCOL = """\
You may call these tools:
{tools}

Reply with one JSON object alone, either {{"tool": "NAME", "arguments": {{...}}}} to call a tool, \
or {{"answer": "..."}} to answer."""
# bounds of numbers, texts and lists are checked where a tool is called: as grammars they have more rules than may be
_KEPT = frozenset({"type", "enum", "const", "items", "anyOf", "properties", "required", "$ref", "$defs"})  # fmt: skip
_REPEAT_PENALTY = 1.1  # small models say one word without end


class NoAnswer(Exception):
    """A model did not answer; the message says why."""


def put_plainly(asked: Mapping[str, Any]) -> Json:
    """The messages with tools in the first, the schema of the reply, and how many tokens it has at most."""
    tools = [tool["function"] for tool in asked.get("tools", ())]
    messages = [_put_message(message) for message in asked["messages"]]
    told = "\n".join(_describe(tool) for tool in tools)
    messages.insert(0, ("system", _PROTOCOL.format(tools=told)))
    messages.sort(key=lambda one: one[0] != "system")  # those of the system first
    return {
        "messages": list(_join_turns(messages)),
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": _make_schema(tools)},
        },
        "max_tokens": asked.get("max_completion_tokens") or asked.get("max_tokens"),
        "temperature": 0,
        "repeat_penalty": _REPEAT_PENALTY,
    }


def read_reply(told: Mapping[str, Any]) -> Json:
    """The answer in OpenAI's protocol. Raises NoAnswer for one that was cut off, or is no JSON."""
    choice = told["choices"][0]
    text = choice["message"].get("content") or ""
    if choice.get("finish_reason") == "length":
        raise NoAnswer(f"its answer was cut off after {len(text)} characters")
    try:
        said = json.loads(text)
        message = _read_call(said) if "tool" in said else {"content": said["answer"]}
    except (ValueError, TypeError, KeyError) as error:
        raise NoAnswer("its answer is not the JSON that it was asked for") from error
    reason = "tool_calls" if "tool_calls" in message else "stop"
    return {
        "id": told["id"],
        "object": "chat.completion",
        "created": told["created"],
        "model": told["model"],
        "usage": told["usage"],
        "choices": [
            {
                "index": 0,
                "finish_reason": reason,
                "message": {"role": "assistant", "content": None, **message},
            }
        ],
    }


def _read_call(said: Mapping[str, Any]) -> Json:
    call = {"name": said["tool"], "arguments": json.dumps(said["arguments"])}
    made = {"id": f"call_{uuid.uuid4().hex}", "type": "function", "function": call}
    return {"tool_calls": [made]}


def _put_message(message: Mapping[str, Any]) -> tuple[str, str]:
    """(role, content), where the roles are system, user and assistant."""
    role, content = message["role"], message.get("content") or ""
    if role == "tool":
        return "user", f"The tool answers: {content}"
    if role != "assistant":
        return ("system" if role == "developer" else role), content
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    replies = [
        {"tool": call["name"], "arguments": json.loads(call["arguments"] or "{}")}
        for call in calls
    ]
    said = replies or [{"answer": content}]
    return role, "\n".join(json.dumps(one) for one in said)


def _join_turns(messages: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """Each role in turn: templates refuse two messages of one."""
    for role, turn in groupby(messages, key=itemgetter(0)):
        yield {"role": role, "content": "\n\n".join(content for _, content in turn)}


def _describe(tool: Mapping[str, Any]) -> str:
    """ "sql: one SELECT over all tables" with a line for each argument."""
    schema = tool["parameters"]
    lines = [f"{tool['name']}: {tool.get('description', '')}"]
    for name, facts in schema.get("properties", {}).items():
        need = ", needed" if name in schema.get("required", ()) else ""
        lines.append(
            f"  {name} ({_name_type(facts)}{need}): {facts.get('description', '')}"
        )
    return "\n".join(lines)


def _name_type(facts: Mapping[str, Any]) -> str:
    kinds = [facts, *facts.get("anyOf", ())]
    return " or ".join(str(kind["type"]) for kind in kinds if "type" in kind) or "any"


def _make_schema(tools: Sequence[Mapping[str, Any]]) -> Json:
    answer = _make_object({"answer": {"type": "string"}})
    calls = [
        _make_object(
            {"tool": {"const": t["name"]}, "arguments": _strip(t["parameters"])}
        )
        for t in tools
    ]
    return {"anyOf": [*calls, answer]}


def _make_object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _strip(schema: Any) -> Any:
    """A schema without bounds and texts; names of properties are no words of it."""
    if isinstance(schema, list):
        return [_strip(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name in _KEPT}
    for name, value in kept.items():
        if name in ("properties", "$defs"):
            kept[name] = {key: _strip(one) for key, one in value.items()}
        elif name in ("items", "anyOf"):
            kept[name] = _strip(value)
    if kept.get("type") == "object":
        kept["additionalProperties"] = False
    return kept
