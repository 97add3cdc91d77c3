"""The time of day as records of people's acts have it."""

from datetime import UTC, datetime


def tell_second() -> str:
    """Now, in UTC to the second: 2026-11-30T18:20:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
