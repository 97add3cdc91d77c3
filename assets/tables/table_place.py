"""Where a table lies, and how other libraries than Lance reach it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TablePlace:
    """A table below `tables_uri`, a folder or s3://bucket/prefix; the options are those of Lance's object store."""

    tables_uri: str
    name: str
    storage_options: dict[str, str] | None


def to_file_options(options: dict[str, str] | None) -> dict[str, Any]:
    """Lance's object-store options as s3fs takes them; credentials that are not given are found in the usual places."""
    given = options or {}
    names = {
        "key": "aws_access_key_id",
        "secret": "aws_secret_access_key",
        "token": "aws_session_token",
    }
    found: dict[str, Any] = {
        ours: given[theirs] for ours, theirs in names.items() if theirs in given
    }
    client = {
        "endpoint_url": given.get("aws_endpoint"),
        "region_name": given.get("aws_region"),
    }
    client = {name: value for name, value in client.items() if value}
    return {**found, **({"client_kwargs": client} if client else {})}
