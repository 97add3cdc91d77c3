"""The model registry: training runs, versions and aliases in MLflow. Nothing outside this folder knows its name.

A version is registered once per model, whoever reruns or races; it becomes champion only with the bytes it was
registered with. Names: registered model and experiment are `daguerre-<task>`, aliases `challenger` and `champion`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.addresses import hide
from assets.comparison.models import tell_difference
from assets.inference.package import (
    FACTS,
    ONNX,
    WEIGHTS,
    ModelPackage,
    Refusal,
    read_package,
)
from assets.registry.lineage import Lineage
from assets.registry.places import follow_place, to_path
from assets.registry.reading import StoreReader
from assets.registry.runs import log_figures, log_files, log_release
from assets.registry.store import (
    as_lookup_error,
    has_tables,
    open_client,
    point_alias,
    require_experiment,
    search_versions,
    unless_exists,
)
from assets.registry.verdict import Decision

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHALLENGER = "challenger"
CHAMPION = "champion"
GATE_TAG = "gate"  # of a version: what the gate said, as `Decision.outcome` has it
# of a version: the hash of each file of its package
HASH_TAGS = {WEIGHTS: "model_sha256", ONNX: "onnx_sha256", FACTS: "facts_sha256"}
# width of MLflow's column, which SQLite does not hold and Postgres does
_DESCRIPTION_CHARS = 5000


@dataclass(frozen=True)
class RunRef:
    """A training run and the version it became. `is_new` False: the same model was registered before."""

    run_id: str
    model_version: int
    is_new: bool


@dataclass(frozen=True)
class RegisteredModel:
    """One version as the registry knows it. `metrics` are the final ones of its run."""

    task: str
    name: str
    version: int
    model_sha256: str
    release_id: str
    run_id: str
    source: str
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Tracker:
    """One MLflow store. `tracking_uri`: sqlite:///..., postgresql+psycopg2://... or http(s)://...; `artifact_root`: a
    folder or a bucket prefix for experiments that this tracker creates. Promotions of the tasks in `asks_person` wait
    for a person."""

    def __init__(
        self,
        tracking_uri: str,
        artifact_root: str,
        asks_person: Collection[str] = (),
    ) -> None:
        if tracking_uri.startswith("file:") or "://" not in tracking_uri:
            raise ValueError(
                f"tracking_uri = '{hide(tracking_uri)}' is a file store, which MLflow left behind: use sqlite:///..."
            )
        self.tracking_uri = tracking_uri
        self.asks_person = frozenset(asks_person)
        self.artifact_root = (
            artifact_root
            if "://" in artifact_root
            else Path(artifact_root).absolute().as_uri()
        )

    def open_client(self) -> MlflowClient:
        """A client of the store, whose artifacts are where this home lies now."""
        self.follow_place()
        return open_client(self.tracking_uri)

    def follow_place(self) -> int:
        """Let the store of a home that was moved find its artifacts; of how many experiments it had to."""
        return follow_place(self.tracking_uri, self.artifact_root)

    @property
    def reader(self) -> StoreReader:
        """The same store to look at."""
        return StoreReader(self.tracking_uri, self.artifact_root)

    # ---- registering -------------------------------------------------------------------------------------------

    def log_training(
        self,
        package: ModelPackage,
        lineage: Lineage,
        metrics: Mapping[str, float | None],
        plots: Mapping[str, bytes],
        dagster_run_id: str,
        params: Mapping[str, object] | None = None,
    ) -> RunRef:
        """Record the run, store its package and register it as a version with the alias `challenger`.

        The run is the one that it was trained in, where that was written down, and else a new one.

        Per-epoch figures come from the history in model.json, the release goes in as dataset input. A metric that is
        None is named in the tag `unmeasured`, never logged. `plots` are files by name.
        Raises Refusal when the package's bytes changed since it was read.
        """
        read_package(package.folder, package.hashes)
        client = self.open_client()
        found = self._find(client, package.task, package.model_sha256)
        if found:
            return self._settle(client, found, is_new=False)
        tags = _describe_origin(package, lineage, dagster_run_id)
        trained_in = self._find_training(client, package)
        run_id = trained_in or self._start_run(client, package, tags)
        for key, value in tags.items() if trained_in else ():
            client.set_tag(run_id, key, value)
        try:
            log_figures(client, run_id, package, metrics, params or {})
            log_release(client, run_id, lineage.release)
            log_files(client, run_id, "plots", plots)
            source, model_id = self._store_package(client, run_id, package)
            return self._register(
                client, run_id, package, source, {**tags, "model_id": model_id}
            )
        except BaseException:
            if not trained_in:
                client.set_terminated(run_id, "FAILED")
            raise

    def record(self, task: str, version: int, decision: Decision) -> None:
        """Keep what the gate decided with the version and its run."""
        client = self.open_client()
        model = self.version(task, version)
        client.set_model_version_tag(
            model.name, str(version), GATE_TAG, decision.outcome
        )
        client.set_model_version_tag(
            model.name, str(version), "gate_reasons", "\n".join(decision.reasons)
        )
        if comparison := decision.evidence.comparison:
            told = f"{comparison.metric} {tell_difference(comparison.whole)}"
            client.set_model_version_tag(
                model.name, str(version), "gate_difference", told
            )
        client.log_dict(
            model.run_id, decision.to_dict(), f"gate/version_{version}.json"
        )

    def set_alias(self, task: str, alias: str, version: int) -> None:
        """Point an alias at a version, after its bytes were verified."""
        self.verify(task, version)
        point_alias(self.open_client(), _name(task), alias, version)

    def drop_alias(self, task: str, alias: str) -> None:
        """Take an alias from whatever version has it."""
        self.open_client().delete_registered_model_alias(_name(task), alias)

    def decision(self, task: str, version: int) -> dict[str, Any] | None:
        """What the gate decided on a version, as `Decision.to_dict` gave it; None before the gate was asked.

        Raises Refusal where it was asked and its verdict is gone.
        """
        model = self.version(task, version)
        path = f"gate/version_{version}.json"
        if not any(
            item.path == path
            for item in self.open_client().list_artifacts(model.run_id, "gate")
        ):
            if GATE_TAG in model.tags:
                raise Refusal(
                    f"the gate said '{model.tags[GATE_TAG]}' of {model.name} version {version}, and its reasons are "
                    f"gone ({path} of run {model.run_id}): restore the artifacts from a backup, or materialise "
                    f"registry/{task}_release again"
                )
            return None
        with tempfile.TemporaryDirectory() as folder:
            return dict(
                json.loads(
                    Path(
                        self.open_client().download_artifacts(
                            model.run_id, path, folder
                        )
                    ).read_text()
                )
            )

    def describe(self, task: str, version: int, card: str) -> None:
        """Store the model card with the run, and as the version's description as far as that has room."""
        client = self.open_client()
        model = self.version(task, version)
        client.log_text(model.run_id, card, "model_card.md")
        client.update_model_version(model.name, str(version), _cut(card))

    # ---- reading -----------------------------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether there is a store to look at: to open one that is not there makes it."""
        return has_tables(self.tracking_uri)

    def versions(self, task: str) -> list[RegisteredModel]:
        """All versions of a task, oldest first."""
        client = self.open_client()
        found = search_versions(client, f"name = '{_name(task)}'")
        return sorted(
            (self._read(client, task, v) for v in found), key=lambda m: m.version
        )

    def version(self, task: str, version: int) -> RegisteredModel:
        """One version. Raises LookupError when there is none."""
        client = self.open_client()
        with as_lookup_error(f"{_name(task)} has no version {version}"):
            return self._read(
                client, task, client.get_model_version(_name(task), str(version))
            )

    def champion(self, task: str) -> RegisteredModel | None:
        """The model that serves the task; None before the first was promoted."""
        return self._at_alias(task, CHAMPION)

    def challenger(self, task: str) -> RegisteredModel | None:
        """The model that asks to be promoted; None where none does."""
        return self._at_alias(task, CHALLENGER)

    def verify(self, task: str, version: int) -> RegisteredModel:
        """Recompute the hashes of a version's stored files. Raises Refusal that names what differs or is missing."""
        model = self.version(task, version)
        with self.open_package(model):
            return model

    @contextmanager
    def open_package(self, model: RegisteredModel) -> Iterator[ModelPackage]:
        """A version's stored package, proven, in a folder that is there meanwhile. Raises Refusal as `verify`."""
        with tempfile.TemporaryDirectory() as folder:
            yield read_package(
                Path(self._fetch(model.source, folder)), _registered_hashes(model)
            )

    # ---- below -------------------------------------------------------------------------------------------------

    def _start_run(
        self, client: MlflowClient, package: ModelPackage, tags: Mapping[str, str]
    ) -> str:
        experiment_id = require_experiment(
            client, _name(package.task), self.artifact_root
        )
        run_name = f"{package.facts.recipe}-{package.model_sha256[:8]}"
        return str(
            client.create_run(
                experiment_id, run_name=run_name, tags=dict(tags)
            ).info.run_id
        )

    def _find_training(self, client: MlflowClient, package: ModelPackage) -> str | None:
        """The run that the model was trained in, the first where equal trainings gave it."""
        experiment_id = require_experiment(
            client, _name(package.task), self.artifact_root
        )
        found = client.search_runs(
            [experiment_id],
            f"tags.model_sha256 = '{package.model_sha256}' and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        return str(found[0].info.run_id) if found else None

    def _store_package(
        self, client: MlflowClient, run_id: str, package: ModelPackage
    ) -> tuple[str, str]:
        """Upload the folder as a logged model of the run; returns where it lies, and its id."""
        from assets.registry.flavour import write_mlmodel

        experiment_id = client.get_run(run_id).info.experiment_id
        logged = client.create_logged_model(
            experiment_id, "package", source_run_id=run_id, model_type=package.task
        )
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file_name in {*package.facts.files, FACTS}:
                shutil.copyfile(package.folder / file_name, folder / file_name)
            write_mlmodel(folder, logged.model_id)
            client.log_model_artifacts(logged.model_id, name)
        client.finalize_logged_model(logged.model_id, "READY")
        return str(logged.artifact_location), str(logged.model_id)

    def _register(
        self,
        client: MlflowClient,
        run_id: str,
        package: ModelPackage,
        source: str,
        tags: Mapping[str, str],
    ) -> RunRef:
        """Create the version. Of writers that race with one model, the lowest version number stays, the others undo.

        Numbers are given in order of commit, so whoever sees its own version sees every lower one.
        """
        name = _name(package.task)
        with unless_exists():
            client.create_registered_model(
                name, description=f"Champion and challengers for {package.task}."
            )
        mine = int(
            client.create_model_version(name, source, run_id, tags=dict(tags)).version
        )
        first = self._find(client, package.task, package.model_sha256)
        assert first is not None, "the version was just created"
        if int(first.version) != mine:
            client.delete_model_version(name, str(mine))
            if first.run_id != run_id:
                client.set_terminated(run_id, "KILLED")
                client.delete_run(run_id)
        return self._settle(client, first, is_new=int(first.version) == mine)

    def _settle(
        self, client: MlflowClient, version: ModelVersion, is_new: bool
    ) -> RunRef:
        """Finish what a killed writer may have left: the run's end, the alias, and runs that never became a version."""
        name = version.name
        run_id = str(version.run_id)
        experiment_id = client.get_run(run_id).info.experiment_id
        same_model = f"tags.model_sha256 = '{version.tags['model_sha256']}' and attributes.status = 'RUNNING'"
        for run in client.search_runs([experiment_id], same_model):
            client.set_terminated(
                run.info.run_id, "FINISHED" if run.info.run_id == run_id else "KILLED"
            )
        if int(version.version) != _aliases(client, name).get(CHAMPION):
            point_alias(client, name, CHALLENGER, int(version.version))
        return RunRef(run_id, int(version.version), is_new)

    def _find(
        self, client: MlflowClient, task: str, model_sha256: str
    ) -> ModelVersion | None:
        found = search_versions(
            client, f"name = '{_name(task)}' and tags.model_sha256 = '{model_sha256}'"
        )
        return min(found, key=lambda v: int(v.version), default=None)

    def _at_alias(self, task: str, alias: str) -> RegisteredModel | None:
        client = self.open_client()
        try:
            with as_lookup_error(alias):
                return self._read(
                    client, task, client.get_model_version_by_alias(_name(task), alias)
                )
        except LookupError:
            return None

    def _read(
        self, client: MlflowClient, task: str, version: ModelVersion
    ) -> RegisteredModel:
        """A search leaves aliases out of a version, so they are taken from the registered model."""
        aliases = _aliases(client, version.name)
        mine = tuple(
            sorted(alias for alias, v in aliases.items() if v == int(version.version))
        )
        tags = dict(version.tags)
        metrics = (
            dict(client.get_run(version.run_id).data.metrics) if version.run_id else {}
        )
        return RegisteredModel(
            task,
            version.name,
            int(version.version),
            tags.get("model_sha256", ""),
            tags.get("release_id", ""),
            str(version.run_id),
            str(version.source),
            mine,
            metrics,
            tags,
        )

    def _fetch(self, source: str, to: str) -> str:
        from mlflow.artifacts import download_artifacts

        at = to_path(source)
        if at is not None and not at.is_dir():
            raise Refusal(f"{at} is gone: restore MLflow's artifacts from a backup")
        return str(
            download_artifacts(
                artifact_uri=source, dst_path=to, tracking_uri=self.tracking_uri
            )
        )


def _name(task: str) -> str:
    return f"daguerre-{task}"


def _aliases(client: MlflowClient, name: str) -> dict[str, int]:
    return {
        alias: int(version)
        for alias, version in client.get_registered_model(name).aliases.items()
    }


def _describe_origin(
    package: ModelPackage, lineage: Lineage, dagster_run_id: str
) -> dict[str, str]:
    hashes = {tag: package.hashes[name] for name, tag in HASH_TAGS.items()}
    return hashes | {
        "task": package.task,
        "recipe": str(package.facts.recipe),
        "release_id": package.release_id,
        "release_sha256": str(lineage.release["content_sha256"]),
        "code_version": str(package.facts.code_version),
        "dagster_run_id": dagster_run_id,
        "training_run_id": str(lineage.model["run_id"]),
        "seed": str(package.facts.seed),
        "mlflow.source.name": "daguerre",
    }


def _registered_hashes(model: RegisteredModel) -> dict[str, str]:
    """The hashes a version was registered with. Raises Refusal for one that did not come through `log_training`."""
    lacking = [
        tag for tag in (*HASH_TAGS.values(), "release_id") if not model.tags.get(tag)
    ]
    if lacking:
        raise Refusal(
            f"{model.name} version {model.version} has no {', '.join(lacking)}: register it through Daguerre"
        )
    return {name: model.tags[tag] for name, tag in HASH_TAGS.items()}


def _cut(card: str) -> str:
    """As many whole lines as a description has room for: half a line may open what its end would close."""
    if len(card) <= _DESCRIPTION_CHARS:
        return card
    more = "\n\n(continues in the run's artifact model_card.md)"
    lines = card[: _DESCRIPTION_CHARS - len(more)].split("\n")[:-1]
    return "\n".join(lines) + more
