"""Hold the registry against its seals and against the tables: what is gone, changed, or called champion wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assets.inference.package import Refusal, read_package
from assets.registry.places import to_path
from assets.registry.reading import StoredVersion, StoreReader
from assets.registry.seals import find_changes, list_sealed, read_seal
from assets.registry.tracker import CHAMPION, HASH_TAGS
from assets.tables.catalog import Catalog

_RESTORE = "restore MLflow's store and artifacts from a backup"
_FOLLOW = "`daguerre upgrade` lets MLflow follow the table"


@dataclass(frozen=True)
class RegistryFault:
    """Something of the registry that is not as the tables and seals say."""

    where: str
    reason: str
    remedy: str


def audit_registry(
    catalog: Catalog, reader: StoreReader
) -> Iterator[RegistryFault | None]:
    """None for each version and each champion that is right. A store behind a server is not looked into."""
    sealed = list_sealed(catalog)
    if not reader.is_readable:
        has_champions = len(catalog.read_latest("champions", ["task"])) > 0
        if (has_champions or sealed) and reader.path is not None:
            yield RegistryFault("store", f"{reader.path} is gone", _RESTORE)
        return
    for reason in reader.check_file():
        yield RegistryFault("store", reason, _RESTORE)
    known = set(
        catalog.read_latest("models", ["model_sha256"])["model_sha256"].to_pylist()
    )
    versions = reader.versions()
    for stored in versions:
        reasons = list(_judge(stored, known, sealed.get((stored.task, stored.version))))
        where = f"{stored.name} version {stored.version}"
        yield RegistryFault(where, "; ".join(reasons), _RESTORE) if reasons else None
    yield from find_champion_faults(catalog, reader)


def find_champion_faults(
    catalog: Catalog, reader: StoreReader
) -> Iterator[RegistryFault]:
    """Champions that MLflow does not have, as one that was deleted there, or does not name, as where an alias was moved
    by hand. Of a store behind a server nothing is known."""
    if not reader.is_readable:
        return
    champions = catalog.read_latest("champions").sort_by("task").to_pylist()
    models = reader.weights()
    misnamed = find_misnamed(catalog, reader)
    for row in champions:
        task, version = row["task"], row["model_version"]
        if models.get((task, version)) != row["model_sha256"]:
            reason = f"the table says version {version}, which MLflow does not have with these weights"
            back = f"{_RESTORE}, or `daguerre rollback {task} --because ...`"
            yield RegistryFault(f"champion of {task}", reason, back)
            misnamed.pop(task, None)
    for task, reason in misnamed.items():
        yield RegistryFault(f"champion of {task}", reason, _FOLLOW)


def find_misnamed(catalog: Catalog, reader: StoreReader) -> dict[str, str]:
    """task -> what is wrong with the champion that MLflow names, where the table says otherwise."""
    said = {
        r["task"]: r["model_version"]
        for r in catalog.read_latest("champions").to_pylist()
    }
    named = {
        name.removeprefix("daguerre-"): version
        for (name, alias), version in reader.aliases().items()
        if alias == CHAMPION and name.startswith("daguerre-")
    }
    return {
        task: f"MLflow names {_tell(named.get(task))}, the table {_tell(said.get(task))}"
        for task in sorted({*said, *named})
        if said.get(task) != named.get(task)
    }


def _judge(
    stored: StoredVersion, known_models: set[str], seal_sha256: str | None
) -> Iterator[str]:
    model_sha256 = stored.tags.get("model_sha256", "")
    if model_sha256 not in known_models:
        yield f"the table of models does not have its weights {model_sha256[:16]}"
    if seal_sha256 is not None:
        try:
            yield from find_changes(stored, read_seal(stored, seal_sha256))
        except ValueError as error:
            yield str(error)
        return
    # registered before versions were sealed, or with artifacts in a bucket
    folder = to_path(stored.source)
    if folder is not None:
        hashes = {name: stored.tags.get(tag, "") for name, tag in HASH_TAGS.items()}
        try:
            read_package(folder, hashes)
        except Refusal as error:
            yield str(error)


def _tell(version: int | None) -> str:
    return "none" if version is None else f"version {version}"
