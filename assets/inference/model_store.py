"""Models where every machine of a home sees them: a package's files are blobs, its folder is a copy on one machine.

The row of a model names the blob of its facts (model.json), and the facts name the sha256 of every other file. So who
has the row can bring the package to any machine, and prove it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assets.inference.checkpoint import write_folder
from assets.inference.copies import hold_copy
from assets.inference.package import (
    FACTS,
    ModelPackage,
    Refusal,
    name_files,
    open_package,
)
from assets.tables.catalog import is_in

if TYPE_CHECKING:
    from assets.storage import BlobStore
    from assets.tables.catalog import Catalog
    from assets.tables.rows import ModelRow


def store_package(blobs: BlobStore, package: ModelPackage) -> str:
    """Store the files of a package, those that are there already not again; the sha256 of its facts, for its row.

    The facts come last: where they are, all other files are. Raises Refusal where a file has changed since the package
    was opened.
    """
    names = sorted(package.hashes, key=lambda name: name == FACTS)
    for name in names:
        path = package.folder / name
        with path.open("rb") as stream:
            stored = blobs.put(stream)
        if stored != package.hashes[name]:
            raise Refusal(
                f"{path} has changed while it was stored: restore it or train again"
            )
    return package.hashes[FACTS]


def open_model(catalog: Catalog, home: Path, model_sha256: str) -> ModelPackage:
    """The package of a model of the tables: the copy below `home`, brought from the store where there is none.

    Raises LookupError for a model without a row, and Refusal where the copy has changed or no whole one is to be had.
    """
    rows: list[ModelRow] = catalog.read_latest(
        "models", where=is_in("model_sha256", [model_sha256])
    ).to_pylist()
    if not rows:
        raise LookupError(
            f"no model {model_sha256[:16]} is in the tables: `daguerre results` lists those that are"
        )
    return open_copy(catalog.blobs, home, rows[0])


def open_copy(blobs: BlobStore, home: Path, model: ModelRow) -> ModelPackage:
    """As `open_model`, of a row that was read."""
    return open_package(bring_copy(blobs, home, model))


def bring_copy(blobs: BlobStore, home: Path, model: ModelRow) -> Path:
    """The folder of a package, which stays while this process lives; not proven where it was there.

    Raises Refusal where no whole package is to be had.
    """
    folder = home / model["folder"]
    facts_sha256 = model["facts_sha256"]
    # rows of before have their folder alone
    while not hold_copy(folder) and facts_sha256 is not None:
        write_folder(folder, _read_stored(blobs, facts_sha256, model["model_sha256"]))
    return folder


def list_stored(blobs: BlobStore, facts_sha256: str) -> dict[str, str]:
    """The sha256 of each file of a stored package, by name. Raises Refusal where its facts are gone or have changed."""
    return {**name_files(_get(blobs, facts_sha256)), FACTS: facts_sha256}


def _read_stored(
    blobs: BlobStore, facts_sha256: str, model_sha256: str
) -> dict[str, bytes]:
    try:
        hashes = list_stored(blobs, facts_sha256)
        return {name: _get(blobs, sha256) for name, sha256 in hashes.items()}
    except Refusal as error:
        raise Refusal(
            f"model {model_sha256[:16]} is not on this machine, and the store has not all of it: {error}"
        ) from error


def _get(blobs: BlobStore, sha256: str) -> bytes:
    try:
        return blobs.get(sha256)
    except FileNotFoundError:
        raise Refusal(
            f"blob {sha256} is gone: restore it from a backup or train again"
        ) from None
    except ValueError as error:
        raise Refusal(str(error)) from error
