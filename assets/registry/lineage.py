"""Where a model comes from: the release and the training run that the tables know, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.inference.package import ModelPackage, Refusal
from assets.tables.rows import ModelRow, ReleaseRow
from models.known_tasks import dataset_of


@dataclass(frozen=True)
class Lineage:
    """The rows of `releases` and `models` that a package stands on."""

    release: ReleaseRow
    model: ModelRow


def find_lineage(
    package: ModelPackage, releases: Sequence[ReleaseRow], models: Sequence[ModelRow]
) -> Lineage:
    """The stored rows of the package's release and of the model itself, which must agree with its facts.

    Raises Refusal when either is missing or says something else than model.json.
    """
    name = f"model {package.model_sha256[:16]}"
    release = next((r for r in releases if r["release_id"] == package.release_id), None)
    if release is None:
        raise Refusal(
            f"{name} has no lineage: release {package.release_id} is not in the catalog; train on a stored one"
        )
    model = next((m for m in models if m["model_sha256"] == package.model_sha256), None)
    if model is None:
        raise Refusal(
            f"{name} has no lineage: `models` has no row of it; train through training/{package.task}"
        )
    facts = package.facts
    claims = (
        ("dataset", dataset_of(facts.task), release["task"], "its release"),
        (
            "class names",
            list(facts.class_names),
            list(release["class_names"]),
            "its release",
        ),
        ("task", facts.task, model["task"], "its training run"),
        ("release", package.release_id, model["release_id"], "its training run"),
        ("code version", facts.code_version, model["code_version"], "its training run"),
    )
    for what, said, known, source in claims:
        if said != known:
            raise Refusal(
                f"{name} says {what} {said!r}, {source} {known!r}: model.json was edited; train again"
            )
    return Lineage(release, model)
