"""The folders of one Daguerre home, and how much of the machine a run may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assets.pixel_cache import CacheRoom

PIXELS = "pixels"  # below the cache


@dataclass(frozen=True)
class Workspace:
    """`home` holds all state; deleting it is a full reset."""

    home: Path
    num_workers: tuple[int, int] = (2, 2)  # of a training: at least, at most
    use_ray: bool = True
    # host:port of the head of a cluster; None: a small Ray of our own, where one is needed
    ray_address: str | None = None
    # in the currency of whoever pays; None: costs are not told
    device_hour_price: float | None = None
    # the model package that frames are embedded with; None: published ImageNet weights
    encoder: Path | None = None
    # for decoded training images, all files together; 0: none are kept; None: `choose_limit`
    pixel_cache_bytes: int | None = None

    @property
    def models(self) -> Path:
        """Model packages, a folder each."""
        return self.home / "models"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.home / "cache"

    @property
    def pixels(self) -> CacheRoom:
        """Where trainings keep decoded images."""
        return CacheRoom(self.cache / PIXELS, self.pixel_cache_bytes)

    @property
    def reports(self) -> Path:
        """Pages for people."""
        return self.home / "reports"

    def keep_plots(self, model_sha256: str, drawn: Mapping[str, bytes]) -> None:
        """Leave a model's charts (PNG) and pictures (JPEG) for the registry."""
        from assets.previews.drawing import suffix_of

        folder = self._plots(model_sha256)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in drawn.items():
            (folder / f"{name.replace(' ', '_')}{suffix_of(content)}").write_bytes(
                content
            )

    def read_plots(self, model_sha256: str) -> dict[str, bytes]:
        """What was left of a model, by file name."""
        return {
            path.name: path.read_bytes()
            for path in sorted(self._plots(model_sha256).glob("*"))
        }

    def _plots(self, model_sha256: str) -> Path:
        return self.reports / "plots" / model_sha256[:16]
