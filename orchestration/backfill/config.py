"""Config of single assets from texts: `training/detection.recipe=tiny_detection`, `....settings.epochs=5`.

Belongs here: reading, and refusing what an asset does not take. Does not: how a run comes by it (`assets.run_config`).
"""

from collections.abc import Collection, Sequence
from typing import Any, get_origin

import dagster as dg
from pydantic import ValidationError

from assets.tables.catalog import Catalog

_FORM = "give it as ASSET.FIELD=VALUE, such as training/detection.recipe=tiny_detection"


def configure(
    catalog: Catalog, targets: Collection[str], changes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """asset -> field -> value. Raises ValueError for an asset that is not made, a field that it has not, and values
    that it does not take."""
    found: dict[str, dict[str, Any]] = {}
    for change in changes:
        asset, field, value = _part(change, targets)
        takes = _find_class(asset)
        if takes is None:
            raise ValueError(f"--set {change!r}: {asset} takes no config")
        _enter(found.setdefault(asset, {}), takes, field, value, change)
    return {asset: _check(catalog, asset, told) for asset, told in found.items()}


def _part(change: str, targets: Collection[str]) -> tuple[str, str, str]:
    name, equals, value = change.partition("=")
    asset, dot, field = name.strip().partition(".")
    if not equals or not dot or not field:
        raise ValueError(f"--set {change!r}: {_FORM}")
    mine = [one for one in targets if asset in (one, one.partition("/")[2])]
    if len(mine) != 1:
        told = (
            " or ".join(mine or [t for t in targets if _find_class(t)])
            or "none that takes config"
        )
        raise ValueError(
            f"--set {change!r}: {asset!r} is not made here: of these is {told}"
        )
    return mine[0], field.strip(), value.strip()


def _find_class(asset: str) -> type[dg.Config] | None:
    from assets.curation.defs import DatasetConfig
    from assets.registry.defs import GateConfig
    from assets.training.defs import TrainingConfig

    stage, _, noun = asset.partition("/")
    if stage == "curation" and noun.endswith("_dataset"):
        return DatasetConfig
    classes: dict[str, type[dg.Config]] = {
        "training": TrainingConfig,
        "registry": GateConfig,
    }
    return classes.get(stage)


def _enter(
    told: dict[str, Any], takes: type[dg.Config], field: str, value: str, change: str
) -> None:
    name, dot, inner = field.partition(".")
    if name not in takes.model_fields:
        fields = ", ".join(takes.model_fields)
        raise ValueError(f"--set {change!r}: there is no {name!r}: choose of {fields}")
    kind = get_origin(takes.model_fields[name].annotation)
    if (kind is dict) != bool(dot and inner):
        form = f"{name}.NAME=VALUE" if kind is dict else f"{name}=VALUE"
        raise ValueError(f"--set {change!r}: write {form}")
    if kind is dict:
        told.setdefault(name, {})[inner] = value
    elif kind is list:
        told[name] = [one.strip() for one in value.split(",") if one.strip()]
    else:
        told[name] = value


def _check(catalog: Catalog, asset: str, told: dict[str, Any]) -> dict[str, Any]:
    """The values as their types have them, once what they name is there."""
    from assets.tables.ids import complete_id
    from orchestration.train import choose_recipe

    takes = _find_class(asset)
    assert takes is not None, "looked at before"
    try:
        config: Any = takes(**told)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"--set {asset}.{field}={first['input']}: {first['msg']}"
        ) from None
    stage, _, noun = asset.partition("/")
    if stage == "training":
        choose_recipe(noun, config.recipe or None, config.settings)
        if config.release_id:
            complete_id(catalog, "releases", config.release_id)
    elif stage == "curation":
        config.choose(catalog, noun.removesuffix("_dataset"))
    return {name: getattr(config, name) for name in told}
