"""The gate of the registry: its tables of champions, written by who asks `assets/registry` for a verdict."""

from __future__ import annotations

from checks.gate import Gate

GATES = (
    Gate("champions", has_readers=False),
    Gate("promotions", has_readers=False),
    Gate("edge_forms", has_readers=False),
)
