"""The folders of one Daguerre home, and how much of the machine a run may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """`home` holds all state; deleting it is a full reset."""

    home: Path
    num_workers: int = 2
    use_ray: bool = True
    device_hour_price: float | None = None  # in the currency of whoever pays; None: costs are not told

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    def plots(self, model_sha256: str) -> Path:
        """Where evaluation leaves a model's charts for the registry."""
        return self.reports / "plots" / model_sha256[:16]
