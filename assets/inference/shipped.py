"""The ONNX form of a package as it is handed to a process that reads no files."""

from __future__ import annotations

from dataclasses import dataclass

from assets.inference.checkpoint import read_proven
from assets.inference.package import ONNX, ModelPackage


@dataclass(frozen=True)
class ShippedNet:
    """An ONNX form with what its answers mean: all that a process without files needs."""

    task: str
    class_names: tuple[str, ...]
    side_px: int
    form: bytes


def ship(package: ModelPackage, form: bytes | None = None) -> ShippedNet:
    """The net of a package, or another `form` of it. Raises ValueError for a file that has changed since."""
    if form is None:
        form = read_proven(package.folder / ONNX, package.hashes[ONNX])
    facts = package.facts
    return ShippedNet(package.task, facts.class_names, facts.image_size_px, form)
