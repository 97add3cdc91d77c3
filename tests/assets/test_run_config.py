"""Config of an asset from the tags of its run: what they say of it, and nothing that they say of others."""

import dagster as dg
import pytest

from assets.run_config import read_config, write_config

pytestmark = pytest.mark.filterwarnings("default")
seen_by_runs: list[tuple[str, int]] = []


class TrainingConfig(dg.Config):
    recipe: str = ""
    seed: int = 3


@dg.asset(key=["training", "detection"])
def model(context: dg.AssetExecutionContext, config: TrainingConfig) -> None:
    told = read_config(context, config)
    seen_by_runs.append((told.recipe, told.seed))


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        ({"training/detection": {"recipe": "tiny_detection"}}, ("tiny_detection", 3)),
        ({"training/segmentation": {"recipe": "tiny_segmentation"}}, ("", 3)),
        ({}, ("", 3)),
    ],
)
def test_an_asset_takes_what_is_its_own(config, seen):
    seen_by_runs.clear()
    done = dg.materialize([model], tags=write_config(config))
    assert done.success
    assert seen_by_runs == [seen]


def test_a_value_of_another_type_fails_the_run():
    config = {"training/detection": {"seed": "none"}}
    assert not dg.materialize(
        [model], tags=write_config(config), raise_on_error=False
    ).success
