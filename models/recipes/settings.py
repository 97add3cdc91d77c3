"""Change single settings of a recipe, given as text: `epochs=5`, `zoom=0.8,1.25`, `max_minutes=none`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_origin, get_type_hints

from models.recipes.config import TrainConfig

_FIXED = ("name", "task")  # what a recipe is


def change_settings(config: TrainConfig, settings: Mapping[str, str]) -> TrainConfig:
    """The configuration with these settings in place of its own.

    Raises ValueError for a setting that there is not, a text that is no value of its type, and values that do not go
    together.
    """
    hints = get_type_hints(TrainConfig)
    known = [f.name for f in fields(TrainConfig) if f.name not in _FIXED]
    for name in settings:
        if name not in known:
            raise ValueError(
                f"'{name}' is no setting of a recipe: choose one of {', '.join(known)}"
            )
    return replace(
        config,
        **{
            name: _parse(name, text.strip(), hints[name])
            for name, text in settings.items()
        },
    )


def list_changes(values: Mapping[str, Any], recipe: TrainConfig) -> dict[str, str]:
    """What `change_settings` makes the recipe into the configuration of `values` with (see `TrainConfig.from_dict`)."""
    config = TrainConfig.from_dict(values)
    return {
        f.name: format_setting(getattr(config, f.name))
        for f in fields(TrainConfig)
        if f.name not in _FIXED and getattr(config, f.name) != getattr(recipe, f.name)
    }


def format_setting(value: Any) -> str:
    """The text that `change_settings` reads as this value."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def is_whole(name: str) -> bool:
    """Whether the setting takes whole numbers."""
    kind = get_type_hints(TrainConfig).get(name)
    return int in (kind, *get_args(kind))


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        value = _read(text, kind)
    except (ValueError, KeyError):
        raise ValueError(f"{name} = {text!r}: give {_describe(kind)}") from None
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(
        math.isfinite(number) for number in numbers if isinstance(number, float)
    ):
        raise ValueError(f"{name} = {text!r}: give a finite number")
    return value


def _read(text: str, kind: Any) -> Any:
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    if kind in (int, float, str):
        return kind(text)
    if get_origin(kind) is tuple:
        parts = text.split(",")
        if len(parts) != len(get_args(kind)):
            raise ValueError
        return tuple(
            _read(part, one) for part, one in zip(parts, get_args(kind), strict=True)
        )
    choices = get_args(kind)
    if type(None) in choices:
        return None if text.lower() == "none" else _read(text, _without_none(choices))
    return choices[choices.index(text)]


def _describe(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number"}
    if kind in names:
        return names[kind]
    choices = get_args(kind)
    if get_origin(kind) is tuple:
        return f"{len(choices)} numbers, separated by a comma"
    if type(None) in choices:
        return f"{_describe(_without_none(choices))}, or none"
    return f"one of {', '.join(choices)}"


def _without_none(choices: tuple[Any, ...]) -> Any:
    return next(c for c in choices if c is not type(None))
