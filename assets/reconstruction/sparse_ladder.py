"""The ladder: the mapper is tried in several ways until one registers nearly all pictures, and the best model of all is
kept, never the first.

A rung that COLMAP cannot finish is one with a reason. Later rungs are looser, so a later model counts only where it has
more pictures that are well held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assets.reconstruction.sparse_process import (
    MOST_FEATURES,
    GivenCamera,
    Piece,
    StepFailed,
    VerifiedPair,
    Workshop,
)

ENOUGH_SHARE = 0.95  # of the pictures: then no other rung is tried
WELL_HELD = 30  # points of a picture: with fewer its place may be chance
MORE_FEATURES, LOWER_PEAK, LOOSER_RATIO = 2 * MOST_FEATURES, 0.5, 0.85
MOST_AGAIN = 100  # pictures that are described a second time

_FLAT = ("PANORAMIC", "PLANAR_OR_PANORAMIC", "PLANAR")
Options = dict[str, dict[str, Any]]
# by part of COLMAP's options; "" is the pipeline's own
USUAL: Options = {"": {"min_model_size": 3}}
LOOSER: Options = {
    "": {"min_model_size": 2, "min_num_matches": 10},
    "mapper": {
        "init_min_num_inliers": 40,
        "init_min_tri_angle": 4.0,
        "abs_pose_min_num_inliers": 15,
        "abs_pose_min_inlier_ratio": 0.15,
    },
}


@dataclass(frozen=True)
class Rung:
    """What was tried, and its best piece; None with the reason where there is no model."""

    name: str
    cameras: tuple[GivenCamera, ...]
    num_pieces: int
    piece: Piece | None
    reason: str | None
    workshop: Workshop  # that has its features

    @property
    def merit(self) -> tuple[int, int]:
        """Higher is better: pictures that are well held; of pieces of one rung with as many, observations."""
        if self.piece is None:
            return 0, 0
        held = sum(count >= WELL_HELD for count in self.piece.counts)
        return held, self.piece.num_observations


@dataclass
class Ladder:
    """The rungs of pictures that are described, stored and matched in a workshop."""

    workshop: Workshop
    cameras: Sequence[GivenCamera]
    camera_of: Sequence[int]
    pairs: Sequence[tuple[int, int]]
    # describes all pictures anew, in another workshop, with so many features, and so much of the peak
    describe_again: Callable[[int, float], Workshop] | None = None

    def climb(self) -> tuple[Rung, ...]:
        """All that was tried, in order: until a rung is good enough, or none is left."""
        rungs: list[Rung] = []
        for attempt in (
            self._try_usual,
            self._try_other_pair,
            self._try_looser,
            self._try_simpler_lens,
            self._try_more_features,
        ):
            tried = attempt(rungs)
            if tried is not None:
                rungs.append(tried)
            if rungs and self._is_enough(rungs[-1]):
                break
        return tuple(rungs)

    def _is_enough(self, rung: Rung) -> bool:
        return rung.merit[0] >= ENOUGH_SHARE * len(self.camera_of)

    def _try_usual(self, _: Sequence[Rung]) -> Rung:
        return self._try("usual", USUAL)

    def _try_other_pair(self, rungs: Sequence[Rung]) -> Rung | None:
        piece = rungs[0].piece
        if piece is None:
            return None  # COLMAP has gone through all pairs
        return self._try("another first pair", USUAL, not_first=piece.registered[:2])

    def _try_looser(self, _: Sequence[Rung]) -> Rung:
        return self._try("looser", LOOSER)

    def _try_simpler_lens(self, _: Sequence[Rung]) -> Rung | None:
        if all(camera.is_known for camera in self.cameras):
            return None
        simple = [
            camera if camera.is_known else replace(camera, model="SIMPLE_PINHOLE")
            for camera in self.cameras
        ]
        return self._try("simpler lens", LOOSER, simple)

    def _try_more_features(self, _: Sequence[Rung]) -> Rung | None:
        name = "more features"
        if self.describe_again is None or len(self.camera_of) > MOST_AGAIN:
            return None
        try:
            workshop = self.describe_again(MORE_FEATURES, LOWER_PEAK)
            workshop.store(self.cameras, self.camera_of)
            workshop.match(self.pairs, most_ratio=LOOSER_RATIO)
        except StepFailed as error:
            return self._fail(name, str(error))
        return replace(self, workshop=workshop)._try(name, LOOSER)

    def _try(
        self,
        name: str,
        options: Options,
        cameras: Sequence[GivenCamera] | None = None,
        not_first: Sequence[int] = (),
    ) -> Rung:
        cameras = tuple(cameras or self.cameras)
        out = name.replace(" ", "-")
        num_pictures = len(self.camera_of)
        try:
            pieces = self.workshop.map(cameras, options, out, num_pictures, not_first)
        except StepFailed as error:
            return self._fail(name, str(error))
        pieces = [piece for piece in pieces if piece.num_points]
        if not pieces:
            return self._fail(name, "no two pictures make a beginning")
        tried = [
            Rung(name, cameras, len(pieces), piece, None, self.workshop)
            for piece in pieces
        ]
        return max(tried, key=lambda rung: rung.merit)

    def _fail(self, name: str, reason: str) -> Rung:
        return Rung(name, tuple(self.cameras), 0, None, reason, self.workshop)


def explain_nothing(
    num_pictures: int, num_pairs: int, verified: Sequence[VerifiedPair]
) -> str:
    """Why there is no model at all."""
    if num_pictures < 2:
        return "one picture alone: a model needs two, from two places"
    if not verified:
        return f"no two pictures show the same: {num_pairs} pairs were compared"
    num_flat = count_flat(verified)
    if 2 * num_flat > len(verified):
        return f"the camera only turned: {num_flat} of {len(verified)} pairs fit a turn, or a plane; move it sideways"
    return f"{len(verified)} pairs show the same, and none from places far enough apart: move the camera sideways"


def count_flat(verified: Sequence[VerifiedPair]) -> int:
    """How many pairs a turn of the camera, or a plane, explains: they say nothing of depth."""
    return sum(pair.kind in _FLAT for pair in verified)
