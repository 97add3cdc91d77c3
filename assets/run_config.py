"""Config of single assets that a run carries among its tags: Dagster gives all runs of a backfill the same config, and
refuses a run that has some for an asset that is not in it."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import dagster as dg

# of runs that end where a training of the same task goes on, in place of waiting for it
GIVE_UP_TAG = "daguerre/give_up"
CONFIG_TAG = "daguerre/config"
C = TypeVar("C", bound=dg.Config)


def write_config(config: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The tags of runs with this config: asset ("training/detection") -> field -> value."""
    return {CONFIG_TAG: json.dumps(config, sort_keys=True)} if config else {}


def read_config(context: dg.AssetExecutionContext, config: C) -> C:
    """The asset's config: what the run's tags say of the asset, and `config` where they say nothing."""
    asset = context.asset_key.to_user_string()
    told = json.loads(context.run.tags.get(CONFIG_TAG, "{}")).get(asset)
    return config if told is None else type(config)(**{**dict(config), **told})
