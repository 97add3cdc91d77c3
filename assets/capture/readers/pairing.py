"""Find the image that a label file or a label entry speaks of, by name and folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from assets.capture.readers.layout import folder_of, list_paths, name_of, stem_of
from assets.storage import SessionFile


class ImageIndex:
    """The images of one dataset, by name without ending."""

    def __init__(self, images: Iterable[SessionFile]) -> None:
        self._by_stem: dict[str, list[SessionFile]] = defaultdict(list)
        for image in images:
            self._by_stem[stem_of(image.path)].append(image)

    def find(self, reference: str, hints: Sequence[str] = ()) -> SessionFile:
        """The image with the name of `reference` whose folder agrees best with its folder, then with the hints.

        Raises LookupError, with a reason to show, when there is none or when two agree equally well.
        """
        reference = reference.replace("\\", "/")
        candidates = self._by_stem.get(stem_of(reference), [])
        same_name = [c for c in candidates if name_of(c.path) == name_of(reference)]
        candidates = same_name or candidates
        if not candidates:
            raise LookupError(f"there is no image {reference[:200]!r}")
        scored = [(_agreement(c.path, reference, hints), c) for c in candidates]
        best = max(score for score, _ in scored)
        found = [c for score, c in scored if score == best]
        if len(found) > 1:
            raise LookupError(f"{reference[:200]!r} may be any of {list_paths(c.path for c in found)}")
        return found[0]


def _agreement(path: str, reference: str, hints: Sequence[str]) -> tuple[int, int]:
    ours, theirs = folder_of(path).split("/"), folder_of(reference).split("/")
    shared = 0
    for ours_part, theirs_part in zip(reversed(ours), reversed(theirs), strict=False):
        if ours_part != theirs_part or not ours_part:
            break
        shared += 1
    return shared, sum(hint in ours for hint in hints if hint)
