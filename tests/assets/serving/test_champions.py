"""A server follows the table of champions, and names what it cannot take."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from assets.serving.champions import Champions, RegistryLook
from assets.serving.follower import answer
from assets.serving.following import Follower, begin, look_once, require_any
from assets.serving.looks import Look, Looks, read_look
from assets.serving.service import Service
from assets.serving.versions import CanaryRules
from assets.tables.catalog import Catalog
from assets.tables.champions import Act, read_champion
from assets.tables.champions import crown as record_crown
from assets.tables.schemas import TABLES, to_table
from assets.tables.schemas.registry import ROLLED_BACK
from tests.assets.serving.colours import (
    crown,
    describe_model,
    make_service,
    name_champion,
)

AT_ONCE = CanaryRules(share=0.0)


@pytest.fixture
def home(tmp_path, colours) -> Path:
    """A home with both models in its tables, and no champion yet."""
    shutil.copytree(colours.home / "models", tmp_path / "models")
    catalog = Catalog(str(tmp_path / "tables"))
    rows = [describe_model(version) for version in (colours.first, colours.second)]
    catalog.merge("models", to_table(TABLES["models"], rows))
    return tmp_path


def look_at(home: Path, gone: set[int] | None = None) -> Champions:
    """Champions of a home, whose registry has lost the versions of these numbers."""
    lost = gone or set()
    registry = RegistryLook(
        lambda row: "it is gone: restore it" if row["model_version"] in lost else None,
        lambda task, sha256: None,
    )
    return Champions(Catalog(str(home / "tables")), home, registry)


def looks(champions: Champions) -> Looks:
    """Looks as they come from the process that looks, in this one."""

    async def look(known: Collection[str]) -> list[Look]:
        said = answer(champions, {"do": "look", "known": sorted(known)})
        return [read_look(one) for one in json.loads(json.dumps(said["looks"]))]

    return look


def serve(loop, home: Path, steps) -> Service:
    """A service without a replica, on which the steps are done."""

    async def work() -> Service:
        service = make_service(num_replicas=0)
        try:
            await steps(service)
        finally:
            await service.close()
        return service

    made: Service = loop.run(work())
    return made


def test_a_follower_that_gives_no_answer_is_ended_and_replaced(loop, tmp_path):
    log = tmp_path / "log"
    silent = Follower("tests.assets.serving.silent_follower", log, patience_s=5.0)

    async def work() -> None:
        for _ in range(2):
            with pytest.raises(ValueError, match="gave no answer in 5 s, and another"):
                await silent.look(())
        await silent.close()

    loop.run(work())
    pids = [int(line) for line in log.read_text().split()]
    assert len(set(pids)) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_new_champion_of_the_table_is_followed(home, loop, colours):
    champions = look_at(home)
    crown(champions.catalog, colours.first)

    async def steps(service: Service) -> None:
        await begin(service, looks(champions), AT_ONCE)
        lineup = service.lineups["recognition"]
        assert lineup.champion.model_sha256 == colours.first.model_sha256
        crown(champions.catalog, colours.second)
        await look_once(service, looks(champions), AT_ONCE)
        assert lineup.champion.model_version == 2

    assert serve(loop, home, steps).faults == {}


def test_a_canary_that_the_table_takes_back_answers_no_more(home, loop, colours):
    champions = look_at(home)
    crown(champions.catalog, colours.first)

    async def steps(service: Service) -> None:
        rules = CanaryRules(share=0.5)
        await begin(service, looks(champions), rules)
        lineup = service.lineups["recognition"]
        crown(champions.catalog, colours.second)
        await look_once(service, looks(champions), rules)
        assert lineup.canary is not None and lineup.champion.model_version == 1
        crown(champions.catalog, colours.first)
        await look_once(service, looks(champions), rules)
        assert lineup.canary is None and lineup.returned == {}

    serve(loop, home, steps)


def test_a_champion_that_a_person_takes_back_is_no_canary_of_the_bad_one(
    home, loop, colours
):
    """It differs from the one that it replaces: that is why it was taken back."""
    champions = look_at(home)
    crown(champions.catalog, colours.second)

    async def steps(service: Service) -> None:
        rules = CanaryRules(share=0.5)
        await begin(service, looks(champions), rules)
        row = read_champion(champions.catalog, "recognition")
        former = {**row, **name_champion(colours.first)}
        act = Act(ROLLED_BACK, "ada", "calls red green")
        assert record_crown(champions.catalog, former, row, act)
        await look_once(service, looks(champions), rules)
        lineup = service.lineups["recognition"]
        assert (lineup.champion.model_version, lineup.canary) == (1, None)

    serve(loop, home, steps)


def test_a_first_champion_is_taken_up_by_a_server_that_runs(home, loop, colours):
    champions = look_at(home)

    async def steps(service: Service) -> None:
        await begin(service, looks(champions), AT_ONCE)
        with pytest.raises(ValueError, match="no champion of recognition"):
            require_any(service, ["recognition"])
        crown(champions.catalog, colours.first)
        await look_once(service, looks(champions), AT_ONCE)
        require_any(service, ["recognition"])

    serve(loop, home, steps)


def test_a_champion_that_the_registry_has_lost_is_not_taken_and_named(
    home, loop, colours
):
    crown(look_at(home).catalog, colours.first)

    async def steps(service: Service) -> None:
        await begin(service, looks(look_at(home, {1})), AT_ONCE)
        with pytest.raises(ValueError, match="recognition: it is gone: restore it"):
            require_any(service, ["recognition"])
        await look_once(service, looks(look_at(home)), AT_ONCE)
        assert service.faults == {}
        # deleted while it answers: it goes on, and that is said
        await look_once(service, looks(look_at(home, {1})), AT_ONCE)
        assert service.faults["recognition"].endswith("until the server ends")
        assert service.lineups["recognition"].champion.model_version == 1

    serve(loop, home, steps)


def test_a_champion_whose_files_are_damaged_is_not_taken(home, loop, colours):
    champions = look_at(home)
    crown(champions.catalog, colours.first)
    second = home / "models" / "recognition" / colours.second.folder.name
    with (second / "model.onnx").open("ab") as stream:
        stream.write(b"more")

    async def steps(service: Service) -> None:
        await begin(service, looks(champions), AT_ONCE)
        crown(champions.catalog, colours.second)
        await look_once(service, looks(champions), AT_ONCE)
        assert "model.onnx has changed" in service.faults["recognition"]
        assert service.lineups["recognition"].champion.model_version == 1

    serve(loop, home, steps)


def test_a_shadow_that_is_no_version_is_refused(home, colours):
    with pytest.raises(ValueError, match="is no version in MLflow"):
        look_at(home).open_shadow(colours.second.model_sha256[:12])
