"""What stands below every chart of a gallery."""

from __future__ import annotations


def name_subject(model: str, release_id: str) -> str:
    """Which model, judged by which release."""
    return f"{model} · release {release_id[:8]}"
