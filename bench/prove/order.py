"""What one worker process of a schedule is to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.prove.faults import Fault


@dataclass(frozen=True)
class Order:
    """What a worker is to do. Places are folders or s3:// prefixes; `endpoint` is the object store's address."""

    engine: str  # "daguerre" or "baseline"
    worker: str
    home: str
    source: str
    session: str
    history: str
    ledger_url: str = ""
    tables: str = ""
    blobs: str = ""
    endpoint: str = ""
    lease_s: float = 120.0
    files: tuple[str, ...] = ()  # for the baseline: what its sensor asked for
    fault: Fault = field(default_factory=Fault)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Order:
        facts = json.loads(text)
        return Order(
            **{
                **facts,
                "files": tuple(facts["files"]),
                "fault": Fault(**facts["fault"]),
            }
        )

    @property
    def file_options(self) -> dict[str, Any]:
        """For fsspec: where s3:// leads."""
        return (
            {"client_kwargs": {"endpoint_url": self.endpoint}} if self.endpoint else {}
        )

    @property
    def table_options(self) -> dict[str, str] | None:
        """For Lance: where s3:// leads."""
        if not self.endpoint:
            return None
        return {
            "aws_endpoint": self.endpoint,
            "allow_http": "true",
            "aws_region": "us-east-1",
        }
