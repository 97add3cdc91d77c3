"""Parse small YAML files that hold plain values only: no aliases, no tags, no key twice, no excessive depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

MAX_YAML_BYTES = 256 << 10
MAX_DEPTH = 20
_STANDARD = "tag:yaml.org,2002:"  # what `!!` stands for


def parse_yaml_text(data: bytes, tags: Collection[str] = ()) -> Any:
    """The same with every key and value as the text that stands in the file: `on`, `no` and `1` stay what they are.

    Values under a tag, such as `!!x`, are refused, but for those with one of `tags`, which is passed over.
    """
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    document = parse_yaml(data, loader)
    for event in yaml.parse(data, loader):
        tag = getattr(event, "tag", None)
        if tag and tag.removeprefix(_STANDARD) not in tags:
            raise ValueError(
                f"YAML that cannot be read: could not determine a constructor for {tag[:100]!r}"
            )
    return document


def parse_yaml(
    data: bytes,
    values: Any = None,
    max_bytes: int = MAX_YAML_BYTES,
    max_depth: int = MAX_DEPTH,
) -> Any:
    """The value of a UTF-8 YAML text, by a safe loader or the one in `values`. Raises ValueError naming what is wrong.

    Aliases are refused: a short text of them stands for as many values as one likes.
    """
    import yaml

    if len(data) > max_bytes:
        raise ValueError(f"{len(data)} bytes of YAML, more than {max_bytes}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(data, loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise ValueError(
                    f"YAML with an alias in line {line}: write the value itself"
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
                event, yaml.CollectionEndEvent
            )
            if depth > max_depth:
                raise ValueError(f"YAML nested more than {max_depth} deep")
        _require_unique_keys(yaml.compose(data, loader))
        return yaml.load(data, values or loader)  # safe loaders: plain values only
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"YAML that cannot be read: {error}"[:300]) from error


def _require_unique_keys(node: Any) -> None:
    import yaml

    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) != len(keys):
            twice = Counter(keys).most_common(1)[0][0]
            raise ValueError(f"key {twice[:100]!r} appears twice in one YAML mapping")
        for key, value in node.value:
            _require_unique_keys(key)
            _require_unique_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _require_unique_keys(item)
