"""The folders of one Daguerre home, and how much of the machine a run may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assets.pages import Pages
    from assets.pixel_cache import CacheRoom
    from assets.storage import BlobStore
    from assets.terms.policy import Policy

PIXELS = "pixels"  # below the cache
REPORTS = "reports"  # below the home, or below the store


@dataclass(frozen=True)
class Elsewhere:
    """The store of blobs where that is outside of the home, for several machines: its address, options for fsspec."""

    uri: str
    options: dict[str, Any] = field(default_factory=dict)


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
    # the folder of a CLIP-like net of the user's own; None: texts are not compared with pictures
    clip: Path | None = None
    # a stereo net of the user's own; None: pairs are matched semi-globally
    stereo_net: Path | None = None
    # for decoded training images, all files together; 0: none are kept; None: `choose_limit`
    pixel_cache_bytes: int | None = None
    # where other machines find pages, and trainings that go on; None: nobody looks but this home
    store: Elsewhere | None = None
    # what a release may be made of; None: that in the home
    policy_file: Path | None = None
    # for copies of models that lie in the store, all together; None: none goes
    copies_bytes: int | None = None

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
        from assets.pixel_cache import CacheRoom

        return CacheRoom(self.cache / PIXELS, self.pixel_cache_bytes)

    @property
    def policy(self) -> Policy:
        """What the team lets into a release. Raises ValueError for a faulty file."""
        from assets.terms.policy import POLICY_NAME, read_policy

        return read_policy(self.policy_file or self.home / POLICY_NAME)

    @property
    def pages(self) -> Pages:
        """Reports and charts for people, where all who work with the home find them."""
        from assets.pages import Pages

        if self.store is None:
            return Pages(str(self.home / REPORTS))
        return Pages(f"{self.store.uri}/{REPORTS}", self.store.options)

    @property
    def reports(self) -> Path:
        """Pages that were written on this machine."""
        return self.home / REPORTS

    def trim_copies(self, blobs: BlobStore) -> None:
        """Remove copies of models beyond the limit, where the settings give one."""
        from assets.inference.copies import trim_copies

        if self.copies_bytes is not None:
            keep = [self.encoder] if self.encoder else []
            trim_copies(self.models, blobs, self.copies_bytes, keep)

    def keep_plots(self, model_sha256: str, drawn: Mapping[str, bytes]) -> str:
        """Leave a model's charts (PNG) and pictures (JPEG) for the registry; where they lie."""
        from assets.previews.drawing import suffix_of

        below = _plots(model_sha256)
        for name, content in drawn.items():
            file = f"{name.replace(' ', '_')}{suffix_of(content)}"
            self.pages.put(f"{below}/{file}", content)
        return self.pages.locate(below)

    def read_plots(self, model_sha256: str) -> dict[str, bytes]:
        """What was left of a model, by file name."""
        return self.pages.read_below(_plots(model_sha256))


def _plots(model_sha256: str) -> str:
    return f"plots/{model_sha256[:16]}"
