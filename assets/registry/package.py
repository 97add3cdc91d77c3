"""Read a model folder and prove that its bytes are what its facts say, before anything is registered or used.

A folder holds model.safetensors, model.onnx and model.json. No pickle: what is not a safetensors file is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS, GRAPH, FACTS = "model.safetensors", "model.onnx", "model.json"
_REQUIRED = ("task", "recipe", "config", "class_names", "release_id", "seed", "code_version", "history", "files")
_CHUNK_BYTES = 1 << 20


class Refusal(ValueError):
    """The registry does not take this model, or does not hand it out. The message says what is wrong and what helps."""


@dataclass(frozen=True)
class StoredPackage:
    """A model folder whose bytes were verified. `hashes` are sha256 by file name, model.json among them."""

    folder: Path
    facts: Mapping[str, Any]  # model.json
    hashes: Mapping[str, str]

    @property
    def model_sha256(self) -> str:
        return self.hashes[WEIGHTS]

    @property
    def task(self) -> str:
        return str(self.facts["task"])

    @property
    def release_id(self) -> str:
        return str(self.facts["release_id"])


def read_package(folder: Path, expected: Mapping[str, str] | None = None) -> StoredPackage:
    """Open a model folder. `expected` are hashes known from elsewhere (the registry) that the files must have too.

    Raises Refusal that names the missing, changed or foreign file.
    """
    facts = _read_facts(folder)
    hashes = {name: _hash(folder, name) for name in (WEIGHTS, GRAPH, FACTS)}
    for name, sha256 in {**facts["files"], **(expected or {})}.items():
        found = hashes[name] if name in hashes else _hash(folder, name)
        if found != sha256:
            raise Refusal(
                f"{folder / name} has changed: sha256 {found[:16]}, not {sha256[:16]}; restore the file or train again"
            )
    if missing := {WEIGHTS, GRAPH} - facts["files"].keys():
        raise Refusal(f"{folder / FACTS} lists no hash for {', '.join(sorted(missing))}: write the package again")
    _require_safetensors(folder / WEIGHTS)
    return StoredPackage(folder, facts, hashes)


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
    except FileNotFoundError as error:
        raise Refusal(f"{folder} holds no {FACTS}: give the folder of a complete model package") from error
    except ValueError as error:
        raise Refusal(f"{folder / FACTS} is not JSON ({error}): restore the file or train again") from error
    if lacking := [name for name in _REQUIRED if not isinstance(facts, dict) or facts.get(name) is None]:
        raise Refusal(
            f"{folder / FACTS} does not say {', '.join(lacking)}: without it a model has no lineage; train again"
        )
    return facts


def _hash(folder: Path, name: str) -> str:
    if Path(name).name != name:
        raise Refusal(f"{folder / FACTS} names '{name}': the files of a package lie in its folder")
    digest = hashlib.sha256()
    try:
        with (folder / name).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError as error:
        raise Refusal(f"{folder / name} is missing: restore the file or train again") from error
    return digest.hexdigest()


def _require_safetensors(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            if not list(tensors.keys()):
                raise Refusal(f"{path} holds no weights: train again")
    except SafetensorError as error:
        raise Refusal(f"{path} is not a safetensors file ({error}): no other format of weights is taken") from error
