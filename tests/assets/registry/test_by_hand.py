"""What a person decides of a champion, on real tables and a real MLflow store: recorded, followed, left alone."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from assets.landing import LandingZone
from assets.ledger import Ledger
from assets.registry.audit import find_champion_faults
from assets.registry.by_hand import Order, approve, roll_back
from assets.registry.promotion import submit
from assets.registry.tracker import CHAMPION, Tracker
from assets.registry.verdict import GateRules
from assets.retrieval.lineage import trace
from assets.retrieval.results import read_results
from assets.retrieval.status import Home, read_status
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.champions import list_last_changes, list_promotions, read_champion
from orchestration.cli.status_text import print_status
from tests.assets.registry.conftest import open_catalog, store_model, write_folder

RULES = GateRules("accuracy", floor=0.7, max_drop=0.02, min_test_samples=10)
CHECKS = {"splits_share_no_session": True}
TASK = "recognition"
TOO_SLOW = Order(TASK, "ana", "too slow on the rig")


@pytest.fixture(scope="session")
def line(tmp_path_factory, empty_store) -> Path:
    """A home in which version 1, at 0.80, was followed by version 2, at 0.90. Not to be changed."""
    home = tmp_path_factory.mktemp("line")
    shutil.copyfile(empty_store, home / "mlflow.db")
    catalog, tracker = open_catalog(home), open_tracker(home)
    for name, weight, accuracy in (("one", 1.0, 0.80), ("two", 2.0, 0.90)):
        folder = write_folder(home / name, weight)
        store_model(catalog, folder, accuracy)
        assert act(catalog, tracker, folder).champion_row
    return home


@pytest.fixture
def home(line, tmp_path) -> Path:
    """The same, to be changed."""
    shutil.copytree(line, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def catalog(home) -> Catalog:
    return Catalog(str(home / "tables"))


@pytest.fixture
def tracker(home) -> Tracker:
    return open_tracker(home)


def open_tracker(home: Path, asks_person: tuple[str, ...] = ()) -> Tracker:
    return Tracker(
        f"sqlite:///{home / 'mlflow.db'}", str(home / "artifacts"), asks_person
    )


def act(catalog, tracker, folder):
    return submit(catalog, tracker, folder, CHECKS, "run", rules=RULES)


def look(home: Path, tracker: Tracker) -> dict:
    """What `daguerre status` knows of a home."""
    catalog = Catalog(str(home / "tables"))
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    zone = LandingZone(Folder(str(home / "landing")), ledger)
    return read_status(Home(catalog, zone, home, None, tracker.reader))


def name_champions(catalog, tracker) -> tuple[int, int]:
    """As the table has it, and as MLflow."""
    return read_champion(catalog, TASK)["model_version"], tracker.champion(TASK).version


def test_a_champion_that_was_taken_back_stays_so_until_a_person_says_otherwise(
    catalog, tracker, home
):
    plan = roll_back(catalog, tracker, Order(TASK, "ana", "a try", is_dry_run=True))
    assert plan.line.startswith("recognition: version 1 would be champion")
    assert name_champions(catalog, tracker) == (2, 2)
    change = roll_back(catalog, tracker, TOO_SLOW)
    assert (change.before[0], change.after[0]) == (2, 1)
    assert name_champions(catalog, tracker) == (1, 1)
    newest, second, first = list_promotions(catalog, TASK)
    assert (newest["who"], newest["why"]) == ("ana", "too slow on the rig")
    assert [r["act"] for r in (newest, second, first)] == [
        "rolled back",
        "promoted",
        "promoted",
    ]
    assert (newest["before_version"], newest["after_version"]) == (2, 1)
    assert newest["at_ns"] <= time.time_ns()

    again = act(catalog, tracker, home / "two")
    assert again.champion_row is None and again.decision.outcome == "waits"
    assert "rolled back to 1 by ana" in again.decision.reasons[0]
    assert name_champions(catalog, tracker) == (1, 1)
    with pytest.raises(ValueError, match=r"taken back already.*by ana.*--to VERSION"):
        roll_back(catalog, tracker, TOO_SLOW)

    rows = {r["model_sha256"]: r for r in read_results(catalog)}
    taken_back = rows[newest["before_sha256"]]
    assert taken_back["is_taken_back"] and not taken_back["is_champion"]
    traced = trace(catalog, "model", newest["before_sha256"])["downstream"]["titles"]
    assert [title["act"] for title in traced] == ["rolled back", "promoted"]

    approve(catalog, tracker, Order(TASK, "ben", "the rig has a new board"), 2)
    assert name_champions(catalog, tracker) == (2, 2)
    assert act(catalog, tracker, home / "two").champion_row, "a person has spoken"


def test_a_promotion_waits_for_the_person_that_the_setting_asks_for(
    catalog, home, capsys
):
    asking = open_tracker(home, (TASK,))
    folder = write_folder(home / "three", 3.0)
    store_model(catalog, folder, 0.95)
    waiting = act(catalog, asking, folder)
    assert waiting.champion_row is None and waiting.decision.outcome == "waits"
    assert "daguerre approve recognition/3 --because" in waiting.decision.reasons[0]
    assert name_champions(catalog, asking) == (2, 2)
    facts = look(home, asking)
    assert facts["waiting"] == ["recognition/3"]
    # over before the approval is through
    until_ns = time.time_ns() + 10**8
    order = Order(TASK, "ana", "looked at all mistakes", until_ns)
    approve(catalog, asking, order)
    assert name_champions(catalog, asking) == (3, 3)
    (record,) = list_last_changes(catalog)
    assert (record["act"], record["until_ns"]) == ("approved", until_ns)
    assert asking.decision(TASK, 3)["is_promoted"]
    facts = look(home, asking)
    assert facts["waiting"] == [] and facts["promotions"][0]["has_ended"]
    print_status({**facts, "ledger_fault": ""}, True)
    said = capsys.readouterr().out
    assert "recognition: version 3 approved by ana on" in said
    assert "that time is over: `daguerre approve recognition/3 --because ...`" in said
    with pytest.raises(ValueError, match="no version of recognition waits"):
        approve(catalog, asking, order)


def test_what_the_gate_refuses_no_approval_lets_pass(catalog, tracker, home):
    folder = write_folder(home / "poor", 4.0)
    store_model(catalog, folder, 0.71)
    assert act(catalog, tracker, folder).decision.outcome == "refused"
    with pytest.raises(ValueError, match=r"the gate refuses recognition/3.*0.7100"):
        approve(catalog, tracker, TOO_SLOW, 3)
    with pytest.raises(ValueError, match="recognition/3 was never champion"):
        roll_back(catalog, tracker, TOO_SLOW, 3)
    assert name_champions(catalog, tracker) == (2, 2)


def test_of_two_people_at_once_one_wins_and_the_other_is_told(
    catalog, tracker, monkeypatch
):
    both = Barrier(2, timeout=60)
    upsert = Catalog.upsert_where

    def crown_at_once(self, *args):
        both.wait()
        return upsert(self, *args)

    monkeypatch.setattr(Catalog, "upsert_where", crown_at_once)

    def ask(who):
        try:
            return roll_back(catalog, tracker, Order(TASK, who, "bad at dusk"))
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(ask, ("ana", "ben")))
    (told,) = (s for s in said if isinstance(s, str))
    (change,) = (s for s in said if not isinstance(s, str))
    assert (
        f"changed meanwhile: version 2 rolled back to 1 by {change.order.who}" in told
    )
    assert name_champions(catalog, tracker) == (1, 1)
    assert len(catalog.read_latest("promotions")) == 3, "who lost left no record"


def test_an_alias_that_was_moved_by_hand_is_named_and_nothing_is_done(
    catalog, tracker, home
):
    tracker.set_alias(TASK, CHAMPION, 1)
    (fault,) = find_champion_faults(catalog, tracker.reader)
    assert fault.reason == "MLflow names version 1, the table version 2"
    (told,) = look(home, tracker)["registry_faults"]
    assert (told["where"], told["reason"]) == ("champion of recognition", fault.reason)
    for ask in (roll_back, approve):
        with pytest.raises(ValueError, match=r"moved the alias.*`daguerre upgrade`"):
            ask(catalog, tracker, TOO_SLOW)
    assert read_champion(catalog, TASK)["model_version"] == 2
    assert tracker.champion(TASK).version == 1
    tracker.drop_alias(TASK, CHAMPION)
    with pytest.raises(ValueError, match="MLflow names none champion of recognition"):
        roll_back(catalog, tracker, TOO_SLOW)
    tracker.set_alias(TASK, CHAMPION, 1)
    # who names the version that MLflow names says that it was meant
    roll_back(catalog, tracker, TOO_SLOW, 1)
    assert name_champions(catalog, tracker) == (1, 1)


def test_a_champion_that_was_deleted_in_mlflow_is_named_and_can_be_taken_back(
    catalog, tracker
):
    client = tracker.open_client()
    client.delete_model_version("daguerre-recognition", "2")
    (fault,) = find_champion_faults(catalog, tracker.reader)
    assert "which MLflow does not have" in fault.reason
    assert "daguerre rollback recognition" in fault.remedy
    with pytest.raises(ValueError, match="MLflow has no version 2 of recognition"):
        approve(catalog, tracker, TOO_SLOW, 2)
    roll_back(catalog, tracker, TOO_SLOW)
    assert name_champions(catalog, tracker) == (1, 1)
    assert list(find_champion_faults(catalog, tracker.reader)) == []


@pytest.mark.parametrize(
    ("why", "until_ns", "told"), [(" ", None, "say why"), ("x", 1, "is over")]
)
def test_an_order_says_why_and_ends_later(why, until_ns, told):
    with pytest.raises(ValueError, match=told):
        Order(TASK, "ana", why, until_ns)
