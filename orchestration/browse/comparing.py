"""Two models, or two releases, held against each other, as `daguerre compare` and `daguerre diff` do.

Belongs here: which two, as an address names them, and their answer as JSON. Does not: how they are compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assets.comparison.pair import find_known_frames, find_model, pair_models
from assets.comparison.releases import FrameDiff, ReleaseDiff, diff_releases
from assets.tables.catalog import Catalog
from assets.tables.ids import complete_id
from orchestration.compared import compare_pair
from orchestration.profiles import Settings

MOST_FRAMES = 2_000  # that are named


@dataclass(frozen=True)
class Comparing:
    """Comparisons in one home. Nothing is scored for them: models that sat no common exam are refused."""

    settings: Settings
    catalog: Catalog

    def models(self, first: str, second: str) -> dict[str, Any]:
        """The second less the first, with the frames that changed sides. Raises ValueError."""
        catalog = self.catalog
        one, other = (
            find_model(catalog, name, _no_version) for name in (first, second)
        )
        pair = pair_models(catalog, one, other)
        found = compare_pair(catalog, self.settings.home, pair)
        ids = [pair.first["model_sha256"], pair.second["model_sha256"]]
        warnings = list(find_known_frames(catalog, pair))
        return {**found.to_dict(), "model_ids": ids, "warnings": warnings}

    def releases(self, first: str, second: str) -> dict[str, Any]:
        """What the second has that the first has not, and the other way round, with the frames. Raises ValueError."""
        ids = [complete_id(self.catalog, "releases", text) for text in (first, second)]
        found = diff_releases(self.catalog, ids[0], ids[1])
        named = list(_list_frames(found))
        return {
            **found.to_dict(),
            "release_ids": ids,
            "total": len(named),
            "frames": named[:MOST_FRAMES],
        }


def _list_frames(found: ReleaseDiff) -> Iterator[dict[str, str]]:
    for change, frames in found.frames.items():
        for frame in frames:
            yield {
                "frame_id": frame.frame_id,
                "session": frame.session,
                "sensor": frame.sensor,
                "change": change,
                "told": _tell(frame),
            }


def _tell(frame: FrameDiff) -> str:
    if frame.labels is not None:
        return frame.labels.tell()
    if frame.before and frame.after:
        return f"{frame.before} -> {frame.after}"
    return frame.after or frame.before or ""


def _no_version(task: str, number: int) -> str:
    raise LookupError(f"{task}/{number} is not asked for here")
