"""Rows of a sparse model: of the model, of each picture, of each rung that was tried; and the model itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.formats.sequences.sequence_files import pose_of_matrix
from assets.reconstruction.sparse_imu import NOTHING_FELT, Felt, ask_imus
from assets.reconstruction.sparse_ladder import Rung, count_flat
from assets.reconstruction.sparse_package import PieceImage, read_piece
from assets.reconstruction.sparse_pictures import Scene
from assets.reconstruction.sparse_process import VerifiedPair, Workshop
from assets.reconstruction.sparse_scale import Placed, Scale, find_scale
from assets.tables.schemas import content_id
from models.geometry.camera import Array
from models.geometry.sparse_model import (
    SparseImage,
    SparseModel,
    measure_errors,
    measure_quality,
    rescale,
)

Row = dict[str, Any]
_FEW = 50  # features


@dataclass(frozen=True)
class Made:
    """Rows without hashes and versions; the model is None where its row has a reason."""

    model: Row
    images: list[Row]
    rungs: list[Row]
    sparse_model: SparseModel | None


def make_rows(
    scene: Scene,
    verified: Sequence[VerifiedPair],
    tried: Sequence[Rung],
    why_none: str,
    workshop: Workshop | None = None,
) -> Made:
    """Of what was tried: kept is the model with most pictures that are well held, of the first rung that has so many:
    later ones are looser, and what they see more of is worth less. `why_none` is the reason where no rung has a model,
    or nothing was tried. In the latter case `workshop` has the features; None where these were not found either."""
    models = [assemble(scene, rung) for rung in tried]
    able = [n for n, one in enumerate(models) if one is not None]
    best = max(able, key=lambda n: tried[n].merit[0], default=None)
    model = models[best] if best is not None else None
    scale, felt = Scale(None, None, "there is no model"), NOTHING_FELT
    if model is not None:
        model, scale, felt = _scale(scene, model)
    identity = content_id("sparse model", scene.session)
    facts = {"sparse_model_id": identity, "session": scene.session}
    rungs = [
        facts | _describe_rung(scene.session, number, rung, one, number == best)
        for number, (rung, one) in enumerate(zip(tried, models, strict=True))
    ]
    if tried:
        workshop = tried[best or 0].workshop
    images = [
        facts | row | ({"reason": why_none} if workshop is None else {})
        for row in _describe_images(scene, verified, workshop, model)
    ]
    row = facts | {
        "num_pictures": scene.num_pictures,
        "num_images": len(scene.pictures),
        "pairing": scene.pairing.rule if scene.pairing.pairs else None,
        "num_pairs": len(scene.pairing.pairs),
        "num_verified_pairs": len(verified),
        "share_flat_pairs": count_flat(verified) / len(verified) if verified else None,
        "num_estimated_cameras": sum(not c.given.is_known for c in scene.cameras),
        "length_unit": model.length_unit if model else "unknown",
        "scale_sigma": scale.sigma,
        "scale_reason": scale.reason,
        "gyro_off_deg": felt.gyro_off_deg,
        "leap": felt.leap,
        **_describe_model(scene, model),
    }
    if model is None or best is None:
        row |= {"num_pieces": 0, "rung": None, "reason": why_none}
    else:
        rung = tried[best]
        row |= {"num_pieces": rung.num_pieces, "rung": rung.name, "reason": None}
    return Made(row, images, rungs, model)


def assemble(scene: Scene, rung: Rung) -> SparseModel | None:
    """The model of a rung's best piece, in its own unit; None where there is none.

    What the lens cannot see by its numbers is left out, with it points that one picture alone has, and pictures that
    then have none.
    """
    if rung.piece is None:
        return None
    pictures, points = read_piece(rung.piece.folder)
    images = [_assemble_image(scene, rung, picture) for picture in pictures]
    colours = [
        rung.workshop.read_colours(p.number)[p.features].astype(np.float64)
        for p in pictures
    ]
    model = SparseModel(
        "unknown", points, np.zeros((len(points), 3), np.uint8), tuple(images)
    )
    is_seen = [np.isfinite(off) for off in measure_errors(model)]
    sums, counts = np.zeros((len(points), 3)), np.zeros(len(points))
    for image, seen, colour in zip(images, is_seen, colours, strict=True):
        np.add.at(sums, image.points[seen], colour[seen])
        np.add.at(counts, image.points[seen], 1)
    is_kept = counts >= 2
    places = np.cumsum(is_kept) - 1
    kept = [
        _take(image, seen & is_kept[image.points], places)
        for image, seen in zip(images, is_seen, strict=True)
    ]
    kept = [image for image in kept if len(image.points)]
    if len(kept) < 2:
        return None
    mean = sums[is_kept] / counts[is_kept, None]
    return SparseModel(
        "unknown", points[is_kept], mean.round().astype(np.uint8), tuple(kept)
    )


def _assemble_image(scene: Scene, rung: Rung, picture: PieceImage) -> SparseImage:
    one = scene.pictures[picture.number]
    found = rung.workshop.read_features(picture.number)
    return SparseImage(
        one.name,
        one.sensor,
        picture.camera,
        picture.world_from_camera,
        found.pixels[picture.features],
        picture.points,
        found.descriptors[picture.features],
    )


def _take(
    image: SparseImage, chosen: NDArray[np.bool_], places: NDArray[np.int64]
) -> SparseImage:
    """Only these features; `places` are those of the points from now on."""
    return replace(
        image,
        pixels=image.pixels[chosen],
        points=places[image.points[chosen]],
        descriptors=image.descriptors[chosen],
    )


def _scale(scene: Scene, model: SparseModel) -> tuple[SparseModel, Scale, Felt]:
    """In metres where two cameras of known place say so, or an IMU; and what IMUs say of the path."""
    pictures = {p.name: p for p in scene.pictures}
    placed = []
    for image in model.images:
        one = pictures[image.name]
        facts = one.capture, one.view, one.sensor, one.t_ns
        placed.append(Placed(*facts, image.world_from_camera))
    rigs = {(c.capture, c.sensor): c.rig_from_camera for c in scene.cameras}
    felt = ask_imus(placed, scene.imus)
    scale = find_scale(placed, rigs, felt.scale)
    if scale.metres is not None:
        model = rescale(model, scale.metres, "m")
    return model, scale, felt


def _describe_rung(
    session: str, number: int, rung: Rung, model: SparseModel | None, is_kept: bool
) -> Row:
    row: Row = {
        "sparse_rung_id": content_id("sparse rung", session, number),
        "number": number,
        "rung": rung.name,
        "num_registered": 0,
        "num_pieces": rung.num_pieces,
        "num_points": 0,
        "track_length": None,
        "reprojection_px": None,
        "is_kept": is_kept,
        "reason": rung.reason,
    }
    if model is None:
        return row
    quality = measure_quality(model)
    return row | {
        "num_registered": len(model.images),
        "num_points": len(model.points),
        "track_length": quality.track_length,
        "reprojection_px": quality.reprojection_px,
    }


def _describe_model(scene: Scene, model: SparseModel | None) -> Row:
    if model is None:
        return {
            "num_registered": 0,
            "share_registered": 0.0,
            "num_points": 0,
            "num_observations": 0,
            "track_length": None,
            "reprojection_px": None,
            "angle_deg": None,
            "flatness": None,
        }
    quality = measure_quality(model)
    return {
        "num_registered": len(model.images),
        "share_registered": len(model.images) / len(scene.pictures),
        "num_points": len(model.points),
        **asdict(quality),
    }


def _describe_images(
    scene: Scene,
    verified: Sequence[VerifiedPair],
    workshop: Workshop | None,
    model: SparseModel | None,
) -> Iterator[Row]:
    placed: dict[str, tuple[SparseImage, Array]] = {}
    if model is not None:
        errors = measure_errors(model)
        placed = {i.name: (i, off) for i, off in zip(model.images, errors, strict=True)}
    neighbours = Counter(n for pair in verified for n in (pair.first, pair.second))
    for number, one in enumerate(scene.pictures):
        camera = scene.cameras[scene.camera_of[number]]
        row: Row = {
            "sparse_image_id": content_id("sparse image", one.name),
            "frame_id": one.name,
            "capture_id": one.capture,
            "sensor": one.sensor,
            "t_ns": one.t_ns,
            "intrinsics_from": camera.intrinsics_from,
            "calibrated_in": camera.calibrated_in,
            "num_features": workshop.count_features(number) if workshop else 0,
            "num_neighbours": neighbours[number],
            "num_points": 0,
            "reprojection_px": None,
            "world_from_camera": None,
            "reason": None,
        }
        if one.name in placed:
            image, off = placed[one.name]
            row |= {
                "num_points": len(image.points),
                "reprojection_px": float(off.mean()) if len(off) else None,
                "world_from_camera": list(pose_of_matrix(image.world_from_camera)),
            }
        else:
            row["reason"] = _tell_why(row, model is not None)
        yield row


def _tell_why(row: Row, has_model: bool) -> str:
    if row["num_features"] < _FEW:
        return (
            f"{row['num_features']} features: too dark, blurred, or without structure"
        )
    if not row["num_neighbours"]:
        return "no other picture that it was compared with shows the same"
    if not has_model:
        return "there is no model"
    return f"its {row['num_neighbours']} neighbours do not fix its place in this model"
