"""The gate of the registry: its table of champions, written by the asset that asks `assets/registry` for a verdict."""

from __future__ import annotations

from checks.gate import Gate

GATES = (Gate("champions", has_readers=False),)
